// UTF-8 as clients must write it in shortstrs: no overlong forms, no surrogates, nothing beyond U+10FFFF (RFC 3629).
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace mq::amqp {

namespace detail {
[[nodiscard]] bool is_valid_utf8_slow(std::string_view text) noexcept;
}

/// True when `text` is well-formed UTF-8. Names are nearly always ASCII: eight octets at a time, the rest only when one is not.
[[nodiscard]] inline bool is_valid_utf8(std::string_view text) noexcept {
  constexpr std::uint64_t kHighBits = 0x8080808080808080;
  std::string_view left = text;
  while (left.size() >= 8) {
    std::uint64_t eight;
    std::memcpy(&eight, left.data(), 8);
    if ((eight & kHighBits) != 0) return detail::is_valid_utf8_slow(left);
    left.remove_prefix(8);
  }
  for (char c : left)
    if ((static_cast<unsigned char>(c) & 0x80) != 0) return detail::is_valid_utf8_slow(left);
  return true;
}

/// The longest beginning of `text` of at most `size` octets that does not end inside a character.
[[nodiscard]] inline std::string_view cut_utf8(std::string_view text, std::size_t size) noexcept {
  if (text.size() <= size) return text;
  std::size_t end = size;
  while (end > 0 && size - end < 3 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end);
}

}  // namespace mq::amqp
