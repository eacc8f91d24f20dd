#include "store/value_codec.hpp"

#include <algorithm>
#include <utility>

#include "mq/base/bytes.hpp"
#include "mq/base/check.hpp"
#include "store/checksum.hpp"
#include "store/varint.hpp"

namespace mq::store {
namespace {

constexpr std::uint8_t kFormat = 1;
constexpr std::uint8_t kMarksWithTimes = 2;  // the form of marks of which some wait
constexpr std::uint8_t kSomeLost = 0x80;     // with either form: marks of the page that could not be read are not among these
constexpr std::uint8_t kTransientFlag = 1;
constexpr std::uint8_t kDeadlineFlag = 2;
// A stretch of marks is a few bytes however long it claims to be; what damaged bytes may claim has to end somewhere.
constexpr std::size_t kMaxMarks = std::size_t{1} << 24;

constexpr std::string_view kSealWord = "sum1";  // in front of the checksum of a metadata record
constexpr std::size_t kSealBytes = 4 + kChecksumBytes;

void seal(std::string& value) { ByteWriter(value).u32(checksum(value)); }

/// The format octet, if the checksum is right, otherwise 0; `fields` then reads what lies between the two.
std::uint8_t unseal_any(std::string_view value, ByteReader& fields) {
  if (value.size() < 1 + kChecksumBytes) return 0;
  std::string_view content = value.substr(0, value.size() - kChecksumBytes);
  if (load_big_endian<std::uint32_t>(value.data() + content.size()) != checksum(content)) return 0;
  fields = ByteReader(content);
  return fields.u8();
}
bool unseal(std::string_view value, ByteReader& fields) { return unseal_any(value, fields) == kFormat; }

}  // namespace

std::string encode_index(const PageIndex& index) {
  MQ_CHECK(index.last >= index.first);
  bool has_deadline = index.earliest_deadline != kNever;
  std::string value;
  ByteWriter out(value);
  out.u8(kFormat).u8(static_cast<std::uint8_t>((index.transient ? kTransientFlag : 0) | (has_deadline ? kDeadlineFlag : 0)));
  out.u8(index.priority_level);
  append_varint(value, index.last - index.first);
  append_varint(value, index.count);
  append_varint(value, index.body_bytes);
  out.u64(static_cast<std::uint64_t>(index.first_enqueued_at));
  if (has_deadline) out.u64(static_cast<std::uint64_t>(index.earliest_deadline));
  seal(value);
  return value;
}

bool decode_index(Offset first, std::string_view bytes, PageIndex& out) {
  ByteReader in;
  if (!unseal(bytes, in)) return false;
  std::uint8_t flags = in.u8();
  out.first = first;
  out.transient = (flags & kTransientFlag) != 0;
  out.priority_level = in.u8();
  out.last = first + read_varint(in);
  std::uint64_t count = read_varint(in);
  out.count = static_cast<std::uint32_t>(count);
  out.body_bytes = read_varint(in);
  out.first_enqueued_at = static_cast<UnixMillis>(in.u64());
  out.earliest_deadline = (flags & kDeadlineFlag) != 0 ? static_cast<UnixMillis>(in.u64()) : kNever;
  return !in.failed() && in.empty() && out.last >= first && out.count == count;
}

std::string encode_state(const QueueState& state) {
  std::string value;
  ByteWriter(value).u8(kFormat).u64(state.next_offset).u64(state.delivered_below);
  seal(value);
  return value;
}

bool decode_state(std::string_view bytes, QueueState& out) {
  ByteReader in;
  if (!unseal(bytes, in)) return false;
  out.next_offset = in.u64();
  out.delivered_below = in.u64();
  return !in.failed() && in.empty();
}

std::string encode_delayed_state(const DelayedState& state) {
  std::string value;
  ByteWriter(value).u8(kFormat).u64(state.count).u64(state.body_bytes).u64(state.next_sequence);
  seal(value);
  return value;
}

bool decode_delayed_state(std::string_view bytes, DelayedState& out) {
  ByteReader in;
  if (!unseal(bytes, in)) return false;
  out.count = in.u64();
  out.body_bytes = in.u64();
  out.next_sequence = in.u64();
  return !in.failed() && in.empty();
}

std::string encode_metadata(std::string_view key, std::string_view value) {
  std::string sealed(key);  // the checksum covers the key too: a value under another key is damaged
  sealed += value;
  const std::uint32_t sum = checksum(sealed);
  sealed.erase(0, key.size());
  sealed += kSealWord;
  ByteWriter(sealed).u32(sum);
  return sealed;
}

bool is_sealed_metadata(std::string_view key, std::string_view stored) {
  if (stored.size() < kSealBytes || stored.substr(stored.size() - kSealBytes, kSealWord.size()) != kSealWord) return false;
  std::string covered(key);
  covered += stored.substr(0, stored.size() - kSealBytes);
  return checksum(covered) == load_big_endian<std::uint32_t>(stored.data() + stored.size() - kChecksumBytes);
}

std::optional<std::string_view> decode_metadata(std::string_view key, std::string_view stored) {
  const bool has_seal = stored.size() >= kSealBytes && stored.substr(stored.size() - kSealBytes, kSealWord.size()) == kSealWord;
  if (!has_seal) return stored;
  if (!is_sealed_metadata(key, stored)) return std::nullopt;
  return stored.substr(0, stored.size() - kSealBytes);
}

void normalize_marks(std::vector<Mark>& marks) {
  // kSettled is the largest value there is, so "the stronger mark" is simply the larger one.
  auto earlier = [](const Mark& a, const Mark& b) { return a.offset < b.offset; };
  auto stronger = [](const Mark& a, const Mark& b) { return std::pair(a.value, a.until) > std::pair(b.value, b.until); };
  if (!std::is_sorted(marks.begin(), marks.end(), earlier)) std::sort(marks.begin(), marks.end(), earlier);
  std::size_t kept = 0;
  for (const Mark& mark : marks) {
    if (kept == 0 || marks[kept - 1].offset != mark.offset) marks[kept++] = mark;
    else if (stronger(mark, marks[kept - 1])) marks[kept - 1] = mark;
  }
  marks.resize(kept);
}

std::string encode_marks(Offset first, const std::vector<Mark>& marks, bool some_lost) {
  const bool timed = std::any_of(marks.begin(), marks.end(), [](const Mark& mark) { return mark.until != 0; });
  std::string value;
  ByteWriter(value).u8(static_cast<std::uint8_t>((timed ? kMarksWithTimes : kFormat) | (some_lost ? kSomeLost : 0)));
  Offset behind = first;  // the offset behind the stretch before
  UnixMillis until = 0;   // of the stretch before
  auto same = [](const Mark& a, const Mark& b) { return a.value == b.value && a.until == b.until; };
  for (std::size_t i = 0; i < marks.size();) {
    MQ_CHECK(marks[i].offset >= behind);
    std::size_t end = i + 1;
    while (end < marks.size() && same(marks[end], marks[i]) && marks[end].offset == marks[end - 1].offset + 1) ++end;
    bool settled = marks[i].value == Mark::kSettled;
    append_varint(value, marks[i].offset - behind);
    append_varint(value, (end - i - 1) << 1 | (settled ? 1 : 0));
    if (!settled) append_varint(value, marks[i].value);
    if (!settled && timed) append_varint(value, fold_difference(std::exchange(until, marks[i].until), marks[i].until));
    behind = marks[end - 1].offset + 1;
    i = end;
  }
  seal(value);
  return value;
}

bool decode_marks(Offset first, std::string_view bytes, std::vector<Mark>& out) {
  ByteReader in;
  const std::uint8_t octet = unseal_any(bytes, in);
  const std::uint8_t format = octet & ~kSomeLost;
  if (format != kFormat && format != kMarksWithTimes) return false;
  const std::size_t before = out.size();
  Offset next = first;
  UnixMillis until = 0;
  while (!in.empty()) {
    next += read_varint(in);
    std::uint64_t stretch = read_varint(in);
    std::uint64_t count = (stretch >> 1) + 1;
    const bool settled = (stretch & 1) != 0;
    std::uint64_t value = settled ? Mark::kSettled : read_varint(in);
    if (!settled && format == kMarksWithTimes) until = unfold_difference(until, read_varint(in));
    if (in.failed() || value > Mark::kSettled || count > kMaxMarks - std::min(kMaxMarks, out.size())) {
      out.resize(before);
      return false;
    }
    for (std::uint64_t i = 0; i < count; ++i) out.push_back({next++, static_cast<std::uint32_t>(value), settled ? 0 : until});
  }
  return (octet & kSomeLost) == 0;
}

}  // namespace mq::store
