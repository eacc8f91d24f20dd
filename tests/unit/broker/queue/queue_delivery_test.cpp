// Who gets which message: consumers, their credit, basic.get and requeueing.
#include "queue_bench.hpp"

namespace mq::broker::test {
namespace {

TEST(QueueDelivery, GivesAConsumerWhatWaits) {
  QueueBench bench;
  bench.publish_all({"a", "b"});
  bench.consume();
  EXPECT_EQ(bench.turn(), (Words{"1 gets a", "1 gets b"}));
  EXPECT_EQ(bench.queue().counts().unacked, 2u);
}

TEST(QueueDelivery, GoesRoundRobin) {
  QueueBench bench;
  bench.consume();
  bench.consume();
  bench.publish_all({"a", "b", "c", "d"});
  EXPECT_EQ(bench.turn(), (Words{"1 gets a", "1 gets c", "2 gets b", "2 gets d"}));
}

TEST(QueueDelivery, PrefersConsumersOfHigherPriority) {
  QueueBench bench;
  bench.consume({.priority = -1});
  bench.consume({.prefetch = 2, .priority = 5});
  bench.publish_all({"a", "b", "c"});
  EXPECT_EQ(bench.turn(), (Words{"2 gets a", "2 gets b", "1 gets c"}));
}

TEST(QueueDelivery, StopsAtThePrefetch) {
  QueueBench bench;
  bench.consume({.prefetch = 2});
  bench.publish_all({"a", "b", "c"});
  EXPECT_EQ(bench.turn(), (Words{"1 gets a", "1 gets b"}));
  EXPECT_EQ(bench.turn(), Words{});
  bench.ack({"a"});
  EXPECT_EQ(bench.turn(), (Words{"1 gets c"}));
}

TEST(QueueDelivery, ServesThoseBehindAConsumerWithoutCredit) {
  QueueBench bench;
  bench.consume({.prefetch = 1});
  bench.consume({.prefetch = 3});
  bench.publish_all({"a", "b", "c", "d", "e"});
  EXPECT_EQ(bench.turn(), (Words{"1 gets a", "2 gets b", "2 gets c", "2 gets d"}));
}

TEST(QueueDelivery, LimitsNoConsumerThatDoesNotAcknowledge) {
  QueueBench bench;
  bench.consume({.no_ack = true, .prefetch = 1});
  bench.publish_all({"a", "b"});
  EXPECT_EQ(bench.turn(), (Words{"1 gets a", "1 gets b"}));
  EXPECT_EQ(bench.queue().counts().unacked, 0u);
  EXPECT_EQ(bench.queue().counts().memory_bytes, 0u);
}

TEST(QueueDelivery, StopsWhenTheWindowIsFull) {
  QueueBench bench;
  bench.consume({.window_bytes = 1});
  bench.publish_all({"a", "b"});
  EXPECT_EQ(bench.turn(), (Words{"1 gets a"}));
  bench.ack({"a"});
  EXPECT_EQ(bench.turn(), Words{});
  bench.return_window(1, 1 << 20);
  EXPECT_EQ(bench.turn(), (Words{"1 gets b"}));
}

TEST(QueueDelivery, SharesAPrefetchAmongTheConsumersOfAChannel) {
  QueueBench bench;
  auto shared = std::make_shared<ChannelPrefetch>();
  shared->set_limit(3);
  bench.consume({.channel_prefetch = shared});
  bench.consume({.channel_prefetch = shared});
  bench.publish_all({"a", "b", "c", "d"});
  EXPECT_EQ(bench.turn().size(), 3u);
  EXPECT_TRUE(shared->take_want());
  shared->release(1);
  bench.retry(1);
  EXPECT_EQ(bench.turn(), (Words{"1 gets d"}));
}

TEST(QueueDelivery, CountsNoMessageAgainstASharedPrefetchWithoutAcknowledgement) {
  QueueBench bench;
  auto shared = std::make_shared<ChannelPrefetch>();
  shared->set_limit(1);
  bench.consume({.no_ack = true, .channel_prefetch = shared});
  bench.publish_all({"a", "b"});
  EXPECT_EQ(bench.turn().size(), 2u);
}

TEST(QueueDelivery, TakesUpASharedPrefetchLater) {
  QueueBench bench;
  auto shared = std::make_shared<ChannelPrefetch>();
  shared->set_limit(1);
  bench.consume();
  bench.share_prefetch(1, shared);
  bench.publish_all({"a", "b"});
  EXPECT_EQ(bench.turn(), (Words{"1 gets a"}));
}

TEST(QueueDelivery, GoesPastAConsumerWhoseSharedPrefetchIsUsedUp) {
  QueueBench bench;
  auto shared = std::make_shared<ChannelPrefetch>();
  shared->set_limit(1);
  bench.consume({.channel_prefetch = shared});
  bench.consume();
  bench.publish_all({"a", "b", "c"});
  EXPECT_EQ(bench.turn(), (Words{"1 gets a", "2 gets b", "2 gets c"}));
}

TEST(QueueDelivery, ServesOneActiveConsumerOnly) {
  QueueBench bench({.single_active_consumer = true});
  bench.consume();
  bench.consume();
  bench.publish_all({"a", "b"});
  EXPECT_EQ(bench.turn(), (Words{"1 gets a", "1 gets b"}));
}

TEST(QueueDelivery, PassesTheActiveRoleOnWhenItsConsumerLeaves) {
  QueueBench bench({.single_active_consumer = true});
  bench.consume();
  bench.consume();
  bench.publish_all({"a"});
  bench.turn();
  bench.cancel(1);
  bench.publish_all({"b"});
  EXPECT_EQ(bench.turn(), (Words{"2 gets b"}));
}

TEST(QueueDelivery, WaitsForTheActiveConsumerWhenItHasNoCredit) {
  QueueBench bench({.single_active_consumer = true});
  bench.consume({.prefetch = 1});
  bench.consume();
  bench.publish_all({"a", "b"});
  EXPECT_EQ(bench.turn(), (Words{"1 gets a"}));
  bench.ack({"a"});
  EXPECT_EQ(bench.turn(), (Words{"1 gets b"}));
}

TEST(QueueDelivery, LeavesOutWhatACancelledConsumerHas) {
  QueueBench bench;
  bench.consume();
  bench.publish_all({"a"});
  bench.turn();
  bench.cancel(1);
  EXPECT_EQ(bench.queue().counts().unacked, 1u);
  bench.consume();
  EXPECT_EQ(bench.turn(), Words{});
  bench.ack({"a"});
  EXPECT_EQ(bench.queue().counts().unacked, 0u);
}

TEST(QueueDelivery, WaitsForWhatALostConsumerHad) {
  QueueBench bench({.single_active_consumer = true});
  const std::uint32_t lost = bench.consume({.prefetch = 2});
  bench.consume();
  bench.publish_all({"a", "b", "c"});
  EXPECT_EQ(bench.turn(), (Words{"1 gets a", "1 gets b"}));
  bench.cancel(lost, true);
  EXPECT_EQ(bench.turn(), Words{});
  bench.ack({"a"});
  EXPECT_EQ(bench.turn(), Words{});
  bench.requeue({"b"});
  EXPECT_EQ(bench.turn(), (Words{"2 gets b!", "2 gets c"}));
}

TEST(QueueDelivery, DoesNotWaitForALostConsumerThatHadNothing) {
  QueueBench bench;
  const std::uint32_t lost = bench.consume();
  bench.cancel(lost, true);
  bench.consume();
  bench.publish({"a"});
  EXPECT_EQ(bench.turn(), (Words{"2 gets a"}));
}

TEST(QueueDelivery, DoesNotChargeANewConsumerForWhatACancelledOneHad) {
  QueueBench bench;
  bench.consume();
  bench.publish_all({"a"});
  bench.turn();
  bench.cancel(1);
  bench.consume({.prefetch = 1});
  bench.publish_all({"b", "c"});
  EXPECT_EQ(bench.turn(), (Words{"2 gets b"}));
  bench.ack({"a"});
  EXPECT_EQ(bench.turn(), Words{});
}

TEST(QueueDelivery, RequeuesToTheOriginalPlace) {
  QueueBench bench;
  bench.consume({.prefetch = 3});
  bench.publish_all({"a", "b", "c", "d"});
  bench.turn();
  bench.requeue({"c", "a"});
  EXPECT_EQ(bench.turn(), (Words{"1 gets a!", "1 gets c!"}));
}

TEST(QueueDelivery, GivesHigherPrioritiesFirst) {
  QueueBench bench({.max_priority = 5});
  for (int priority : {0, 3, 5, 3}) bench.publish({"p" + std::to_string(priority), true, static_cast<std::uint8_t>(priority)});
  bench.consume();
  EXPECT_EQ(bench.turn(), (Words{"1 gets p5", "1 gets p3", "1 gets p3", "1 gets p0"}));
}

TEST(QueueDelivery, TreatsPrioritiesBeyondTheHighestAsTheHighest) {
  QueueBench bench({.max_priority = 2});
  bench.publish({"a", true, 2});
  bench.publish({"b", true, 200});
  bench.publish({"c"});
  bench.consume();
  EXPECT_EQ(bench.turn(), (Words{"1 gets a", "1 gets b", "1 gets c"}));
}

TEST(QueueDelivery, ReturnsAMessageToItsOwnPriority) {
  QueueBench bench({.max_priority = 2});
  bench.publish({"low"});
  bench.publish({"high", true, 2});
  bench.consume({.prefetch = 1});
  bench.turn();
  bench.requeue({"high"});
  EXPECT_EQ(bench.turn(), (Words{"1 gets high!"}));
}

TEST(QueueDelivery, WritesEachPriorityAsALogOfItsOwn) {
  QueueBench bench({.max_priority = 2});
  bench.publish({"a"});
  bench.publish({"b", true, 2});
  bench.write();
  EXPECT_EQ(bench.queue().logs(), (std::vector<QueueId>{QueueBench::kId + 2, QueueBench::kId}));
  EXPECT_EQ(bench.disk().recover_queue(QueueBench::kId + 2)->pages.at(0).index.priority_level, 2);
}

TEST(QueueGet, TakesTheFirst) {
  QueueBench bench;
  bench.publish_all({"a", "b"});
  EXPECT_EQ(bench.get(), "a");
  EXPECT_EQ(bench.get(true), "b");
  EXPECT_EQ(bench.get(), "");
  EXPECT_EQ(bench.queue().counts().unacked, 1u);
}

TEST(QueueGet, ComesBackWhenTheDiskCoversTheMessage) {
  QueueBench bench;
  bench.publish_all({"a"});
  bench.write();
  EXPECT_EQ(bench.get(), "later");
  EXPECT_TRUE(bench.queue().wants_write(UINT64_MAX));
  bench.write();
  EXPECT_EQ(bench.get(), "a");
}

TEST(QueueGet, SeldomWaitsForTheDiskWhenOneFollowsTheOther) {
  constexpr int kMessages = 500;
  QueueBench bench;
  for (int i = 0; i < kMessages; ++i) bench.publish({std::to_string(i)});
  bench.write();
  int waits = 0;
  for (int i = 0; i < kMessages; ++i) {
    std::string got = bench.get(true);
    for (; got == "later"; got = bench.get(true)) ++waits, bench.write();
    EXPECT_EQ(got, std::to_string(i));
  }
  EXPECT_LE(waits, 20);
}

TEST(QueueGet, GivesNothingPastItsDeadline) {
  QueueBench bench;
  bench.publish({"a", true, {}, "50"});
  bench.now += 51;
  EXPECT_EQ(bench.get(), "later");
  bench.turn();
  EXPECT_EQ(bench.get(), "");
}

TEST(QueueGet, UsesNoPlaceOfAPrefetch) {
  QueueBench bench;
  bench.publish_all({"a", "b"});
  bench.get();
  bench.consume({.prefetch = 1});
  EXPECT_EQ(bench.turn(), (Words{"1 gets b"}));
}

}  // namespace
}  // namespace mq::broker::test
