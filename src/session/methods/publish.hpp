// Routing a complete message: shared by basic.publish and tx.commit.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "session/session.hpp"

namespace mq::session::methods {

/// What a message comes to: the queues it enters, and the message as they get it (without BCC).
struct RoutedMessage {
  const std::vector<std::shared_ptr<engine::QueueActor>>* queues = nullptr;  ///< valid until the next call
  broker::MessagePtr message;
  std::optional<UnixMillis> due;                             ///< if it is not to enter them before then; `message` then has its BCC still
  const broker::ExchangeDeduplicationPtr* unique = nullptr;  ///< not null: its exchange lets each id in once; valid as the queues are
};

enum class Routing : std::uint8_t {
  kForGood,  ///< the message goes where it is found to go
  kToCheck,  ///< for the errors only; it will be routed again
};
/// Checks rights and properties (user-id, expiration, CC and BCC, delays) and finds the queues.
[[nodiscard]] Result<RoutedMessage> route_message(Session& session, broker::MessagePtr message, Routing routing = Routing::kForGood);

/// A message to the default exchange whose key is a direct reply-to name.
[[nodiscard]] inline bool is_reply(const broker::Message& message) noexcept {
  return message.exchange().empty() && message.routing_key().starts_with(engine::kReplyPrefix);
}

/// Whether a routed message is to wait: it has a time, and is not to be returned because it goes nowhere.
[[nodiscard]] inline bool waits(const RoutedMessage& routed, bool mandatory) noexcept {
  return routed.due && !(mandatory && routed.queues->empty());
}

/// Whether its id decides what becomes of it. Not so for what goes nowhere: that leaves no id behind.
[[nodiscard]] inline bool is_to_be_new(const RoutedMessage& routed, bool mandatory) noexcept {
  return routed.unique != nullptr && (!routed.queues->empty() || waits(routed, mandatory));
}
[[nodiscard]] engine::UniquePublish as_unique(RoutedMessage& routed, std::uint64_t sequence);

/// basic.return 312 with the message.
void return_unroutable(Session& session, Channel& channel, const broker::MessagePtr& message);

}  // namespace mq::session::methods
