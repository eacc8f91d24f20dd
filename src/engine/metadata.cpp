#include "engine/metadata.hpp"

#include <initializer_list>

#include "mq/base/bytes.hpp"

namespace mq::engine::metadata {
namespace {

// Parts are length-prefixed: names may hold any byte.
std::string make_key(std::string_view kind, std::initializer_list<std::string_view> parts) {
  std::string key(kind);
  ByteWriter out(key);
  for (std::string_view part : parts) out.shortstr(part);
  return key;
}

std::string text(const amqp::Table& table, std::string_view name) {
  const amqp::Value* value = table.find(name);
  return value != nullptr && value->string() != nullptr ? *value->string() : std::string();
}

bool flag(const amqp::Table& table, std::string_view name) {
  const amqp::Value* value = table.find(name);
  return value != nullptr && value->boolean() != nullptr && *value->boolean();
}

amqp::Table arguments(const amqp::Table& table) {
  const amqp::Value* value = table.find("arguments");
  return value != nullptr && value->table() != nullptr ? *value->table() : amqp::Table();
}

}  // namespace

std::string exchange_key(std::string_view vhost, std::string_view name) { return make_key(kExchanges, {vhost, name}); }
std::string queue_key(std::string_view vhost, std::string_view name) { return make_key(kQueues, {vhost, name}); }
std::string vhost_key(std::string_view name) { return make_key(kVHosts, {name}); }
std::string user_key(std::string_view name) { return make_key(kUsers, {name}); }
std::string permission_key(std::string_view vhost, std::string_view user) { return make_key(kPermissions, {vhost, user}); }
std::string delayed_key(std::string_view vhost) { return make_key(kDelayedBooks, {vhost}); }
std::string seen_window_key(std::string_view vhost, std::string_view exchange) { return make_key(kSeenWindows, {vhost, exchange}); }
std::string topic_permission_key(std::string_view vhost, std::string_view user, std::string_view exchange) {
  return make_key(kTopicPermissions, {vhost, user, exchange});
}
std::string policy_key(broker::PolicyKind kind, std::string_view vhost, std::string_view name) {
  return make_key(kind == broker::PolicyKind::kPolicy ? kPolicies : kOperatorPolicies, {vhost, name});
}
std::string parameter_key(std::string_view vhost, std::string_view component, std::string_view name) {
  return make_key(kParameters, {vhost, component, name});
}
std::string global_parameter_key(std::string_view name) { return make_key(kGlobalParameters, {name}); }
std::string binding_key(std::string_view vhost, const broker::BindingInfo& binding) {
  std::string key = make_key(
      kBindings, {vhost, binding.source, binding.to == broker::BindTo::kQueue ? "q" : "e", binding.destination, binding.routing_key});
  amqp::encode_table(binding.arguments, key);
  return key;
}

std::string encode_record(const amqp::Table& record) {
  std::string out;
  amqp::encode_table(record, out);
  return out;
}

std::optional<amqp::Table> decode_record(std::string_view value) {
  ByteReader in(value);
  const std::string_view body = in.longstr();
  if (in.failed()) return std::nullopt;
  return amqp::decode_table(body);
}

std::string encode(const broker::ExchangeInfo& exchange) {
  return encode_record({{"name", exchange.name},
                        {"type", exchange.type},
                        {"durable", exchange.durable},
                        {"auto_delete", exchange.auto_delete},
                        {"internal", exchange.internal},
                        {"arguments", exchange.arguments}});
}

std::string encode(const broker::QueueInfo& queue) {
  amqp::Table record{{"name", queue.name},
                     {"id", static_cast<std::int64_t>(queue.id)},
                     {"durable", queue.durable},
                     {"auto_delete", queue.auto_delete},
                     {"arguments", queue.arguments}};
  if (queue.paused.delivery) record.append("paused_delivery", true);
  if (queue.paused.publish) record.append("paused_publish", true);
  return encode_record(record);
}

std::string encode(const broker::BindingInfo& binding) {
  return encode_record({{"source", binding.source},
                        {"to", binding.to == broker::BindTo::kQueue ? "q" : "e"},
                        {"destination", binding.destination},
                        {"routing_key", binding.routing_key},
                        {"arguments", binding.arguments}});
}

std::string encode_delayed_book(DelayedBook book) { return encode_record({{"book", static_cast<std::int64_t>(book)}}); }

std::optional<DelayedBook> decode_delayed_book(std::string_view value) {
  const auto table = decode_record(value);
  const amqp::Value* book = table ? table->find("book") : nullptr;
  if (book == nullptr || !book->integer()) return std::nullopt;
  return static_cast<DelayedBook>(*book->integer());
}

std::optional<broker::ExchangeInfo> decode_exchange(std::string_view value) {
  const auto table = decode_record(value);
  if (!table || text(*table, "name").empty()) return std::nullopt;
  return broker::ExchangeInfo{text(*table, "name"),        text(*table, "type"),     flag(*table, "durable"),
                              flag(*table, "auto_delete"), flag(*table, "internal"), arguments(*table)};
}

std::optional<broker::QueueInfo> decode_queue(std::string_view value) {
  const auto table = decode_record(value);
  const amqp::Value* id = table ? table->find("id") : nullptr;
  if (id == nullptr || !id->integer()) return std::nullopt;
  return broker::QueueInfo{text(*table, "name"),
                           static_cast<QueueId>(*id->integer()),
                           flag(*table, "durable"),
                           flag(*table, "auto_delete"),
                           false,
                           0,
                           arguments(*table),
                           {flag(*table, "paused_delivery"), flag(*table, "paused_publish")}};
}

std::optional<broker::BindingInfo> decode_binding(std::string_view value) {
  const auto table = decode_record(value);
  if (!table) return std::nullopt;
  return broker::BindingInfo{text(*table, "source"), text(*table, "to") == "e" ? broker::BindTo::kExchange : broker::BindTo::kQueue,
                             text(*table, "destination"), text(*table, "routing_key"), arguments(*table)};
}

std::vector<std::string> key_parts(std::string_view key) {
  std::vector<std::string> parts;
  ByteReader in(key.substr(1));
  while (!in.empty()) {
    const std::string_view part = in.shortstr();
    if (in.failed()) break;
    parts.emplace_back(part);
  }
  return parts;
}

}  // namespace mq::engine::metadata
