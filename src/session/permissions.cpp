#include "session/permissions.hpp"

#include "broker/exchanges/delayed.hpp"
#include "broker/names.hpp"
#include "session/methods/direct_reply.hpp"

namespace mq::session {

using broker::Access;
using broker::Right;

namespace {

Result<> permit_exchange(Session& session, Right right, std::string_view name) {
  return session.broker().with_access(
      [&](const Access& access) { return access.check_exchange(session.user(), session.vhost()->name(), name, right); });
}

Result<> permit_queue(Session& session, Right right, std::string_view name) {
  return session.broker().with_access(
      [&](const Access& access) { return access.check_queue(session.user(), session.vhost()->name(), name, right); });
}

Result<> permit_need(Session& session, const Need& need, const Named& named) {
  switch (need.on) {
    case On::kQueue: return permit_queue(session, need.right, named.queue);
    case On::kExchange: return permit_exchange(session, need.right, named.exchange);
    case On::kDestination: return permit_exchange(session, need.right, named.destination);
    case On::kTopic: return permit_topic(session, need.right, named.exchange, named.routing_key);
  }
  return {};
}

/// The exchange that an argument leads messages to, if it does.
const std::string* exchange_in(const amqp::Table& arguments, std::string_view argument) {
  const amqp::Value* value = arguments.find(argument);
  return value == nullptr ? nullptr : value->string();
}

}  // namespace

Result<std::string> queue_name(const Channel& channel, std::string_view given) {
  if (!given.empty()) return broker::without_line_breaks(given);
  if (channel.last_queue.empty()) return fail(ReplyCode::kNotFound, "no previously declared queue");
  return channel.last_queue;
}

Result<> permit(Session& session, const MethodRights& row, const Named& named) {
  if (methods::is_reply_name(named.queue)) return {};
  for (const Need& need : row.needs())
    if (auto allowed = permit_need(session, need, named); !allowed) return allowed;
  return {};
}

Result<> permit_queue_declare(Session& session, const broker::QueueInfo& wanted, bool passive) {
  if (passive && (permit_queue(session, Right::kWrite, wanted.name) || permit_queue(session, Right::kRead, wanted.name))) return {};
  if (auto allowed = permit_queue(session, Right::kConfigure, wanted.name); !allowed || passive) return allowed;
  const std::string* dead_letters = exchange_in(wanted.arguments, "x-dead-letter-exchange");
  const auto is_new = [&](const broker::Topology& topology) { return topology.find_queue(wanted.name) == nullptr; };
  if (dead_letters == nullptr || !session.vhost()->with_topology(is_new)) return {};
  if (auto allowed = permit_queue(session, Right::kRead, wanted.name); !allowed) return allowed;
  return permit_exchange(session, Right::kWrite, *dead_letters);
}

Result<> permit_exchange_declare(Session& session, const broker::ExchangeInfo& wanted, bool passive) {
  if (passive) return {};
  if (auto allowed = permit_exchange(session, Right::kConfigure, wanted.name); !allowed) return allowed;
  const std::string* alternate = exchange_in(wanted.arguments, "alternate-exchange");
  const auto is_new = [&](const broker::Topology& topology) { return topology.find_exchange(wanted.name) == nullptr; };
  if (alternate == nullptr || !session.vhost()->with_topology(is_new)) return {};
  if (auto allowed = permit_exchange(session, Right::kRead, wanted.name); !allowed) return allowed;
  return permit_exchange(session, Right::kWrite, *alternate);
}

Result<> permit_publish(Session& session, std::string_view exchange, std::string_view routing_key) {
  if (auto allowed = permit_exchange(session, Right::kWrite, exchange); !allowed) return allowed;
  auto usable = session.vhost()->with_topology([&](const broker::Topology& topology) -> Result<> {
    if (exchange.empty()) return {};
    auto found = topology.require_exchange(exchange);
    if (!found) return found.error();
    if ((*found)->internal)
      return fail(ReplyCode::kAccessRefused,
                  "cannot publish to internal exchange '" + std::string(exchange) + "' in vhost '" + topology.vhost() + "'");
    return {};
  });
  if (!usable) return usable;
  return permit_topic(session, Right::kWrite, exchange, routing_key);
}

Result<> permit_topic(Session& session, Right right, std::string_view exchange, std::string_view routing_key) {
  const bool is_topic = session.vhost()->with_topology([&](const broker::Topology& topology) {
    const broker::ExchangeInfo* info = topology.find_exchange(exchange);
    return info != nullptr && broker::routing_type(*info) == "topic";
  });
  if (!is_topic) return {};
  return session.broker().with_access(
      [&](const Access& access) { return access.check_topic(session.user(), session.vhost()->name(), exchange, routing_key, right); });
}

}  // namespace mq::session
