// exchange.* (class 40).
#include "broker/names.hpp"
#include "session/methods/handlers.hpp"
#include "session/permissions.hpp"

namespace mq::session::methods {
namespace {

// Answers the request with Ok unless the client does not wait for it.
template <amqp::Method Ok>
auto answer_with(bool nowait) {
  return [nowait](Session& session, Channel& channel, engine::Answer&) {
    if (!nowait) session.send(channel.number, Ok{});
  };
}

template <class M>
Outcome change_binding(Session& session, Channel& channel, const M& method, bool add) {
  if (auto small = check_arguments(session, method.arguments); !small) return small;
  broker::BindingInfo binding{broker::without_line_breaks(method.source), broker::BindTo::kExchange,
                              broker::without_line_breaks(method.destination), std::string(method.routing_key), method.arguments.decode()};
  auto reply = add ? session.ask(channel, M::kId, answer_with<amqp::ExchangeBindOk>(method.nowait))
                   : session.ask(channel, M::kId, answer_with<amqp::ExchangeUnbindOk>(method.nowait));
  session.vhost()->put(engine::ChangeBinding{std::move(binding), add, session.inbox()->id(), std::move(reply)});
  return {};
}

}  // namespace

Outcome exchange_declare(Session& session, Channel& channel, const amqp::ExchangeDeclare& method) {
  if (auto small = check_arguments(session, method.arguments); !small) return small;
  broker::ExchangeInfo wanted{broker::without_line_breaks(method.exchange),
                              std::string(method.type),
                              method.durable,
                              method.auto_delete,
                              method.internal,
                              method.arguments.decode()};
  if (auto allowed = permit_exchange_declare(session, wanted, method.passive); !allowed) return allowed;
  auto reply = session.ask(channel, method.kId, answer_with<amqp::ExchangeDeclareOk>(method.nowait));
  session.vhost()->put(engine::DeclareExchange{std::move(wanted), method.passive, std::move(reply)});
  return {};
}

Outcome exchange_delete(Session& session, Channel& channel, const amqp::ExchangeDelete& method) {
  std::string name = broker::without_line_breaks(method.exchange);
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
