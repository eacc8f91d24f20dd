#include "mq/amqp/frame.hpp"

#include <gtest/gtest.h>

#include "random_values.hpp"

namespace mq::amqp {
namespace {

using namespace std::literals;
using Status = FrameParse::Status;

std::string frame(FrameType type, std::uint16_t channel, std::string_view payload) {
  std::string out;
  append_frame(out, type, channel, payload);
  return out;
}

TEST(FrameParser, ReturnsTypeChannelAndPayload) {
  std::string bytes = frame(FrameType::kBody, 258, "hello") + "next";
  FrameParse parse = FrameParser::next(bytes, kDefaultFrameMax);
  ASSERT_EQ(parse.status, Status::kFrame);
  EXPECT_EQ(parse.frame.type, FrameType::kBody);
  EXPECT_EQ(parse.frame.channel, 258);
  EXPECT_EQ(parse.frame.payload, "hello");
  EXPECT_EQ(parse.consumed, 13U);
}

TEST(FrameParser, NeedsMoreAtEveryCut) {
  std::string bytes = frame(FrameType::kMethod, 1, "payload");
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    std::string cut = bytes.substr(0, size);  // its own allocation, so that a sanitizer sees a read past the end
    ASSERT_EQ(FrameParser::next(cut, kDefaultFrameMax).status, Status::kNeedMore) << size << " bytes";
  }
}

TEST(FrameParser, SaysHowManyBytesItNeeds) {
  std::string bytes = frame(FrameType::kMethod, 1, "payload");
  EXPECT_EQ(FrameParser::next(bytes.substr(0, 3), kDefaultFrameMax).needed, kFrameHeadBytes);
  EXPECT_EQ(FrameParser::next(bytes.substr(0, 8), kDefaultFrameMax).needed, bytes.size());
}

TEST(FrameParser, FindsFramesOneAfterTheOther) {
  test::RandomValues random(8);
  std::string bytes;
  std::vector<std::string> payloads;
  for (int i = 0; i < 200; ++i) bytes += frame(FrameType::kBody, 1, payloads.emplace_back(random.octets(300)));
  std::string_view left = bytes;
  for (const std::string& payload : payloads) {
    FrameParse parse = FrameParser::next(left, kDefaultFrameMax);
    ASSERT_EQ(parse.status, Status::kFrame);
    ASSERT_EQ(parse.frame.payload, payload);
    left.remove_prefix(parse.consumed);
  }
  EXPECT_TRUE(left.empty());
}

TEST(FrameParser, TakesAPayloadOfFrameMaxAsRabbitMqDoes) {
  EXPECT_EQ(FrameParser::next(frame(FrameType::kBody, 1, std::string(4096, 'x')), 4096).status, Status::kFrame);
}

TEST(FrameParser, RefusesALargerPayloadBeforeItHasCome) {
  FrameParse parse = FrameParser::next(frame(FrameType::kBody, 1, std::string(4097, 'x')).substr(0, kFrameHeadBytes), 4096);
  ASSERT_EQ(parse.status, Status::kError);
  EXPECT_EQ(parse.fault, FrameFault::kTooLarge);
  EXPECT_EQ(frame_error_text(parse, 4096), "type 3, all octets = <<>>: {frame_too_large,4097,4088}");
}

TEST(FrameParser, HasNoLimitWhenFrameMaxIsZero) {
  EXPECT_EQ(FrameParser::next(frame(FrameType::kBody, 1, std::string(1 << 20, 'x')), kNoFrameMax).status, Status::kFrame);
}

TEST(FrameParser, RefusesABadEndOctet) {
  std::string bytes = frame(FrameType::kMethod, 1, "abc");
  bytes.back() = '\x07';
  FrameParse parse = FrameParser::next(bytes, kDefaultFrameMax);
  ASSERT_EQ(parse.status, Status::kError);
  EXPECT_EQ(parse.fault, FrameFault::kBadEnd);
  EXPECT_EQ(frame_error_text(parse, kDefaultFrameMax), "type 1, all octets = <<97,98,99>>: {invalid_frame_end_marker,7}");
}

TEST(FrameParser, RefusesEveryTypeButFour) {
  std::string bytes = frame(FrameType::kMethod, 0, "");
  for (int type = 0; type < 256; ++type) {
    bytes[0] = static_cast<char>(type);
    bool known = type == 1 || type == 2 || type == 3 || type == 8;
    EXPECT_EQ(FrameParser::next(bytes, kDefaultFrameMax).status, known ? Status::kFrame : Status::kError) << type;
  }
}

TEST(FrameParser, RefusesAHeartbeatWithAPayload) {
  FrameParse parse = FrameParser::next(frame(FrameType::kHeartbeat, 0, "x"), kDefaultFrameMax);
  ASSERT_EQ(parse.status, Status::kError);
  EXPECT_EQ(parse.fault, FrameFault::kUnknownType);
  EXPECT_EQ(frame_error_text(parse, kDefaultFrameMax), "type 8, all octets = <<>>: unknown_frame");
}

TEST(FrameErrorText, ShowsTheFirstSixteenOctetsOfALongPayload) {
  std::string bytes = frame(FrameType::kMethod, 1, std::string(17, '\0'));
  bytes.back() = '\0';
  EXPECT_EQ(frame_error_text(FrameParser::next(bytes, kDefaultFrameMax), kDefaultFrameMax),
            "type 1, first 16 octets = <<0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0>>: {invalid_frame_end_marker,0}");
}

TEST(ContentHeader, ReturnsWhatWasWritten) {
  std::string bytes;
  append_header_frame(bytes, 3, ContentHeader{60, 1'000'000'000'000, "\x10\x00\x02"sv});
  std::optional<ContentHeader> header = read_content_header(FrameParser::next(bytes, kDefaultFrameMax).frame.payload);
  ASSERT_TRUE(header);
  EXPECT_EQ(header->class_id, 60);
  EXPECT_EQ(header->body_bytes, 1'000'000'000'000U);
  EXPECT_EQ(header->encoded_properties, "\x10\x00\x02"sv);
}

TEST(ContentHeader, RefusesAPayloadWithoutFlags) { EXPECT_FALSE(read_content_header(std::string(13, '\0'))); }

TEST(BodyFrames, AreCutToFrameMax) {
  std::string body(10'000, 'b');
  std::string bytes;
  append_body_frames(bytes, 1, body, 4096);
  std::vector<std::size_t> sizes;
  for (std::string_view left = bytes; !left.empty();) {
    FrameParse parse = FrameParser::next(left, 4096);
    ASSERT_EQ(parse.status, Status::kFrame);
    sizes.push_back(parse.frame.payload.size());
    left.remove_prefix(parse.consumed);
  }
  EXPECT_EQ(sizes, (std::vector<std::size_t>{4088, 4088, 1824}));
}

TEST(BodyFrames, AreNoneForAnEmptyBody) {
  std::string bytes;
  append_body_frames(bytes, 1, "", kDefaultFrameMax);
  EXPECT_EQ(bytes, "");
}

TEST(BodyFrames, AreOneWithoutALimit) {
  std::string bytes;
  append_body_frames(bytes, 1, std::string(300'000, 'b'), kNoFrameMax);
  EXPECT_EQ(bytes.size(), 300'008U);
}

TEST(Frame, HasItsChannelPatchedInPlace) {
  std::string bytes = frame(FrameType::kBody, 0, "x");
  patch_frame_channel(bytes.data(), 0x1234);
  EXPECT_EQ(bytes, frame(FrameType::kBody, 0x1234, "x"));
}

}  // namespace
}  // namespace mq::amqp
