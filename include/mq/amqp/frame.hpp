// AMQP 0-9-1 frames: `type:octet channel:short size:long payload end:octet`.
//
// FrameParser finds the frames in contiguous bytes; it keeps no state, copies nothing and is inline because it runs three times per
// message. The append functions write frames. frame_max counts whole frames, overhead included, as AMQP does; 0 = no limit.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include "mq/base/bytes.hpp"

namespace mq::amqp {

/// What a client sends first. RabbitMQ also takes the form that AMQP 0-9 clients send.
inline constexpr std::string_view kProtocolHeader{"AMQP\0\0\x09\x01", 8};
inline constexpr std::string_view kProtocolHeader09{"AMQP\x01\x01\0\x09", 8};
inline constexpr std::size_t kProtocolHeaderBytes = 8;

enum class FrameType : std::uint8_t { kMethod = 1, kHeader = 2, kBody = 3, kHeartbeat = 8 };

inline constexpr std::size_t kFrameHeadBytes = 7;      ///< type, channel, size
inline constexpr std::size_t kFrameOverheadBytes = 8;  ///< head and end octet
inline constexpr char kFrameEnd = static_cast<char>(0xCE);
inline constexpr std::uint32_t kMinFrameMax = 4096;
inline constexpr std::uint32_t kDefaultFrameMax = 131072;
inline constexpr std::uint32_t kNoFrameMax = 0;
/// RabbitMQ takes payloads of up to frame_max, eight octets more than the rule allows; clients in the field rely on it.
inline constexpr std::uint32_t kFrameMaxTolerance = 8;

/// One frame in bytes somebody else owns.
struct Frame {
  FrameType type = FrameType::kMethod;
  std::uint16_t channel = 0;
  std::string_view payload;
};

enum class FrameFault : std::uint8_t {
  kNone,
  kTooLarge,     ///< `payload_bytes` says how large
  kBadEnd,       ///< the octet behind the payload is not 0xCE
  kUnknownType,  ///< also a heartbeat that has a payload
};

/// What FrameParser found at the start of the bytes.
struct FrameParse {
  enum class Status : std::uint8_t { kFrame, kNeedMore, kError };

  Status status = Status::kNeedMore;
  FrameFault fault = FrameFault::kNone;
  std::uint8_t raw_type = 0;        ///< with kError: the type octet as it came
  std::uint8_t end_octet = 0;       ///< with kBadEnd: what stood in place of 0xCE
  std::uint32_t payload_bytes = 0;  ///< as announced
  Frame frame;                      ///< with kFrame whole; with kBadEnd as it came
  std::size_t consumed = 0;         ///< with kFrame: octets of the whole frame
  std::size_t needed = 0;           ///< with kNeedMore: octets there must be before it is worth asking again
};

struct FrameParser {
  /// Looks at the frame that `bytes` starts with. Size and type are judged as soon as they are there, before the payload is.
  [[nodiscard]] static inline FrameParse next(std::string_view bytes, std::uint32_t frame_max) noexcept {
    FrameParse found;
    if (bytes.size() < kFrameHeadBytes) {
      found.needed = kFrameHeadBytes;
      return found;
    }
    auto type = static_cast<std::uint8_t>(bytes[0]);
    auto payload_bytes = load_big_endian<std::uint32_t>(bytes.data() + 3);
    found.payload_bytes = payload_bytes;
    found.frame.channel = load_big_endian<std::uint16_t>(bytes.data() + 1);
    found.frame.type = static_cast<FrameType>(type);
    if (static_cast<std::uint8_t>(type - 1) > 2 && !(type == static_cast<std::uint8_t>(FrameType::kHeartbeat) && payload_bytes == 0))
      return fail(found, FrameFault::kUnknownType, type);
    if (frame_max != kNoFrameMax && payload_bytes > max_payload(frame_max)) return fail(found, FrameFault::kTooLarge, type);
    std::size_t whole = std::size_t{payload_bytes} + kFrameOverheadBytes;
    if (bytes.size() < whole) {
      found.needed = whole;
      return found;
    }
    found.frame.payload = bytes.substr(kFrameHeadBytes, payload_bytes);
    if (bytes[whole - 1] != kFrameEnd) return fail(found, FrameFault::kBadEnd, type, bytes[whole - 1]);
    found.status = FrameParse::Status::kFrame;
    found.consumed = whole;
    return found;
  }

