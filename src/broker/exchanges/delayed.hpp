// The `x-delayed-message` exchange type, known from RabbitMQ's plugin: it routes as the type its argument `x-delayed-type` names. That its
// messages wait is not seen here: routing begins when they are due (broker/delay.hpp).
#pragma once

#include <memory>
#include <string_view>

#include "mq/ports/exchange_type.hpp"

namespace mq::broker {

struct ExchangeInfo;

inline constexpr std::string_view kDelayedType = "x-delayed-message";

/// Where `x-delayed-type` names no type, which validate_delayed_arguments() lets nobody declare, keys are matched as `direct` does.
[[nodiscard]] std::unique_ptr<BindingTable> make_delayed_bindings(const amqp::Table& exchange_arguments);
/// 406 when `x-delayed-type` is missing or wrong, in the plugin's words, or when that type refuses the arguments.
[[nodiscard]] Result<> validate_delayed_arguments(const amqp::Table& exchange_arguments);
/// The type an exchange routes as: its own, or the one it was declared to delay.
[[nodiscard]] std::string_view routing_type(const ExchangeInfo& exchange) noexcept;

}  // namespace mq::broker
