#include "apps/brokerbench/sampler.hpp"

#include <gtest/gtest.h>

namespace mq::bench {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kStart = 10 * kSecond;

/// One producer and one consumer whose counters the test moves.
struct Bench {
  Options options;
  Schedule schedule;
  Crew producers{1};
  Crew consumers{1};
  Sampler sampler{options, producers, consumers, schedule};

  void publish(std::uint64_t messages, std::uint64_t at_ns) {
    Counters::add(producers.counters[0].messages, messages);
    producers.counters[0].last_message_ns = at_ns;
  }
  void consume(std::uint64_t messages, std::uint64_t latency_ns, std::uint64_t at_ns) {
    for (std::uint64_t i = 0; i < messages; ++i) consumers.counters[0].latency.record(latency_ns);
    Counters::add(consumers.counters[0].messages, messages);
    consumers.counters[0].last_message_ns = at_ns;
  }
};

TEST(Sampler, TellsWhatHappenedSinceTheSampleBefore) {
  Bench bench;
  bench.sampler.begin(kStart);
  bench.publish(100, kStart);
  bench.consume(40, 1000, kStart);
  Sample first = bench.sampler.take(kStart + kSecond);
  EXPECT_EQ(first.sent, 100U);
  EXPECT_EQ(first.taken, 40U);
  EXPECT_EQ(first.backlog, 60U);
  EXPECT_DOUBLE_EQ(first.length_s, 1);
  bench.consume(60, 5'000'000, kStart);
  Sample second = bench.sampler.take(kStart + 3 * kSecond);
  EXPECT_EQ(second.sent, 0U);
  EXPECT_EQ(second.taken, 60U);
  EXPECT_EQ(second.backlog, 0U);
  EXPECT_DOUBLE_EQ(second.per_s(second.taken), 30);
  EXPECT_GT(second.delivery.p50_ns, 4'900'000U) << "latencies of the sample before must not count again";
}

TEST(Sampler, IsDueAtTheIntervalAndSkipsWhatItMissed) {
  Bench bench;
  EXPECT_FALSE(bench.sampler.is_due(kStart));
  bench.sampler.begin(kStart);
  EXPECT_FALSE(bench.sampler.is_due(kStart + kSecond - 1));
  EXPECT_TRUE(bench.sampler.is_due(kStart + kSecond));
  static_cast<void>(bench.sampler.take(kStart + 2 * kSecond + 1));
  EXPECT_FALSE(bench.sampler.is_due(kStart + 3 * kSecond - 1));
  EXPECT_TRUE(bench.sampler.is_due(kStart + 3 * kSecond));
}

TEST(Sampler, LeavesWarmUpOutOfTheTotals) {
  Bench bench;
  bench.publish(1000, kStart);
  bench.consume(1000, 9'000'000, kStart);
  bench.sampler.begin(kStart + kSecond);
  bench.publish(10, kStart + 2 * kSecond);
  bench.consume(10, 1000, kStart + 3 * kSecond);
  Result result;
  bench.sampler.finish(result);
  EXPECT_EQ(result.sent, 10U);
  EXPECT_EQ(result.taken, 10U);
  EXPECT_DOUBLE_EQ(result.send_s, 1);
  EXPECT_DOUBLE_EQ(result.take_s, 2);
  EXPECT_EQ(result.delivery.count(), 10U);
  EXPECT_LT(result.delivery.largest(), 2000U);
}

TEST(Sampler, CountsADrainFromItsOwnBeginning) {
  Bench bench;
  bench.sampler.begin(kStart);
  bench.publish(100, kStart + kSecond);
  bench.sampler.consuming_begins(kStart + 5 * kSecond);
  bench.consume(100, 1000, kStart + 6 * kSecond);
  Result result;
  bench.sampler.finish(result);
  EXPECT_DOUBLE_EQ(result.take_s, 1);
}

TEST(Sampler, KnowsNoBacklogWhereCopiesAreUnknown) {
  Bench bench;
  bench.options.exchange = "x";
  bench.options.exchange_type = "topic";
  bench.sampler.begin(kStart);
  EXPECT_FALSE(bench.sampler.take(kStart + kSecond).backlog);
}

TEST(Sampler, CountsEachCopyOfAFanout) {
  Bench bench;
  bench.options.exchange = "x";
  bench.options.exchange_type = "fanout";
  bench.options.queues = 8;
  bench.sampler.begin(kStart);
  bench.publish(10, kStart);
  bench.consume(30, 1000, kStart);
  EXPECT_EQ(bench.sampler.take(kStart + kSecond).backlog, 50U);
}

}  // namespace
}  // namespace mq::bench
