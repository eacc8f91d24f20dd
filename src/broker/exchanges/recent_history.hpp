// The `x-recent-history` exchange type: every target, as with `fanout`; and the topology keeps the newest messages that came through for
// targets that are bound later (broker/recent_history.hpp).
#pragma once

#include <cstdint>
#include <memory>

#include "mq/ports/exchange_type.hpp"

namespace mq::broker {

[[nodiscard]] std::unique_ptr<BindingTable> make_recent_history_bindings(const amqp::Table& exchange_arguments);
/// `x-recent-history-length` must be a positive integer, says RabbitMQ's plugin.
[[nodiscard]] Result<> check_history_arguments(const amqp::Table& exchange_arguments);
/// How many messages an exchange with these arguments keeps.
[[nodiscard]] std::uint64_t history_length(const amqp::Table& exchange_arguments);

}  // namespace mq::broker
