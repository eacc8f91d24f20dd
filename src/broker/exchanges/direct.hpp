// The `direct` exchange type: targets whose binding key equals the routing key.
#pragma once

#include <memory>

#include "mq/ports/exchange_type.hpp"

namespace mq::broker {

[[nodiscard]] std::unique_ptr<BindingTable> make_direct_bindings(const amqp::Table& exchange_arguments);

}  // namespace mq::broker
