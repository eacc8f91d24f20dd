// Policies and operator policies.
#include "broker/json_term.hpp"
#include "broker/policy.hpp"
#include "http/api/handlers.hpp"
#include "http/listing.hpp"

namespace mq::http::api {
namespace {

using broker::Policy;
using broker::PolicyKind;

json::object policy_object(const engine::VHost& vhost, const Policy& policy) {
  return {{"vhost", to_json_string(vhost.name())},     {"name", to_json_string(policy.name)},
          {"pattern", to_json_string(policy.pattern)}, {"apply-to", to_json_string(broker::apply_to_name(policy.apply_to))},
          {"definition", to_json(policy.definition)},  {"priority", policy.priority}};
}

Error invalid(const std::string& what) { return fail(ReplyCode::kPreconditionFailed, "Validation failed\n\n" + what + "\n"); }

std::string term(const json::value& value) {
  const auto kept = to_amqp(value);
  return kept ? broker::json_term(*kept) : "a member with too long a name";
}

/// The policy a request's body describes; what its definition says is checked by the rules.
Result<Policy> read_policy(const std::string& name, const json::object& body) {
  Policy policy;
  policy.name = name;
  const json::value& pattern = body.at("pattern");
  if (!pattern.is_string()) return invalid("pattern should be a binary but was " + term(pattern));
  policy.pattern = std::string(pattern.get_string().data(), pattern.get_string().size());
  if (const json::value* priority = body.if_contains("priority")) {
    if (!priority->is_int64()) return invalid("priority should be a number, actually was " + term(*priority));
    policy.priority = priority->get_int64();
  }
  if (const json::value* apply_to = body.if_contains("apply-to")) {
    auto found = broker::find_apply_to(apply_to->is_string() ? std::string_view(apply_to->get_string()) : std::string_view());
    if (!found) return found.error();
    policy.apply_to = *found;
  }
  auto definition = to_amqp(body.at("definition"));
  if (!definition || definition->table() == nullptr)
    return invalid("definition should be an object but was " + term(body.at("definition")));
  policy.definition = *definition->table();
  return policy;
}

void list(const CallPtr& call, PolicyKind kind) {
  json::array all;
  for (const auto& vhost : call->vhosts())
    for (const Policy& policy : vhost->policies()->of(kind).list()) all.push_back(policy_object(*vhost, policy));
  call->answer(list_response(*call, std::move(all)));
}

void get(const CallPtr& call, PolicyKind kind) {
  const auto vhost = call->vhost();
  const auto policies = vhost->policies();
  const Policy* policy = policies->of(kind).find(call->at("name"));
  call->answer(policy == nullptr ? not_found() : object_response(*call, policy_object(*vhost, *policy)));
}

void put(const CallPtr& call, PolicyKind kind) {
  const auto body = call->body({"pattern", "definition"});
  if (!body) return;
  auto refusal = [kind](const Error& error) { return bad_request(kind == PolicyKind::kPolicy ? escape_html(error.text) : error.text); };
  auto policy = read_policy(call->at("name"), *body);
  if (!policy) return call->answer(refusal(policy.error()));
  const auto vhost = call->vhost();
  const unsigned status = vhost->policies()->of(kind).find(policy->name) == nullptr ? 201 : 204;
  auto then = [status, refusal](Result<engine::Answer>& given) { return given ? empty_response(status) : refusal(given.error()); };
  std::string name = policy->name;
  vhost->put(engine::ChangePolicy{kind, std::move(name), std::move(*policy), call->reply(std::move(then))});
}

void remove(const CallPtr& call, PolicyKind kind) {
  call->vhost()->put(engine::ChangePolicy{kind, call->at("name"), std::nullopt, call->reply(204)});
}

}  // namespace

void list_policies(const CallPtr& call) { list(call, PolicyKind::kPolicy); }
void get_policy(const CallPtr& call) { get(call, PolicyKind::kPolicy); }
void put_policy(const CallPtr& call) { put(call, PolicyKind::kPolicy); }
void delete_policy(const CallPtr& call) { remove(call, PolicyKind::kPolicy); }
void list_operator_policies(const CallPtr& call) { list(call, PolicyKind::kOperatorPolicy); }
void get_operator_policy(const CallPtr& call) { get(call, PolicyKind::kOperatorPolicy); }
void put_operator_policy(const CallPtr& call) { put(call, PolicyKind::kOperatorPolicy); }
void delete_operator_policy(const CallPtr& call) { remove(call, PolicyKind::kOperatorPolicy); }

}  // namespace mq::http::api
