#include "store/seen_codec.hpp"

#include <utility>

#include "mq/base/bytes.hpp"
#include "mq/base/check.hpp"
#include "store/checksum.hpp"
#include "store/varint.hpp"

namespace mq::store {
namespace {

constexpr std::uint8_t kFormat = 1;
constexpr std::size_t kUsualIdBytes = 19;

// A moment of 0 stands for never; no id is forgotten in 1970.
std::int64_t as_stored(UnixMillis until) noexcept { return until == kNever ? 0 : until; }

}  // namespace

std::string encode_seen(std::span<const SeenId> ids) {
  MQ_CHECK(!ids.empty());
  std::string value;
  value.reserve(1 + 8 + ids.size() * kUsualIdBytes + 8 + kChecksumBytes);
  ByteWriter out(value);
  out.u8(kFormat).u64(ids.front().sequence);
  std::uint64_t next = ids.front().sequence;
  std::int64_t until = 0;
  for (const SeenId& id : ids) {
    MQ_CHECK(id.sequence >= next && id.until > 0);
    append_varint(value, id.sequence - next);
    next = id.sequence + 1;
    append_varint(value, fold_difference(std::exchange(until, as_stored(id.until)), as_stored(id.until)));
    out.u64(id.hash.high).u64(id.hash.low);
  }
  out.u32(checksum(value));
  return value;
}

bool decode_seen(std::uint64_t first, std::string_view bytes, std::vector<SeenId>& out) {
  if (bytes.size() < kChecksumBytes) return false;
  const std::string_view content = bytes.substr(0, bytes.size() - kChecksumBytes);
  if (load_big_endian<std::uint32_t>(bytes.data() + content.size()) != checksum(content)) return false;
  ByteReader in(content);
  if (in.u8() != kFormat || in.u64() != first || in.empty()) return false;
  std::uint64_t next = first;
  std::int64_t until = 0;
  out.reserve(out.size() + in.left() / kUsualIdBytes + 1);
  while (!in.empty()) {
    SeenId id;
    id.sequence = next + read_varint(in);
    until = unfold_difference(until, read_varint(in));
    id.until = until == 0 ? kNever : until;
    id.hash.high = in.u64();
    id.hash.low = in.u64();
    if (in.failed() || until < 0 || id.sequence < next) return false;
    next = id.sequence + 1;
    out.push_back(id);
  }
  return true;
}

}  // namespace mq::store
