// What a log holds in memory, and how the rest leaves it and comes back.
#include "log_bench.hpp"

namespace mq::broker::test {
namespace {

constexpr int kFull = Segment::kMaxEntries;

std::vector<Offset> segments_of(const std::vector<LoadRequest>& loads) {
  std::vector<Offset> firsts;
  for (const LoadRequest& load : loads) firsts.push_back(load.segment_first);
  return firsts;
}

std::uint64_t bytes_in_memory(MessageLog& log) {
  std::uint64_t bytes = 0;
  log.for_each_ready([&](Offset, const Entry& entry) {
    bytes += entry.message->memory_bytes();
    return true;
  });
  return bytes;
}

std::uint64_t messages_in_memory(MessageLog& log) {
  std::uint64_t count = 0;
  log.for_each_ready([&](Offset, const Entry&) { return ++count > 0; });
  return count;
}

TEST(Residency, LetsStoredSegmentsBehindTheCursorGo) {
  LogBench bench;
  bench.fill_segments(3);
  bench.evict_all();
  EXPECT_EQ(messages_in_memory(bench.log()), kFull + 1u);  // what is at the cursor, and the open tail
  EXPECT_EQ(bench.log().totals().memory_bytes, bytes_in_memory(bench.log()));
  EXPECT_EQ(bench.log().totals().ready, 3u * kFull + 1);
}

TEST(Residency, CountsHeadersToo) {
  LogBench bench;
  amqp::Properties properties;
  properties.delivery_mode = 2;
  properties.headers.emplace();
  properties.headers->set("large", std::string(100'000, 'x'));
  for (int i = 0; i < 200; ++i) bench.log().append(make_message("", "q", properties, "b"), 0, kNever, EntryState::kReady);
  bench.evict_all();
  EXPECT_LT(bytes_in_memory(bench.log()), 8U << 20);  // what is at the cursor, what comes next, and the tail: not all of it
}

TEST(Residency, LetsNothingGoThatIsNotOnDiskYet) {
  LogBench bench;
  bench.fill_segments(3);
  bench.collect(0);
  bench.collect(0);
  EXPECT_EQ(messages_in_memory(bench.log()), 3u * kFull + 1);
  bench.written();
  bench.collect(0);
  EXPECT_EQ(messages_in_memory(bench.log()), kFull + 1u);
}

TEST(Residency, KeepsEverythingWhileThereIsRoom) {
  LogBench bench;
  bench.fill_segments(3);
  bench.write();
  bench.write(bench.log().totals().memory_bytes);
  EXPECT_EQ(messages_in_memory(bench.log()), 3u * kFull + 1);
}

TEST(Residency, LetsOnlySoMuchGoAsIsNeededTheLastFirst) {
  LogBench bench;
  bench.fill_segments(4);
  bench.write();
  bench.write(bench.log().totals().memory_bytes - 1);
  EXPECT_EQ(messages_in_memory(bench.log()), 3u * kFull + 1);
  EXPECT_NE(bench.log().find(2 * kFull), nullptr);
  EXPECT_EQ(bench.log().find(3 * kFull), nullptr);
}

TEST(Residency, LetsGoWhatLiesBetweenSegmentsThatWentBefore) {
  LogBench bench;
  for (int times = 0; times < 3; ++times) {  // the last one goes, and others come behind it
    bench.fill_segments(8);
    bench.write();
    bench.write(bench.log().totals().memory_bytes - 1);
  }
  EXPECT_GT(messages_in_memory(bench.log()), 20u * kFull);
  bench.evict_all();
  EXPECT_LE(messages_in_memory(bench.log()), 2u * kFull);
}

TEST(Residency, SpillsTransientMessagesBeforeTheyGo) {
  LogBench bench;
  bench.fill_segments(2, false);
  EXPECT_EQ(bench.write(0), (Words{"spill 1024-2047"}));
  EXPECT_EQ(messages_in_memory(bench.log()), 2u * kFull + 1);
  EXPECT_EQ(bench.write(0), Words{});
  EXPECT_EQ(messages_in_memory(bench.log()), kFull + 1u);
}

TEST(Residency, SpillsOnlyTheTransientOnesOfAMixedSegment) {
  LogBench bench;
  for (int i = 0; i < 3 * kFull; ++i) {
    if (i % 2 == 0) bench.add("p");
    else bench.add_transient("t");
  }
  EXPECT_EQ(bench.write(0), (Words{"page 0-1022 (512)", "page 1024-2046 (512)", "page 2048-3070 (512)", "spill 1025-2047 (512)"}));
  bench.write(0, 4096);
  bench.consume(kFull);
  bench.take();
  bench.load();
  for (int i = 0; i < kFull; ++i) ASSERT_EQ(bench.take(), i % 2 == 0 ? "p" : "t");
}

TEST(Residency, DropsASpilledPageWhoseMessagesAreSettled) {
  LogBench bench;
  bench.fill_segments(2, false);
  bench.write(0);
  bench.consume(2 * kFull);
  EXPECT_EQ(bench.write(), (Words{"drop 1024"}));
}

TEST(Residency, WritesNoMarksForASpilledPage) {
  LogBench bench;
  bench.fill_segments(2, false);
  bench.write(0);
  bench.consume(kFull + 10);
  EXPECT_EQ(bench.write(), Words{});
}

/// Three segments of messages that were written one by one; the second can leave memory.
void fill_singly(LogBench& bench) {
  for (int i = 0; i < 2 * kFull + 1; ++i) {
    bench.add("m" + std::to_string(i));
    bench.write();
  }
}

TEST(Residency, WritesScatteredMessagesTogetherBeforeTheyGo) {
  LogBench bench;
  fill_singly(bench);
  const Words words = bench.write(0);
  ASSERT_EQ(words.size(), kFull + 1u);
  EXPECT_EQ(words.front(), "drop 1024");
  EXPECT_EQ(words.back(), "page 1024-2047");
  EXPECT_EQ(messages_in_memory(bench.log()), 2u * kFull + 1);
  EXPECT_EQ(bench.write(0), Words{});
  EXPECT_EQ(messages_in_memory(bench.log()), kFull + 1u);
}

TEST(Residency, FindsScatteredMessagesAgainInOnePage) {
  LogBench bench;
  fill_singly(bench);
  bench.evict_all();
  bench.crash();
  EXPECT_EQ(bench.disk().recover_queue(LogBench::kLog).value().pages.size(), kFull + 2u);
  EXPECT_EQ(bench.log().totals().ready, 2u * kFull + 1);
}

TEST(Residency, TakesAlongHowOftenScatteredMessagesCameBack) {
  LogBench bench;
  fill_singly(bench);
  bench.write(LogBench::kNoTarget, 4096);
  for (int i = 0; i < kFull + 2; ++i) bench.take();
  bench.requeue(kFull + 1);
  bench.write();
  bench.crash();
  EXPECT_EQ(bench.take(), "blocked");
  bench.load();
  const Words words = bench.write(0);
  EXPECT_NE(std::find(words.begin(), words.end(), "marks of 1024: 1025 returned 1"), words.end());
  bench.crash();
  EXPECT_EQ(bench.take(), "blocked");
  bench.load();
  EXPECT_EQ(bench.log().find(kFull)->returns, 0u);
  EXPECT_EQ(bench.log().find(kFull + 1)->returns, 1u);
}

TEST(Residency, LeavesOutWhatIsSettledOfScatteredMessages) {
  LogBench bench;
  fill_singly(bench);
  bench.log().settle(kFull + 5);
  EXPECT_EQ(bench.write(0).back(), "page 1024-2047 (1023)");
  bench.crash();
  EXPECT_EQ(bench.log().totals().ready, 2u * kFull);
}

TEST(Residency, DropsThePageOfMergedMessagesWhenAllOfItIsSettled) {
  LogBench bench;
  fill_singly(bench);
  bench.evict_all();
  bench.write(0, 4096);
  bench.consume(kFull);
  bench.take();
  bench.load();
  bench.consume(kFull);
  const Words words = bench.write();
  EXPECT_NE(std::find(words.begin(), words.end(), "drop 1024"), words.end());
  EXPECT_EQ(bench.log().totals().ready, 1u);
}

TEST(Residency, LeavesLargeMessagesOnThePagesTheyHave) {
  LogBench bench;
  for (int i = 0; i < 2 * kFull + 1; ++i) {
    bench.add(std::string(16 * 1024, 'x'));
    bench.write();
  }
  EXPECT_EQ(bench.write(0), Words{});
}

TEST(Residency, ReadsBackWhatTheCursorComesTo) {
  LogBench bench;
  bench.fill_segments(2);
  bench.evict_all();
  bench.write(0, 4096);
  bench.consume(kFull);
  EXPECT_EQ(bench.take(), "blocked");
  EXPECT_EQ(bench.load(), 0u);
  EXPECT_EQ(bench.take(), "m1024");
}

TEST(Residency, AsksForASegmentOnce) {
  LogBench bench(false);
  bench.fill_segments(2);
  bench.evict_all();
  bench.consume(kFull);
  bench.take();
  EXPECT_EQ(segments_of(bench.take_loads()), (std::vector<Offset>{kFull}));
  bench.take();
  EXPECT_TRUE(bench.take_loads().empty());
}

TEST(Residency, ReadsAheadWhenTheCursorNearsTheEndOfItsSegment) {
  LogBench bench(false);
  bench.fill_segments(5);
  bench.evict_all();
  bench.consume(1);
  EXPECT_TRUE(bench.take_loads().empty());
  bench.write();  // there is room again
  bench.consume(kFull - 100);
  EXPECT_EQ(segments_of(bench.take_loads()), (std::vector<Offset>{kFull, 2 * kFull, 3 * kFull}));
}

TEST(Residency, ReadsOneAheadWhenMemoryIsShort) {
  LogBench bench(false);
  bench.fill_segments(5);
  bench.evict_all();
  bench.consume(kFull - 100);
  EXPECT_EQ(segments_of(bench.take_loads()), (std::vector<Offset>{kFull}));
}

TEST(Residency, KeepsWhatWasReadAheadForTheCursor) {
  LogBench bench(false);
  bench.fill_segments(2);
  bench.evict_all();
  bench.consume(kFull - 100);
  bench.load();
  bench.write(0);
  bench.consume(1);
  EXPECT_TRUE(bench.take_loads().empty());
}

TEST(Residency, LetsGoOfWhatLiesBeforeTheEvictedMiddleToo) {
  LogBench bench;
  bench.fill_segments(6);
  bench.write();
  bench.write(bench.log().totals().memory_bytes / 2);
  bench.add("more");
  bench.write(0);
  EXPECT_EQ(messages_in_memory(bench.log()), kFull + 2u);
}

TEST(Residency, KeepsASegmentWithAMessageThatIsOut) {
  LogBench bench(false);
  bench.fill_segments(3);
  for (int i = 0; i < kFull + 1; ++i) bench.take();
  bench.requeue(0);
  bench.evict_all();
  EXPECT_EQ(bench.take(), "m0!");
  EXPECT_NE(bench.log().find(kFull), nullptr);
}

TEST(Residency, KeepsASegmentWithAHiddenMessage) {
  LogBench bench(false);
  for (int i = 0; i < kFull + 10; ++i) bench.add("m");
  const Offset hidden = bench.add_hidden("h");
  for (int i = 0; i < 2 * kFull; ++i) bench.add("m");
  bench.evict_all();
  EXPECT_NE(bench.log().find(hidden), nullptr);
}

TEST(Residency, RemembersWhatWasSettledOfAnEvictedSegment) {
  LogBench bench;
  for (int i = 0; i < kFull; ++i) bench.add("m");
  bench.add("goes", 100);
  bench.add("stays");
  for (int i = 0; i < kFull; ++i) bench.add("m");
  bench.write();
  bench.log().settle(kFull);  // it expired
  bench.evict_all();
  bench.write(0, 4096);
  bench.consume(kFull);
  bench.take();
  EXPECT_EQ(bench.load(), 0u);
  EXPECT_EQ(bench.take(), "stays");
}

TEST(Residency, CountsMissingMessagesAsLost) {
  LogBench bench(false);
  bench.fill_segments(2);
  bench.evict_all();
  bench.consume(kFull);
  bench.take();
  const std::vector<LoadRequest> loads = bench.take_loads();
  std::vector<PageRecord> records = read(bench.disk(), LogBench::kLog, loads.at(0).pages);
  records.erase(records.begin(), records.begin() + 5);
  EXPECT_EQ(bench.answer(loads.at(0), records), 5u);
  EXPECT_EQ(bench.log().totals().ready, kFull - 5u + 1);
  EXPECT_EQ(bench.take(), "m1029");
}

TEST(Residency, DropsAPageThatIsLostAsAWhole) {
  LogBench bench;
  bench.fill_segments(2);
  bench.evict_all();
  bench.write(0, 4096);
  bench.consume(kFull);
  bench.take();
  const std::vector<LoadRequest> loads = bench.take_loads();
  EXPECT_EQ(bench.answer(loads.at(0), {}), static_cast<std::uint64_t>(kFull));
  EXPECT_EQ(bench.log().totals().persistent, 1u);
  const Words words = bench.write();
  EXPECT_NE(std::find(words.begin(), words.end(), "drop 1024"), words.end());
  EXPECT_EQ(bench.take(), "m2048");
}

TEST(Residency, PurgesWhatIsNotInMemory) {
  LogBench bench;
  bench.fill_segments(3);
  bench.evict_all();
  EXPECT_EQ(bench.log().purge(), 3u * kFull + 1);
  EXPECT_TRUE(bench.log().empty());
  EXPECT_EQ(bench.log().totals().persistent, 0u);
  bench.write();
  EXPECT_TRUE(bench.disk().recover_queue(LogBench::kLog)->pages.empty());
}

TEST(Residency, PurgesASegmentThatIsBeingReadBack) {
  LogBench bench(false);
  bench.fill_segments(3);
  bench.evict_all();
  bench.consume(kFull);
  bench.take();
  const std::vector<LoadRequest> loads = bench.take_loads();
  const std::vector<PageRecord> records = read(bench.disk(), LogBench::kLog, loads.at(0).pages);
  bench.log().purge();
  EXPECT_EQ(bench.answer(loads.at(0), records), 0u);
  EXPECT_TRUE(bench.log().empty());
  EXPECT_EQ(bench.log().totals().memory_bytes, 0u);
  bench.add("new");
  EXPECT_EQ(bench.take(), "new");
}

TEST(Residency, TakesAnswersInAnyOrder) {
  LogBench bench(false);
  bench.fill_segments(4);
  bench.evict_all();
  bench.write();
  bench.consume(kFull);
  bench.take();
  const std::vector<LoadRequest> loads = bench.take_loads();
  ASSERT_EQ(loads.size(), 3u);
  for (auto load = loads.rbegin(); load != loads.rend(); ++load)
    EXPECT_EQ(bench.answer(*load, read(bench.disk(), LogBench::kLog, load->pages)), 0u);
  bench.consume(3 * kFull);
  EXPECT_EQ(bench.take(), "m4096");
}

TEST(Residency, IgnoresAnAnswerItDidNotAskFor) {
  LogBench bench;
  bench.add("a");
  EXPECT_EQ(bench.answer({}, {}), 0u);
  EXPECT_EQ(bench.take(), "a");
}

}  // namespace
}  // namespace mq::broker::test
