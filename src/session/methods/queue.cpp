// queue.* (class 50).
#include "broker/names.hpp"
#include "broker/queue_arguments.hpp"
#include "session/methods/direct_reply.hpp"
#include "session/methods/handlers.hpp"
#include "session/permissions.hpp"

namespace mq::session::methods {
namespace {

std::string new_queue_name(Session& session) {
  broker::RandomBytes random;
  for (std::size_t half = 0; half < 2; ++half)
    store_big_endian(reinterpret_cast<char*>(random.data()) + 8 * half, session.broker().scheduler().random());
  return broker::generate_name(broker::kGeneratedQueuePrefix, random);
}

template <class M, class Ok>
Outcome change_binding(Session& session, Channel& channel, const M& method, bool add, bool nowait) {
  auto queue = queue_name(channel, method.queue);
  if (!queue) return queue.error();
  if (queue->starts_with(engine::kReplyQueue))
    return fail(ReplyCode::kAccessRefused, "cannot bind or unbind to a volatile (direct reply-to) queue");
  if (auto small = check_arguments(session, method.arguments); !small) return small;
  broker::BindingInfo binding{broker::without_line_breaks(method.exchange), broker::BindTo::kQueue, std::move(*queue),
                              std::string(method.routing_key), method.arguments.decode()};
  if (method.queue.empty() && binding.routing_key.empty()) binding.routing_key = binding.destination;
  auto reply = session.ask(channel, M::kId, [nowait](Session& asker, Channel& asked_on, engine::Answer&) {
    if (!nowait) asker.send(asked_on.number, Ok{});
  });
  session.vhost()->put(engine::ChangeBinding{std::move(binding), add, session.inbox()->id(), std::move(reply)});
  return {};
}

}  // namespace

Outcome check_arguments(const Session& session, const amqp::EncodedTable& arguments) {
  const std::uint64_t most = session.options().arguments_bytes;
  if (most == 0 || arguments.body.size() <= most) return {};
  return fail(ReplyCode::kPreconditionFailed,
              "arguments of " + std::to_string(arguments.body.size()) + " bytes are larger than the limit of " + std::to_string(most));
}

Outcome queue_declare(Session& session, Channel& channel, const amqp::QueueDeclare& method) {
  if (is_reply_name(method.queue)) return declare_reply_name(session, channel, method);
  if (auto small = check_arguments(session, method.arguments); !small) return small;
  broker::QueueInfo wanted;
  wanted.name = broker::without_line_breaks(method.queue);
  const bool generated = wanted.name.empty();
  if (generated && method.passive) return fail(ReplyCode::kNotFound, "no queue '' in vhost '" + session.vhost()->name() + "'");
  if (generated) wanted.name = new_queue_name(session);
  else if (!method.passive)
    if (auto free = broker::check_new_name("queue", wanted.name); !free) return free.error();
  wanted.durable = method.durable;
  wanted.auto_delete = method.auto_delete;
  wanted.exclusive = method.exclusive;
  wanted.owner = method.exclusive ? session.inbox()->id() : 0;
  wanted.arguments = method.arguments.decode();
  if (generated && broker::queue_type_of(wanted.arguments) == broker::QueueType::kQuorum)
    return fail(ReplyCode::kPreconditionFailed, "Cannot declare a server-named queue for type rabbit_quorum_queue");
  if (auto allowed = permit_queue_declare(session, wanted, method.passive); !allowed) return allowed;
  auto reply = session.ask(channel, method.kId, [nowait = method.nowait](Session& asker, Channel& asked_on, engine::Answer& answer) {
    const auto& stats = std::get<engine::QueueStats>(answer);
    asked_on.last_queue = stats.name;
    if (nowait) return;
    asker.send(asked_on.number,
               amqp::QueueDeclareOk{stats.name, static_cast<std::uint32_t>(stats.ready), static_cast<std::uint32_t>(stats.consumers)});
  });
  session.vhost()->put(engine::DeclareQueue{std::move(wanted), method.passive, generated, std::move(reply)});
  return {};
}

Outcome queue_bind(Session& session, Channel& channel, const amqp::QueueBind& method) {
  return change_binding<amqp::QueueBind, amqp::QueueBindOk>(session, channel, method, true, method.nowait);
}

Outcome queue_unbind(Session& session, Channel& channel, const amqp::QueueUnbind& method) {
  return change_binding<amqp::QueueUnbind, amqp::QueueUnbindOk>(session, channel, method, false, false);
}

Outcome queue_purge(Session& session, Channel& channel, const amqp::QueuePurge& method) {
  auto name = queue_name(channel, method.queue);
  if (!name) return name.error();
  auto queue = session.vhost()->find_queue(*name, session.inbox()->id());
  if (!queue) return queue.error();
  auto reply = session.ask(channel, method.kId, [nowait = method.nowait](Session& asker, Channel& asked_on, engine::Answer& answer) {
    if (!nowait)
      asker.send(asked_on.number, amqp::QueuePurgeOk{static_cast<std::uint32_t>(std::get<engine::MessageCount>(answer).messages)});
  });
  queue->actor->put(engine::PurgeQueue{std::move(reply)});
  return {};
}

Outcome queue_delete(Session& session, Channel& channel, const amqp::QueueDelete& method) {
  auto name = queue_name(channel, method.queue);
  if (!name) return name.error();
  auto reply = session.ask(channel, method.kId, [nowait = method.nowait](Session& asker, Channel& asked_on, engine::Answer& answer) {
    if (!nowait)
      asker.send(asked_on.number, amqp::QueueDeleteOk{static_cast<std::uint32_t>(std::get<engine::MessageCount>(answer).messages)});
  });
  session.vhost()->put(engine::DeleteQueue{std::move(*name), method.if_unused, method.if_empty, session.inbox()->id(), std::move(reply)});
  return {};
}

}  // namespace mq::session::methods
