// The order of messages in one log, and what is counted of them.
#include "log_bench.hpp"

namespace mq::broker::test {
namespace {

TEST(MessageLog, GivesOutInTheOrderOfArrival) {
  LogBench bench;
  for (const char* body : {"a", "b", "c"}) bench.add(body);
  EXPECT_EQ(bench.take(), "a");
  EXPECT_EQ(bench.take(), "b");
  EXPECT_EQ(bench.take(), "c");
  EXPECT_EQ(bench.take(), "");
}

TEST(MessageLog, PutsARequeuedMessageBackToItsPlace) {
  LogBench bench;
  for (const char* body : {"a", "b", "c"}) bench.add(body);
  bench.take();
  bench.take();
  bench.requeue(1);
  bench.requeue(0);
  EXPECT_EQ(bench.take(), "a!");
  EXPECT_EQ(bench.take(), "b!");
  EXPECT_EQ(bench.take(), "c");
}

TEST(MessageLog, PutsTheLastTakenMessageBackBeforeTheNext) {
  LogBench bench;
  for (const char* body : {"a", "b"}) bench.add(body);
  bench.take();
  bench.requeue(0);
  EXPECT_EQ(bench.take(), "a!");
  EXPECT_EQ(bench.take(), "b");
}

TEST(MessageLog, KeepsTheOrderAcrossSegments) {
  LogBench bench;
  bench.fill_segments(3);
  for (int i = 0; i < 3 * 1024 + 1; ++i) ASSERT_EQ(bench.take(), "m" + std::to_string(i));
  EXPECT_EQ(bench.take(), "");
}

TEST(MessageLog, TakesBackMessagesOfSeveralSegmentsInOrder) {
  LogBench bench;
  bench.fill_segments(2);
  for (int i = 0; i < 2049; ++i) bench.take();
  for (Offset offset : {2048, 5, 1024}) bench.requeue(offset);
  bench.add("new");
  EXPECT_EQ(bench.take(), "m5!");
  EXPECT_EQ(bench.take(), "m1024!");
  EXPECT_EQ(bench.take(), "m2048!");
  EXPECT_EQ(bench.take(), "new");
}

TEST(MessageLog, GoesOnAfterRunningEmpty) {
  LogBench bench;
  for (int i = 0; i < 5000; ++i) {
    bench.add("m" + std::to_string(i));
    ASSERT_EQ(bench.take(), "m" + std::to_string(i));
    bench.log().settle(bench.last_taken());
  }
  EXPECT_TRUE(bench.log().empty());
  EXPECT_EQ(bench.log().totals().memory_bytes, 0u);
}

TEST(MessageLog, CountsWhatIsReadyAndWhatIsOut) {
  LogBench bench;
  bench.add("abc");
  bench.add_transient("defgh");
  bench.take();
  const MessageLog::Totals& totals = bench.log().totals();
  EXPECT_EQ(totals.ready, 1u);
  EXPECT_EQ(totals.ready_bytes, 5u);
  EXPECT_EQ(totals.out, 1u);
  EXPECT_EQ(totals.out_bytes, 3u);
  EXPECT_EQ(totals.persistent, 1u);
  EXPECT_EQ(bench.log().unwritten(), 1u);
}

TEST(MessageLog, CountsNothingAsPersistentWhenItIsNotDurable) {
  LogBench bench(false);
  bench.add("a");
  EXPECT_EQ(bench.log().totals().persistent, 0u);
  EXPECT_FALSE(bench.log().dirty());
}

TEST(MessageLog, DoesNotGiveOutAHiddenMessage) {
  LogBench bench;
  bench.add_hidden("a");
  bench.add("b");
  EXPECT_EQ(bench.take(), "b");
  EXPECT_EQ(bench.take(), "");
  EXPECT_EQ(bench.log().totals().hidden, 1u);
}

TEST(MessageLog, ShowsAHiddenMessageAheadOfTheCursorAtItsPlace) {
  LogBench bench;
  bench.add("a");
  bench.add_hidden("b");
  bench.add("c");
  bench.log().put_back(1);
  EXPECT_EQ(bench.take(), "a");
  EXPECT_EQ(bench.take(), "b");
  EXPECT_EQ(bench.take(), "c");
}

TEST(MessageLog, ShowsAHiddenMessageBehindTheCursorNext) {
  LogBench bench;
  bench.add("a");
  bench.add_hidden("b");
  bench.add("c");
  bench.add("d");
  bench.take();
  bench.take();
  bench.log().put_back(1);
  EXPECT_EQ(bench.take(), "b");
  EXPECT_EQ(bench.take(), "d");
}

TEST(MessageLog, DoesNotGiveOutAMessageThatLeaves) {
  LogBench bench;
  bench.add("a");
  bench.add("b");
  bench.log().hold(0);
  EXPECT_EQ(bench.take(), "b");
  EXPECT_EQ(bench.log().totals().hidden, 1u);
  bench.log().settle(0);
  EXPECT_EQ(bench.log().totals().hidden, 0u);
}

TEST(MessageLog, PurgesWhatIsReadyAndLeavesTheRest) {
  LogBench bench;
  for (const char* body : {"out", "ready", "moving"}) bench.add(body);
  bench.add_hidden("hidden");
  bench.add("ready too");
  bench.take();
  bench.log().hold(2);
  EXPECT_EQ(bench.log().purge(), 2u);
  EXPECT_EQ(bench.take(), "");
  bench.requeue(0);
  bench.log().put_back(3);
  EXPECT_EQ(bench.take(), "out!");
  EXPECT_EQ(bench.take(), "hidden");
}

TEST(MessageLog, PurgesReturnedMessages) {
  LogBench bench;
  for (const char* body : {"a", "b", "c"}) bench.add(body);
  bench.take();
  bench.take();
  bench.requeue(0);
  EXPECT_EQ(bench.log().purge(), 2u);
  EXPECT_EQ(bench.take(), "");
  EXPECT_EQ(bench.log().totals().out, 1u);
}

TEST(MessageLog, PurgesSeveralSegmentsAndGoesOn) {
  LogBench bench;
  bench.fill_segments(3);
  EXPECT_EQ(bench.log().purge(), 3u * 1024 + 1);
  EXPECT_EQ(bench.log().totals().memory_bytes, 0u);
  bench.add("new");
  EXPECT_EQ(bench.take(), "new");
}

TEST(MessageLog, VisitsReadyMessagesReturnedOnesFirst) {
  LogBench bench;
  for (const char* body : {"a", "b", "c"}) bench.add(body);
  bench.take();
  bench.take();
  bench.requeue(1);
  Words seen;
  bench.log().for_each_ready([&](Offset, const Entry& entry) {
    seen.emplace_back(entry.message->body());
    return true;
  });
  EXPECT_EQ(seen, (Words{"b", "c"}));
}

TEST(MessageLog, StopsVisitingWhenTold) {
  LogBench bench;
  for (const char* body : {"a", "b", "c"}) bench.add(body);
  int seen = 0;
  bench.log().for_each_ready([&](Offset, const Entry&) { return ++seen < 2; });
  EXPECT_EQ(seen, 2);
}

TEST(MessageLog, TellsSinceWhenItsHeadWaits) {
  LogBench bench;
  EXPECT_EQ(bench.log().oldest_ready_at(), kNever);
  bench.log().append(message({"a"}), 700, kNever, EntryState::kReady);
  EXPECT_EQ(bench.log().oldest_ready_at(), 700);
}

}  // namespace
}  // namespace mq::broker::test