 private:
  static constexpr std::uint64_t max_payload(std::uint32_t frame_max) noexcept {
    return std::uint64_t{frame_max} - kFrameOverheadBytes + kFrameMaxTolerance;
  }
  static FrameParse fail(FrameParse& found, FrameFault fault, std::uint8_t type, char end = kFrameEnd) noexcept {
    found.status = FrameParse::Status::kError;
    found.fault = fault;
    found.raw_type = type;
    found.end_octet = static_cast<std::uint8_t>(end);
    return found;
  }
};

/// The explanation RabbitMQ gives with 501 FRAME_ERROR, e.g. `type 3, all octets = <<>>: {frame_too_large,200000,131064}`.
[[nodiscard]] std::string frame_error_text(const FrameParse& parse, std::uint32_t frame_max);

/// Writes type, channel and size at `to`, which has room for kFrameHeadBytes; returns where the payload goes.
inline char* write_frame_head(char* to, FrameType type, std::uint16_t channel, std::uint32_t payload_bytes) noexcept {
  to[0] = static_cast<char>(type);
  store_big_endian(to + 1, channel);
  store_big_endian(to + 3, payload_bytes);
  return to + kFrameHeadBytes;
}

/// Overwrites the channel of the frame that starts at `frame`.
inline void patch_frame_channel(char* frame, std::uint16_t channel) noexcept { store_big_endian(frame + 1, channel); }

/// Appends one frame around `payload`; the caller has cut it to frame_max.
void append_frame(std::string& out, FrameType type, std::uint16_t channel, std::string_view payload);

/// Appends a heartbeat: channel 0, no payload.
void append_heartbeat_frame(std::string& out);

/// The payload of a content header frame.
struct ContentHeader {
  std::uint16_t class_id = 60;
  std::uint64_t body_bytes = 0;
  std::string_view encoded_properties;  ///< flags word and fields, as scan_properties() takes them
};

/// Octets of a content header payload in front of the properties: class, weight, body size.
inline constexpr std::size_t kContentHeaderBytes = 12;

/// Cuts a content header payload; nullopt when it is shorter than class, weight, body size and flags. Does not look at the properties.
[[nodiscard]] inline std::optional<ContentHeader> read_content_header(std::string_view payload) noexcept {
  if (payload.size() < kContentHeaderBytes + 2) return std::nullopt;
  return ContentHeader{load_big_endian<std::uint16_t>(payload.data()), load_big_endian<std::uint64_t>(payload.data() + 4),
                       payload.substr(kContentHeaderBytes)};
}

/// Appends a content header frame.
void append_header_frame(std::string& out, std::uint16_t channel, const ContentHeader& header);

/// Appends a body as the frames it takes; none when it is empty.
void append_body_frames(std::string& out, std::uint16_t channel, std::string_view body, std::uint32_t frame_max);

/// Appends header frame and body frames of a basic message.
void append_content(std::string& out, std::uint16_t channel, std::string_view encoded_properties, std::string_view body,
                    std::uint32_t frame_max);

/// How many octets of body fit one frame; frame_max is 0 or at least kMinFrameMax.
[[nodiscard]] inline constexpr std::size_t max_body_bytes(std::uint32_t frame_max) noexcept {
  return frame_max == kNoFrameMax ? std::numeric_limits<std::uint32_t>::max() : frame_max - kFrameOverheadBytes;
}

}  // namespace mq::amqp
