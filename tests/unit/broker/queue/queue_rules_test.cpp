// Limits, expiry, rejections, confirms and atomic commits of one queue.
#include "queue_bench.hpp"

namespace mq::broker::test {
namespace {

QueueSettings limited(std::uint64_t length, Overflow overflow, bool dead_letters = true) {
  QueueSettings settings{.max_length = length, .overflow = overflow};
  if (dead_letters) settings.dead_letter_exchange = "dlx";
  return settings;
}

TEST(LengthLimit, DropsTheOldest) {
  QueueBench bench(limited(2, Overflow::kDropHead));
  bench.publish_all({"a", "b", "c"});
  EXPECT_EQ(bench.turn(), (Words{"a leaves: maxlen"}));
  EXPECT_EQ(bench.get(), "b");
}

TEST(LengthLimit, DropsSilentlyWithoutADeadLetterExchange) {
  QueueBench bench(limited(1, Overflow::kDropHead, false));
  bench.publish_all({"a", "b"});
  EXPECT_EQ(bench.turn(), Words{});
  EXPECT_EQ(bench.queue().counts().ready, 1u);
  EXPECT_EQ(bench.get(), "b");
}

TEST(LengthLimit, DropsTheLowestPriorityWhereToldTo) {
  QueueSettings settings = limited(2, Overflow::kDropLowest);
  settings.max_priority = 5;
  QueueBench bench(settings);
  bench.publish({.body = "urgent", .priority = 5});
  bench.publish({.body = "low", .priority = 1});
  bench.publish({.body = "lower"});
  EXPECT_EQ(bench.turn(), (Words{"lower leaves: maxlen"}));
  bench.publish({.body = "more urgent", .priority = 5});
  EXPECT_EQ(bench.turn(), (Words{"low leaves: maxlen"}));
  bench.publish({.body = "most urgent", .priority = 5});
  EXPECT_EQ(bench.turn(), (Words{"urgent leaves: maxlen"}));
}

TEST(LengthLimit, DropsFromTheHeadWithoutPrioritiesWhateverItIsTold) {
  QueueBench bench(limited(1, Overflow::kDropLowest));
  bench.publish_all({"a", "b"});
  EXPECT_EQ(bench.turn(), (Words{"a leaves: maxlen"}));
}

TEST(LengthLimit, CountsOnlyWhatIsReady) {
  QueueBench bench(limited(1, Overflow::kDropHead));
  bench.consume({.prefetch = 2});
  bench.publish_all({"a", "b", "c"});
  EXPECT_EQ(bench.turn(), (Words{"1 gets a", "1 gets b"}));
}

TEST(LengthLimit, CountsBodyBytes) {
  QueueBench bench({.max_length_bytes = 6});
  bench.publish_all({"1234", "56", "7"});
  bench.turn();
  EXPECT_EQ(bench.get(), "56");
  EXPECT_EQ(bench.get(), "7");
}

TEST(LengthLimit, RefusesWhatComesToAFullQueue) {
  QueueBench bench(limited(1, Overflow::kRejectPublish));
  bench.publish({"a", false}, 1);
  bench.publish({"b", false}, 2);
  EXPECT_EQ(bench.turn(), (Words{"confirms 1", "refuses 2"}));
  EXPECT_EQ(bench.queue().counts().ready, 1u);
}

TEST(LengthLimit, DeadLettersWhatItRefusesIfToldTo) {
  QueueBench bench(limited(1, Overflow::kRejectPublishDlx));
  bench.publish({"a", false}, 1);
  bench.publish({"b", false}, 2);
  EXPECT_EQ(bench.turn(), (Words{"confirms 1", "refuses 2", "b leaves: maxlen"}));
}

TEST(LengthLimit, RefusesEverythingWhenItIsZero) {
  QueueBench bench(limited(0, Overflow::kRejectPublish));
  bench.publish({"a"}, 1);
  EXPECT_EQ(bench.turn(), (Words{"refuses 1"}));
}

TEST(LengthLimit, DropsFromTheHighestPriorityFirst) {
  QueueSettings settings = limited(1, Overflow::kDropHead);
  settings.max_priority = 2;
  QueueBench bench(settings);
  bench.publish({"high", true, 2});
  bench.publish({"low"});
  EXPECT_EQ(bench.turn(), (Words{"high leaves: maxlen"}));
}

TEST(LengthLimit, ReadsBackTheHeadItMustDrop) {
  QueueBench bench({.dead_letter_exchange = "dlx"});
  for (int i = 0; i < 3000; ++i) bench.publish({"m" + std::to_string(i)});
  bench.write();
  bench.write(0);
  bench.queue().apply(limited(1, Overflow::kDropHead));
  std::size_t left = 0;
  for (int turns = 0; turns < 20; ++turns) {
    left += bench.turn().size();
    bench.load();
  }
  EXPECT_EQ(left, 2999u);
  EXPECT_EQ(bench.queue().counts().ready, 1u);
}

TEST(LengthLimit, IsEnforcedInPortions) {
  QueueBench bench({.dead_letter_exchange = "dlx"});
  for (int i = 0; i < 1500; ++i) bench.publish({"m"});
  bench.queue().apply(limited(10, Overflow::kDropHead));
  EXPECT_EQ(bench.turn().size(), 1000u);
  EXPECT_TRUE(bench.more());
  EXPECT_EQ(bench.turn().size(), 490u);
  EXPECT_FALSE(bench.more());
}

TEST(Expiry, LetsAMessageGoAtItsDeadline) {
  QueueBench bench({.message_ttl_ms = 100, .dead_letter_exchange = "dlx"});
  bench.publish_all({"a"});
  EXPECT_EQ(bench.queue().next_wake(), 1100);
  bench.now = 1099;
  EXPECT_EQ(bench.turn(), Words{});
  bench.now = 1100;
  EXPECT_EQ(bench.turn(), (Words{"a leaves: expired"}));
}

TEST(Expiry, TakesTheShorterOfTheMessagesOwnAndTheQueues) {
  QueueBench bench({.message_ttl_ms = 100});
  bench.publish({"a", true, {}, "50"});
  EXPECT_EQ(bench.queue().next_wake(), 1050);
  bench.publish({"b", true, {}, "500"});
  bench.now = 1050;
  bench.turn();
  EXPECT_EQ(bench.queue().next_wake(), 1100);
}

TEST(Expiry, DoesNotWaitBehindMessagesThatLiveLonger) {
  QueueBench bench({.dead_letter_exchange = "dlx"});
  bench.publish_all({"a"});
  bench.publish({"b", true, {}, "50"});
  bench.now = 1050;
  EXPECT_EQ(bench.turn(), (Words{"b leaves: expired"}));
}

TEST(Expiry, GivesAMessageWithoutTimeToAConsumerThatIsThere) {
  QueueBench bench({.message_ttl_ms = 0, .dead_letter_exchange = "dlx"});
  bench.consume({.prefetch = 1});
  bench.publish_all({"a", "b"});
  EXPECT_EQ(bench.turn(), (Words{"1 gets a", "b leaves: expired"}));
}

TEST(Expiry, NeverDeliversPastTheDeadline) {
  QueueBench bench({.message_ttl_ms = 10, .dead_letter_exchange = "dlx"});
  bench.publish_all({"a"});
  bench.now += 11;
  bench.consume();
  EXPECT_EQ(bench.turn(), (Words{"a leaves: expired"}));
}

TEST(Expiry, LeavesWhatIsOutAloneUntilItReturns) {
  QueueBench bench({.message_ttl_ms = 10, .dead_letter_exchange = "dlx"});
  bench.consume({.prefetch = 1});
  bench.publish_all({"a"});
  bench.turn();
  bench.now += 100;
  EXPECT_EQ(bench.turn(), Words{});
  bench.requeue({"a"});
  EXPECT_EQ(bench.turn(), (Words{"a leaves: expired"}));
}

TEST(Expiry, TakesAMessageThatComesBackAtItsDeadline) {
  QueueBench bench({.message_ttl_ms = 0, .dead_letter_exchange = "dlx"});
  bench.consume();
  bench.publish({"a"});
  EXPECT_EQ(bench.turn(), (Words{"1 gets a"}));
  bench.requeue({"a"});
  EXPECT_EQ(bench.turn(), (Words{"a leaves: expired"}));
}

TEST(Rejection, DeadLetters) {
  QueueBench bench({.dead_letter_exchange = "dlx"});
  bench.consume();
  bench.publish_all({"a", "b"});
  bench.turn();
  bench.reject({"a"});
  EXPECT_EQ(bench.turn(), (Words{"a leaves: rejected"}));
  EXPECT_EQ(bench.queue().counts().unacked, 1u);
  EXPECT_EQ(bench.queue().counts().hidden, 1u);
}

TEST(Rejection, DropsWithoutADeadLetterExchange) {
  QueueBench bench;
  bench.consume();
  bench.publish_all({"a"});
  bench.turn();
  bench.reject({"a"});
  EXPECT_EQ(bench.turn(), Words{});
  EXPECT_EQ(bench.queue().counts().memory_bytes, 0u);
}

TEST(Rejection, FreesAPlaceOfThePrefetch) {
  QueueBench bench({.dead_letter_exchange = "dlx"});
  bench.consume({.prefetch = 1});
  bench.publish_all({"a", "b"});
  bench.turn();
  bench.reject({"a"});
  EXPECT_EQ(bench.turn(), (Words{"1 gets b", "a leaves: rejected"}));
}

TEST(DeliveryLimit, GivesUpAfterSoManyReturns) {
  QueueBench bench({.dead_letter_exchange = "dlx", .delivery_limit = 2});
  bench.consume({.prefetch = 1});
  bench.publish_all({"a"});
  EXPECT_EQ(bench.turn(), (Words{"1 gets a"}));
  bench.requeue({"a"});
  EXPECT_EQ(bench.turn(), (Words{"1 gets a!"}));
  bench.requeue({"a"});
  EXPECT_EQ(bench.turn(), (Words{"1 gets a!"}));
  bench.requeue({"a"});
  EXPECT_EQ(bench.turn(), (Words{"a leaves: delivery_limit"}));
}

TEST(DeliveryLimit, GivesUpAtTheFirstReturnWhenItIsZero) {
  QueueBench bench({.delivery_limit = 0});
  bench.consume();
  bench.publish_all({"a"});
  bench.turn();
  bench.requeue({"a"});
  EXPECT_EQ(bench.turn(), Words{});
  EXPECT_EQ(bench.queue().counts().ready, 0u);
}

TEST(Confirms, ComeAtOnceForTransientMessages) {
  QueueBench bench;
  bench.publish({"a", false}, 7);
  EXPECT_EQ(bench.turn(), (Words{"confirms 7"}));
}

TEST(Confirms, ComeAtOnceInAQueueThatIsNotDurable) {
  QueueBench bench({}, false);
  bench.publish({"a"}, 7);
  EXPECT_EQ(bench.turn(), (Words{"confirms 7"}));
}

TEST(Confirms, WaitForTheDisk) {
  QueueBench bench;
  bench.publish({"a"}, 7);
  EXPECT_EQ(bench.turn(), Words{});
  bench.collect();
  EXPECT_EQ(bench.turn(), Words{});
  bench.written();
  EXPECT_EQ(bench.turn(), (Words{"confirms 7"}));
}

TEST(Confirms, AskForASync) {
  QueueBench bench;
  WriteSet without, with;
  bench.publish({"a"});
  bench.queue().collect(UINT64_MAX, without);
  EXPECT_FALSE(without.needs_sync);
  bench.publish({"b"}, 7);
  bench.queue().collect(UINT64_MAX, with);
  EXPECT_TRUE(with.needs_sync);
}

TEST(Confirms, ComeAtOnceWhenTheMessageIsSettledBeforeTheWrite) {
  QueueBench bench;
  bench.consume();
  bench.publish({"a"}, 7);
  bench.turn();
  bench.ack({"a"});
  EXPECT_EQ(bench.turn(), (Words{"confirms 7"}));
  EXPECT_FALSE(bench.queue().wants_write(UINT64_MAX));
}

TEST(Confirms, ComeForWhatWasSettledWhileLaterMessagesWait) {
  QueueBench bench;
  bench.consume();
  bench.publish({"a"}, 7);
  bench.publish({"b"}, 8);
  bench.turn();
  bench.ack({"a"});
  EXPECT_EQ(bench.turn(), (Words{"confirms 7"}));
}

TEST(Confirms, WaitForEarlierMessagesToBeSettledOrWritten) {
  QueueBench bench;
  bench.consume();
  bench.publish({"a"}, 7);
  bench.publish({"b"}, 8);
  bench.turn();
  bench.ack({"b"});
  EXPECT_EQ(bench.turn(), Words{});
  bench.ack({"a"});
  EXPECT_EQ(bench.turn(), (Words{"confirms 7", "confirms 8"}));
}

TEST(Confirms, OfWhatIsNotWrittenYetDoNotGoWithAWrite) {
  QueueBench bench;
  bench.publish({"a"}, 7);
  const Offset mark = bench.queue().publish_mark();
  bench.publish({"b"}, 8);
  EXPECT_EQ(bench.collect(UINT64_MAX, mark), (Words{"page 0"}));
  bench.written();
  EXPECT_EQ(bench.turn(), (Words{"confirms 7"}));
  EXPECT_FALSE(bench.queue().wants_write(UINT64_MAX, mark));
  EXPECT_TRUE(bench.queue().wants_write(UINT64_MAX));
}

TEST(Confirms, GoWithTheWriteThatHoldsTheirMessage) {
  QueueBench bench;
  bench.publish({"a"}, 1);
  bench.collect();
  bench.publish({"b"}, 2);
  bench.collect();
  bench.written();
  EXPECT_EQ(bench.turn(), (Words{"confirms 1"}));
  bench.written();
  EXPECT_EQ(bench.turn(), (Words{"confirms 2"}));
}

TEST(AtomicCommit, ShowsWhatItPublishedWhenItIsDone) {
  QueueBench bench;
  bench.consume();
  WriteSet joint;
  const MessagePtr letter = message({"a"});
  const auto entered = bench.queue().prepare(std::span(&letter, 1), bench.now, joint);
  EXPECT_EQ(words_of(joint), (Words{"page 0"}));
  EXPECT_EQ(bench.turn(), Words{});
  commit(bench.disk(), joint);
  bench.queue().reveal(entered);
  bench.turn();
  bench.write();
  EXPECT_EQ(bench.turn(), (Words{"1 gets a"}));
}

TEST(AtomicCommit, SettlesWhatItAcknowledgesWhenItIsDone) {
  QueueBench bench;
  bench.consume({.prefetch = 1});
  bench.publish_all({"a", "b"});
  bench.turn();
  bench.write();
  WriteSet joint;
  const Position position = bench.position("a");
  bench.queue().prepare_settlement(std::span(&position, 1), joint);
  EXPECT_EQ(words_of(joint), (Words{"marks of 0: 0 settled"}));
  EXPECT_EQ(bench.turn(), Words{});  // its place in the prefetch is still taken
  bench.queue().settle_moved(std::span(&position, 1));
  bench.turn();
  bench.write();
  EXPECT_EQ(bench.turn(), (Words{"1 gets b"}));
}

TEST(AtomicCommit, SettlesDeparturesWhenItIsDone) {
  QueueBench bench({.message_ttl_ms = 10, .dead_letter_exchange = "dlx"});
  bench.publish_all({"a"});
  bench.write();
  bench.now += 10;
  bench.turn();
  WriteSet joint;
  const Position position = bench.position("a");
  bench.queue().prepare_departure(std::span(&position, 1), joint);
  EXPECT_EQ(words_of(joint), (Words{"marks of 0: 0 settled"}));
  bench.queue().settle_moved(std::span(&position, 1));
  EXPECT_EQ(bench.queue().counts().hidden, 0u);
  EXPECT_EQ(bench.write(), (Words{"drop 0 with marks"}));
}

TEST(Purge, LeavesWhatIsOutAndCountsTheRest) {
  QueueBench bench({.max_priority = 2});
  bench.consume({.prefetch = 1});
  bench.publish_all({"a", "b"});
  bench.turn();
  bench.publish({"c", true, 2});
  EXPECT_EQ(bench.queue().purge(), 2u);
  EXPECT_EQ(bench.queue().counts().unacked, 1u);
  EXPECT_EQ(bench.queue().counts().ready, 0u);
}

TEST(Expiration, IsANumberOfMilliseconds) {
  EXPECT_EQ(parse_expiration("60000").value(), 60000);
  EXPECT_EQ(parse_expiration("0").value(), 0);
  EXPECT_EQ(parse_expiration("abc").error().text, "no_integer");
  EXPECT_EQ(parse_expiration("").error().text, "no_integer");
  EXPECT_EQ(parse_expiration("-1").error().text, "{value_negative,-1}");
  EXPECT_EQ(parse_expiration("+5").value(), 5);
  EXPECT_EQ(parse_expiration("+").error().text, "no_integer");
  EXPECT_EQ(parse_expiration("+-5").error().text, "no_integer");
  EXPECT_EQ(parse_expiration("-99999999999999999999").error().text, "{value_negative,-99999999999999999999}");
  EXPECT_EQ(parse_expiration("99999999999999999999").error().text, "{value_too_large,99999999999999999999}");
  EXPECT_EQ(parse_expiration("1x").error().text, "{leftover_string,\"x\"}");
  EXPECT_EQ(parse_expiration("1\n").error().text, "{leftover_string,\"\\n\"}");
  EXPECT_EQ(parse_expiration("1\x01").error().text, "{leftover_string,[1]}");
  EXPECT_EQ(parse_expiration("315360000001").error().text, "{value_too_large,315360000001}");
}

}  // namespace
}  // namespace mq::broker::test
