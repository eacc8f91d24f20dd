// What a filter's program says of a message. Pure, allocates nothing.
#pragma once

#include "broker/filter/program.hpp"
#include "broker/filter/scalar.hpp"
#include "broker/message.hpp"

namespace mq::broker::filter {

/// Every node is looked at once at most; AND and OR stop where the rest cannot change the answer.
[[nodiscard]] Truth evaluate(const Program& program, const Message& message) noexcept;

}  // namespace mq::broker::filter
