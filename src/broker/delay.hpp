// Delayed publishes: which headers ask for them, and when the message is due (docs/semantics.md, "Delayed messages"). Pure.
//
// `x-delay` is a number of milliseconds from now on, of any integer type; floats and numbers written as texts are taken too, as the
// delayed-message plugin of RabbitMQ does. `x-deliver-at` is a moment: an AMQP timestamp, or an integer of milliseconds since 1970.
// Of both the later counts.
#pragma once

#include <optional>
#include <string_view>

#include "broker/message.hpp"
#include "mq/amqp/table.hpp"
#include "mq/base/clock.hpp"
#include "mq/base/result.hpp"

namespace mq::broker {

struct ExchangeInfo;

inline constexpr std::string_view kDelayHeader = "x-delay";
inline constexpr std::string_view kDeliverAtHeader = "x-deliver-at";
inline constexpr Millis kMaxDelayMs = Millis{100} * 365 * 24 * 3600 * 1000;  ///< a century

/// Whether one of the headers is there at all. Cheap: for every message with headers.
[[nodiscard]] bool asks_for_delay(const amqp::TableView& headers) noexcept;

/// When the message is due, which is later than `now`; nullopt = at once. 406 when a value is further away than kMaxDelayMs, or of a wrong
/// type; those an exchange that is there for delaying passes over (`lenient`), as the plugin does.
[[nodiscard]] Result<std::optional<UnixMillis>> due_time(const amqp::TableView& headers, UnixMillis now, bool lenient);

/// The message as it waits and is delivered: a positive `x-delay` is negative in it, so that whoever publishes it again does not delay
/// it again.
[[nodiscard]] MessagePtr make_delayed(const MessagePtr& message);

/// An exchange that delays whatever is configured for the others: type `x-delayed-message`, or argument `x-delayed-exchange`.
[[nodiscard]] bool is_delaying(const ExchangeInfo& exchange) noexcept;

}  // namespace mq::broker
