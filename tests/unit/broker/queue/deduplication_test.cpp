// A queue that keeps out duplicates: what enters, what is confirmed when, and what of it is on disk.
#include "queue_bench.hpp"

namespace mq::broker::test {
namespace {

QueueSettings unique(DeduplicationSettings how = {}) {
  how.on = true;
  return {.deduplication = std::move(how)};
}
DeduplicationSettings remembering(std::uint64_t ids) {
  DeduplicationSettings how;
  how.cache_size = ids;
  return how;
}
DeduplicationSettings remembering_for(Millis ms) {
  DeduplicationSettings how;
  how.cache_ttl_ms = ms;
  return how;
}

Text named(std::string id) { return {.body = id, .id = amqp::Value(id)}; }
Text transient(std::string id) { return {.body = id, .persistent = false, .id = amqp::Value(id)}; }

std::vector<std::vector<SeenId>> on_disk(QueueBench& bench) { return bench.disk().recover_seen(QueueBench::kId).value().records; }

/// What the next process finds.
void restart(QueueBench& from, QueueBench& into) {
  into.now = from.now;
  into.queue().restore_ids(from.disk().recover_seen(QueueBench::kId).value(), into.now);
}

TEST(Deduplication, LetsAnIdInOnce) {
  QueueBench bench(unique());
  bench.publish(named("a"));
  bench.publish(named("a"));
  bench.publish(named("b"));
  EXPECT_EQ(bench.queue().counts().ready, 2u);
  EXPECT_EQ(bench.queue().counts().duplicates, 1u);
}

TEST(Deduplication, LetsInWhateverHasNoId) {
  QueueBench bench(unique());
  bench.publish_all({"a", "a"});
  EXPECT_EQ(bench.queue().counts().ready, 2u);
}

TEST(Deduplication, IsOffUnlessAskedFor) {
  QueueBench bench;
  bench.publish(named("a"));
  bench.publish(named("a"));
  EXPECT_EQ(bench.queue().counts().ready, 2u);
}

TEST(Deduplication, RemembersWhatHasLeft) {
  QueueBench bench(unique());
  bench.publish(named("a"));
  EXPECT_EQ(bench.get(/*no_ack=*/true), "a");
  bench.publish(named("a"));
  EXPECT_EQ(bench.get(), "");
}

TEST(Deduplication, RemembersThroughAPurge) {
  QueueBench bench(unique());
  bench.publish(named("a"));
  EXPECT_EQ(bench.queue().purge(), 1u);
  bench.publish(named("a"));
  EXPECT_EQ(bench.queue().counts().ready, 0u);
}

TEST(Deduplication, ForgetsTheOldestBeyondTheCacheSize) {
  QueueBench bench(unique(remembering(2)));
  for (const char* id : {"a", "b", "c", "a"}) bench.publish(named(id));
  EXPECT_EQ(bench.queue().counts().ready, 4u);
  bench.publish(named("c"));
  EXPECT_EQ(bench.queue().counts().ready, 4u);
}

TEST(Deduplication, ForgetsAfterTheCacheTtl) {
  QueueBench bench(unique(remembering_for(100)));
  bench.publish(named("a"));
  bench.now += 99;
  bench.publish(named("a"));
  EXPECT_EQ(bench.queue().counts().ready, 1u);
  bench.now += 1;
  bench.publish(named("a"));
  EXPECT_EQ(bench.queue().counts().ready, 2u);
}

TEST(Deduplication, HeedsTheTimeOfAMessage) {
  QueueBench bench(unique(remembering_for(100)));
  Text long_lived = named("a");
  long_lived.id_ttl = amqp::Value(std::int32_t{1000});
  bench.publish(long_lived);
  bench.now += 999;
  bench.publish(named("a"));
  EXPECT_EQ(bench.queue().counts().ready, 1u);
}

TEST(Deduplication, ConfirmsADuplicateWithItsOriginal) {
  QueueBench bench(unique());
  bench.publish(named("a"), 1);
  bench.publish(named("a"), 2);
  EXPECT_EQ(bench.turn(), Words{});
  EXPECT_EQ(bench.collect(), (Words{"ids 1", "page 0"}));
  bench.publish(named("a"), 3);
  EXPECT_EQ(bench.turn(), Words{}) << "the original is on its way to disk";
  bench.written();
  EXPECT_EQ(bench.turn(), (Words{"confirms 1", "confirms 2", "confirms 3"}));
}

TEST(Deduplication, ConfirmsADuplicateAtOnceWhenItsOriginalIsOnDisk) {
  QueueBench bench(unique());
  bench.publish(named("a"), 1);
  bench.turn();
  bench.write();
  EXPECT_EQ(bench.events(), (Words{"confirms 1"}));
  bench.publish(named("a"), 2);
  EXPECT_EQ(bench.turn(), (Words{"confirms 2"}));
}

TEST(Deduplication, WritesTheIdOfAMessageThatWasSettledBeforeItWasWritten) {
  QueueBench bench(unique());
  bench.consume();
  bench.publish(named("a"), 1);
  EXPECT_EQ(bench.turn(), (Words{"1 gets a"}));
  bench.ack({"a"});
  EXPECT_EQ(bench.turn(), Words{}) << "no confirm yet";
  EXPECT_TRUE(bench.queue().wants_write(UINT64_MAX));
  EXPECT_EQ(bench.write(), (Words{"ids 1"}));
  EXPECT_EQ(bench.turn(), (Words{"confirms 1"}));
}

TEST(Deduplication, WritesIdsWithTheirMessagesOnly) {
  QueueBench bench(unique());
  bench.publish(named("a"), 1);
  const Offset mark = bench.queue().publish_mark();
  bench.publish(named("b"), 2);
  bench.turn();
  EXPECT_EQ(bench.collect(UINT64_MAX, mark), (Words{"ids 1", "page 0"}));
  bench.written();
  EXPECT_EQ(bench.turn(), (Words{"confirms 1"}));
  EXPECT_EQ(bench.write(), (Words{"ids 2", "page 1"}));
  EXPECT_EQ(bench.turn(), (Words{"confirms 2"}));
}

TEST(Deduplication, KeepsIdsOfTransientMessagesInMemory) {
  QueueBench bench(unique());
  bench.publish(transient("a"), 1);
  EXPECT_EQ(bench.turn(), (Words{"confirms 1"}));
  bench.publish(transient("a"), 2);
  EXPECT_EQ(bench.turn(), (Words{"confirms 2"}));
  EXPECT_FALSE(bench.queue().wants_write(UINT64_MAX));
  EXPECT_EQ(bench.queue().counts().ready, 1u);
}

TEST(Deduplication, KeepsAllIdsInMemoryWhereThatIsWanted) {
  DeduplicationSettings how;
  how.in_memory = true;
  QueueBench bench(unique(how));
  bench.publish(named("a"), 1);
  EXPECT_EQ(bench.collect(), (Words{"page 0"}));
  bench.publish(named("a"), 2);
  EXPECT_EQ(bench.turn(), Words{}) << "the message itself is on its way to disk";
  bench.written();
  EXPECT_EQ(bench.turn(), (Words{"confirms 1", "confirms 2"}));
}

TEST(Deduplication, DropsARecordWhenAllOfItHasLeft) {
  QueueBench bench(unique(remembering(2)));
  bench.publish(named("a"));
  bench.publish(named("b"));
  bench.write();
  bench.publish(named("c"));
  EXPECT_EQ(bench.write(), (Words{"ids 3", "page 2"}));
  bench.publish(named("d"));
  EXPECT_EQ(bench.write(), (Words{"drop ids from 1", "ids 4", "page 3"}));
  EXPECT_EQ(on_disk(bench).size(), 2u);
}

TEST(Deduplication, DropsRecordsWhenTheirTimeHasCome) {
  QueueBench bench(unique(remembering_for(5000)));
  bench.publish(named("a"));
  bench.write();
  EXPECT_LE(bench.queue().next_wake(), bench.now + 6000);
  bench.now += 6000;
  bench.turn();
  EXPECT_TRUE(bench.queue().wants_write(UINT64_MAX));
  bench.write();
  EXPECT_TRUE(on_disk(bench).empty());
  EXPECT_EQ(bench.queue().next_wake(), kNever);
}

TEST(Deduplication, SurvivesARestart) {
  QueueBench before(unique()), after(unique());
  before.publish(named("a"));
  before.publish(transient("t"));
  before.publish(named("b"));
  before.write();
  restart(before, after);
  for (const char* id : {"a", "b", "t"}) after.publish(named(id));
  EXPECT_EQ(after.queue().counts().duplicates, 2u) << "the id of a transient message went with it";
}

TEST(Deduplication, RemembersNoMoreAfterARestartThanBefore) {
  QueueBench before(unique(remembering(10))), after(unique(remembering(2)));
  for (const char* id : {"a", "b", "c"}) before.publish(named(id));
  before.write();
  restart(before, after);
  after.publish(named("a"));
  EXPECT_EQ(after.queue().counts().duplicates, 0u);
  after.publish(named("c"));
  EXPECT_EQ(after.queue().counts().duplicates, 1u);
}

TEST(Deduplication, LeavesNoIdOfWhatIsRefused) {
  QueueSettings settings = unique();
  settings.max_length = 1;
  settings.overflow = Overflow::kRejectPublish;
  QueueBench bench(settings);
  bench.publish(transient("a"), 1);
  bench.publish(transient("b"), 2);
  EXPECT_EQ(bench.turn(), (Words{"confirms 1", "refuses 2"}));
  bench.publish(transient("a"), 3);
  EXPECT_EQ(bench.turn(), (Words{"confirms 3"})) << "a duplicate needs no room";
  EXPECT_EQ(bench.get(true), "a");
  bench.publish(transient("b"), 4);
  EXPECT_EQ(bench.turn(), (Words{"confirms 4"}));
  EXPECT_EQ(bench.queue().counts().ready, 1u);
}

TEST(Deduplication, SendsDuplicatesWhereTheyAreWanted) {
  DeduplicationSettings how;
  how.duplicate_exchange = "twins";
  QueueBench bench(unique(how));
  bench.publish(transient("a"));
  bench.publish(transient("a"));
  EXPECT_EQ(bench.turn(), (Words{"a leaves: duplicate"}));
}

TEST(Deduplication, CanBeTurnedOnLater) {
  QueueBench bench;
  bench.publish(named("a"), 1);
  bench.collect();
  bench.queue().apply(unique());
  bench.publish(named("a"), 2);
  bench.publish(named("a"), 3);
  EXPECT_EQ(bench.queue().counts().ready, 2u);
  bench.written();
  EXPECT_EQ(bench.turn(), (Words{"confirms 1"})) << "2 is not written by that";
  bench.write();
  EXPECT_EQ(bench.turn(), (Words{"confirms 2", "confirms 3"}));
}

TEST(Deduplication, ForgetsEverythingWhenTurnedOff) {
  QueueBench bench(unique());
  bench.publish(named("a"), 1);
  bench.write();
  bench.publish(named("b"), 2);
  bench.queue().apply({});
  EXPECT_EQ(bench.write(), (Words{"drop all ids", "page 1"}));
  EXPECT_EQ(bench.turn(), (Words{"confirms 1", "confirms 2"}));
  EXPECT_TRUE(on_disk(bench).empty());
  bench.queue().apply(unique());
  bench.publish(named("a"));
  EXPECT_EQ(bench.queue().counts().duplicates, 0u);
  EXPECT_EQ(bench.write(), (Words{"ids 3", "page 2"}));
}

TEST(Deduplication, CanBeResized) {
  QueueBench bench(unique(remembering(10)));
  for (const char* id : {"a", "b", "c"}) bench.publish(named(id));
  bench.queue().apply(unique(remembering(1)));
  bench.publish(named("c"));
  bench.publish(named("a"));
  EXPECT_EQ(bench.queue().counts().duplicates, 1u);
}

TEST(Deduplication, ForgetsWhatADiskHoldsForAQueueThatHasItTurnedOff) {
  QueueBench before(unique()), after;
  before.publish(named("a"));
  before.write();
  restart(before, after);
  EXPECT_EQ(after.write(), (Words{"drop all ids"}));
}

TEST(Deduplication, GoesByPrioritiesToo) {
  QueueSettings settings = unique();
  settings.max_priority = 5;
  QueueBench bench(settings);
  Text high = named("a");
  high.priority = 5;
  bench.publish(named("a"), 1);
  bench.publish(high, 2);
  EXPECT_EQ(bench.queue().counts().ready, 1u);
  EXPECT_EQ(bench.write(), (Words{"ids 1", "page 0"}));
  EXPECT_EQ(bench.turn(), (Words{"confirms 1", "confirms 2"}));
}

// --- atomic commits ---

TEST(Deduplication, LetsAnIdIntoAnAtomicCommitOnce) {
  QueueBench bench(unique());
  bench.publish(named("a"));
  bench.write();
  const std::vector<MessagePtr> messages = {message(named("a")), message(named("b")), message(named("b"))};
  WriteSet joint;
  const auto entered = bench.queue().prepare(messages, bench.now, joint);
  EXPECT_EQ(entered.size(), 1u);
  EXPECT_EQ(QueueBench::words_of(joint), (Words{"page 1", "ids 2"}));
  EXPECT_EQ(bench.queue().take_awaited_ids(), 0u);
}

TEST(Deduplication, ConfirmsADuplicateOfAnAtomicCommitAfterIt) {
  QueueBench bench(unique());
  const std::vector<MessagePtr> messages = {message(named("a"))};
  WriteSet joint;
  const auto entered = bench.queue().prepare(messages, bench.now, joint);
  bench.publish(named("a"), 1);
  bench.publish(named("b"), 2);
  EXPECT_EQ(bench.turn(), Words{});
  EXPECT_EQ(bench.write(), (Words{"ids 2", "page 1"}));
  EXPECT_EQ(bench.turn(), Words{});
  bench.queue().reveal(entered);
  EXPECT_EQ(bench.turn(), (Words{"confirms 1", "confirms 2"}));
}

TEST(Deduplication, LetsAnAtomicCommitWaitForTheOneItRepeats) {
  QueueBench bench(unique());
  const std::vector<MessagePtr> messages = {message(named("a"))};
  WriteSet first, second;
  const auto entered = bench.queue().prepare(messages, bench.now, first);
  EXPECT_TRUE(bench.queue().prepare(messages, bench.now, second).empty());
  const std::uint64_t awaited = bench.queue().take_awaited_ids();
  EXPECT_LT(bench.queue().committed_ids_below(), awaited);
  bench.queue().reveal(entered);
  EXPECT_GE(bench.queue().committed_ids_below(), awaited);
}

TEST(Deduplication, DoesNotCountDuplicatesWhenAskedForRoom) {
  QueueSettings settings = unique();
  settings.max_length = 1;
  settings.overflow = Overflow::kRejectPublish;
  QueueBench bench(settings);
  bench.publish(named("a"));
  EXPECT_TRUE(bench.queue().would_take(std::vector<MessagePtr>{message(named("a"))}, bench.now));
  EXPECT_FALSE(bench.queue().would_take(std::vector<MessagePtr>{message(named("b"))}, bench.now));
}

}  // namespace
}  // namespace mq::broker::test
