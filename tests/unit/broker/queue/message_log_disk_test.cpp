// What a log writes, and what it finds again after a crash or a clean stop.
#include "log_bench.hpp"

namespace mq::broker::test {
namespace {

TEST(MessageLogDisk, WritesWhatIsPersistentAsOnePage) {
  LogBench bench;
  for (const char* body : {"a", "b", "c"}) bench.add(body);
  EXPECT_EQ(bench.write(), (Words{"page 0-2"}));
  EXPECT_EQ(bench.write(), Words{});
}

TEST(MessageLogDisk, LeavesTransientMessagesOut) {
  LogBench bench;
  bench.add("a");
  bench.add_transient("b");
  bench.add("c");
  EXPECT_EQ(bench.write(), (Words{"page 0-2 (2)"}));
}

TEST(MessageLogDisk, WritesNothingOfALogThatIsNotDurable) {
  LogBench bench(false);
  bench.add("a");
  EXPECT_EQ(bench.write(), Words{});
  EXPECT_FALSE(bench.log().ever_stored());
}

TEST(MessageLogDisk, NeverWritesWhatWasSettledBefore) {
  LogBench bench;
  for (const char* body : {"a", "b"}) bench.add(body);
  bench.consume(1);
  EXPECT_EQ(bench.log().unwritten(), 1u);
  EXPECT_EQ(bench.write(), (Words{"page 1", "delivered below 1"}));
}

TEST(MessageLogDisk, IsCleanWhenEverythingWasSettledBeforeTheWrite) {
  LogBench bench;
  bench.add("a");
  EXPECT_TRUE(bench.log().dirty());
  bench.consume(1);
  EXPECT_FALSE(bench.log().dirty());
  EXPECT_EQ(bench.write(), Words{});
}

TEST(MessageLogDisk, WritesWhatIsOutToo) {
  LogBench bench;
  bench.add("a");
  bench.take();
  EXPECT_EQ(bench.write(), (Words{"page 0", "delivered below 1"}));
}

TEST(MessageLogDisk, WritesAPageForEachSegment) {
  LogBench bench;
  bench.fill_segments(2);
  EXPECT_EQ(bench.write(), (Words{"page 0-1023", "page 1024-2047", "page 2048"}));
}

TEST(MessageLogDisk, CutsALargeCommitIntoPages) {
  LogBench bench;
  const std::string megabytes(5 * 1024 * 1024, 'x');
  bench.add(megabytes);
  bench.add("b");
  EXPECT_EQ(bench.write(), (Words{"page 0", "page 1"}));
}

TEST(MessageLogDisk, MarksASettledMessageOfAPageThatStays) {
  LogBench bench;
  for (const char* body : {"a", "b", "c"}) bench.add(body);
  for (int i = 0; i < 3; ++i) bench.take();
  bench.write();
  bench.log().settle(1);
  EXPECT_EQ(bench.write(), (Words{"marks of 0: 1 settled"}));
}

TEST(MessageLogDisk, DropsAPageWhoseMessagesAreAllSettled) {
  LogBench bench;
  for (const char* body : {"a", "b"}) bench.add(body);
  bench.take();
  bench.take();
  bench.write();
  bench.log().settle(0);
  bench.log().settle(1);
  EXPECT_EQ(bench.write(), (Words{"drop 0"}));
  EXPECT_TRUE(bench.disk().recover_queue(LogBench::kLog)->pages.empty());
}

TEST(MessageLogDisk, DropsThePageWithTheMarksItHad) {
  LogBench bench;
  for (const char* body : {"a", "b"}) bench.add(body);
  bench.take();
  bench.take();
  bench.write();
  bench.log().settle(0);
  bench.write();
  bench.log().settle(1);
  EXPECT_EQ(bench.write(), (Words{"drop 0 with marks"}));
}

TEST(MessageLogDisk, WritesOnlyWhatIsBelowTheBound) {
  LogBench bench;
  for (const char* body : {"a", "b", "c"}) bench.add(body);
  EXPECT_EQ(bench.write(LogBench::kNoTarget, 0, 2), (Words{"page 0-1"}));
  EXPECT_EQ(bench.log().unwritten_from(), 2u);
  EXPECT_FALSE(bench.log().dirty(2));
  EXPECT_TRUE(bench.log().dirty(3));
  EXPECT_EQ(bench.write(), (Words{"page 2"}));
}

TEST(MessageLogDisk, KnowsFromWhereOnItIsUnwritten) {
  LogBench bench;
  EXPECT_EQ(bench.log().unwritten_from(), 0u);
  for (const char* body : {"a", "b", "c"}) bench.add(body);
  bench.add_transient("d");
  EXPECT_EQ(bench.log().unwritten_from(), 0u);
  bench.consume(2);
  EXPECT_EQ(bench.log().unwritten_from(), 2u);
  bench.consume(1);
  EXPECT_EQ(bench.log().unwritten_from(), 4u);
}

TEST(MessageLogDisk, KnowsFromWhereOnItIsUnwrittenOverManySegments) {
  LogBench bench;
  bench.fill_segments(3);
  bench.consume(2 * static_cast<int>(Segment::kMaxEntries) + 5);
  EXPECT_EQ(bench.log().unwritten_from(), 2 * Segment::kMaxEntries + 5);
  EXPECT_EQ(bench.write(LogBench::kNoTarget, 0, 2 * Segment::kMaxEntries + 7), (Words{"page 2053-2054", "delivered below 2053"}));
}

TEST(MessageLogDisk, DropsAPageThatIsStillBeingWritten) {
  LogBench bench;
  bench.add("a");
  bench.take();
  bench.collect();
  bench.log().settle(0);
  EXPECT_EQ(bench.collect(), (Words{"drop 0"}));
  bench.written();
  bench.written();
  EXPECT_TRUE(bench.disk().recover_queue(LogBench::kLog)->pages.empty());
}

TEST(MessageLogDisk, StartsAnewInPlaceWhileItsPageIsBeingWritten) {
  LogBench bench;
  bench.add("a");
  bench.take();
  bench.collect();
  bench.log().settle(0);
  bench.add("b");
  EXPECT_EQ(bench.collect(), (Words{"page 1", "drop 0"}));
  bench.written();
  bench.written();
  EXPECT_EQ(bench.take(), "blocked");  // it is on disk, and no number there covers it yet
  EXPECT_EQ(bench.write(), (Words{"delivered below 2"}));
  EXPECT_EQ(bench.take(), "b");
}

TEST(MessageLogDisk, WritesWhatIsStillOutWhenTheTailRanEmpty) {
  LogBench bench;
  for (int i = 0; i < 1025; ++i) bench.add("m");
  for (int i = 0; i < 1025; ++i) bench.take();
  bench.log().settle(1024);  // the last segment is empty now, the one before it is not written yet
  EXPECT_EQ(bench.write(), (Words{"page 0-1023", "delivered below 1025"}));
}

TEST(MessageLogDisk, RemembersReturns) {
  LogBench bench;
  for (const char* body : {"a", "b"}) bench.add(body);
  bench.take();
  bench.write();
  bench.requeue(0);
  EXPECT_EQ(bench.write(), (Words{"marks of 0: 0 returned 1"}));
}

TEST(MessageLogDisk, RemembersReturnsFromBeforeThePage) {
  LogBench bench;
  bench.add("a");
  bench.take();
  bench.requeue(0);
  EXPECT_EQ(bench.write(), (Words{"page 0", "marks of 0: 0 returned 1", "delivered below 1"}));
}

TEST(MessageLogDisk, WritesAHiddenMessageOnlyWithItsAtomicCommit) {
  LogBench bench;
  const Offset hidden = bench.add_hidden("a");
  WriteSet joint;
  bench.log().collect_hidden(bench.disk(), std::vector{hidden}, joint);
  EXPECT_EQ(words_of(joint), (Words{"page 0"}));
  EXPECT_EQ(bench.write(), Words{});
}

TEST(MessageLogDisk, WritesWhatCameAfterAHiddenMessage) {
  LogBench bench;
  const Offset hidden = bench.add_hidden("a");
  WriteSet joint;
  bench.log().collect_hidden(bench.disk(), std::vector{hidden}, joint);
  bench.add("b");
  EXPECT_EQ(bench.write(), (Words{"page 1"}));
}

TEST(MessageLogDisk, KeepsHiddenMessagesOfTwoSegmentsInTwoPages) {
  LogBench bench;
  for (int i = 0; i < 1023; ++i) bench.add_transient("t");
  const std::vector<Offset> hidden{bench.add_hidden("a"), bench.add_hidden("b")};
  WriteSet joint;
  bench.log().collect_hidden(bench.disk(), hidden, joint);
  EXPECT_EQ(words_of(joint), (Words{"page 1023", "page 1024"}));
}

TEST(MessageLogDisk, MarksAMessageThatLeavesOnlyInItsAtomicCommit) {
  LogBench bench;
  for (const char* body : {"a", "b"}) bench.add(body);
  bench.write();
  bench.log().hold(0);
  WriteSet joint;
  bench.log().collect_settlement(0, joint);
  EXPECT_EQ(words_of(joint), (Words{"marks of 0: 0 settled"}));
  bench.log().settle(0);
  EXPECT_EQ(bench.write(), Words{});
}

TEST(MessageLogDisk, DropsThePageOfTheLastMessageThatLeft) {
  LogBench bench;
  bench.add("a");
  bench.write();
  bench.log().hold(0);
  WriteSet joint;
  bench.log().collect_settlement(0, joint);
  commit(bench.disk(), joint);
  bench.log().settle(0);
  EXPECT_EQ(bench.write(), (Words{"drop 0 with marks"}));
}

TEST(MessageLogDisk, MarksSeveralThatLeaveTogether) {
  LogBench bench;
  for (const char* body : {"a", "b", "c"}) bench.add(body);
  bench.write();
  WriteSet joint;
  for (Offset offset : {0, 2}) {
    bench.log().hold(offset);
    bench.log().collect_settlement(offset, joint);
  }
  EXPECT_EQ(words_of(joint), (Words{"marks of 0: 0 settled 2 settled"}));
}

// --- what may be delivered ---

TEST(HonestRedelivery, GivesOutAMessageThatIsNotOnDisk) {
  LogBench bench;
  bench.add("a");
  EXPECT_EQ(bench.take(), "a");
}

TEST(HonestRedelivery, HoldsAMessageOnDiskBackUntilItIsCovered) {
  LogBench bench;
  bench.add("a");
  bench.write();
  EXPECT_EQ(bench.take(), "blocked");
  EXPECT_TRUE(bench.log().urgent());
  EXPECT_EQ(bench.collect(), (Words{"delivered below 1"}));
  EXPECT_EQ(bench.take(), "blocked");
  EXPECT_FALSE(bench.log().urgent());
  bench.written();
  EXPECT_EQ(bench.take(), "a");
}

TEST(HonestRedelivery, HoldsATransientMessageNeverBack) {
  LogBench bench;
  bench.fill_segments(2, false);
  bench.evict_all();
  for (int i = 0; i < 1024; ++i) ASSERT_EQ(bench.take(), "m" + std::to_string(i));
  bench.take();
  bench.load();
  EXPECT_EQ(bench.take(), "m1024");
}

TEST(HonestRedelivery, ReservesWhatConsumersCouldTake) {
  LogBench bench;
  for (int i = 0; i < 10; ++i) bench.add("m");
  EXPECT_EQ(bench.write(LogBench::kNoTarget, 10), (Words{"page 0-9", "delivered below 10"}));
  for (int i = 0; i < 10; ++i) EXPECT_EQ(bench.take(), "m");
}

TEST(HonestRedelivery, MovesTheReserveOnlyWhenHalfOfItIsUsed) {
  LogBench bench;
  for (int i = 0; i < 30; ++i) bench.add("m");
  bench.write(LogBench::kNoTarget, 10);
  for (int i = 0; i < 4; ++i) bench.take();
  EXPECT_EQ(bench.write(LogBench::kNoTarget, 10), Words{});
  bench.take();
  EXPECT_EQ(bench.write(LogBench::kNoTarget, 10), (Words{"delivered below 15"}));
}

TEST(HonestRedelivery, BoundsTheReserve) {
  LogBench bench;
  bench.add("m");
  EXPECT_EQ(bench.write(LogBench::kNoTarget, 1'000'000), (Words{"page 0", "delivered below 4096"}));
}

TEST(HonestRedelivery, TrustsNoNumberThatMayBeGoneBeforeItsPageIs) {
  LogBench bench;
  bench.synced = false;
  for (const char* body : {"a", "b"}) bench.add(body);
  bench.take();
  EXPECT_EQ(bench.write(LogBench::kNoTarget, 10), (Words{"page 0-1", "delivered below 1"}));
  EXPECT_EQ(bench.take(), "blocked");
  EXPECT_TRUE(bench.log().urgent());
  EXPECT_EQ(bench.write(), (Words{"delivered below 2"}));
  EXPECT_EQ(bench.take(), "b");
}

TEST(HonestRedelivery, AsksForASyncOnlyWhenADeliveryWaits) {
  LogBench bench;
  bench.add("a");
  WriteSet first, second;
  bench.log().collect(bench.disk(), 0, LogBench::kNoTarget, first);
  EXPECT_FALSE(first.needs_sync);
  bench.take();
  bench.log().collect(bench.disk(), 0, LogBench::kNoTarget, second);
  EXPECT_TRUE(second.needs_sync);
}

TEST(HonestRedelivery, SaysAfterACrashThatADeliveredMessageWasDelivered) {
  LogBench bench;
  for (const char* body : {"a", "b"}) bench.add(body);
  bench.take();
  bench.write();
  bench.crash();
  EXPECT_EQ(bench.take(), "blocked");
  bench.load();
  EXPECT_EQ(bench.take(), "a!");
  EXPECT_EQ(bench.take(), "blocked");  // not covered: nobody can have seen it
  bench.write();
  EXPECT_EQ(bench.take(), "b");
}

TEST(HonestRedelivery, ForgetsTheReserveAtACleanStop) {
  LogBench bench;
  for (const char* body : {"a", "b", "c"}) bench.add(body);
  bench.write(LogBench::kNoTarget, 10);
  bench.take();
  bench.stop_cleanly();
  bench.take();
  bench.load();
  EXPECT_EQ(bench.take(), "a!");
  bench.write(LogBench::kNoTarget, 10);
  EXPECT_EQ(bench.take(), "b");
}

TEST(HonestRedelivery, SaysOfAReturnedMessageThatItWasDeliveredAlsoAfterACrash) {
  LogBench bench;
  for (const char* body : {"a", "b"}) bench.add(body);
  bench.take();
  bench.requeue(0);
  bench.write();
  bench.stop_cleanly();
  bench.take();
  bench.load();
  EXPECT_EQ(bench.take(), "a!");
}

TEST(HonestRedelivery, SaysNothingOfMessagesThatCameAfterTheCrash) {
  LogBench bench;
  for (const char* body : {"a", "b"}) bench.add(body);
  bench.write(LogBench::kNoTarget, 100);
  bench.crash();
  bench.add("new");
  bench.take();
  bench.load();
  EXPECT_EQ(bench.take(), "a!");  // within the reserve: may have been
  EXPECT_EQ(bench.take(), "b!");
  EXPECT_EQ(bench.take(), "new");
}

// --- restoring ---

TEST(MessageLogRestore, FindsWhatWasCommitted) {
  LogBench bench;
  for (const char* body : {"a", "b", "c"}) bench.add(body);
  bench.write();
  bench.add("not committed");
  bench.crash();
  EXPECT_EQ(bench.log().totals().ready, 3u);
  EXPECT_EQ(bench.log().totals().persistent, 3u);
  EXPECT_EQ(bench.log().totals().memory_bytes, 0u);
}

TEST(MessageLogRestore, ForgetsWhatWasSettled) {
  LogBench bench;
  for (const char* body : {"a", "b", "c"}) bench.add(body);
  bench.write(LogBench::kNoTarget, 10);
  bench.consume(2);
  bench.write();
  bench.crash();
  EXPECT_EQ(bench.log().totals().ready, 1u);
  bench.take();
  EXPECT_EQ(bench.load(), 0u);
  EXPECT_EQ(bench.take(), "c!");
}

TEST(MessageLogRestore, DropsAPageWhoseMarksSettleAllOfIt) {
  LogBench bench;
  for (const char* body : {"a", "b"}) bench.add(body);
  bench.write();
  WriteSet joint;
  for (Offset offset : {0, 1}) {
    bench.log().hold(offset);
    bench.log().collect_settlement(offset, joint);
  }
  commit(bench.disk(), joint);
  bench.crash();
  EXPECT_TRUE(bench.log().empty());
  EXPECT_EQ(bench.write(), (Words{"drop 0 with marks"}));
}

TEST(MessageLogRestore, ForgetsTransientPages) {
  LogBench bench;
  bench.fill_segments(2, false);
  bench.evict_all();
  bench.crash();
  EXPECT_TRUE(bench.log().empty());
}

TEST(MessageLogRestore, NeverGivesAnOffsetTwice) {
  LogBench bench;
  for (const char* body : {"a", "b"}) bench.add(body);
  bench.write();
  bench.crash();
  EXPECT_EQ(bench.add("new"), 2u);
}

TEST(MessageLogRestore, GoesOnBehindWhatMayHaveBeenDelivered) {
  LogBench bench;
  bench.add("a");
  bench.write(LogBench::kNoTarget, 100);
  bench.crash();
  EXPECT_EQ(bench.add("new"), 100u);
}

}  // namespace
}  // namespace mq::broker::test
