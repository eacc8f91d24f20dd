// The `x-consistent-hash` exchange type: one target for each routing key, header or property; how many of them it gets follows from the
// weight that is its binding key. Where a message goes depends on the names and weights of the targets and on nothing else.
#pragma once

#include <memory>

#include "broker/exchanges/hash_subject.hpp"
#include "mq/ports/exchange_type.hpp"

namespace mq::broker {

[[nodiscard]] std::unique_ptr<BindingTable> make_consistent_hash_bindings(const amqp::Table& exchange_arguments);

}  // namespace mq::broker
