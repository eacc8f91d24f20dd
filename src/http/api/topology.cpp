// Queues and exchanges, with the policies that hold for them.
#include <algorithm>

#include "broker/names.hpp"
#include "broker/policy.hpp"
#include "broker/queue_arguments.hpp"
#include "http/api/handlers.hpp"
#include "http/listing.hpp"

namespace mq::http::api {
namespace {

json::value name_or_null(const broker::Policy* policy) {
  return policy == nullptr ? json::value(nullptr) : json::value(to_json_string(policy->name));
}

const amqp::Table* definition_of(const broker::Policy* policy) { return policy == nullptr ? nullptr : &policy->definition; }

void put_counts(json::object& object, const engine::QueueGauges& gauges) {
  const std::uint64_t ready = gauges.ready, unacked = gauges.unacked, ready_bytes = gauges.ready_bytes,
                      unacked_bytes = gauges.unacked_bytes;
  object["messages"] = ready + unacked;
  object["messages_ready"] = ready;
  object["messages_unacknowledged"] = unacked;
  object["message_bytes"] = ready_bytes + unacked_bytes;
  object["message_bytes_ready"] = ready_bytes;
  object["message_bytes_unacknowledged"] = unacked_bytes;
  object["consumers"] = gauges.consumers.load();
  object["memory"] = gauges.memory_bytes.load();
  object["message_stats"] = json::object{{"publish", gauges.published.load()},
                                         {"deliver_get", gauges.delivered.load()},
                                         {"ack", gauges.acknowledged.load()},
                                         {"refused", gauges.refused.load()},
                                         {"duplicates", gauges.duplicates.load()}};
}

json::object queue_object(const Call& call, const engine::VHost& vhost, const broker::Policies& policies, const engine::FoundQueue& queue) {
  const broker::QueueInfo& info = queue.info;
  const broker::QueueType type = broker::queue_type_of(info.arguments);
  const broker::Policy* policy = policies.policies.of_queue(type, info.name);
  const broker::Policy* by_operator = policies.operator_policies.of_queue(type, info.name);
  json::object object{{"name", to_json_string(info.name)},
                      {"vhost", to_json_string(vhost.name())},
                      {"type", to_json_string(broker::queue_type_name(type))},
                      {"durable", info.durable && !info.exclusive},
                      {"auto_delete", info.auto_delete},
                      {"exclusive", info.exclusive},
                      {"arguments", to_json(info.arguments)},
                      {"node", to_json_string(call.site().node)},
                      {"state", info.paused.delivery ? "paused" : "running"},
                      {"paused_delivery", info.paused.delivery},
                      {"paused_publish", info.paused.publish},
                      {"policy", name_or_null(policy)},
                      {"operator_policy", name_or_null(by_operator)},
                      {"effective_policy_definition", to_json(broker::merge_policies(definition_of(policy), definition_of(by_operator)))}};
  put_counts(object, queue.actor->gauges());
  return object;
}

json::object exchange_object(const engine::VHost& vhost, const broker::Policies& policies, const broker::ExchangeInfo& info) {
  json::object object{{"name", to_json_string(info.name)},   {"vhost", to_json_string(vhost.name())},
                      {"type", to_json_string(info.type)},   {"durable", info.durable},
                      {"auto_delete", info.auto_delete},     {"internal", info.internal},
                      {"arguments", to_json(info.arguments)}};
  const auto unique = vhost.with_topology([&](const broker::Topology& topology) { return topology.find_deduplication(info.name); });
  if (unique) object["message_stats"] = json::object{{"duplicates", unique->duplicates.load()}};
  if (const broker::Policy* policy = policies.policies.of_exchange(info.name)) object["policy"] = to_json_string(policy->name);
  return object;
}

template <class Range>
void sort_by_name(Range& range) {
  std::sort(range.begin(), range.end(), [](const json::value& a, const json::value& b) {
    return a.get_object().at("name").get_string() < b.get_object().at("name").get_string();
  });
}

void append(json::array& list, json::array&& more) {
  sort_by_name(more);
  list.insert(list.end(), more.begin(), more.end());
}

}  // namespace

void list_queues(const CallPtr& call) {
  json::array list;
  for (const auto& vhost : call->vhosts()) {
    const auto policies = vhost->policies();
    json::array part;
    for (const engine::FoundQueue& queue : vhost->found_queues()) part.push_back(queue_object(*call, *vhost, *policies, queue));
    append(list, std::move(part));
  }
  call->answer(list_response(*call, std::move(list)));
}

void get_queue(const CallPtr& call) {
  const auto vhost = call->vhost();
  const auto found = vhost->queue_named(call->at("name"));
  call->answer(found ? object_response(*call, queue_object(*call, *vhost, *vhost->policies(), *found)) : not_found());
}

void list_exchanges(const CallPtr& call) {
  json::array list;
  for (const auto& vhost : call->vhosts()) {
    const auto policies = vhost->policies();
    json::array part;
    for (const broker::ExchangeInfo& info : vhost->with_topology([](const broker::Topology& topology) { return topology.exchanges(); }))
      part.push_back(exchange_object(*vhost, *policies, info));
    append(list, std::move(part));
  }
  call->answer(list_response(*call, std::move(list)));
}

void get_exchange(const CallPtr& call) {
  const auto vhost = call->vhost();
  const std::string name = call->at("name") == broker::kDefaultExchangeAlias ? "" : call->at("name");
  const auto found = vhost->with_topology([&](const broker::Topology& topology) -> std::optional<broker::ExchangeInfo> {
    const broker::ExchangeInfo* info = topology.find_exchange(name);
    return info == nullptr ? std::nullopt : std::optional(*info);
  });
  call->answer(found ? object_response(*call, exchange_object(*vhost, *vhost->policies(), *found)) : not_found());
}

}  // namespace mq::http::api
