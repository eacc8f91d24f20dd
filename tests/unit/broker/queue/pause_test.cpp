// A queue that an operator has stopped from delivering, from taking in, or from both.
#include "queue_bench.hpp"

namespace mq::broker::test {
namespace {

constexpr QueuePause kDelivery{.delivery = true};
constexpr QueuePause kPublish{.publish = true};
constexpr QueuePause kNothing{};

TEST(PausedDelivery, GivesConsumersNothingUntilItGoesOn) {
  QueueBench bench;
  bench.consume();
  bench.queue().pause(kDelivery);
  bench.publish_all({"a", "b"});
  EXPECT_EQ(bench.turn(), Words{});
  bench.queue().pause(kNothing);
  EXPECT_EQ(bench.turn(), (Words{"1 gets a", "1 gets b"}));
}

TEST(PausedDelivery, LeavesGetEmpty) {
  QueueBench bench;
  bench.publish_all({"a"});
  bench.queue().pause(kDelivery);
  EXPECT_EQ(bench.get(), "");
  bench.queue().pause(kNothing);
  EXPECT_EQ(bench.get(), "a");
}

TEST(PausedDelivery, HoldsWhereMessagesAreChosen) {
  QueueBench bench({.group_by = {GroupBy::What::kRoutingKey, ""}});
  bench.consume();
  bench.queue().pause(kDelivery);
  bench.publish_all({"a"});
  EXPECT_EQ(bench.turn(), Words{});
  EXPECT_EQ(bench.get(), "");
}

TEST(PausedDelivery, LetsWhatIsOutBeSettled) {
  QueueBench bench;
  bench.consume();
  bench.publish_all({"a", "b"});
  bench.turn();
  bench.queue().pause(kDelivery);
  bench.ack({"a"});
  bench.requeue({"b"});
  EXPECT_EQ(bench.turn(), Words{});
  EXPECT_EQ(bench.queue().counts().unacked, 0u);
  EXPECT_EQ(bench.queue().counts().ready, 1u);
}

TEST(PausedDelivery, DoesNotStopTheClock) {
  QueueBench bench({.message_ttl_ms = 100, .dead_letter_exchange = "dlx"});
  bench.consume();
  bench.queue().pause(kDelivery);
  bench.publish_all({"a"});
  bench.now = 1100;
  EXPECT_EQ(bench.turn(), (Words{"a leaves: expired"}));
}

TEST(PausedDelivery, DoesNotLetConsumersMakeRoom) {
  QueueBench bench({.max_length = 1, .overflow = Overflow::kRejectPublish});
  bench.consume();
  bench.queue().pause(kDelivery);
  bench.publish({"a", false}, 1);
  bench.publish({"b", false}, 2);
  EXPECT_EQ(bench.turn(), (Words{"confirms 1", "refuses 2"}));
  const MessagePtr more = message({"c"});
  EXPECT_FALSE(bench.queue().would_take(std::span(&more, 1), bench.now));
}

TEST(PausedPublishing, RefusesWhoWantsToKnow) {
  QueueBench bench;
  bench.queue().pause(kPublish);
  bench.publish({"a"}, 1);
  bench.publish({"b", false}, 2);
  EXPECT_EQ(bench.turn(), (Words{"refuses 1", "refuses 2"}));
  EXPECT_EQ(bench.queue().counts().ready, 0u);
}

TEST(PausedPublishing, DropsAndCountsWhatNobodyAsksAbout) {
  QueueBench bench;
  bench.queue().pause(kPublish);
  bench.publish_all({"a", "b"});
  EXPECT_EQ(bench.turn(), Words{});
  EXPECT_EQ(bench.queue().refused(), 2u);
}

TEST(PausedPublishing, DeadLettersNothing) {
  QueueBench bench({.max_length = 1, .dead_letter_exchange = "dlx", .overflow = Overflow::kRejectPublishDlx});
  bench.queue().pause(kPublish);
  bench.publish({"a"}, 1);
  EXPECT_EQ(bench.turn(), (Words{"refuses 1"}));
}

TEST(PausedPublishing, IsToldToWhoAsksBefore) {
  QueueBench bench;
  EXPECT_FALSE(bench.queue().may_refuse());
  bench.queue().pause(kPublish);
  EXPECT_TRUE(bench.queue().may_refuse());
  const MessagePtr one = message({"a"});
  EXPECT_FALSE(bench.queue().would_take(std::span(&one, 1), bench.now));
  EXPECT_TRUE(bench.queue().would_take({}, bench.now));
}

TEST(PausedPublishing, LetsAtomicCommitsIn) {
  QueueBench bench;
  bench.queue().pause(kPublish);
  const MessagePtr letter = message({"a"});
  WriteSet out;
  bench.queue().reveal(bench.queue().prepare(std::span(&letter, 1), bench.now, out));
  EXPECT_EQ(bench.queue().counts().ready, 1u);
}

TEST(PausedPublishing, DoesNotStopDelivery) {
  QueueBench bench;
  bench.publish_all({"a"});
  bench.queue().pause(kPublish);
  bench.consume();
  EXPECT_EQ(bench.turn(), (Words{"1 gets a"}));
}

}  // namespace
}  // namespace mq::broker::test
