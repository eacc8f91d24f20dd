// Direct reply-to as the methods see it: a consumer without a queue, requests whose reply_to is rewritten, replies that go straight to a
// session.
#pragma once

#include <optional>
#include <string_view>

#include "session/methods/handlers.hpp"

namespace mq::session::methods {

/// No queue has such a name; some of them stand for whoever waits for replies.
[[nodiscard]] inline bool is_reply_name(std::string_view queue) noexcept { return queue.starts_with(engine::kReplyQueue); }

/// basic.consume of amq.rabbitmq.reply-to. Errors: 406 when it would have to acknowledge, or the channel has one already.
[[nodiscard]] Outcome consume_replies(Session& session, Channel& channel, const amqp::BasicConsume& method, const std::string& tag);
/// A request whose reply_to asks for a direct reply, rewritten to the channel's own name; any other message as it is. 406 without a reply
/// consumer on the channel.
[[nodiscard]] Result<broker::MessagePtr> address_request(const Channel& channel, broker::MessagePtr message);
/// Sends a message published to the default exchange with a reply name to whoever waits for it; false when nobody does.
bool send_reply(Session& session, const broker::MessagePtr& message);
/// queue.declare of a reply name asks whether somebody still waits: declare-ok with one consumer, or 404. What consumers of replies name
/// themselves is always there.
[[nodiscard]] Outcome declare_reply_name(Session& session, Channel& channel, const amqp::QueueDeclare& method);

}  // namespace mq::session::methods
