// Runs one target in a process of its own, so that whatever an input does to it (a crash, a report of a sanitizer, no end, all of the
// memory) is seen from outside, with the input that did it.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "fuzz.hpp"

namespace mq::fuzz {

struct Limits {
  std::uint64_t runs = 0;      ///< inputs made, besides the corpus
  std::uint64_t total_ms = 0;  ///< all inputs together; 0 = as long as the runs take
  std::uint64_t input_ms = 0;  ///< one input: beyond it, it is taken not to end
};

struct Finding {
  std::string input;
  std::string what;  ///< `killed by signal 6`, `no end after 30 s`
};

struct Outcome {
  std::uint64_t executions = 0;
  std::uint64_t elapsed_ms = 0;
  std::uint64_t slowest_ms = 0;
  std::optional<Finding> finding;  ///< the first; nothing runs after it
};

/// Runs the corpus first, then what `make` makes.
[[nodiscard]] Outcome run_target(const Target& target, const std::vector<std::string>& corpus, const std::function<std::string()>& make,
                                 const Limits& limits);

/// The longest input there can be.
inline constexpr std::size_t kLongestInputBytes = 1 << 20;

}  // namespace mq::fuzz
