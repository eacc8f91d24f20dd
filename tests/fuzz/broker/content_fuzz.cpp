// A content header payload as it comes, and a body: what a header says is cut out of it, a message made of both keeps them octet for octet,
// and what is written as frames is read as the same content.
#include "broker/message.hpp"

#include "fuzz.hpp"
#include "mq/amqp/frame.hpp"
#include "support/input.hpp"

using namespace mq;
using namespace mq::amqp;

namespace {

/// The payloads of the body frames behind the header frame, one behind the other.
std::string body_of(std::string_view frames, std::uint32_t frame_max) {
  std::string body;
  bool first = true;
  while (!frames.empty()) {
    const FrameParse parse = FrameParser::next(frames, frame_max);
    FUZZ_CLAIM(parse.status == FrameParse::Status::kFrame || first);  // a header cannot be cut, however large
    if (parse.status != FrameParse::Status::kFrame) return std::string(frames);
    FUZZ_CLAIM((parse.frame.type == FrameType::kHeader) == first);
    if (!first) body += parse.frame.payload;
    first = false;
    frames.remove_prefix(parse.consumed);
  }
  return body;
}

}  // namespace

FUZZ_TARGET(bytes) {
  fuzz::Input input(bytes);
  const std::size_t header_bytes = input.u16() & 0x3FF;
  const std::string_view payload = input.bytes(header_bytes);
  const std::string_view body = input.rest();
  const std::optional<ContentHeader> header = read_content_header(payload);
  FUZZ_CLAIM(header.has_value() == (payload.size() >= kContentHeaderBytes + 2));
  if (!header) return;
  PropertiesView view;
  const bool valid = scan_properties(header->encoded_properties, view);
  broker::MessageBuilder builder;
  FUZZ_CLAIM(builder.start("exchange", "key", payload) == valid);
  if (!valid) return;
  const std::string_view part = body.substr(0, header->body_bytes);
  if (!part.empty()) builder.append_body(part);
  FUZZ_CLAIM(builder.missing_bytes() == header->body_bytes - part.size());
  const broker::MessagePtr made = broker::make_message_encoded("exchange", "key", header->encoded_properties, part);
  FUZZ_CLAIM(made->body() == part && made->encoded_properties() == header->encoded_properties);
  FUZZ_CLAIM(made->persistent() == (view.delivery_mode == 2));
  if (builder.missing_bytes() == 0) {
    const broker::MessagePtr message = builder.finish();
    FUZZ_CLAIM(message->body() == part && message->encoded_properties() == header->encoded_properties);
    FUZZ_CLAIM(body_of(message->wire(), kNoFrameMax) == part);
  }
  std::string frames;
  append_content(frames, 3, header->encoded_properties, part, kMinFrameMax);
  if (header->encoded_properties.size() < kMinFrameMax / 2) FUZZ_CLAIM(body_of(frames, kMinFrameMax) == part);
}
