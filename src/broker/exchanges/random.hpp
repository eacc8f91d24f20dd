// The `x-random` and `x-local-random` exchange types: one of the bindings, by lot. A target bound several times has several lots. With one
// node every queue is local; x-local-random differs in that it wants the binding key empty.
#pragma once

#include <memory>

#include "mq/ports/exchange_type.hpp"

namespace mq::broker {

[[nodiscard]] std::unique_ptr<BindingTable> make_random_bindings(const amqp::Table& exchange_arguments);
[[nodiscard]] std::unique_ptr<BindingTable> make_local_random_bindings(const amqp::Table& exchange_arguments);

}  // namespace mq::broker
