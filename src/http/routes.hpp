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

/// Who a request's Authorization header shows to be: fills in `user`, or says what to answer.
/// A user who may only log in from this machine needs `from_loopback`.
[[nodiscard]] std::optional<Response> authenticate(const engine::Broker& broker, std::string_view authorization, bool from_loopback,
                                                   std::string& user);

/// Finds the route of the call, sees that its user may take it, and runs the handler.
void dispatch(const CallPtr& call);
/// The verbs a path knows, as the header Allow lists them; empty = no such path.
[[nodiscard]] std::string allowed_verbs(const Request& request);

}  // namespace mq::http
