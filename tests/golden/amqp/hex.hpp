// Hex as golden tests write it: digits in pairs, blanks anywhere.
#pragma once

#include <string>
#include <string_view>

namespace mq::golden {

inline std::string from_hex(std::string_view hex) {
  auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  std::string bytes;
  int high = -1;
  for (char c : hex) {
    if (c == ' ') continue;
    if (high < 0) {
      high = digit(c);
      continue;
    }
    bytes += static_cast<char>(high << 4 | digit(c));
    high = -1;
  }
  return bytes;
}

inline std::string to_hex(std::string_view bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  for (char c : bytes) {
    auto octet = static_cast<unsigned char>(c);
    hex += kDigits[octet >> 4];
    hex += kDigits[octet & 15];
  }
  return hex;
}

/// The digits alone, so that a golden text may be spaced for the reader.
inline std::string squeezed(std::string_view hex) { return to_hex(from_hex(hex)); }

}  // namespace mq::golden
