#include "engine/damaged_metadata.hpp"

#include <algorithm>
#include <vector>

#include "broker/access.hpp"
#include "broker/parameters.hpp"
#include "broker/policy.hpp"
#include "engine/metadata.hpp"
#include "mq/base/bytes.hpp"

namespace mq::engine::metadata {
namespace {

using Parts = std::vector<std::string>;  // of the key

// A value says again what its key says, in part; so one that is nothing but zeroes, or lies under another key, is none.
bool is_id(const Parts&, std::string_view value) {
  ByteReader in(value);
  return value.size() == 8 && in.u64() != 0;
}
bool is_vhost(const Parts& parts, std::string_view value) {
  const auto record = decode_record(value);
  const amqp::Value* name = record ? record->find("name") : nullptr;
  return name != nullptr && name->string() != nullptr && parts.size() == 1 && *name->string() == parts[0];
}
bool is_exchange(const Parts& parts, std::string_view value) {
  const auto exchange = decode_exchange(value);
  return exchange && parts.size() == 2 && exchange->name == parts[1] && !exchange->type.empty();
}
bool is_queue(const Parts& parts, std::string_view value) {
  const auto queue = decode_queue(value);
  return queue && parts.size() == 2 && queue->name == parts[1];
}
bool is_binding(const Parts& parts, std::string_view value) {
  const auto binding = decode_binding(value);
  return binding && parts.size() >= 5 && binding->source == parts[1] && binding->destination == parts[3] &&
         binding->routing_key == parts[4];
}
bool is_number(const Parts&, std::string_view value) { return decode_delayed_book(value).has_value(); }
bool is_global(const Parts&, std::string_view value) {
  const auto record = decode_record(value);
  return record && record->find("value") != nullptr;
}
/// A record whose decoder lies in the layer of the rules, and that has the part at `Part` of its key in the member `Name`.
template <auto Decode, auto Name, std::size_t Part>
bool is_record(const Parts& parts, std::string_view value) {
  const auto record = decode_record(value);
  const auto decoded = record ? Decode(*record) : std::nullopt;
  return decoded && Part < parts.size() && (*decoded).*Name == parts[Part];
}

/// A kind of record: how one is called (`%1` and so on stand for the parts of its key), and when its value is one.
struct Kind {
  std::string_view prefix;
  std::string_view text;
  bool in_vhost;  ///< the first part of its key
  bool (*is_whole)(const Parts& parts, std::string_view value);
};
constexpr Kind kKinds[] = {
    {kNextQueueId, "next number of a queue", false, is_id},
    {kVHosts, "vhost '%1'", false, is_vhost},
    {kExchanges, "exchange '%2' in vhost '%1'", true, is_exchange},
    {kQueues, "queue '%2' in vhost '%1'", true, is_queue},
    {kBindings, "binding '%2' -> '%4' with routing key '%5' in vhost '%1'", true, is_binding},
    {kUsers, "user '%1'", false, is_record<broker::decode_user, &broker::User::name, 0>},
    {kPermissions, "permission of user '%2' in vhost '%1'", false, is_record<broker::decode_permission, &broker::Permission::user, 1>},
    {kTopicPermissions, "topic permission of user '%2' for exchange '%3' in vhost '%1'", false,
     is_record<broker::decode_topic_permission, &broker::TopicPermission::user, 1>},
    {kPolicies, "policy '%2' in vhost '%1'", true, is_record<broker::decode_policy, &broker::Policy::name, 1>},
    {kOperatorPolicies, "operator policy '%2' in vhost '%1'", true, is_record<broker::decode_policy, &broker::Policy::name, 1>},
    {kParameters, "parameter '%3' of '%2' in vhost '%1'", true, is_record<broker::decode_parameter, &broker::Parameter::name, 2>},
    {kGlobalParameters, "global parameter '%1'", false, is_global},
    {kDelayedBooks, "number of the delayed messages of vhost '%1'", true, is_number},
    {kSeenWindows, "number of the seen ids of exchange '%2' in vhost '%1'", true, is_number},
    {kKeptAside, "note on what is kept aside under number %1", false, nullptr},
};

const Kind* kind_of(std::string_view key) {
  const auto found = std::find_if(std::begin(kKinds), std::end(kKinds), [&](const Kind& kind) { return key.starts_with(kind.prefix); });
  return found == std::end(kKinds) ? nullptr : &*found;
}

}  // namespace

std::string kept_aside_key(std::uint64_t number) {
  std::string key(kKeptAside);
  ByteWriter(key).shortstr(std::to_string(number));
  return key;
}

std::string describe_key(std::string_view key) {
  const Kind* kind = kind_of(key);
  if (kind == nullptr) return "thing of an unknown kind";
  const std::vector<std::string> parts = key_parts(key);
  std::string text;
  for (std::size_t i = 0; i < kind->text.size(); ++i) {
    if (kind->text[i] != '%') text += kind->text[i];
    else if (const auto part = static_cast<std::size_t>(kind->text[++i] - '1'); part < parts.size()) text += parts[part];
  }
  return text;
}

bool is_whole(std::string_view key, std::string_view value) {
  const Kind* kind = kind_of(key);
  return kind == nullptr || kind->is_whole == nullptr || kind->is_whole(key_parts(key), value);
}

std::optional<broker::BindingInfo> binding_of_key(std::string_view key) {
  ByteReader in(key.substr(std::min(key.size(), kBindings.size())));
  (void)in.shortstr();  // the vhost
  broker::BindingInfo binding;
  binding.source = in.shortstr();
  binding.to = in.shortstr() == "e" ? broker::BindTo::kExchange : broker::BindTo::kQueue;
  binding.destination = in.shortstr();
  binding.routing_key = in.shortstr();
  auto arguments = amqp::decode_table(in.longstr());
  if (in.failed() || !in.empty() || !arguments) return std::nullopt;
  binding.arguments = std::move(*arguments);
  return binding;
}

void KeptAside::look() {
  looked_ = true;
  std::set<std::string, std::less<>> vhosts;
  auto read = storage_.scan_metadata(kVHosts, [&](std::string_view key, std::string_view) {
    if (const std::vector<std::string> parts = key_parts(key); parts.size() == 1) vhosts.insert(parts.front());
  });
  if (read) {
    read = storage_.scan_metadata("", [&](std::string_view key, std::string_view value) {
      if (key.starts_with(kKeptAside)) notes_.emplace(key);
      const Kind* kind = kind_of(key);
      if (kind == nullptr) return;
      const Parts parts = key_parts(key);
      const bool lacks_vhost = kind->in_vhost && (parts.empty() || !vhosts.contains(parts.front()));
      if (lacks_vhost || !is_whole(key, value)) ++damaged_;
    });
  }
  if (!read) ++damaged_;  // then nothing is certain
}

bool KeptAside::keep(std::uint64_t number, WriteSet& changes) {
  if (!looked_) look();
  const std::string key = kept_aside_key(number);
  if (notes_.contains(key)) return true;
  if (damaged_ == 0) return false;
  changes.operations.emplace_back(WriteSet::PutMetadata{key, encode_record({{"number", static_cast<std::int64_t>(number)}})});
  notes_.insert(key);
  return true;
}

}  // namespace mq::engine::metadata
