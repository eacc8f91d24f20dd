// From the text of a filter to its program. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "broker/filter/program.hpp"

namespace mq::broker::filter {

struct Mistake {
  std::string expected;    // `')'`, `a number`
  std::size_t offset = 0;  // where, in octets
};

/// Adds the condition that `text` (well-formed UTF-8) spells to an empty program, names not yet indexed; or says what is wrong first.
[[nodiscard]] std::optional<Mistake> parse(std::string_view text, Program& program);

}  // namespace mq::broker::filter
