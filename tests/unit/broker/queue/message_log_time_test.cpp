// When the messages of a log expire.
#include "log_bench.hpp"

namespace mq::broker::test {
namespace {

using Offsets = std::vector<Offset>;

TEST(Deadlines, ComeUpInTheOrderOfArrival) {
  LogBench bench;
  bench.add("a", 100);
  bench.add("b", 200);
  EXPECT_EQ(bench.log().next_deadline(), 100);
  EXPECT_EQ(bench.expired(99), Offsets{});
  EXPECT_EQ(bench.expired(100), (Offsets{0}));
  EXPECT_EQ(bench.expired(200), (Offsets{0, 1}));
}

TEST(Deadlines, ComeUpOutOfTheOrderOfArrival) {
  LogBench bench;
  bench.add("a", 300);
  bench.add("b", 100);
  bench.add("c");
  bench.add("d", 200);
  EXPECT_EQ(bench.log().next_deadline(), 100);
  EXPECT_EQ(bench.expired(200), (Offsets{1, 3}));
}

TEST(Deadlines, AreNoneWithoutAny) {
  LogBench bench;
  bench.add("a");
  EXPECT_EQ(bench.log().next_deadline(), kNever);
  EXPECT_EQ(bench.expired(kNever - 1), Offsets{});
}

TEST(Deadlines, DoNotCountForWhatIsOut) {
  LogBench bench;
  bench.add("a", 300);
  bench.add("b", 100);
  bench.take();
  bench.take();
  EXPECT_EQ(bench.expired(1000), Offsets{});
  EXPECT_EQ(bench.log().next_deadline(), kNever);
}

TEST(Deadlines, ComeUpForReturnedMessages) {
  LogBench bench;
  bench.add("a", 100);
  bench.add("b", 200);
  bench.take();
  bench.take();
  bench.requeue(1);
  EXPECT_EQ(bench.log().next_deadline(), 200);
  EXPECT_EQ(bench.expired(500), (Offsets{1}));
}

TEST(Deadlines, ComeUpForRevealedMessages) {
  LogBench bench;
  bench.add_hidden("a", 100);
  EXPECT_EQ(bench.expired(500), Offsets{});
  bench.log().put_back(0);
  EXPECT_EQ(bench.log().next_deadline(), 100);
  EXPECT_EQ(bench.expired(500), (Offsets{0}));
}

TEST(Deadlines, ComeUpBehindARevealedMessageThatHasNone) {
  LogBench bench;
  bench.add_hidden("a");
  bench.add("b", 100);
  bench.log().put_back(0);
  EXPECT_EQ(bench.log().next_deadline(), 100);
  EXPECT_EQ(bench.expired(100), (Offsets{1}));
}

TEST(Deadlines, ComeUpOnceForEachMessage) {
  LogBench bench;
  bench.add("a", 100);
  bench.take();
  bench.requeue(0);  // indexed now, and at the cursor
  bench.add("b", 100);
  EXPECT_EQ(bench.expired(100), (Offsets{0, 1}));
}

TEST(Deadlines, AreHandedOutUpToALimit) {
  LogBench bench;
  bench.add("a", 300);
  for (int i = 0; i < 5; ++i) bench.add("m", 100 + i);
  EXPECT_EQ(bench.expired(400, 2), (Offsets{1, 2}));
  EXPECT_EQ(bench.expired(400, 6).size(), 6u);
}

TEST(Deadlines, AreFollowedAcrossSegments) {
  LogBench bench;
  for (int i = 0; i < 3000; ++i) bench.add("m", 100 + i);
  EXPECT_EQ(bench.expired(100 + 2999, 5000).size(), 3000u);
}

TEST(Deadlines, StartAnewWhenTheLogRanEmpty) {
  LogBench bench;
  bench.add("a", 1000);
  bench.consume(1);
  bench.add("b", 500);
  EXPECT_EQ(bench.log().next_deadline(), 500);
  EXPECT_EQ(bench.expired(500), (Offsets{1}));
}

TEST(Deadlines, BringBackTheSegmentThatIsDue) {
  LogBench bench;
  for (int i = 0; i < 1025; ++i) bench.add("m");
  bench.add("due", 100);
  for (int i = 0; i < 1100; ++i) bench.add("m");
  bench.evict_all();
  EXPECT_EQ(bench.log().next_deadline(), 100);
  EXPECT_EQ(bench.expired(100), Offsets{});
  EXPECT_EQ(bench.load(), 0u);
  EXPECT_EQ(bench.expired(100), (Offsets{1025}));
}

TEST(Deadlines, WakeNobodyForASegmentThatIsBeingReadBack) {
  LogBench bench;
  for (int i = 0; i < 1025; ++i) bench.add("m");
  bench.add("due", 100);
  for (int i = 0; i < 1100; ++i) bench.add("m");
  bench.evict_all();
  (void)bench.expired(100);
  EXPECT_EQ(bench.log().next_deadline(), kNever);
  bench.load();
  EXPECT_EQ(bench.log().next_deadline(), 100);
}

TEST(Deadlines, ReadBackOnlyWhatIsDue) {
  LogBench bench;
  for (int i = 0; i < 1024; ++i) bench.add("m");
  bench.add("due", 100);
  for (int i = 0; i < 4000; ++i) bench.add("m", 5000 + i);
  bench.evict_all();
  (void)bench.expired(100);
  EXPECT_EQ(bench.take_loads().size(), 1u);
}

TEST(Deadlines, GoWithTheSegmentThatIsPurged) {
  LogBench bench;
  for (int i = 0; i < 3000; ++i) bench.add("m", 100);
  bench.evict_all();
  bench.log().purge();
  EXPECT_EQ(bench.log().next_deadline(), kNever);
}

TEST(Deadlines, SurviveARestart) {
  LogBench bench;
  bench.add("a", 200);
  bench.add("b", 100);
  bench.write();
  bench.crash();
  EXPECT_EQ(bench.log().next_deadline(), 100);
  EXPECT_EQ(bench.expired(100), Offsets{});
  bench.load();
  EXPECT_EQ(bench.expired(100), (Offsets{1}));
}

TEST(Deadlines, ComeUpBehindRestoredMessagesThatHaveNone) {
  LogBench bench;
  bench.add("a");
  bench.write();
  bench.crash();
  const Offset fresh = bench.add("b", 100);
  EXPECT_EQ(bench.log().next_deadline(), 100);
  EXPECT_EQ(bench.expired(100), (Offsets{fresh}));
}

}  // namespace
}  // namespace mq::broker::test
