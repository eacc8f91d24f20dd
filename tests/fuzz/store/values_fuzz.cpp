// The small values beside the messages, and keys: any bytes are refused, or read and written again with the same meaning. Those that would
// fail by their checksum alone get a right one.
#include "store/value_codec.hpp"

#include "broker/message.hpp"
#include "fuzz.hpp"
#include "mq/base/bytes.hpp"
#include "store/checksum.hpp"
#include "store/delayed_codec.hpp"
#include "store/keys.hpp"
#include "store/seen_codec.hpp"
#include "support/input.hpp"

using namespace mq;
using namespace mq::store;

namespace {

constexpr Offset kFirst = 1000;

template <class Value, class Decode, class Encode>
void goes_round(std::string_view bytes, Decode&& decode, Encode&& encode) {
  Value value{};
  if (!decode(bytes, value)) return;
  Value again{};
  FUZZ_CLAIM(decode(encode(value), again));
  FUZZ_CLAIM(again == value);
}

void marks(std::string_view bytes) {
  std::vector<Mark> read;
  if (!decode_marks(kFirst, bytes, read)) return;
  normalize_marks(read);
  const std::vector<Mark> normal = read;
  normalize_marks(read);
  FUZZ_CLAIM(read == normal);
  if (normal.empty() || normal.front().offset < kFirst) return;  // wrapped around: nobody writes that
  std::vector<Mark> again;
  FUZZ_CLAIM(decode_marks(kFirst, encode_marks(kFirst, normal), again));
  FUZZ_CLAIM(again.size() == normal.size());
  for (std::size_t i = 0; i < normal.size(); ++i) FUZZ_CLAIM(again[i].offset == normal[i].offset && again[i].value == normal[i].value);
}

void seen(std::string_view bytes) {
  std::vector<SeenId> ids, again;
  if (!decode_seen(kFirst, bytes, ids)) return;
  FUZZ_CLAIM(!ids.empty() && ids.front().sequence >= kFirst);
  if (ids.front().sequence != kFirst) return;
  FUZZ_CLAIM(decode_seen(kFirst, encode_seen(ids), again) && again == ids);
}

void delayed(std::string_view bytes) {
  const auto record = decode_delayed({5, 6}, bytes);
  if (!record) return;
  std::string encoded;
  encode_delayed(*record, encoded);
  const auto again = decode_delayed({5, 6}, encoded);
  FUZZ_CLAIM(again && again->message->body() == record->message->body() && again->accepted_at == record->accepted_at);
  static_cast<void>(message_id_of(*record->message));
}

void keys(std::string_view bytes) {
  if (const auto key = decode_page_key(bytes)) FUZZ_CLAIM(encode_key(*key).view() == bytes && !describe(*key).empty());
  if (const auto key = decode_queue_key(bytes)) FUZZ_CLAIM(encode_key(*key).view() == bytes && key_behind(*key) > bytes);
  if (const auto key = decode_delayed_key(bytes))
    FUZZ_CLAIM(encode_delayed_key(load_big_endian<std::uint64_t>(bytes.data()), *key).view() == bytes);
  static_cast<void>(decode_delayed_id_key(bytes));
  const std::string behind = key_behind_prefix(bytes);
  FUZZ_CLAIM(behind.empty() || behind > bytes);
}

}  // namespace

FUZZ_TARGET(bytes) {
  fuzz::Input input(bytes);
  const std::uint8_t which = input.u8();
  std::string value(input.rest());
  if ((which & 0x80) != 0) ByteWriter(value).u32(checksum(value));
  switch (which % 7) {
    case 0:
      return goes_round<PageIndex>(
          value, [](std::string_view b, PageIndex& out) { return decode_index(kFirst, b, out); }, encode_index);
    case 1: return goes_round<QueueState>(value, decode_state, encode_state);
    case 2: return goes_round<DelayedState>(value, decode_delayed_state, encode_delayed_state);
    case 3: return marks(value);
    case 4: return seen(value);
    case 5: return delayed(value);
    default: return keys(value);
  }
}
