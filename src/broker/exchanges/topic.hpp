// The `topic` exchange type: keys and patterns of words between dots; `*` stands for one word, `#` for any number of them. The empty key
// has no words.
#pragma once

#include <memory>

#include "mq/ports/exchange_type.hpp"

namespace mq::broker {

[[nodiscard]] std::unique_ptr<BindingTable> make_topic_bindings(const amqp::Table& exchange_arguments);

}  // namespace mq::broker
