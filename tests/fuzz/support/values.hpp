// Makes field values and tables of an input, out of names that mean something where they go.
#pragma once

#include <span>
#include <string_view>

#include "mq/amqp/table.hpp"
#include "support/input.hpp"

namespace mq::fuzz {

/// Any value; nested no deeper than `depth`.
[[nodiscard]] amqp::Value make_value(Input& input, std::span<const std::string_view> names, int depth = 3);
/// Up to seven entries, most of them of these names.
[[nodiscard]] amqp::Table make_table(Input& input, std::span<const std::string_view> names, int depth = 3);

/// Arguments of queues, exchanges, bindings and consumers, and headers that the broker reads.
[[nodiscard]] std::span<const std::string_view> argument_names() noexcept;
[[nodiscard]] std::span<const std::string_view> header_names() noexcept;

}  // namespace mq::fuzz
