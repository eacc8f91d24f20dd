// Who asks, what the broker is and holds, and its vhosts.
#include "base/product.hpp"
#include "engine/delayed.hpp"
#include "http/api/handlers.hpp"
#include "http/listing.hpp"
#include "mq/ports/exchange_type.hpp"

namespace mq::http::api {
namespace {

/// Sums over queues, as overview and vhosts show them.
struct Totals {
  std::uint64_t queues = 0, exchanges = 0, consumers = 0, ready = 0, unacked = 0, published = 0, delivered = 0, acknowledged = 0;

  void add(const engine::VHost& vhost) {
    exchanges += vhost.with_topology([](const broker::Topology& topology) { return topology.exchanges().size(); });
    for (const auto& queue : vhost.queues()) {
      const engine::QueueGauges& gauges = queue->gauges();
      ++queues;
      consumers += gauges.consumers;
      ready += gauges.ready;
      unacked += gauges.unacked;
      published += gauges.published;
      delivered += gauges.delivered;
      acknowledged += gauges.acknowledged;
    }
  }
  void put_messages(json::object& object) const {
    object["messages"] = ready + unacked;
    object["messages_ready"] = ready;
    object["messages_unacknowledged"] = unacked;
  }
  [[nodiscard]] json::object message_stats() const { return {{"publish", published}, {"deliver_get", delivered}, {"ack", acknowledged}}; }
};

json::array exchange_types() {
  json::array list;
  for (const broker::ExchangeType& type : broker::exchange_types())
    list.push_back(json::object{{"name", to_json_string(type.name)}, {"description", ""}, {"enabled", true}});
  return list;
}

json::array listeners(const Site& site) {
  json::array list;
  for (const Site::Listener& each : site.listeners)
    list.push_back(json::object{{"node", to_json_string(site.node)},
                                {"protocol", to_json_string(each.protocol)},
                                {"ip_address", to_json_string(each.address)},
                                {"port", each.port}});
  return list;
}

json::object vhost_object(const Call& call, const engine::VHost& vhost) {
  json::object object{{"name", to_json_string(vhost.name())},
                      {"description", ""},
                      {"tags", json::array()},
                      {"default_queue_type", "undefined"},
                      {"metadata", json::object{{"description", ""}, {"tags", json::array()}}},
                      {"tracing", false},
                      {"redeclare", vhost.settings().relaxed_redeclare ? "relaxed" : "strict"},
                      {"cluster_state", json::object{{to_json_string(call.site().node), "running"}}}};
  Totals totals;
  totals.add(vhost);
  totals.put_messages(object);
  const auto delayed = vhost.delayed_if_any();
  object["messages_delayed"] = delayed ? delayed->gauges().waiting.load() : 0;
  object["message_bytes_delayed"] = delayed ? delayed->gauges().body_bytes.load() : 0;
  object["message_stats"] = totals.message_stats();
  return object;
}

}  // namespace

void whoami(const CallPtr& call) {
  json::array tags;
  call->broker().with_access([&](const broker::Access& access) {
    if (const broker::User* user = access.find_user(call->user()))
      for (const std::string& tag : user->tags) tags.push_back(to_json_string(tag));
  });
  call->answer(json_response(json::object{{"name", to_json_string(call->user())}, {"tags", std::move(tags)}}));
}

void overview(const CallPtr& call) {
  Totals totals;
  for (const auto& vhost : call->visible_vhosts()) totals.add(*vhost);
  const engine::Usage::Counts open = call->broker().usage().total();
  const Site& site = call->site();
  json::object queue_totals;
  totals.put_messages(queue_totals);
  json::object object{{"management_version", to_json_string(kCompatibleVersion)},
                      {"rabbitmq_version", to_json_string(kCompatibleVersion)},
                      {"product_name", "brokerd"},
                      {"product_version", to_json_string(site.version)},
                      {"cluster_name", to_json_string(site.cluster_name)},
                      {"node", to_json_string(site.node)},
                      {"rates_mode", "none"},
                      {"disable_stats", false},
                      {"enable_queue_totals", false},
                      {"exchange_types", exchange_types()},
                      {"listeners", listeners(site)},
                      {"contexts", json::array()},
                      {"message_stats", totals.message_stats()},
                      {"queue_totals", std::move(queue_totals)},
                      {"object_totals", json::object{{"connections", open.connections},
                                                     {"channels", open.channels},
                                                     {"consumers", totals.consumers},
                                                     {"exchanges", totals.exchanges},
                                                     {"queues", totals.queues}}}};
  call->answer(object_response(*call, std::move(object)));
}

void list_vhosts(const CallPtr& call) {
  json::array list;
  for (const auto& vhost : call->visible_vhosts()) list.push_back(vhost_object(*call, *vhost));
  call->answer(list_response(*call, std::move(list)));
}

void get_vhost(const CallPtr& call) { call->answer(object_response(*call, vhost_object(*call, *call->vhost()))); }

// Of a vhost that is there; what else a request may say of it means nothing.
void put_vhost(const CallPtr& call) {
  const auto body = call->body();
  if (!body) return;
  const json::value* redeclare = body->if_contains("redeclare");
  if (redeclare == nullptr) return call->answer(empty_response(204));
  auto value = to_amqp(*redeclare);
  if (!value) return call->answer(bad_request("redeclare should be strict or relaxed"));
  call->vhost()->put(engine::ChangeSetting{"redeclare", std::move(*value), call->reply(204)});
}

}  // namespace mq::http::api
