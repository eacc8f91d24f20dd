#include "http/message.hpp"

#include <optional>

namespace mq::http {
namespace {

std::optional<int> hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return std::nullopt;
}

// `plus` is what stands for a space in a query, and for itself in a path.
bool decode(std::string_view text, bool plus_is_space, std::string& out) {
  out.clear();
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '%') {
      out += plus_is_space && text[at] == '+' ? ' ' : text[at];
      continue;
    }
    if (at + 2 >= text.size()) return false;
    const auto high = hex_digit(text[at + 1]), low = hex_digit(text[at + 2]);
    if (!high || !low) return false;
    out += static_cast<char>(*high * 16 + *low);
    at += 2;
  }
  return true;
}

/// Calls `use(part)` for what lies between the separators; false from it stops.
template <class Use>
bool for_each_part(std::string_view text, char separator, Use&& use) {
  while (!text.empty()) {
    const std::size_t end = text.find(separator);
    if (!use(text.substr(0, end))) return false;
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return true;
}

bool read_query(std::string_view query, std::map<std::string, std::string>& out) {
  return for_each_part(query, '&', [&](std::string_view pair) {
    const std::size_t equals = pair.find('=');
    std::string name, value;
    if (!decode(pair.substr(0, equals), true, name)) return false;
    if (equals != std::string_view::npos && !decode(pair.substr(equals + 1), true, value)) return false;
    out[name] = std::move(value);
    return true;
  });
}

}  // namespace

bool read_target(std::string_view target, Request& out) {
  if (!target.starts_with('/')) return false;
  target = target.substr(0, target.find('#'));
  const std::size_t mark = target.find('?');
  if (mark != std::string_view::npos && !read_query(target.substr(mark + 1), out.query)) return false;
  return for_each_part(target.substr(1, mark == std::string_view::npos ? mark : mark - 1), '/',
                       [&](std::string_view part) { return decode(part, false, out.path.emplace_back()); });
}

Response json_response(const json::value& value, unsigned status) {
  return {status, to_text(value), "application/json", {{"cache-control", "no-cache"}}};
}

Response empty_response(unsigned status) { return {status, {}, {}, {}}; }

Response error_response(unsigned status, std::string_view error, std::string_view reason) {
  return {status, to_text(json::object{{"error", to_json_string(error)}, {"reason", to_json_string(reason)}}), "application/json", {}};
}

Response not_found() { return error_response(404, "Object Not Found", "Not Found"); }

Response bad_request(std::string_view reason) { return error_response(400, "bad_request", reason); }

Response not_authorised(std::string_view reason) { return error_response(401, "not_authorised", reason); }

Response response_of(const Error& error) {
  switch (error.code) {
    case ReplyCode::kNotFound: return not_found();
    case ReplyCode::kAccessRefused: return not_authorised(error.text);
    default: return bad_request(error.text);
  }
}

std::string escape_html(std::string_view text) {
  std::string escaped;
  for (char c : text) {
    switch (c) {
      case '<': escaped += "&lt;"; break;
      case '>': escaped += "&gt;"; break;
      case '&': escaped += "&amp;"; break;
      default: escaped += c;
    }
  }
  return escaped;
}

}  // namespace mq::http
