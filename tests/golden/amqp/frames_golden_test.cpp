// Whole frames, octet by octet. The client-side ones are what pika 1.2 sends; the others follow the same layout by hand.
#include <gtest/gtest.h>

#include "hex.hpp"
#include "mq/amqp/methods.hpp"
#include "mq/amqp/properties.hpp"

namespace mq::amqp {
namespace {

using golden::from_hex;
using golden::squeezed;
using golden::to_hex;
using namespace std::literals;

template <Method M>
std::string frame_hex(std::uint16_t channel, const M& method) {
  std::string out;
  append_method_frame(out, channel, method);
  return to_hex(out);
}

/// Decodes a frame given as hex; fails the test when it is not one frame with M.
template <Method M>
M decode_hex(const std::string& bytes) {
  FrameParse parse = FrameParser::next(bytes, kDefaultFrameMax);
  EXPECT_EQ(parse.status, FrameParse::Status::kFrame);
  EXPECT_EQ(parse.consumed, bytes.size());
  EXPECT_EQ(read_method_id(parse.frame.payload), M::kId);
  std::optional<M> method = decode<M>(method_fields(parse.frame.payload));
  EXPECT_TRUE(method);
  return method.value_or(M{});
}

TEST(GoldenHandshake, ProtocolHeader) { EXPECT_EQ(to_hex(kProtocolHeader), squeezed("41 4d 51 50 00 00 09 01")); }

TEST(GoldenHandshake, Start) {
  TableBytes properties(Table{{"product", "brokerd"}, {"capabilities", Table{{"basic.nack", true}}}});
  EXPECT_EQ(frame_hex(0, ConnectionStart{.server_properties = properties, .mechanisms = "PLAIN AMQPLAIN", .locales = "en_US"}),
            squeezed("01 0000 00000058 000a 000a 00 09"
                     "00000033 07 70726f64756374 53 00000007 62726f6b657264"
                     "0c 6361706162696c6974696573 46 0000000d 0a 62617369632e6e61636b 74 01"
                     "0000000e 504c41494e20414d51504c41494e 00000005 656e5f5553 ce"));
}

TEST(GoldenHandshake, StartOk) {
  std::string bytes = from_hex(
      "01 0000 00000051 000a 000b 0000002d 07 70726f64756374 53 00000001 78 0c 6361706162696c6974696573 46 0000000d 0a "
      "62617369632e6e61636b 74 01"
      "05 504c41494e 0000000c 006775657374006775657374 05 656e5f5553 ce");
  auto start_ok = decode_hex<ConnectionStartOk>(bytes);
  EXPECT_EQ(start_ok.client_properties.decode(), (Table{{"product", "x"}, {"capabilities", Table{{"basic.nack", true}}}}));
  EXPECT_EQ(start_ok.mechanism, "PLAIN");
  EXPECT_EQ(start_ok.response, "\0guest\0guest"sv);
  EXPECT_EQ(start_ok.locale, "en_US");
}

TEST(GoldenHandshake, TuneOk) {
  EXPECT_EQ(frame_hex(0, ConnectionTuneOk{.channel_max = 2047, .frame_max = 131072, .heartbeat = 60}),
            squeezed("01 0000 0000000c 000a 001f 07ff 00020000 003c ce"));
}

TEST(GoldenHandshake, Open) {
  EXPECT_EQ(frame_hex(0, ConnectionOpen{.virtual_host = "/"}), squeezed("01 0000 00000008 000a 0028 01 2f 00 00 ce"));
}

TEST(GoldenHandshake, OpenOk) { EXPECT_EQ(frame_hex(0, ConnectionOpenOk{}), squeezed("01 0000 00000005 000a 0029 00 ce")); }

TEST(GoldenHandshake, Close) {
  EXPECT_EQ(frame_hex(0, ConnectionClose{.reply_code = 320, .reply_text = "CONNECTION_FORCED - bye"}),
            squeezed("01 0000 00000022 000a 0032 0140 17 434f4e4e454354494f4e5f464f52434544202d20627965 0000 0000 ce"));
}

TEST(GoldenChannel, OpenOkCarriesAnEmptyLongstr) {
  EXPECT_EQ(frame_hex(1, ChannelOpenOk{}), squeezed("01 0001 00000008 0014 000b 00000000 ce"));
}

TEST(GoldenQueue, Declare) {
  TableBytes arguments(Table{{"x-max-length", std::int32_t{5}}});
  EXPECT_EQ(frame_hex(1, QueueDeclare{.queue = "q", .durable = true, .arguments = arguments}),
            squeezed("01 0001 0000001f 0032 000a 0000 01 71 02 00000012 0c 782d6d61782d6c656e677468 49 00000005 ce"));
}

TEST(GoldenQueue, DeclareOk) {
  EXPECT_EQ(frame_hex(1, QueueDeclareOk{.queue = "q", .message_count = 7, .consumer_count = 2}),
            squeezed("01 0001 0000000e 0032 000b 01 71 00000007 00000002 ce"));
}

TEST(GoldenExchange, BindWithNowait) {
  EXPECT_EQ(frame_hex(1, ExchangeBind{.destination = "d", .source = "s", .routing_key = "#", .nowait = true}),
            squeezed("01 0001 00000011 0028 001e 0000 01 64 01 73 01 23 01 00000000 ce"));
}

TEST(GoldenBasic, Consume) {
  EXPECT_EQ(frame_hex(1, BasicConsume{.queue = "q", .no_ack = true, .exclusive = true}),
            squeezed("01 0001 0000000e 003c 0014 0000 01 71 00 06 00000000 ce"));
}

TEST(GoldenBasic, Nack) {
  EXPECT_EQ(frame_hex(2, BasicNack{.delivery_tag = 3, .multiple = true, .requeue = true}),
            squeezed("01 0002 0000000d 003c 0078 0000000000000003 03 ce"));
}

TEST(GoldenBasic, Deliver) {
  EXPECT_EQ(
      frame_hex(1, BasicDeliver{.consumer_tag = "ctag", .delivery_tag = 258, .redelivered = true, .exchange = "x", .routing_key = "k"}),
      squeezed("01 0001 00000016 003c 003c 04 63746167 0000000000000102 01 01 78 01 6b ce"));
}

TEST(GoldenBasic, PublishWithContent) {
  std::string out;
  append_method_frame(out, 1, BasicPublish{.exchange = "x", .routing_key = "k", .mandatory = true});
  append_content(out, 1, std::string_view("\x10\0\x02", 3), "hello", kDefaultFrameMax);
  EXPECT_EQ(to_hex(out), squeezed("01 0001 0000000b 003c 0028 0000 01 78 01 6b 01 ce"
                                  "02 0001 0000000f 003c 0000 0000000000000005 1000 02 ce"
                                  "03 0001 00000005 68656c6c6f ce"));
}

TEST(GoldenBasic, HeaderWithEveryCommonProperty) {
  Properties p;
  p.content_type = "text/plain";
  p.headers = Table{{"h", std::int32_t{1}}};
  p.delivery_mode = 2;
  p.priority = 5;
  p.correlation_id = "c";
  p.reply_to = "r";
  p.expiration = "60";
  p.message_id = "m";
  p.timestamp = 1'700'000'000;
  p.type = "t";
  p.user_id = "u";
  p.app_id = "a";
  std::string encoded;
  encode_properties(p, encoded);
  std::string out;
  append_header_frame(out, 1, ContentHeader{60, 5, encoded});
  EXPECT_EQ(to_hex(out), squeezed("02 0001 0000003d 003c 0000 0000000000000005 bff8"
                                  "0a 746578742f706c61696e 00000007 01 68 49 00000001 02 05 01 63 01 72 02 3630 01 6d"
                                  "000000006553f100 01 74 01 75 01 61 ce"));
}

TEST(GoldenFrame, Heartbeat) {
  std::string out;
  append_heartbeat_frame(out);
  EXPECT_EQ(to_hex(out), squeezed("08 0000 00000000 ce"));
}

}  // namespace
}  // namespace mq::amqp
