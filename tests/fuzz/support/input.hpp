// Takes an input apart into whatever a target needs. Behind its end everything is zero, so every input means something; and what is read
// first stands first, so that a change near the end leaves what was before it as it is.
#pragma once

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <string_view>

#include "mq/base/bytes.hpp"

namespace mq::fuzz {

class Input {
 public:
  explicit Input(std::string_view bytes) : in_(bytes) {}

  [[nodiscard]] bool empty() const noexcept { return in_.empty(); }
  [[nodiscard]] std::size_t left() const noexcept { return in_.left(); }
  std::uint8_t u8() { return in_.u8(); }
  std::uint16_t u16() { return whole<std::uint16_t>(); }
  std::uint32_t u32() { return whole<std::uint32_t>(); }
  std::uint64_t u64() { return whole<std::uint64_t>(); }
  bool flip() { return (u8() & 1) != 0; }
  /// 0 ... bound - 1, from one byte: bound is at most 256.
  std::size_t below(std::size_t bound) { return u8() % bound; }
  template <class Range>
  const auto& pick(const Range& range) {
    return *std::next(std::begin(range), static_cast<std::ptrdiff_t>(below(std::size(range))));
  }
  /// So many bytes, or what there is.
  std::string_view bytes(std::size_t count) { return in_.bytes(std::min(count, in_.left())); }
  /// A length octet and what it announces.
  std::string_view text() { return bytes(u8()); }
  std::string_view rest() { return in_.rest(); }

 private:
  template <class Int>
  Int whole() {
    Int value = 0;
    for (char c : bytes(sizeof(Int))) value = static_cast<Int>(value << 8 | static_cast<unsigned char>(c));
    return value;
  }

  ByteReader in_;
};

}  // namespace mq::fuzz
