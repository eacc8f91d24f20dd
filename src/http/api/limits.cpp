// Limits of vhosts and users.
#include "broker/parameters.hpp"
#include "http/api/handlers.hpp"
#include "http/listing.hpp"

namespace mq::http::api {
namespace {

std::optional<amqp::Table> limits_of(const engine::VHost& vhost) {
  for (const broker::Parameter& each : vhost.parameters())
    if (each.component == broker::kVHostLimitsComponent && each.value.table() != nullptr) return *each.value.table();
  return std::nullopt;
}

bool knows_user(const Call& call) {
  return call.broker().with_access([&](const broker::Access& access) { return access.find_user(call.at("user")) != nullptr; });
}

}  // namespace

void list_vhost_limits(const CallPtr& call) {
  json::array list;
  for (const auto& vhost : call->visible_vhosts())
    if (const auto limits = limits_of(*vhost); limits && !limits->empty())
      list.push_back(json::object{{"vhost", to_json_string(vhost->name())}, {"value", to_json(*limits)}});
  call->answer(list_response(*call, std::move(list)));
}

void put_vhost_limit(const CallPtr& call) {
  auto value = call->body_value();
  if (value) call->vhost()->put(engine::ChangeLimit{call->at("name"), std::move(value), call->reply(204)});
}

void delete_vhost_limit(const CallPtr& call) { call->vhost()->put(engine::ChangeLimit{call->at("name"), std::nullopt, call->reply(204)}); }

void list_user_limits(const CallPtr& call) {
  if (call->has("user") && !knows_user(*call)) return call->answer(not_found());
  json::array list;
  for (const broker::User& user : call->broker().with_access([](const broker::Access& access) { return access.users(); })) {
    const amqp::Table limits = broker::encode(broker::limits_of(user));
    if (limits.empty() || (call->has("user") && call->at("user") != user.name)) continue;
    list.push_back(json::object{{"user", to_json_string(user.name)}, {"value", to_json(limits)}});
  }
  call->answer(list_response(*call, std::move(list)));
}

void put_user_limit(const CallPtr& call) {
  auto value = call->body_value();
  if (!value) return;
  if (!knows_user(*call))
    return call->answer(json_response(
        json::object{{"error", "bad_request"}, {"reason", json::array{"no_such_user", to_json_string(call->at("user"))}}}, 400));
  amqp::Table limits;
  limits.set(call->at("name"), std::move(*value));
  call->broker().change_user_limits(call->at("user"), std::move(limits), call->reply(204));
}

void delete_user_limit(const CallPtr& call) {
  if (!knows_user(*call)) return call->answer(not_found());
  if (!broker::is_user_limit(call->at("name"))) return call->answer(empty_response(204));  // nothing of that name limits anybody
  amqp::Table limits;
  limits.set(call->at("name"), std::int64_t{-1});
  call->broker().change_user_limits(call->at("user"), std::move(limits), call->reply(204));
}

}  // namespace mq::http::api
