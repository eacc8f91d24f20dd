#include "apps/brokerbench/uri.hpp"

#include <charconv>
#include <optional>

namespace mq::bench {

namespace {

constexpr std::string_view kScheme = "amqp://";

std::optional<int> hex_digit(char c) {
  int value = 0;
  return std::from_chars(&c, &c + 1, value, 16).ec == std::errc{} ? std::optional(value) : std::nullopt;
}

/// `%2F` becomes `/`; nullopt when an escape is torn.
std::optional<std::string> unescape(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    std::optional<int> high = i + 2 < text.size() ? hex_digit(text[i + 1]) : std::nullopt;
    std::optional<int> low = i + 2 < text.size() ? hex_digit(text[i + 2]) : std::nullopt;
    if (!high || !low) return std::nullopt;
    out += static_cast<char>(*high * 16 + *low);
    i += 2;
  }
  return out;
}

bool set_port(std::string_view text, std::uint16_t& port) {
  std::uint16_t number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || number == 0) return false;
  port = number;
  return true;
}

/// Cuts `host`, `host:port`, `[::1]:port`; false when the port is none.
bool apply_authority(std::string_view text, client::ConnectOptions& options) {
  std::size_t host_end = text.starts_with('[') ? text.find(']') : 0;
  if (host_end == std::string_view::npos) return false;
  std::size_t colon = text.find(':', host_end);
  std::string_view host = text.substr(0, colon);
  if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
  if (!host.empty()) options.host = host;
  return colon == std::string_view::npos || set_port(text.substr(colon + 1), options.port);
}

}  // namespace

std::string apply_uri(std::string_view uri, client::ConnectOptions& options) {
  if (uri.starts_with("amqps://")) return "brokerbench does not speak TLS: give an amqp:// address";
  std::string wrong = "'" + std::string(uri) + "' is no address: expected amqp://user:password@host:port/vhost";
  if (uri.find("://") != std::string_view::npos && !uri.starts_with(kScheme)) return wrong;
  std::string_view rest = uri.starts_with(kScheme) ? uri.substr(kScheme.size()) : uri;
  rest = rest.substr(0, rest.find('?'));
  std::size_t slash = rest.find('/');
  if (slash != std::string_view::npos) {
    std::optional<std::string> vhost = unescape(rest.substr(slash + 1));
    if (!vhost) return wrong;
    if (!vhost->empty()) options.vhost = *vhost;
    rest = rest.substr(0, slash);
  }
  if (std::size_t at = rest.rfind('@'); at != std::string_view::npos) {
    std::string_view login = rest.substr(0, at);
    std::size_t colon = login.find(':');
    std::optional<std::string> user = unescape(login.substr(0, colon));
    std::optional<std::string> password = unescape(colon == std::string_view::npos ? "" : login.substr(colon + 1));
    if (!user || !password) return wrong;
    if (!user->empty()) options.user = *user;
    if (colon != std::string_view::npos) options.password = *password;
    rest = rest.substr(at + 1);
  }
  return apply_authority(rest, options) ? std::string() : wrong;
}

std::string address_text(const client::ConnectOptions& options) {
  bool is_v6 = options.host.find(':') != std::string::npos;
  std::string text = (is_v6 ? "[" + options.host + "]" : options.host) + ":" + std::to_string(options.port);
  return options.vhost == "/" ? text : text + "/" + options.vhost;
}

}  // namespace mq::bench
