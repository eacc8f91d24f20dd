// The `fanout` exchange type: every target, whatever the key.
#pragma once

#include <memory>

#include "mq/ports/exchange_type.hpp"

namespace mq::broker {

[[nodiscard]] std::unique_ptr<BindingTable> make_fanout_bindings(const amqp::Table& exchange_arguments);

}  // namespace mq::broker
