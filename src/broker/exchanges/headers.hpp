// The `headers` exchange type: the headers a binding asks for; x-match says whether all or any of them, and whether headers named `x-...`
// count.
#pragma once

#include <memory>

#include "mq/ports/exchange_type.hpp"

namespace mq::broker {

[[nodiscard]] std::unique_ptr<BindingTable> make_headers_bindings(const amqp::Table& exchange_arguments);

}  // namespace mq::broker
