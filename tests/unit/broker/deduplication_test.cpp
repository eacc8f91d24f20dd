// What an id is, and how long it is to be remembered.
#include "broker/deduplication.hpp"

#include <gtest/gtest.h>

namespace mq::broker {
namespace {

const std::string kHeader = "x-deduplication-header";

MessagePtr with_headers(amqp::Table headers) {
  amqp::Properties properties;
  properties.headers = std::move(headers);
  return make_message("", "q", properties, "body");
}

std::optional<IdHash> id(amqp::Value value) { return id_of({}, *with_headers({{kHeader, std::move(value)}})); }

TEST(DeduplicationId, IsWhatTheHeaderSays) {
  EXPECT_TRUE(id("a"));
  EXPECT_EQ(id("a"), id("a"));
  EXPECT_NE(id("a"), id("b"));
}

TEST(DeduplicationId, IsTheSameForANumberOfAnyWidth) {
  EXPECT_EQ(id(std::int8_t{7}), id(std::int64_t{7}));
  EXPECT_EQ(id(1.5F), id(1.5));
  EXPECT_NE(id(std::int64_t{7}), id("7"));
  EXPECT_NE(id(true), id(std::int64_t{1}));
}

TEST(DeduplicationId, MayBeEmpty) { EXPECT_TRUE(id("")); }

TEST(DeduplicationId, IsNoneWithoutTheHeader) {
  EXPECT_FALSE(id_of({}, *make_message("", "q", {}, "body")));
  EXPECT_FALSE(id_of({}, *with_headers({{"other", "a"}})));
}

TEST(DeduplicationId, IsNoTableArrayOrVoid) {
  EXPECT_FALSE(id(amqp::Table{{"a", "b"}}));
  EXPECT_FALSE(id(amqp::Array{amqp::Value("a")}));
  EXPECT_FALSE(id(amqp::Void{}));
}

TEST(DeduplicationId, MayBeAnotherHeader) {
  DeduplicationSettings settings;
  settings.header = "order";
  EXPECT_TRUE(id_of(settings, *with_headers({{"order", "a"}})));
  EXPECT_FALSE(id_of(settings, *with_headers({{kHeader, "a"}})));
}

TEST(DeduplicationId, MayBeTheMessageId) {
  DeduplicationSettings settings;
  settings.by_message_id = true;
  amqp::Properties properties;
  EXPECT_FALSE(id_of(settings, *make_message("", "q", properties, "body")));
  properties.message_id = "a";
  EXPECT_TRUE(id_of(settings, *make_message("", "q", properties, "body")));
}

TEST(DeduplicationId, IsRememberedForTheTimeOfTheSettingsOrItsOwn) {
  DeduplicationSettings settings;
  const MessagePtr plain = with_headers({});
  EXPECT_EQ(remembered_until(settings, *plain, 1000), kNever);
  settings.cache_ttl_ms = 50;
  EXPECT_EQ(remembered_until(settings, *plain, 1000), 1050);
  EXPECT_EQ(remembered_until(settings, *with_headers({{"x-cache-ttl", std::int32_t{7}}}), 1000), 1007);
}

TEST(DeduplicationId, IsRememberedAsSetWhereItsOwnTimeMakesNoSense) {
  DeduplicationSettings settings;
  settings.cache_ttl_ms = 50;
  EXPECT_EQ(remembered_until(settings, *with_headers({{"x-cache-ttl", std::int32_t{0}}}), 1000), 1050);
  EXPECT_EQ(remembered_until(settings, *with_headers({{"x-cache-ttl", "7"}}), 1000), 1050);
}

}  // namespace
}  // namespace mq::broker
