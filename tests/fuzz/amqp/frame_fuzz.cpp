// Frames lie within the bytes given; each prefix of a frame needs more; writing a frame again gives the same octets.
#include "fuzz.hpp"
#include "mq/amqp/frame.hpp"
#include "mq/amqp/methods.hpp"

using namespace mq::amqp;

namespace {
void check_frame(std::string_view left, const FrameParse& parse, std::uint32_t frame_max) {
  FUZZ_CLAIM(parse.consumed <= left.size());
  FUZZ_CLAIM(parse.frame.payload.data() == left.data() + kFrameHeadBytes);
  std::string again;
  append_frame(again, parse.frame.type, parse.frame.channel, parse.frame.payload);
  FUZZ_CLAIM(again == left.substr(0, parse.consumed));
  FUZZ_CLAIM(FrameParser::next(left.substr(0, parse.consumed - 1), frame_max).status == FrameParse::Status::kNeedMore);
  if (parse.frame.type == FrameType::kHeader) static_cast<void>(read_content_header(parse.frame.payload));
  if (parse.frame.type == FrameType::kMethod) static_cast<void>(describe_method(parse.frame.payload));
}
}  // namespace

FUZZ_TARGET(input) {
  if (input.empty()) return;
  std::uint32_t frame_max = (input[0] & 1) != 0 ? kMinFrameMax : kNoFrameMax;
  for (std::string_view left = input.substr(1); !left.empty();) {
    FrameParse parse = FrameParser::next(left, frame_max);
    if (parse.status == FrameParse::Status::kNeedMore) FUZZ_CLAIM(parse.needed > left.size());
    if (parse.status == FrameParse::Status::kError) FUZZ_CLAIM(!frame_error_text(parse, frame_max).empty());
    if (parse.status != FrameParse::Status::kFrame) return;
    check_frame(left, parse, frame_max);
    left.remove_prefix(parse.consumed);
  }
}
