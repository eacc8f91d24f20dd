// Dead letters: what a message looks like when it leaves a queue for its dead-letter exchange, and which targets would make a circle.
// Rules and header layout as RabbitMQ writes them (docs/semantics.md, "Dead lettering").
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "broker/message.hpp"
#include "mq/base/clock.hpp"

namespace mq::broker {

enum class DeathReason : std::uint8_t { kRejected, kExpired, kMaxLength, kDeliveryLimit, kDuplicate };

/// `rejected`, `expired`, `maxlen`, `delivery_limit`, `duplicate`.
[[nodiscard]] std::string_view to_string(DeathReason reason) noexcept;

/// The message as it is published to the dead-letter exchange: x-death and x-first/last-death-* brought up to date, expiration taken
/// away, exchange and routing key replaced. Without `routing_key` it keeps its own.
[[nodiscard]] MessagePtr make_dead_letter(const Message& message, std::string_view queue, DeathReason reason, std::string_view exchange,
                                          const std::optional<std::string>& routing_key, UnixMillis now);

/// True when delivering a dead letter (as made above) to `queue` would close a circle in which no consumer ever rejected it.
[[nodiscard]] bool closes_circle(const Message& dead_letter, std::string_view queue);

/// The keys of a CC or BCC header; empty when there is none. Elements that are not strings are left out.
[[nodiscard]] std::vector<std::string_view> carbon_copies(const amqp::TableView& headers, std::string_view header);
/// Whether the message names further routing keys, in a CC or BCC header.
[[nodiscard]] bool has_copies(const Message& message) noexcept;
/// The message without its BCC header, which is nobody's business but the publisher's.
[[nodiscard]] MessagePtr without_blind_copies(const Message& message);
/// The message without any such header: it goes by its routing key alone.
[[nodiscard]] MessagePtr without_copies(const Message& message);

}  // namespace mq::broker
