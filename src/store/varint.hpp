// Integers in as few bytes as they need: seven bits each, low ones first, the top bit saying that more follow. Signed ones are folded
// (0, -1, 1, -2, ...) so that small ones of either sign stay short.
#pragma once

#include <bit>
#include <cstdint>
#include <string>

#include "mq/base/bytes.hpp"

namespace mq::store {

inline constexpr std::size_t kMaxVarintBytes = 10;

[[nodiscard]] inline std::size_t varint_bytes(std::uint64_t value) noexcept {
  return (static_cast<std::size_t>(std::bit_width(value | 1)) + 6) / 7;
}

/// Writes at `to`, which has room for it; the place behind.
inline char* put_varint(char* to, std::uint64_t value) noexcept {
  while (value >= 0x80) {
    *to++ = static_cast<char>(value | 0x80);
    value >>= 7;
  }
  *to++ = static_cast<char>(value);
  return to;
}

inline void append_varint(std::string& out, std::uint64_t value) {
  char raw[kMaxVarintBytes];
  out.append(raw, static_cast<std::size_t>(put_varint(raw, value) - raw));
}

/// `in` fails when the bytes end too soon or the number needs more than 64 bits.
[[nodiscard]] inline std::uint64_t read_varint(ByteReader& in) noexcept {
  std::uint64_t value = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    std::uint8_t byte = in.u8();
    if (shift == 63 && byte > 1) break;
    value |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
    if (byte < 0x80) return value;
  }
  in.fail();
  return 0;
}

/// The difference `to - from` of two moments, folded; wraps instead of overflowing.
[[nodiscard]] inline std::uint64_t fold_difference(std::int64_t from, std::int64_t to) noexcept {
  std::uint64_t difference = static_cast<std::uint64_t>(to) - static_cast<std::uint64_t>(from);
  return (difference << 1) ^ (0 - (difference >> 63));
}
/// The moment that lies a folded difference behind `from`.
[[nodiscard]] inline std::int64_t unfold_difference(std::int64_t from, std::uint64_t folded) noexcept {
  std::uint64_t difference = (folded >> 1) ^ (0 - (folded & 1));
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(from) + difference);
}

}  // namespace mq::store
