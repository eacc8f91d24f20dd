// Hashes that are part of what clients see: messages and queues are placed by them, so they give the same numbers in every run, in every
// build and on every machine. Changing them moves messages to other queues; a test holds some of them.
#pragma once

#include <cstdint>
#include <string_view>

#include "mq/base/bytes.hpp"

namespace mq::broker {

/// Every bit of `value` has its say in every bit of the result; two values never come to the same.
[[nodiscard]] constexpr std::uint64_t mix_bits(std::uint64_t value) noexcept {
  value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9ull;
  value = (value ^ (value >> 27)) * 0x94D049BB133111EBull;
  return value ^ (value >> 31);
}

[[nodiscard]] inline std::uint64_t stable_hash(std::string_view bytes, std::uint64_t seed = 0) noexcept {
  constexpr std::uint64_t kStep = 0x9E3779B97F4A7C15ull;
  std::uint64_t hash = mix_bits(seed + kStep * (bytes.size() + 1));
  for (; bytes.size() >= 8; bytes.remove_prefix(8)) hash = mix_bits((hash + kStep) ^ load_big_endian<std::uint64_t>(bytes.data()));
  std::uint64_t rest = 0;
  for (char c : bytes) rest = (rest << 8) | static_cast<unsigned char>(c);
  return mix_bits((hash + kStep) ^ rest);
}

}  // namespace mq::broker
