// The `x-modulus-hash` exchange type: its bindings in order of their targets' names, and the one whose number is the routing key's hash
// modulo their count. The binding key does not matter; a target bound several times has several places.
#pragma once

#include <memory>

#include "mq/ports/exchange_type.hpp"

namespace mq::broker {

[[nodiscard]] std::unique_ptr<BindingTable> make_modulus_hash_bindings(const amqp::Table& exchange_arguments);

}  // namespace mq::broker
