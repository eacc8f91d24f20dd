#include "broker/names.hpp"

namespace mq::broker {

bool is_reserved_name(std::string_view name) noexcept { return name.starts_with(kReservedPrefix); }

Result<> check_new_name(std::string_view kind, std::string_view name) {
  if (!is_reserved_name(name)) return {};
  return fail(ReplyCode::kAccessRefused, std::string(kind) + " name '" + std::string(name) + "' contains reserved prefix 'amq.*'");
}

std::string without_line_breaks(std::string_view name) {
  std::string kept;
  kept.reserve(name.size());
  for (char c : name)
    if (c != '\r' && c != '\n') kept += c;
  return kept;
}

std::string generate_name(std::string_view prefix, const RandomBytes& random) {
  static constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string name(prefix);
  name.reserve(prefix.size() + 22);
  std::uint32_t bits = 0;
  int held = 0;
  for (std::uint8_t octet : random) {
    bits = (bits << 8) | octet;
    held += 8;
    for (; held >= 6; held -= 6) name += kAlphabet[(bits >> (held - 6)) & 63];
  }
  name += kAlphabet[(bits << (6 - held)) & 63];  // 128 bits leave two for the last character
  return name;
}

std::string resource_text(std::string_view kind, std::string_view name, std::string_view vhost) {
  std::string text;
  text.reserve(kind.size() + name.size() + vhost.size() + 16);
  text.append(kind).append(" '").append(name).append("' in vhost '").append(vhost).append("'");
  return text;
}

Error not_found(std::string_view kind, std::string_view name, std::string_view vhost) {
  return fail(ReplyCode::kNotFound, "no " + resource_text(kind, name, vhost));
}

}  // namespace mq::broker
