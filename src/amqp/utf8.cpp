#include "mq/amqp/utf8.hpp"

namespace mq::amqp::detail {

namespace {

/// What a lead octet asks for: how many octets follow, and the range of the first of them (which rules out overlong forms,
/// surrogates and code points beyond U+10FFFF).
struct Lead {
  int follow;
  unsigned char first_low;
  unsigned char first_high;
};

constexpr Lead kInvalid{-1, 0, 0};

constexpr Lead lead_of(unsigned char octet) noexcept {
  if (octet < 0x80) return {0, 0, 0};
  if (octet < 0xC2) return kInvalid;
  if (octet < 0xE0) return {1, 0x80, 0xBF};
  if (octet == 0xE0) return {2, 0xA0, 0xBF};
  if (octet == 0xED) return {2, 0x80, 0x9F};
  if (octet < 0xF0) return {2, 0x80, 0xBF};
  if (octet == 0xF0) return {3, 0x90, 0xBF};
  if (octet < 0xF4) return {3, 0x80, 0xBF};
  if (octet == 0xF4) return {3, 0x80, 0x8F};
  return kInvalid;
}

}  // namespace

bool is_valid_utf8_slow(std::string_view text) noexcept {
  for (std::size_t at = 0; at < text.size();) {
    Lead lead = lead_of(static_cast<unsigned char>(text[at++]));
    if (lead.follow < 0 || text.size() - at < static_cast<std::size_t>(lead.follow)) return false;
    for (int i = 0; i < lead.follow; ++i, ++at) {
      auto octet = static_cast<unsigned char>(text[at]);
      unsigned char low = i == 0 ? lead.first_low : 0x80;
      unsigned char high = i == 0 ? lead.first_high : 0xBF;
      if (octet < low || octet > high) return false;
    }
  }
  return true;
}

}  // namespace mq::amqp::detail
