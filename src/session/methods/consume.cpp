// basic.qos, basic.consume, basic.cancel, basic.get.
#include "broker/filter.hpp"
#include "broker/names.hpp"
#include "session/methods/direct_reply.hpp"
#include "session/methods/handlers.hpp"
#include "session/permissions.hpp"

namespace mq::session::methods {
namespace {

std::string new_consumer_tag(Session& session) {
  broker::RandomBytes random;
  for (std::size_t half = 0; half < 2; ++half)
    store_big_endian(reinterpret_cast<char*>(random.data()) + 8 * half, session.broker().scheduler().random());
  return broker::generate_name(broker::kGeneratedConsumerPrefix, random);
}

/// The value of an integer argument of basic.consume, if it is there.
Result<std::optional<std::int64_t>> integer_argument(const amqp::Table& arguments, std::string_view name, const std::string& queue) {
  const amqp::Value* value = arguments.find(name);
  if (value == nullptr) return std::optional<std::int64_t>();
  const auto number = value->integer();
  if (!number)
    return fail(ReplyCode::kPreconditionFailed, "invalid arg '" + std::string(name) + "' for " + queue + ": \"expected integer, got " +
                                                    std::string(value->type_name()) + "\"");
  return number;
}

/// What a consumer of a queue asks for in its arguments. Errors are RabbitMQ's; unknown arguments are passed over.
struct ConsumerWishes {
  std::int32_t priority = 0;
  std::optional<Millis> ack_timeout_ms;
  std::shared_ptr<const broker::Filter> filter;
};

Result<ConsumerWishes> read_wishes(const amqp::Table& arguments, const std::string& queue) {
  if (arguments.find("x-stream-offset") != nullptr)
    return fail(ReplyCode::kPreconditionFailed, "invalid arg 'x-stream-offset' for " + queue + " of queue type rabbit_classic_queue");
  ConsumerWishes wishes;
  auto priority = integer_argument(arguments, "x-priority", queue);
  if (!priority) return priority.error();
  wishes.priority = static_cast<std::int32_t>(std::clamp<std::int64_t>(priority->value_or(0), INT32_MIN, INT32_MAX));
  auto timeout = integer_argument(arguments, "x-consumer-timeout", queue);
  if (!timeout) return timeout.error();
  if (timeout->value_or(0) < 0)
    return fail(ReplyCode::kPreconditionFailed,
                "invalid arg 'x-consumer-timeout' for " + queue + ": {value_negative," + std::to_string(**timeout) + "}");
  wishes.ack_timeout_ms = *timeout;
  if (const amqp::Value* asked = arguments.find("x-filter")) {
    auto filter = broker::make_filter(*asked);
    if (!filter) return filter.error();
    wishes.filter = std::move(*filter);
  }
  return wishes;
}

void answer_get(Session& session, Channel& channel, const std::shared_ptr<engine::QueueActor>& queue, bool no_ack,
                engine::GetReply& reply) {
  if (!reply.found) return session.send(channel.number, amqp::BasicGetEmpty{});
  const std::uint64_t tag = channel.ledger.next_tag();
  if (!no_ack) {
    session.queues().hold(queue, 1);
    session.inbox()->deliveries.take(0, 1);
    channel.last_ack_timeout_ms = session.ack_timeout_ms(std::nullopt, reply.ack_timeout_ms);
    session.enter_ledger(channel, tag, *queue, reply.delivery, 0, session.due_after(channel.last_ack_timeout_ms));
  }
  const broker::MessagePtr message = with_delivery_count(reply.delivery.message, reply.delivery.returns);
  session.send(channel.number, amqp::BasicGetOk{tag, reply.delivery.redelivered, message->exchange(), message->routing_key(),
                                                static_cast<std::uint32_t>(reply.remaining)});
  session.send_content(channel.number, message);
}

}  // namespace

Outcome basic_qos(Session& session, Channel& channel, const amqp::BasicQos& method) {
  if (method.prefetch_size != 0) return fail(ReplyCode::kNotImplemented, "prefetch_size!=0 (" + std::to_string(method.prefetch_size) + ")");
  if (!method.global) {
    channel.prefetch = method.prefetch_count;
  } else if (channel.shared_prefetch) {
    channel.shared_prefetch->set_limit(method.prefetch_count);
    for (auto& [tag, consumer] : channel.consumers)
      if (consumer->queue) consumer->queue->put(engine::RetryConsumer{session.inbox(), consumer->number});
  } else if (method.prefetch_count != 0) {
    channel.shared_prefetch = std::make_shared<broker::ChannelPrefetch>();
    channel.shared_prefetch->set_limit(method.prefetch_count);
    for (auto& [tag, consumer] : channel.consumers)
      if (consumer->queue) consumer->queue->put(engine::SharePrefetch{session.inbox(), consumer->number, channel.shared_prefetch});
  }
  session.send(channel.number, amqp::BasicQosOk{});
  return {};
}

Outcome basic_consume(Session& session, Channel& channel, const amqp::BasicConsume& method) {
  auto name = queue_name(channel, method.queue);
  if (!name) return name.error();
  std::string tag = method.consumer_tag.empty() ? new_consumer_tag(session) : std::string(method.consumer_tag);
  if (channel.consumers.contains(tag)) return fail(ReplyCode::kNotAllowed, "attempt to reuse consumer tag '" + tag + "'");
  if (const std::uint64_t most = session.options().consumers_per_channel; most != 0 && channel.consumers.size() >= most)
    return fail(ReplyCode::kNotAllowed, "reached maximum (" + std::to_string(most) + ") of consumers per channel");
  if (*name == engine::kReplyQueue) return consume_replies(session, channel, method, std::move(tag));
  auto queue = session.vhost()->find_queue(*name, session.inbox()->id());
  if (!queue) return queue.error();
  auto wishes = read_wishes(method.arguments.decode(), broker::resource_text("queue", *name, session.vhost()->name()));
  if (!wishes) return wishes.error();

  Consumer& consumer = session.add_consumer(channel, tag, method.no_ack, queue->actor);
  consumer.ack_timeout_ms = wishes->ack_timeout_ms;
  auto reply = session.ask(channel, method.kId, [nowait = method.nowait, tag](Session& asker, Channel& asked_on, engine::Answer&) {
    if (!nowait) asker.send(asked_on.number, amqp::BasicConsumeOk{tag});
  });
  broker::ConsumerSpec spec;
  spec.peer = session.inbox();
  spec.number = consumer.number;
  spec.tag = tag;
  spec.no_ack = method.no_ack;
  spec.exclusive = method.exclusive;
  spec.prefetch = channel.prefetch;
  spec.priority = wishes->priority;
  spec.window_bytes = session.options().outbox_bytes;
  spec.channel_prefetch = channel.shared_prefetch;
  spec.filter = std::move(wishes->filter);
  queue->actor->put(engine::AddConsumer{std::move(spec), std::move(reply)});
  return {};
}

Outcome basic_cancel(Session& session, Channel& channel, const amqp::BasicCancel& method) {
  std::string tag(method.consumer_tag);
  auto found = channel.consumers.find(tag);
  if (found == channel.consumers.end()) {
    if (!method.nowait) session.send(channel.number, amqp::BasicCancelOk{tag});
    return {};
  }
  channel.waiting = true;
  session.cancel_consumer(*found->second, false, [key = channel.key, tag, nowait = method.nowait](Session& asker) {
    Channel* asked_on = asker.find_channel_by_key(key);
    if (asked_on == nullptr || asked_on->state != Channel::State::kOpen) return;
    if (!nowait) asker.send(asked_on->number, amqp::BasicCancelOk{tag});
    asker.resume(*asked_on);
  });
  return {};
}

Outcome basic_cancel_ok(Session&, Channel&, const amqp::BasicCancelOk&) { return {}; }

Outcome basic_get(Session& session, Channel& channel, const amqp::BasicGet& method) {
  auto name = queue_name(channel, method.queue);
  if (!name) return name.error();
  auto queue = session.vhost()->find_queue(*name, session.inbox()->id());
  if (!queue) return queue.error();
  channel.waiting = true;
  auto reply =
      session.ask([key = channel.key, no_ack = method.no_ack, actor = queue->actor](Session& asker, Result<engine::Answer>& answer) {
        Channel* asked_on = asker.find_channel_by_key(key);
        if (asked_on == nullptr || asked_on->state != Channel::State::kOpen) {
          // Nobody is left to take the message: back with it.
          auto* got = answer ? std::get_if<engine::GetReply>(&*answer) : nullptr;
          if (got != nullptr && got->found && !no_ack)
            actor->put(engine::SettleBatch{broker::Settlement::kRequeue, {got->delivery.position}});
          return;
        }
        if (!answer) return asker.fail_channel(*asked_on, answer.error(), amqp::BasicGet::kId);
        answer_get(asker, *asked_on, actor, no_ack, std::get<engine::GetReply>(*answer));
        asker.resume(*asked_on);
      });
  queue->actor->put(engine::GetMessage{method.no_ack, std::move(reply)});
  return {};
}

}  // namespace mq::session::methods
