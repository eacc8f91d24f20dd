// Hash for maps keyed by strings that are looked up by string_view without making a string.
#pragma once

#include <cstddef>
#include <functional>
#include <string_view>

namespace mq::broker {

struct StringHash {
  using is_transparent = void;
  using is_avalanching = void;  // libstdc++ mixes string hashes well: Boost need not mix again
  [[nodiscard]] std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>{}(text); }
};

/// Mixes another hash into `seed`.
[[nodiscard]] inline std::size_t combine_hashes(std::size_t seed, std::size_t more) noexcept {
  std::size_t mixed = (seed ^ (more + 0x9E3779B97F4A7C15ull + (seed << 6) + (seed >> 2))) * 0xFF51AFD7ED558CCDull;
  return mixed ^ (mixed >> 32);
}

}  // namespace mq::broker
