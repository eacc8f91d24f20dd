#include "session/permissions.hpp"

#include "broker/exchanges/delayed.hpp"
#include "session/session.hpp"

namespace mq::session {

using broker::Access;
using broker::Right;

Result<> permit_exchange(Session& session, Right right, std::string_view name) {
  return session.broker().with_access(
      [&](const Access& access) { return access.check_exchange(session.user(), session.vhost()->name(), name, right); });
}

Result<> permit_queue(Session& session, Right right, std::string_view name) {
  return session.broker().with_access(
      [&](const Access& access) { return access.check_queue(session.user(), session.vhost()->name(), name, right); });
}

Result<> permit_queue_any(Session& session, std::string_view name) {
  if (permit_queue(session, Right::kWrite, name) || permit_queue(session, Right::kRead, name)) return {};
  return permit_queue(session, Right::kConfigure, name);
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
