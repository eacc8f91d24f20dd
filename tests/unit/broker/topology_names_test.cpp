#include <gtest/gtest.h>

#include <algorithm>

#include "broker/names.hpp"

namespace mq::broker {
namespace {

TEST(Names, AreReservedByTheirPrefix) {
  EXPECT_TRUE(is_reserved_name("amq."));
  EXPECT_TRUE(is_reserved_name("amq.direct"));
  EXPECT_FALSE(is_reserved_name("amq"));
  EXPECT_FALSE(is_reserved_name("AMQ.direct"));
  EXPECT_FALSE(is_reserved_name(""));
}

TEST(Names, OfNewThingsMustNotBeReserved) {
  EXPECT_TRUE(check_new_name("queue", "orders"));
  EXPECT_EQ(check_new_name("queue", "amq.x").error().reply_text(), "ACCESS_REFUSED - queue name 'amq.x' contains reserved prefix 'amq.*'");
}

TEST(Names, LoseTheirLineBreaks) {
  EXPECT_EQ(without_line_breaks("a\r\nb\n"), "ab");
  EXPECT_EQ(without_line_breaks("plain"), "plain");
}

TEST(Names, AreGeneratedInBase64Url) {
  RandomBytes zeros{}, ones;
  ones.fill(0xFF);
  EXPECT_EQ(generate_name(kGeneratedQueuePrefix, zeros), "amq.gen-AAAAAAAAAAAAAAAAAAAAAA");
  EXPECT_EQ(generate_name(kGeneratedConsumerPrefix, ones), "amq.ctag-_____________________w");
  EXPECT_EQ(generate_name("", {'M', 'a', 'n', 'M', 'a', 'n', 'M', 'a', 'n', 'M', 'a', 'n', 'M', 'a', 'n', 'M'}), "TWFuTWFuTWFuTWFuTWFuTQ");
}

TEST(Names, OfMissingThingsStandInTheError) {
  EXPECT_EQ(not_found("queue", "q", "/").reply_text(), "NOT_FOUND - no queue 'q' in vhost '/'");
}

}  // namespace
}  // namespace mq::broker
