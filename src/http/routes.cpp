#include "http/routes.hpp"

#include <algorithm>
#include <optional>

#include "http/api/handlers.hpp"
#include "http/base64.hpp"

namespace mq::http {
namespace {

// clang-format off
constexpr Route kRoutes[] = {
    {Verb::kGet, "/api/whoami", Needs::kLogin, api::whoami},
    {Verb::kGet, "/api/overview", Needs::kLogin, api::overview},
    {Verb::kGet, "/api/nodes", Needs::kLogin, api::list_nodes},
    {Verb::kGet, "/api/nodes/{node}", Needs::kLogin, api::get_node},
    {Verb::kGet, "/api/health/checks/alarms", Needs::kLogin, api::check_alarms},
    {Verb::kGet, "/api/health/checks/local-alarms", Needs::kLogin, api::check_local_alarms},
    {Verb::kGet, "/api/vhosts", Needs::kLogin, api::list_vhosts},
    {Verb::kGet, "/api/vhosts/{vhost}", Needs::kVisibleVHost, api::get_vhost},
    {Verb::kPut, "/api/vhosts/{vhost}", Needs::kAdministrator, api::put_vhost},

    {Verb::kPost, "/api/backup", Needs::kAdministrator, api::make_backup},

    {Verb::kGet, "/api/queues", Needs::kLogin, api::list_queues},
    {Verb::kGet, "/api/queues/{vhost}", Needs::kVHost, api::list_queues},
    {Verb::kGet, "/api/queues/{vhost}/{name}", Needs::kVHost, api::get_queue},
    {Verb::kPut, "/api/queues/{vhost}/{name}/arguments", Needs::kPolicymaker, api::put_queue_arguments},
    {Verb::kPut, "/api/queues/{vhost}/{name}/pause", Needs::kPolicymaker, api::pause_queue},
    {Verb::kPut, "/api/queues/{vhost}/{name}/resume", Needs::kPolicymaker, api::resume_queue},

    {Verb::kGet, "/api/delayed/{vhost}", Needs::kVHost, api::list_delayed},
    {Verb::kDelete, "/api/delayed/{vhost}/{name}", Needs::kPolicymaker, api::cancel_delayed},

    {Verb::kGet, "/api/exchanges", Needs::kLogin, api::list_exchanges},
    {Verb::kGet, "/api/exchanges/{vhost}", Needs::kVHost, api::list_exchanges},
    {Verb::kGet, "/api/exchanges/{vhost}/{name}", Needs::kVHost, api::get_exchange},

    {Verb::kGet, "/api/policies", Needs::kLogin, api::list_policies},
    {Verb::kGet, "/api/policies/{vhost}", Needs::kVHost, api::list_policies},
    {Verb::kGet, "/api/policies/{vhost}/{name}", Needs::kPolicymaker, api::get_policy},
    {Verb::kPut, "/api/policies/{vhost}/{name}", Needs::kPolicymaker, api::put_policy},
    {Verb::kDelete, "/api/policies/{vhost}/{name}", Needs::kPolicymaker, api::delete_policy},
    {Verb::kGet, "/api/operator-policies", Needs::kLogin, api::list_operator_policies},
    {Verb::kGet, "/api/operator-policies/{vhost}", Needs::kVHost, api::list_operator_policies},
    {Verb::kGet, "/api/operator-policies/{vhost}/{name}", Needs::kAdministrator, api::get_operator_policy},
    {Verb::kPut, "/api/operator-policies/{vhost}/{name}", Needs::kAdministrator, api::put_operator_policy},
    {Verb::kDelete, "/api/operator-policies/{vhost}/{name}", Needs::kAdministrator, api::delete_operator_policy},

    {Verb::kGet, "/api/parameters", Needs::kPolicymaker, api::list_parameters},
    {Verb::kGet, "/api/parameters/{component}", Needs::kPolicymaker, api::list_parameters},
    {Verb::kGet, "/api/parameters/{component}/{vhost}", Needs::kPolicymaker, api::list_parameters},
    {Verb::kGet, "/api/parameters/{component}/{vhost}/{name}", Needs::kPolicymaker, api::get_parameter},
    {Verb::kPut, "/api/parameters/{component}/{vhost}/{name}", Needs::kPolicymaker, api::put_parameter},
    {Verb::kDelete, "/api/parameters/{component}/{vhost}/{name}", Needs::kPolicymaker, api::delete_parameter},
    {Verb::kGet, "/api/global-parameters", Needs::kPolicymaker, api::list_global_parameters},
    {Verb::kGet, "/api/global-parameters/{name}", Needs::kPolicymaker, api::get_global_parameter},
    {Verb::kPut, "/api/global-parameters/{name}", Needs::kPolicymaker, api::put_global_parameter},
    {Verb::kDelete, "/api/global-parameters/{name}", Needs::kPolicymaker, api::delete_global_parameter},

    {Verb::kGet, "/api/vhost-limits", Needs::kLogin, api::list_vhost_limits},
    {Verb::kGet, "/api/vhost-limits/{vhost}", Needs::kVisibleVHost, api::list_vhost_limits},
    {Verb::kPut, "/api/vhost-limits/{vhost}/{name}", Needs::kAdministrator, api::put_vhost_limit},
    {Verb::kDelete, "/api/vhost-limits/{vhost}/{name}", Needs::kAdministrator, api::delete_vhost_limit},
    {Verb::kGet, "/api/user-limits", Needs::kLogin, api::list_user_limits},
    {Verb::kGet, "/api/user-limits/{user}", Needs::kLogin, api::list_user_limits},
    {Verb::kPut, "/api/user-limits/{user}/{name}", Needs::kAdministrator, api::put_user_limit},
    {Verb::kDelete, "/api/user-limits/{user}/{name}", Needs::kAdministrator, api::delete_user_limit},
};
// clang-format on

struct VerbName {
  Verb verb;
  std::string_view names;
};
constexpr VerbName kVerbNames[] = {{Verb::kGet, "HEAD, GET"}, {Verb::kPut, "PUT"}, {Verb::kPost, "POST"}, {Verb::kDelete, "DELETE"}};

/// The next part of a route's path, taken off it.
std::string_view take_part(std::string_view& path) {
  path.remove_prefix(1);
  const std::string_view part = path.substr(0, path.find('/'));
  path.remove_prefix(part.size());
  return part;
}

bool matches(std::string_view path, const std::vector<std::string>& parts) {
  std::size_t at = 0;
  while (!path.empty()) {
    const std::string_view wanted = take_part(path);
    if (at == parts.size() || (!wanted.starts_with('{') && wanted != parts[at])) return false;
    ++at;
  }
  return at == parts.size();
}

void take_variables(std::string_view path, Request& request) {
  for (std::size_t at = 0; !path.empty(); ++at) {
    const std::string_view part = take_part(path);
    if (part.starts_with('{')) request.path_variables.emplace(part.substr(1, part.size() - 2), request.path[at]);
  }
}

std::optional<Response> refuse(const Call& call, const Route& route) {
  if (!call.may_manage()) return not_authorised("Not management user");
  if (call.is_administrator()) return std::nullopt;
  if (route.needs == Needs::kAdministrator) return not_authorised("Not administrator user");
  if (route.needs == Needs::kPolicymaker && !call.is_policymaker()) return not_authorised("User not authorised to access object");
  if (!call.has("vhost") || call.vhost() == nullptr || call.may_enter(call.at("vhost"))) return std::nullopt;
  if (route.needs == Needs::kVisibleVHost && call.is_monitor()) return std::nullopt;
  return not_authorised(route.needs == Needs::kPolicymaker ? "User not authorised to access object"
                                                           : "User not authorised to access virtual host");
}

}  // namespace

std::span<const Route> routes() noexcept { return kRoutes; }

Response login_failed() {
  Response response = error_response(401, "not_authorized", "Login failed");
  response.headers.emplace_back("www-authenticate", "Basic realm=\"RabbitMQ Management\"");
  return response;
}

std::optional<Response> read_claim(std::string_view authorization, Claim& claim) {
  constexpr std::string_view kBasic = "basic ";
  Response refused = login_failed();
  if (authorization.empty()) {
    refused.body.clear();
    return refused;
  }
  const auto same_letter = [](char a, char b) { return a == b || (a >= 'A' && a <= 'Z' && a - 'A' + 'a' == b); };
  if (authorization.size() < kBasic.size() ||
      !std::equal(kBasic.begin(), kBasic.end(), authorization.begin(), [&](char wanted, char c) { return same_letter(c, wanted); }))
    return refused;
  auto credentials = decode_base64(authorization.substr(kBasic.size()));
  if (!credentials) return empty_response(400);
  const std::size_t colon = credentials->find(':');
  if (colon == std::string::npos) return empty_response(400);
  claim = {credentials->substr(0, colon), credentials->substr(colon + 1)};
  broker::wipe(*credentials);
  return std::nullopt;
}

void dispatch(const CallPtr& call) {
  Request& request = call->request();
  bool known = false;
  for (const Route& route : kRoutes) {
    if (!matches(route.path, request.path)) continue;
    known = true;
    if (route.verb != request.verb) continue;
    take_variables(route.path, request);
    if (auto refused = refuse(*call, route)) return call->answer(std::move(*refused));
    if (call->has("vhost") && call->vhost() == nullptr)
      return call->answer(request.verb == Verb::kPut || request.verb == Verb::kPost ? error_response(404, "not_found", "vhost_not_found")
                                                                                    : not_found());
    return route.handle(call);
  }
  if (!known) return call->answer(not_found());
  Response response = empty_response(405);
  response.headers.emplace_back("allow", allowed_verbs(request));
  call->answer(std::move(response));
}

std::string allowed_verbs(const Request& request) {
  std::string names;
  for (const VerbName& each : kVerbNames)
    for (const Route& route : kRoutes)
      if (route.verb == each.verb && matches(route.path, request.path)) {
        names.append(each.names).append(", ");
        break;
      }
  return names.empty() ? names : names + "OPTIONS";
}

}  // namespace mq::http
