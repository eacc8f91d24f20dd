#include "mq/amqp/frame.hpp"

namespace mq::amqp {

namespace {

constexpr std::size_t kSnippetBytes = 16;  // as much of the payload as RabbitMQ shows

/// Octets as Erlang prints a binary: `<<1,2,255>>`.
std::string binary_text(std::string_view octets) {
  std::string text = "<<";
  for (char c : octets) {
    if (text.size() > 2) text += ',';
    text += std::to_string(static_cast<unsigned char>(c));
  }
  return text += ">>";
}

}  // namespace

std::string frame_error_text(const FrameParse& parse, std::uint32_t frame_max) {
  std::string_view payload = parse.frame.payload;
  std::string text = "type " + std::to_string(parse.raw_type) + (payload.size() > kSnippetBytes ? ", first 16" : ", all") +
                     " octets = " + binary_text(payload.substr(0, kSnippetBytes)) + ": ";
  switch (parse.fault) {
    case FrameFault::kTooLarge:
      return text + "{frame_too_large," + std::to_string(parse.payload_bytes) + "," + std::to_string(max_body_bytes(frame_max)) + "}";
    case FrameFault::kBadEnd: return text + "{invalid_frame_end_marker," + std::to_string(parse.end_octet) + "}";
    case FrameFault::kUnknownType:
    case FrameFault::kNone: break;
  }
  return text + "unknown_frame";
}

void append_frame(std::string& out, FrameType type, std::uint16_t channel, std::string_view payload) {
  char head[kFrameHeadBytes];
  write_frame_head(head, type, channel, static_cast<std::uint32_t>(payload.size()));
  out.append(head, sizeof head).append(payload) += kFrameEnd;
}

void append_heartbeat_frame(std::string& out) { append_frame(out, FrameType::kHeartbeat, 0, {}); }

void append_header_frame(std::string& out, std::uint16_t channel, const ContentHeader& header) {
  char head[kFrameHeadBytes + kContentHeaderBytes] = {};
  char* to = write_frame_head(head, FrameType::kHeader, channel,
                              static_cast<std::uint32_t>(kContentHeaderBytes + header.encoded_properties.size()));
  store_big_endian(to, header.class_id);
  store_big_endian(to + 4, header.body_bytes);
  out.append(head, sizeof head).append(header.encoded_properties) += kFrameEnd;
}

void append_body_frames(std::string& out, std::uint16_t channel, std::string_view body, std::uint32_t frame_max) {
  const std::size_t most = max_body_bytes(frame_max);
  while (!body.empty()) {
    append_frame(out, FrameType::kBody, channel, body.substr(0, most));
    body.remove_prefix(std::min(most, body.size()));
  }
}

void append_content(std::string& out, std::uint16_t channel, std::string_view encoded_properties, std::string_view body,
                    std::uint32_t frame_max) {
  append_header_frame(out, channel, ContentHeader{60, body.size(), encoded_properties});
  append_body_frames(out, channel, body, frame_max);
}

}  // namespace mq::amqp
