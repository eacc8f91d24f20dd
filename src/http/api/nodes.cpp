// The one node there is, how its memory and disk are, and whether that is a reason for alarm.
#include <unistd.h>

#include "http/api/handlers.hpp"
#include "http/listing.hpp"

namespace mq::http::api {
namespace {

std::string_view name_of(engine::StoreState state) {
  switch (state) {
    case engine::StoreState::kWell: return "ok";
    case engine::StoreState::kSlow: return "slow";
    case engine::StoreState::kFull: return "full";
    case engine::StoreState::kFailing: break;
  }
  return "failing";
}

json::object node_object(const Call& call) {
  const engine::Health health = call.broker().health();
  json::object object{{"name", to_json_string(call.site().node)},
                      {"type", "disc"},
                      {"running", true},
                      {"os_pid", to_json_string(std::to_string(::getpid()))},
                      {"mem_used", health.memory_bytes},
                      {"mem_limit", health.memory_limit_bytes},
                      {"mem_alarm", health.low_on_memory},
                      {"disk_free", health.disk_free_bytes},
                      {"disk_free_limit", health.disk_free_limit_bytes},
                      {"disk_free_alarm", health.low_on_disk},
                      {"store_state", to_json_string(name_of(health.store))},
                      {"store_reason", to_json_string(health.store_text)}};
  object["store_since"] = health.store_since == 0 ? json::value(nullptr) : json::value(health.store_since);
  return object;
}

void check(const CallPtr& call, std::string_view reason) {
  const engine::Health health = call->broker().health();
  json::array alarms;
  const auto add = [&](bool on, std::string_view resource) {
    if (on) alarms.push_back(json::object{{"node", to_json_string(call->site().node)}, {"resource", to_json_string(resource)}});
  };
  add(health.low_on_memory, "memory");
  add(health.low_on_disk, "disk");
  if (alarms.empty()) return call->answer(json_response(json::object{{"status", "ok"}}));
  call->answer(json_response(json::object{{"status", "failed"}, {"reason", to_json_string(reason)}, {"alarms", std::move(alarms)}}, 503));
}

}  // namespace

void list_nodes(const CallPtr& call) {
  if (!call->is_monitor()) return call->answer(not_authorised("Not monitor user"));
  call->answer(list_response(*call, json::array{node_object(*call)}));
}

void get_node(const CallPtr& call) {
  if (!call->is_monitor()) return call->answer(not_authorised("Not monitor user"));
  if (call->at("node") != call->site().node) return call->answer(not_found());
  call->answer(object_response(*call, node_object(*call)));
}

void check_alarms(const CallPtr& call) { check(call, "There are alarms in effect in the cluster"); }

void check_local_alarms(const CallPtr& call) { check(call, "There are alarms in effect on the node"); }

}  // namespace mq::http::api
