// exchange.* (class 40).
#include "broker/names.hpp"
#include "session/methods/handlers.hpp"
#include "session/permissions.hpp"

namespace mq::session::methods {
namespace {

using broker::Right;

// Answers the request with Ok unless the client does not wait for it.
template <amqp::Method Ok>
auto answer_with(bool nowait) {
  return [nowait](Session& session, Channel& channel, engine::Answer&) {
    if (!nowait) session.send(channel.number, Ok{});
  };
}

template <class M>
Outcome change_binding(Session& session, Channel& channel, const M& method, bool add) {
  broker::BindingInfo binding{broker::without_line_breaks(method.source), broker::BindTo::kExchange,
                              broker::without_line_breaks(method.destination), std::string(method.routing_key), method.arguments.decode()};
  if (auto allowed = permit_exchange(session, Right::kWrite, binding.destination); !allowed) return allowed;
  if (auto allowed = permit_exchange(session, Right::kRead, binding.source); !allowed) return allowed;
  if (auto allowed = permit_topic(session, Right::kRead, binding.source, binding.routing_key); !allowed) return allowed;
  auto reply = add ? session.ask(channel, M::kId, answer_with<amqp::ExchangeBindOk>(method.nowait))
                   : session.ask(channel, M::kId, answer_with<amqp::ExchangeUnbindOk>(method.nowait));
  session.vhost()->put(engine::ChangeBinding{std::move(binding), add, session.inbox()->id(), std::move(reply)});
  return {};
}

}  // namespace

Outcome exchange_declare(Session& session, Channel& channel, const amqp::ExchangeDeclare& method) {
  broker::ExchangeInfo wanted{broker::without_line_breaks(method.exchange),
                              std::string(method.type),
                              method.durable,
                              method.auto_delete,
                              method.internal,
                              method.arguments.decode()};
  if (!method.passive) {
    if (auto allowed = permit_exchange(session, Right::kConfigure, wanted.name); !allowed) return allowed;
    if (const amqp::Value* alternate = wanted.arguments.find("alternate-exchange");
        alternate != nullptr && alternate->string() != nullptr) {
      if (auto allowed = permit_exchange(session, Right::kRead, wanted.name); !allowed) return allowed;
      if (auto allowed = permit_exchange(session, Right::kWrite, *alternate->string()); !allowed) return allowed;
    }
  }
  auto reply = session.ask(channel, method.kId, answer_with<amqp::ExchangeDeclareOk>(method.nowait));
  session.vhost()->put(engine::DeclareExchange{std::move(wanted), method.passive, std::move(reply)});
  return {};
}

Outcome exchange_delete(Session& session, Channel& channel, const amqp::ExchangeDelete& method) {
  std::string name = broker::without_line_breaks(method.exchange);
  if (auto allowed = permit_exchange(session, Right::kConfigure, name); !allowed) return allowed;
  auto reply = session.ask(channel, method.kId, answer_with<amqp::ExchangeDeleteOk>(method.nowait));
  session.vhost()->put(engine::DeleteExchange{std::move(name), method.if_unused, std::move(reply)});
  return {};
}

Outcome exchange_bind(Session& session, Channel& channel, const amqp::ExchangeBind& method) {
  return change_binding(session, channel, method, true);
}

Outcome exchange_unbind(Session& session, Channel& channel, const amqp::ExchangeUnbind& method) {
  return change_binding(session, channel, method, false);
}

}  // namespace mq::session::methods
