#include "broker/delay.hpp"

#include <gtest/gtest.h>

#include "broker/topology.hpp"
#include "unit/broker/exchange_bench.hpp"

namespace mq::broker {
namespace {

using test::Encoded;

constexpr UnixMillis kNow = 1'700'000'000'000;

/// How far away the time is that these headers ask for; 0 = at once, -1 = refused.
Millis wait_of(const amqp::Table& headers, bool lenient = false) {
  const Encoded encoded(headers);
  const auto due = due_time(encoded.view(), kNow, lenient);
  if (!due) return -1;
  return *due ? **due - kNow : 0;
}

MessagePtr message(const amqp::Table& headers) {
  amqp::Properties properties;
  properties.headers = headers;
  properties.message_id = "id";
  return make_message("exchange", "key", properties, "body");
}

amqp::Properties properties_of(const Message& message) { return amqp::decode_properties(message.encoded_properties()).value(); }

}  // namespace

TEST(Delay, IsAskedForByItsHeadersOnly) {
  EXPECT_TRUE(asks_for_delay(Encoded({{"a", 1}, {"x-delay", 1}}).view()));
  EXPECT_TRUE(asks_for_delay(Encoded({{"x-deliver-at", 1}}).view()));
  EXPECT_FALSE(asks_for_delay(Encoded({{"x-delayed", 1}, {"delay", 1}, {"X-Delay", 1}}).view()));
  EXPECT_FALSE(asks_for_delay({}));
}

TEST(Delay, IsTheFirstHeaderOfItsName) { EXPECT_EQ(wait_of({{"x-delay", 5}, {"x-delay", 9}}), 5); }

TEST(Delay, TakesTheWholeOfAFraction) { EXPECT_EQ(wait_of({{"x-delay", 1500.9}}), 1500); }

TEST(Delay, IsNoNumberWithAnythingBehindIt) {
  EXPECT_EQ(wait_of({{"x-delay", "5000"}}), 5000);
  EXPECT_EQ(wait_of({{"x-delay", "5000 ms"}}), -1);
  EXPECT_EQ(wait_of({{"x-delay", ""}}), -1);
}

TEST(Delay, IsRefusedWhereverItIsTooLong) {
  EXPECT_EQ(wait_of({{"x-delay", kMaxDelayMs}}), kMaxDelayMs);
  EXPECT_EQ(wait_of({{"x-delay", kMaxDelayMs + 1}}), -1);
  EXPECT_EQ(wait_of({{"x-delay", 1e300}}), -1);
  EXPECT_EQ(wait_of({{"x-delay", INT64_MAX}}, true), -1);
  EXPECT_EQ(wait_of({{"x-deliver-at", INT64_MAX}}), -1);
}

TEST(Delay, OfAWrongTypeIsPassedOverOnlyByTheLenient) {
  EXPECT_EQ(wait_of({{"x-delay", true}}), -1);
  EXPECT_EQ(wait_of({{"x-delay", true}}, true), 0);
  EXPECT_EQ(wait_of({{"x-delay", true}, {"x-deliver-at", kNow + 7}}, true), 7);
}

TEST(Delay, OfNoNumberIsNone) { EXPECT_EQ(wait_of({{"x-delay", std::numeric_limits<double>::quiet_NaN()}}, true), 0); }

TEST(Delay, IsTurnedRoundInItsOwnType) {
  const amqp::Value kinds[] = {std::int8_t{100}, std::int16_t{1000}, std::int32_t{100'000}, std::int64_t{5'000'000'000}};
  for (const amqp::Value& kind : kinds) {
    const MessagePtr waiting = make_delayed(message({{"a", "b"}, {"x-delay", kind}, {"c", 1}}));
    const amqp::Properties properties = properties_of(*waiting);
    EXPECT_EQ(properties.headers->find("x-delay")->tag(), kind.tag());
    EXPECT_EQ(properties.headers->find("x-delay")->integer(), -*kind.integer());
    EXPECT_EQ(*properties.headers->find("c"), amqp::Value(1));
    EXPECT_EQ(properties.message_id, "id");
    EXPECT_EQ(waiting->body(), "body");
  }
}

TEST(Delay, ThatCannotBeNegativeInItsTypeGetsOneThatCan) {
  for (const amqp::Value& kind : {amqp::Value(std::uint32_t{3'000'000'000}), amqp::Value("3000000000"), amqp::Value(3e9)})
    EXPECT_EQ(*properties_of(*make_delayed(message({{"x-delay", kind}}))).headers->find("x-delay"),
              amqp::Value(std::int64_t{-3'000'000'000}));
}

TEST(Delay, LeavesAMessageWithoutItAsItIs) {
  const MessagePtr plain = message({{"x-deliver-at", kNow + 1}});
  EXPECT_EQ(make_delayed(plain), plain);
  const MessagePtr negative = message({{"x-delay", -5}});
  EXPECT_EQ(make_delayed(negative), negative);
}

TEST(Delay, IsWhatSomeExchangesAreFor) {
  EXPECT_TRUE(is_delaying({.name = "x", .type = "x-delayed-message"}));
  EXPECT_TRUE(is_delaying({.name = "x", .type = "topic", .arguments = {{"x-delayed-exchange", true}}}));
  EXPECT_FALSE(is_delaying({.name = "x", .type = "topic", .arguments = {{"x-delayed-exchange", false}}}));
  EXPECT_FALSE(is_delaying({.name = "x", .type = "topic"}));
}

}  // namespace mq::broker
