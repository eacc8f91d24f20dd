#include "broker/queue/group_selector.hpp"

#include <algorithm>
#include <functional>

namespace mq::broker {
namespace {

/// The value that names the group, as bytes with its kind in front; empty = none.
std::string_view group_value(const GroupBy& by, const Message& message, std::string& scratch) {
  if (by.what == GroupBy::What::kRoutingKey) return message.routing_key();
  const amqp::PropertiesView properties = message.properties();
  switch (by.what) {
    case GroupBy::What::kCorrelationId: return properties.correlation_id;
    case GroupBy::What::kMessageId: return properties.message_id;
    case GroupBy::What::kType: return properties.type;
    case GroupBy::What::kAppId: return properties.app_id;
    case GroupBy::What::kUserId: return properties.user_id;
    case GroupBy::What::kHeader:
    case GroupBy::What::kNothing:
    case GroupBy::What::kRoutingKey: break;
  }
  if (!message.has_headers()) return {};
  const auto value = properties.headers.find(by.header);
  if (!value || value->tag == 'V') return {};
  // The same number is the same group, whatever its width.
  if (const auto number = value->integer()) return scratch = "#" + std::to_string(*number);
  return scratch.assign(1, value->tag).append(value->bytes);
}

}  // namespace

LotKey GroupSelector::key_of(const Message& message) {
  thread_local std::string scratch;
  const std::string_view value = group_value(by_, message, scratch);
  if (value.empty()) return 0;
  const LotKey key = std::hash<std::string_view>{}(value);
  return key != 0 && key != kLookAgain ? key : 1;
}

Consumer* GroupSelector::choose(LotKey key, Consumers& consumers) {
  if (key == 0) return consumers.next();
  const auto group = groups_.find(key);
  if (group == groups_.end()) return consumers.next();
  if (group->second.waiting > 0) return nullptr;
  Consumer* holder = consumers.by_slot(group->second.holder);
  return holder != nullptr && holder->in_line() ? holder : nullptr;
}

void GroupSelector::given(LotKey key, std::uint32_t slot) {
  if (key == 0) return;
  Group& group = groups_[key];
  group.holder = group.out == 0 || group.holder == slot ? slot : UINT32_MAX;  // several may have some when groups begin: then nobody
  ++group.out;
  calls_.push_back(key);  // the holder may have room for more of it
}

// What stands behind it in its lot is to come.
void GroupSelector::left(const Message& message) {
  if (const LotKey key = key_of(message); key != 0) calls_.push_back(key);
}

void GroupSelector::settled(const Message& message) {
  const LotKey key = key_of(message);
  const auto group = groups_.find(key);
  if (group == groups_.end() || group->second.out == 0) return;
  --group->second.out;
  if (group->second.out == 0 && group->second.waiting == 0) groups_.erase(group);
  calls_.push_back(key);
}

void GroupSelector::waits(Position position, const Message& message) {
  const LotKey key = key_of(message);
  if (key == 0 || !waiting_.emplace(position, key).second) return;
  ++groups_[key].waiting;
}

void GroupSelector::end_wait(LotKey key) {
  const auto group = groups_.find(key);
  if (--group->second.waiting != 0) return;
  if (group->second.out == 0) groups_.erase(group);
  calls_.push_back(key);
}

void GroupSelector::wait_ended(Position position) {
  const auto known = waiting_.find(position);
  if (known == waiting_.end()) return;
  const LotKey key = known->second;
  waiting_.erase(known);
  end_wait(key);
}

void GroupSelector::purged() {
  for (const auto& [position, key] : std::exchange(waiting_, {})) end_wait(key);
}

void GroupSelector::call(const Lots& lots, const Consumers&, std::optional<Position> next, std::vector<LotKey>& calls) {
  call_for_get(lots, next, calls);
}

void GroupSelector::call_for_get(const Lots& lots, std::optional<Position> next, std::vector<LotKey>& calls) {
  looks_again_ = looks_again_ && lots.has(kLookAgain);
  if (looks_again_ && (!next || Lots::Later{}(*next, lots.front(kLookAgain))) &&
      std::find(calls.begin(), calls.end(), kLookAgain) == calls.end())
    calls.push_back(kLookAgain);
  for (LotKey key : calls_)
    if (lots.has(key)) calls.push_back(key);
  calls_.clear();
}

}  // namespace mq::broker
