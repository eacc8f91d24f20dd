// Messages that wait for their time. They lie on disk, in order of when they are due; so a list is read there, page after page: each names
// the key that the next one begins with.
#include "engine/delayed.hpp"

#include <charconv>

#include "http/api/handlers.hpp"
#include "http/listing.hpp"

namespace mq::http::api {
namespace {

constexpr std::size_t kDefaultCount = 100;
constexpr std::size_t kMostAtOnce = 1000;

/// A key as operators see it: when it is due, a dash, its number.
std::string text_of(DelayedKey key) { return std::to_string(key.due) + "-" + std::to_string(key.sequence); }

template <class Number>
bool read_number(std::string_view text, Number& out) {
  const auto [stopped, failure] = std::from_chars(text.data(), text.data() + text.size(), out);
  return failure == std::errc() && stopped == text.data() + text.size();
}

std::optional<DelayedKey> key_of(std::string_view text) {
  const std::size_t dash = text.find('-');
  DelayedKey key;
  if (dash == std::string_view::npos || !read_number(text.substr(0, dash), key.due) || key.due < 0) return std::nullopt;
  if (!read_number(text.substr(dash + 1), key.sequence)) return std::nullopt;
  return key;
}

json::object message_object(const DelayedRecord& record) {
  const broker::Message& message = *record.message;
  return {{"key", text_of(record.key)},
          {"message_id", to_json_string(message.properties().message_id)},
          {"exchange", to_json_string(message.exchange())},
          {"routing_key", to_json_string(message.routing_key())},
          {"due", record.key.due},
          {"accepted", record.accepted_at},
          {"size", message.body_bytes()}};
}

Response page_of(const Call& call, std::uint64_t waiting, const StorageResult<DelayedScan>& scan) {
  if (!scan) return error_response(500, "internal_error", "delayed messages cannot be read");
  json::array items;
  for (const DelayedRecord& record : scan->records) items.push_back(message_object(record));
  DelayedKey last;
  if (!scan->records.empty()) last = scan->records.back().key;
  if (!scan->damaged.empty()) last = std::max(last, scan->damaged.back());
  json::value next(nullptr);
  if (!scan->complete) next = text_of({last.due, last.sequence + 1});
  json::object page{{"total_count", waiting}, {"item_count", items.size()}};
  page["next"] = std::move(next);
  page["items"] = std::move(items);
  return object_response(call, std::move(page));
}

}  // namespace

void list_delayed(const CallPtr& call) {
  DelayedKey from;
  if (const std::string* text = call->query("from")) {
    const auto key = key_of(*text);
    if (!key) return call->answer(bad_request("from should be a key such as 1700000000000-0"));
    from = *key;
  }
  std::size_t count = kDefaultCount;
  if (const std::string* text = call->query("count"); text != nullptr && (!read_number(*text, count) || count < 1 || count > kMostAtOnce))
    return call->answer(bad_request("count should be a number from 1 to " + std::to_string(kMostAtOnce)));
  const auto delayed = call->vhost()->delayed_if_any();
  if (!delayed) return call->answer(page_of(*call, 0, DelayedScan{.records = {}, .damaged = {}, .complete = true}));
  delayed->list(from, count,
                [call, delayed](const StorageResult<DelayedScan>& scan) { call->answer(page_of(*call, delayed->gauges().waiting, scan)); });
}

void cancel_delayed(const CallPtr& call) {
  engine::DelayedName which = call->at("name");
  if (const std::string* by = call->query("by"); by != nullptr && *by == "key") {
    const auto key = key_of(call->at("name"));
    if (!key) return call->answer(bad_request("a key is such as 1700000000000-0"));
    which = *key;
  }
  const auto delayed = call->vhost()->delayed_if_any();
  const auto* message_id = std::get_if<std::string>(&which);
  if (!delayed || (message_id != nullptr && message_id->empty())) return call->answer(not_found());
  delayed->put(engine::CancelDelayed{std::move(which), [call](std::uint64_t cancelled) {
                                       call->answer(cancelled == 0 ? not_found() : json_response(json::object{{"cancelled", cancelled}}));
                                     }});
}

}  // namespace mq::http::api
