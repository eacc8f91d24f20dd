#include "store/delayed_codec.hpp"

#include <algorithm>

#include "broker/message.hpp"
#include "mq/base/bytes.hpp"
#include "store/checksum.hpp"
#include "store/record_codec.hpp"

namespace mq::store {
namespace {

constexpr char kFormat = 1;

char* put_key(char* to, DelayedKey key) noexcept {
  store_big_endian(to, static_cast<std::uint64_t>(key.due));
  store_big_endian(to + 8, key.sequence);
  return to + 16;
}

DelayedKey load_key(const char* from) noexcept {
  return {static_cast<UnixMillis>(load_big_endian<std::uint64_t>(from)), load_big_endian<std::uint64_t>(from + 8)};
}

PageRecord as_page_record(const DelayedRecord& record) { return {record.key.sequence, record.message, record.accepted_at, record.key.due}; }

}  // namespace

EncodedKey<kDelayedKeyBytes> encode_delayed_key(DelayedBook book, DelayedKey key) noexcept {
  EncodedKey<kDelayedKeyBytes> encoded;
  store_big_endian(encoded.bytes, book);
  put_key(encoded.bytes + kBookKeyBytes, key);
  return encoded;
}

std::optional<DelayedKey> decode_delayed_key(std::string_view key) noexcept {
  if (key.size() != kDelayedKeyBytes) return std::nullopt;
  return load_key(key.data() + kBookKeyBytes);
}

EncodedKey<2 * kBookKeyBytes> delayed_id_prefix(DelayedBook book, std::string_view message_id) noexcept {
  EncodedKey<2 * kBookKeyBytes> encoded;
  store_big_endian(encoded.bytes, book);
  store_big_endian(encoded.bytes + kBookKeyBytes, fingerprint(message_id));
  return encoded;
}

EncodedKey<kDelayedIdKeyBytes> encode_delayed_id_key(DelayedBook book, std::string_view message_id, DelayedKey key) noexcept {
  EncodedKey<kDelayedIdKeyBytes> encoded;
  const auto prefix = delayed_id_prefix(book, message_id);
  put_key(std::copy_n(prefix.bytes, sizeof prefix.bytes, encoded.bytes), key);
  return encoded;
}

std::optional<DelayedKey> decode_delayed_id_key(std::string_view key) noexcept {
  if (key.size() != kDelayedIdKeyBytes) return std::nullopt;
  return load_key(key.data() + 2 * kBookKeyBytes);
}

std::string_view message_id_of(const broker::Message& message) noexcept {
  const auto flags = load_big_endian<std::uint16_t>(message.encoded_properties().data());
  return (flags & amqp::kMessageId) == 0 ? std::string_view() : message.properties().message_id;
}

void encode_delayed(const DelayedRecord& record, std::string& out) {
  const PageRecord stored = as_page_record(record);
  out.resize(1 + record_bytes(stored, {}, /*with_names=*/true));
  out[0] = kFormat;
  (void)put_record(out.data() + 1, stored, {}, /*with_names=*/true);
}

std::optional<DelayedRecord> decode_delayed(DelayedKey key, std::string_view bytes) {
  RecordView view;
  if (bytes.size() < 1 + kMinRecordBytes || bytes[0] != kFormat || !parse_record(bytes.substr(1), {}, view)) return std::nullopt;
  if (!view.names || view.offset != key.sequence || view.deadline != key.due) return std::nullopt;
  DelayedRecord record{key, build_message(view, *view.names), view.enqueued_at};
  if (!record.message) return std::nullopt;
  return record;
}

void count_put(DelayedState& state, const DelayedRecord& record) noexcept {
  ++state.count;
  state.body_bytes += record.message->body_bytes();
  state.next_sequence = std::max(state.next_sequence, record.key.sequence + 1);
}

void count_dropped(DelayedState& state, const DelayedRecord& record) noexcept {
  state.count -= std::min<std::uint64_t>(state.count, 1);
  if (record.message) state.body_bytes -= std::min(state.body_bytes, record.message->body_bytes());
}

std::string describe(DelayedKey key) {
  return "the message delayed until " + std::to_string(key.due) + " (sequence " + std::to_string(key.sequence) + ")";
}

}  // namespace mq::store
