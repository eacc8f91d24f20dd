// A filter's program written out anew, the same way for all that differ only in spelling. Pure.
#pragma once

#include <string>

#include "broker/filter/program.hpp"

namespace mq::broker::filter {

/// Of a condition it is a condition again, with no more parentheses than it needs; of a table something no client can write.
[[nodiscard]] std::string normal_form(const Program& program);

}  // namespace mq::broker::filter
