#include "mq/amqp/properties.hpp"

#include <gtest/gtest.h>

#include "random_values.hpp"

namespace mq::amqp {
namespace {

using namespace std::string_literals;

std::string encoded(const Properties& properties) {
  std::string out;
  encode_properties(properties, out);
  return out;
}

TEST(PropertiesCodec, ReturnsWhatWasEncodedForRandomProperties) {
  test::RandomValues random(3);
  for (int round = 0; round < 2000; ++round) {
    Properties properties = random.properties();
    ASSERT_EQ(decode_properties(encoded(properties)), properties) << "round " << round;
  }
}

TEST(PropertiesCodec, WritesTwoOctetsWhenNothingIsPresent) { EXPECT_EQ(encoded({}), "\0\0"s); }

TEST(PropertiesCodec, WritesFieldsInTheOrderOfTheirFlags) {
  Properties p;
  p.content_type = "ct";
  p.delivery_mode = 2;
  p.priority = 9;
  p.timestamp = 1;
  p.app_id = "app";
  EXPECT_EQ(encoded(p),
            "\x98\x48\x02"s
            "ct"
            "\x02\x09\0\0\0\0\0\0\0\x01\x03"s
            "app");
}

TEST(PropertiesCodec, KeepsAnEmptyStringApartFromNone) {
  Properties p;
  p.reply_to = "";
  EXPECT_EQ(decode_properties(encoded(p)), p);
}

TEST(PropertiesScan, LocatesEveryField) {
  Properties p;
  p.content_type = "text/plain";
  p.content_encoding = "gzip";
  p.headers = Table{{"h", std::int32_t{7}}};
  p.delivery_mode = 2;
  p.priority = 5;
  p.correlation_id = "corr";
  p.reply_to = "reply";
  p.expiration = "60000";
  p.message_id = "id";
  p.timestamp = 1'700'000'000;
  p.type = "kind";
  p.user_id = "guest";
  p.app_id = "app";
  p.cluster_id = "cluster";
  std::string bytes = encoded(p);
  PropertiesView view;
  ASSERT_TRUE(scan_properties(bytes, view));
  EXPECT_EQ(view.flags, 0xFFFC);
  EXPECT_EQ(view.content_type, "text/plain");
  EXPECT_EQ(view.content_encoding, "gzip");
  EXPECT_EQ(view.headers.find("h")->integer(), 7);
  EXPECT_EQ(view.delivery_mode, 2);
  EXPECT_EQ(view.priority, 5);
  EXPECT_EQ(view.correlation_id, "corr");
  EXPECT_EQ(view.reply_to, "reply");
  EXPECT_EQ(view.expiration, "60000");
  EXPECT_EQ(view.message_id, "id");
  EXPECT_EQ(view.timestamp, 1'700'000'000U);
  EXPECT_EQ(view.type, "kind");
  EXPECT_EQ(view.user_id, "guest");
  EXPECT_EQ(view.app_id, "app");
  EXPECT_EQ(view.cluster_id, "cluster");
}

TEST(PropertiesScan, ReadsTheDeliveryModeAlone) {
  PropertiesView view;
  ASSERT_TRUE(scan_properties("\x10\x00\x02"s, view));
  EXPECT_EQ(view.delivery_mode, 2);
}

TEST(PropertiesScan, ForgetsWhatTheViewHeldBefore) {
  Properties p;
  p.priority = 5;
  p.type = "kind";
  std::string bytes = encoded(p);
  PropertiesView view;
  ASSERT_TRUE(scan_properties(bytes, view));
  ASSERT_TRUE(scan_properties("\x10\x00\x02"s, view));
  EXPECT_EQ(view.priority, 0);
  EXPECT_EQ(view.type, "");
}

TEST(PropertiesScan, RefusesTrailingBytes) {
  PropertiesView view;
  for (const std::string& bytes : {"\0\0x"s, "\x10\x00\x02x"s, "\x08\x00\x02x"s}) EXPECT_FALSE(scan_properties(bytes, view));
}

TEST(PropertiesScan, RefusesAContinuationOfTheFlags) {
  PropertiesView view;
  EXPECT_FALSE(scan_properties("\x00\x01\x00\x00"s, view));
}

TEST(PropertiesScan, RefusesTheReservedFlag) {
  PropertiesView view;
  EXPECT_FALSE(scan_properties("\x00\x02"s, view));
}

TEST(PropertiesScan, RefusesAnIllFormedHeaderTable) {
  PropertiesView view;
  EXPECT_FALSE(
      scan_properties("\x20\x00\x00\x00\x00\x03\x01"s
                      "aU"s,
                      view));
}

TEST(PropertiesScan, RefusesEveryTruncation) {
  test::RandomValues random(4);
  for (int round = 0; round < 100; ++round) {
    std::string bytes = encoded(random.properties());
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      std::string cut = bytes.substr(0, size);
      PropertiesView view;
      ASSERT_FALSE(scan_properties(cut, view)) << "round " << round << ", " << size << " of " << bytes.size();
    }
  }
}

}  // namespace
}  // namespace mq::amqp
