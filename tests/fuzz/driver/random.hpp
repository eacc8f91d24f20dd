// Chance from a seed, the same on every machine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>

namespace mq::fuzz {

class Random {
 public:
  explicit Random(std::uint64_t seed) : generator_(seed) {}
  /// 0 ... bound - 1; 0 for a bound of 0.
  std::size_t below(std::size_t bound) { return bound == 0 ? 0 : static_cast<std::size_t>(generator_() % bound); }
  bool one_in(std::size_t times) { return below(times) == 0; }
  std::uint64_t bits() { return generator_(); }

 private:
  std::mt19937_64 generator_;
};

}  // namespace mq::fuzz
