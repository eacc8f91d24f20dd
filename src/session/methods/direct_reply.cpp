#include "session/methods/direct_reply.hpp"

#include "broker/names.hpp"

namespace mq::session::methods {
namespace {

std::string new_reply_name(Session& session) {
  broker::RandomBytes random;
  for (std::size_t half = 0; half < 2; ++half)
    store_big_endian(reinterpret_cast<char*>(random.data()) + 8 * half, session.broker().scheduler().random());
  return broker::generate_name(engine::kReplyPrefix, random);
}

}  // namespace

Outcome consume_replies(Session& session, Channel& channel, const amqp::BasicConsume& method, const std::string& tag) {
  if (!method.no_ack) return fail(ReplyCode::kPreconditionFailed, "reply consumer cannot acknowledge");
  if (!channel.reply_name.empty()) return fail(ReplyCode::kPreconditionFailed, "reply consumer already set");
  channel.reply_name = new_reply_name(session);
  const Consumer& consumer = session.add_consumer(channel, tag, true, nullptr);
  session.broker().replies().add(channel.reply_name, session.inbox(), consumer.number);
  if (!method.nowait) session.send(channel.number, amqp::BasicConsumeOk{tag});
  return {};
}

Result<broker::MessagePtr> address_request(const Channel& channel, broker::MessagePtr message) {
  const auto flags = load_big_endian<std::uint16_t>(message->encoded_properties().data());
  if ((flags & amqp::kReplyTo) == 0 || message->properties().reply_to != engine::kReplyQueue) return message;
  if (channel.reply_name.empty()) return fail(ReplyCode::kPreconditionFailed, "fast reply consumer does not exist");
  amqp::Properties properties = amqp::decode_properties(message->encoded_properties()).value_or(amqp::Properties{});
  properties.reply_to = channel.reply_name;
  return broker::make_message(message->exchange(), message->routing_key(), properties, message->body());
}

bool send_reply(Session& session, const broker::MessagePtr& message) {
  auto target = session.broker().replies().find(message->routing_key());
  if (!target) return false;
  engine::Deliveries reply{target->consumer, {}};
  reply.messages.push_back({message, 0, 0, false, false});
  target->inbox->put(std::move(reply));
  return true;
}

Outcome declare_reply_name(Session& session, Channel& channel, const amqp::QueueDeclare& method) {
  const std::string name(method.queue);
  if (name != engine::kReplyQueue && !session.broker().replies().find(name))
    return fail(ReplyCode::kNotFound, "no queue '" + name + "' in vhost '" + session.vhost()->name() + "'");
  channel.last_queue = name;
  if (!method.nowait) session.send(channel.number, amqp::QueueDeclareOk{name, 0, 1});
  return {};
}

}  // namespace mq::session::methods
