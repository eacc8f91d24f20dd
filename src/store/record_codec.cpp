#include "store/record_codec.hpp"

#include <cstring>

#include "broker/message.hpp"
#include "mq/base/bytes.hpp"
#include "mq/base/check.hpp"
#include "store/checksum.hpp"
#include "store/varint.hpp"

namespace mq::store {
namespace {

constexpr std::uint8_t kNamesFlag = 1;
constexpr std::uint8_t kDeadlineFlag = 2;
constexpr std::uint8_t kKnownFlags = kNamesFlag | kDeadlineFlag;

char* put_bytes(char* to, std::string_view bytes) noexcept {
  std::memcpy(to, bytes.data(), bytes.size());
  return to + bytes.size();
}

char* put_shortstr(char* to, std::string_view bytes) noexcept {
  *to++ = static_cast<char>(bytes.size());
  return put_bytes(to, bytes);
}

}  // namespace

Names names_of(const PageRecord& record) noexcept { return {record.message->exchange(), record.message->routing_key()}; }

std::size_t record_bytes(const PageRecord& record, const RecordBase& base, bool with_names) noexcept {
  const broker::Message& message = *record.message;
  std::size_t header = message.header_payload().size();
  std::size_t bytes = kRecordFrameBytes + 1 + varint_bytes(record.offset - base.first) +
                      varint_bytes(fold_difference(base.time, record.enqueued_at)) + varint_bytes(header) + header + message.body().size();
  if (record.deadline != kNever) bytes += varint_bytes(fold_difference(record.enqueued_at, record.deadline));
  if (with_names) bytes += 2 + message.exchange().size() + message.routing_key().size();
  return bytes;
}

char* put_record(char* to, const PageRecord& record, const RecordBase& base, bool with_names) {
  const broker::Message& message = *record.message;
  std::string_view header = message.header_payload();
  bool has_deadline = record.deadline != kNever;

  char* at = to + kRecordFrameBytes;
  *at++ = static_cast<char>((with_names ? kNamesFlag : 0) | (has_deadline ? kDeadlineFlag : 0));
  at = put_varint(at, record.offset - base.first);
  at = put_varint(at, fold_difference(base.time, record.enqueued_at));
  if (has_deadline) at = put_varint(at, fold_difference(record.enqueued_at, record.deadline));
  if (with_names) at = put_shortstr(put_shortstr(at, message.exchange()), message.routing_key());
  at = put_varint(at, header.size());
  at = put_bytes(put_bytes(at, header), message.body());

  std::size_t length = static_cast<std::size_t>(at - to) - kRecordFrameBytes;
  MQ_CHECK(length <= 0xFFFFFFFF);
  store_big_endian(to + kChecksumBytes, static_cast<std::uint32_t>(length));
  store_big_endian(to, checksum({to + kChecksumBytes, static_cast<std::size_t>(at - to) - kChecksumBytes}));
  return at;
}

std::size_t framed_bytes(std::string_view at) noexcept {
  if (at.size() < kMinRecordBytes) return 0;
  std::size_t size = kRecordFrameBytes + load_big_endian<std::uint32_t>(at.data() + kChecksumBytes);
  return size <= at.size() && size >= kMinRecordBytes ? size : 0;
}

bool parse_record(std::string_view framed, const RecordBase& base, RecordView& out) noexcept {
  if (framed.size() < kRecordFrameBytes) return false;
  if (load_big_endian<std::uint32_t>(framed.data()) != checksum(framed.substr(kChecksumBytes))) return false;
  if (load_big_endian<std::uint32_t>(framed.data() + kChecksumBytes) != framed.size() - kRecordFrameBytes) return false;
  return guess_record(framed, base, out);
}

bool guess_record(std::string_view framed, const RecordBase& base, RecordView& out) noexcept {
  ByteReader in(framed);
  (void)in.bytes(kRecordFrameBytes);
  std::uint8_t flags = in.u8();
  out.offset = base.first + read_varint(in);
  out.enqueued_at = unfold_difference(base.time, read_varint(in));
  out.deadline = (flags & kDeadlineFlag) != 0 ? unfold_difference(out.enqueued_at, read_varint(in)) : kNever;
  out.names.reset();
  if ((flags & kNamesFlag) != 0) {
    std::string_view exchange = in.shortstr();
    out.names = Names{exchange, in.shortstr()};
  }
  out.header_payload = in.bytes(read_varint(in));
  if (in.failed() || (flags & ~kKnownFlags) != 0) return false;
  out.body = in.rest();
  return true;
}

broker::MessagePtr build_message(const RecordView& record, const Names& names) {
  broker::MessageBuilder builder;
  if (!builder.start(names.exchange, names.routing_key, record.header_payload) || builder.body_bytes() != record.body.size()) return {};
  if (!record.body.empty()) builder.append_body(record.body);
  return builder.finish();
}

}  // namespace mq::store
