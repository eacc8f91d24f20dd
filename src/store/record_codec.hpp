// One message inside a page. A record stands by itself but for two things of its page: the first offset and the base time, to which its
// own are differences; and the exchange and routing key, which consecutive records with the same ones leave out.
//
//   u32     checksum of all that follows in this record
//   u32     length of all that follows this field
//   u8      flags: 1 = names given, 2 = has a deadline
//   varint  offset - first offset of the page
//   varint  enqueued_at - base time, folded
//   varint  deadline - enqueued_at, folded; only with flag 2
//   short strings exchange, routing key; only with flag 1
//   varint  length of the content-header payload
//   bytes   content-header payload as on the wire, then the body to the end of the record
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "mq/ports/storage.hpp"

namespace mq::store {

/// What the differences of a page's records count from.
struct RecordBase {
  Offset first = 0;
  UnixMillis time = 0;
};

struct Names {
  std::string_view exchange;
  std::string_view routing_key;
  bool operator==(const Names&) const = default;
};

/// Checksum and length.
inline constexpr std::size_t kRecordFrameBytes = 8;
/// The least bytes a record can have: its frame, flags, offset, time, header length, and a content header without properties.
inline constexpr std::size_t kMinRecordBytes = kRecordFrameBytes + 4 + 14;

/// A record in place; lives as long as the page's bytes.
struct RecordView {
  Offset offset = 0;
  UnixMillis enqueued_at = 0;
  UnixMillis deadline = kNever;
  std::optional<Names> names;
  std::string_view header_payload;
  std::string_view body;
};

[[nodiscard]] Names names_of(const PageRecord& record) noexcept;

/// Exactly what put_record() will write.
[[nodiscard]] std::size_t record_bytes(const PageRecord& record, const RecordBase& base, bool with_names) noexcept;
/// Writes at `to`, which has room for it; the place behind. A record's length is a u32: content beyond 4 GiB is a broken invariant.
[[nodiscard]] char* put_record(char* to, const PageRecord& record, const RecordBase& base, bool with_names);

/// The whole size of the record that starts at `at` bytes, by its own length field; 0 when that cannot be.
[[nodiscard]] std::size_t framed_bytes(std::string_view at) noexcept;
/// Reads `framed`, which is one record by somebody's account; false when the checksum or the content says otherwise.
[[nodiscard]] bool parse_record(std::string_view framed, const RecordBase& base, RecordView& out) noexcept;
/// The same without regard to the checksum: what a damaged record still seems to say. Never for messages that are delivered.
[[nodiscard]] bool guess_record(std::string_view framed, const RecordBase& base, RecordView& out) noexcept;
/// Makes the message; null when the content header is not one.
[[nodiscard]] broker::MessagePtr build_message(const RecordView& record, const Names& names);

}  // namespace mq::store
