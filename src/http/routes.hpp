// The table of routes: which path and verb is whose handler, and who may call it. A new route is a row and a function in api/.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "http/call.hpp"

namespace mq::http {

/// What a user needs for a route, besides one of the tags that let in at all. Administrators may do everything.
enum class Needs : std::uint8_t {
  kLogin,
  kVHost,         ///< a permission in the vhost of the path
  kVisibleVHost,  ///< that, or the tag monitoring
  kPolicymaker,   ///< the tag, and a permission in the vhost of the path if it has one
  kAdministrator,
};

struct Route {
  Verb verb;
  std::string_view path;  ///< parts in braces match anything: `/api/policies/{vhost}/{name}`
  Needs needs;
  void (*handle)(const CallPtr& call);
};

[[nodiscard]] std::span<const Route> routes() noexcept;

/// Who a request says it comes from, and the password for it.
struct Claim {
  std::string user;
  std::string password;
};
/// Reads the header Authorization: fills in `claim`, or says what to answer.
[[nodiscard]] std::optional<Response> read_claim(std::string_view authorization, Claim& claim);
/// What is answered when the claim does not hold: 401, for every reason alike.
[[nodiscard]] Response login_failed();

/// Finds the route of the call, sees that its user may take it, and runs the handler.
void dispatch(const CallPtr& call);
/// The verbs a path knows, as the header Allow lists them; empty = no such path.
[[nodiscard]] std::string allowed_verbs(const Request& request);

}  // namespace mq::http
