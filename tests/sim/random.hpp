// Chance from a seed: the same numbers on every machine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>

namespace mq::sim {

/// splitmix64: small, and any two seeds give unlike sequences.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  /// The sequence of the `part`th of the things that have that seed.
  Random(std::uint64_t seed, std::uint64_t part) : state_(seed) { state_ = next() ^ (part * 0x9E3779B97F4A7C15ULL); }

  std::uint64_t next() noexcept {
    std::uint64_t mixed = (state_ += 0x9E3779B97F4A7C15ULL);
    mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9ULL;
    mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EBULL;
    return mixed ^ (mixed >> 31);
  }
  /// Less than `bound`, which is not 0.
  std::uint64_t below(std::uint64_t bound) noexcept { return next() % bound; }
  /// Both included.
  std::int64_t between(std::int64_t least, std::int64_t most) noexcept {
    return least + static_cast<std::int64_t>(below(static_cast<std::uint64_t>(most - least) + 1));
  }
  bool chance(unsigned percent) noexcept { return below(100) < percent; }
  template <class Container>
  auto& one_of(Container& container) noexcept {
    return *std::next(std::begin(container), static_cast<std::ptrdiff_t>(below(std::size(container))));
  }

 private:
  std::uint64_t state_;
};

}  // namespace mq::sim
