// A request as handlers see it, and what they answer. No socket in here.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/json.hpp"
#include "mq/base/result.hpp"

namespace mq::http {

enum class Verb : std::uint8_t { kGet, kPut, kPost, kDelete };

struct Request {
  Verb verb = Verb::kGet;
  std::vector<std::string> path;                      ///< its parts, decoded: `/api/policies/%2F` = {api, policies, /}
  std::map<std::string, std::string> query;           ///< decoded; the last of a name counts
  std::map<std::string, std::string> path_variables;  ///< filled in by the route: vhost, name, ...
  std::string body;
  std::string user;  ///< who has shown to be that
};

/// Splits and decodes a request target; false when it is malformed.
[[nodiscard]] bool read_target(std::string_view target, Request& out);

struct Response {
  unsigned status = 200;
  std::string body;
  std::string content_type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers;
};

[[nodiscard]] Response json_response(const json::value& value, unsigned status = 200);
[[nodiscard]] Response empty_response(unsigned status);

// --- RabbitMQ's error bodies ---
/// `{"error":"...","reason":"..."}`
[[nodiscard]] Response error_response(unsigned status, std::string_view error, std::string_view reason);
/// 404 `Object Not Found`.
[[nodiscard]] Response not_found();
/// 400 `bad_request`.
[[nodiscard]] Response bad_request(std::string_view reason);
/// 401 `not_authorised`: who that is is known, but may not.
[[nodiscard]] Response not_authorised(std::string_view reason);
/// Of an error of the broker's: 404, 401 or 400.
[[nodiscard]] Response response_of(const Error& error);

/// `<`, `>` and `&` as HTML entities: RabbitMQ's console shows some reasons as they come.
[[nodiscard]] std::string escape_html(std::string_view text);

}  // namespace mq::http
