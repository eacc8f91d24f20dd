#include "apps/brokerbench/histogram.hpp"

#include <gtest/gtest.h>

#include <memory>

namespace mq::bench {
namespace {

TEST(Histogram, KnowsSmallDurationsExactly) {
  Histogram h;
  for (std::uint64_t ns = 1; ns <= 50; ++ns) h.record(ns);
  EXPECT_EQ(h.quantile(0.5), 25U);
  EXPECT_EQ(h.quantile(0.98), 49U);
}

TEST(Histogram, KnowsLargeDurationsToTwoDigits) {
  for (std::uint64_t ns : {std::uint64_t{1'000}, std::uint64_t{123'456'789}, std::uint64_t{987'654'321'012}}) {
    Histogram h;
    h.record(ns);
    h.record(ns * 3);
    EXPECT_GE(h.quantile(0.5), ns);
    EXPECT_LE(h.quantile(0.5), ns + ns / 128 + 1);
  }
}

TEST(Histogram, NeverExceedsTheLargest) {
  Histogram h;
  h.record(1'000'001);
  EXPECT_EQ(h.quantile(0.999), 1'000'001U);
}

TEST(Histogram, TakesTheLongestDurationThereIs) {
  Histogram h;
  h.record(~std::uint64_t{0});
  EXPECT_EQ(h.quantile(1), ~std::uint64_t{0});
}

TEST(Histogram, IsZeroWhenEmpty) { EXPECT_EQ(Histogram().quantile(0.99), 0U); }

TEST(Histogram, MergesWhatOthersRecorded) {
  Histogram a;
  Histogram b;
  a.record(10);
  b.record(20);
  a.merge(b);
  EXPECT_EQ(a.count(), 2U);
  EXPECT_EQ(a.largest(), 20U);
}

TEST(Histogram, KnowsItsMean) {
  Histogram h;
  EXPECT_EQ(h.mean(), 0);
  h.record(10);
  h.record(30);
  EXPECT_EQ(h.mean(), 20);
}

TEST(Histogram, TellsWhatIsNewSinceAFormerState) {
  Histogram h;
  h.record(1'000'000);
  Histogram before = h;
  h.record(10);
  h.record(20);
  Histogram more = h.since(before);
  EXPECT_EQ(more.count(), 2U);
  EXPECT_EQ(more.largest(), 20U);
  EXPECT_EQ(more.mean(), 15);
  EXPECT_EQ(h.since(h).largest(), 0U);
}

TEST(Histogram, StepsThroughItsDistribution) {
  Histogram h;
  for (std::uint64_t ns : {5, 5, 9}) h.record(ns);
  std::vector<Histogram::Step> steps = h.steps();
  ASSERT_EQ(steps.size(), 2U);
  EXPECT_EQ(steps[0].nanoseconds, 5U);
  EXPECT_EQ(steps[0].count, 2U);
  EXPECT_EQ(steps[1].nanoseconds, 9U);
  EXPECT_EQ(steps[1].count, 3U);
}

TEST(LiveHistogram, AddsUpToAPlainOne) {
  auto live = std::make_unique<LiveHistogram>();
  live->record(7);
  live->record(1'000'000);
  Histogram total;
  total.record(3);
  live->add_to(total);
  EXPECT_EQ(total.count(), 3U);
  EXPECT_EQ(total.largest(), 1'000'000U);
  EXPECT_EQ(total.quantile(0.5), 7U);
}

}  // namespace
}  // namespace mq::bench
