#include "broker/queue/dead_letter.hpp"

#include <algorithm>
#include <initializer_list>
#include <limits>

namespace mq::broker {
namespace {

const std::string* field(const amqp::Table& death, std::string_view name) {
  const amqp::Value* value = death.find(name);
  return value == nullptr ? nullptr : value->string();
}

amqp::Table first_death(const Message& message, const amqp::Properties& properties, std::string_view queue, DeathReason reason,
                        UnixMillis now) {
  amqp::Array keys;
  keys.emplace_back(message.routing_key());
  if (message.has_headers())
    for (std::string_view key : carbon_copies(message.properties().headers, "CC")) keys.emplace_back(key);
  amqp::Table death;
  if (properties.expiration) death.append("original-expiration", *properties.expiration);
  death.append("count", std::int64_t{1});
  death.append("reason", to_string(reason));
  death.append("queue", queue);
  death.append("time", amqp::Timestamp{static_cast<std::uint64_t>(now / 1000)});
  death.append("exchange", message.exchange());
  death.append("routing-keys", std::move(keys));
  return death;
}

// The deaths so far, most recent first; the entry of this queue and reason is counted up and comes to the front.
amqp::Array update_deaths(const amqp::Table& headers, amqp::Table fresh) {
  amqp::Array deaths;
  if (const amqp::Value* value = headers.find("x-death"); value != nullptr && value->array() != nullptr) deaths = *value->array();
  const std::string queue = *field(fresh, "queue");
  const std::string reason = *field(fresh, "reason");
  auto same = std::find_if(deaths.begin(), deaths.end(), [&](const amqp::Value& value) {
    const amqp::Table* death = value.table();
    if (death == nullptr) return false;
    const std::string *its_queue = field(*death, "queue"), *its_reason = field(*death, "reason");
    return its_queue != nullptr && its_reason != nullptr && *its_queue == queue && *its_reason == reason;
  });
  if (same == deaths.end()) {
    deaths.insert(deaths.begin(), amqp::Value(std::move(fresh)));
    return deaths;
  }
  amqp::Table again = *same->table();
  const amqp::Value* count = again.find("count");
  const std::int64_t before = count != nullptr ? count->integer().value_or(0) : 0;  // a publisher's word, if it wrote the header itself
  again.set("count", std::int64_t{before == std::numeric_limits<std::int64_t>::max() ? before : before + 1});
  std::rotate(deaths.begin(), same, same + 1);
  deaths.front() = amqp::Value(std::move(again));
  return deaths;
}

MessagePtr without_headers(const Message& message, std::initializer_list<std::string_view> names) {
  amqp::Properties properties = amqp::decode_properties(message.encoded_properties()).value_or(amqp::Properties{});
  for (std::string_view name : names)
    if (properties.headers) properties.headers->erase(name);
  return make_message(message.exchange(), message.routing_key(), properties, message.body());
}

}  // namespace

std::string_view to_string(DeathReason reason) noexcept {
  switch (reason) {
    case DeathReason::kRejected: return "rejected";
    case DeathReason::kExpired: return "expired";
    case DeathReason::kMaxLength: return "maxlen";
    case DeathReason::kDeliveryLimit: return "delivery_limit";
    case DeathReason::kDuplicate: return "duplicate";
  }
  return "rejected";
}

std::vector<std::string_view> carbon_copies(const amqp::TableView& headers, std::string_view header) {
  std::vector<std::string_view> keys;
  auto value = headers.find(header);
  if (!value || value->tag != 'A') return keys;
  ByteReader in(value->bytes);
  amqp::ValueView element;
  while (!in.empty() && amqp::TableView::read_value(in, element))
    if (auto key = element.string()) keys.push_back(*key);
  return keys;
}

bool has_copies(const Message& message) noexcept {
  if (!message.has_headers()) return false;
  const amqp::TableView headers = message.properties().headers;
  return headers.find("CC").has_value() || headers.find("BCC").has_value();
}

MessagePtr without_blind_copies(const Message& message) { return without_headers(message, {"BCC"}); }

MessagePtr without_copies(const Message& message) { return without_headers(message, {"BCC", "CC"}); }

MessagePtr make_dead_letter(const Message& message, std::string_view queue, DeathReason reason, std::string_view exchange,
                            const std::optional<std::string>& routing_key, UnixMillis now) {
  amqp::Properties properties = amqp::decode_properties(message.encoded_properties()).value_or(amqp::Properties{});
  if (!properties.headers) properties.headers.emplace();
  amqp::Table& headers = *properties.headers;
  headers.set("x-death", update_deaths(headers, first_death(message, properties, queue, reason, now)));
  if (headers.find("x-first-death-queue") == nullptr) {
    headers.set("x-first-death-exchange", message.exchange());
    headers.set("x-first-death-queue", queue);
    headers.set("x-first-death-reason", to_string(reason));
  }
  headers.set("x-last-death-exchange", message.exchange());
  headers.set("x-last-death-queue", queue);
  headers.set("x-last-death-reason", to_string(reason));
  properties.expiration.reset();
  return make_message(exchange, routing_key ? std::string_view(*routing_key) : message.routing_key(), properties, message.body());
}

bool closes_circle(const Message& dead_letter, std::string_view queue) {
  auto deaths = dead_letter.properties().headers.find("x-death");
  if (!deaths || deaths->tag != 'A') return false;
  ByteReader in(deaths->bytes);
  amqp::ValueView element;
  while (!in.empty() && amqp::TableView::read_value(in, element)) {
    if (element.tag != 'F') continue;
    const amqp::TableView death(element.bytes);
    auto reason = death.find("reason");
    if (reason && reason->string() == to_string(DeathReason::kRejected)) return false;
    auto its_queue = death.find("queue");
    if (its_queue && its_queue->string() == queue) return true;
  }
  return false;
}

}  // namespace mq::broker
