#include "apps/brokerbench/histogram.hpp"

#include <gtest/gtest.h>

namespace mq::bench {
namespace {

TEST(Histogram, KnowsSmallDurationsExactly) {
  Histogram h;
  for (std::uint64_t ns = 1; ns <= 50; ++ns) h.record(ns);
  EXPECT_EQ(h.quantile(0.5), 25U);
  EXPECT_EQ(h.quantile(0.98), 49U);
}

TEST(Histogram, KnowsLargeDurationsToOnePartInSixtyFour) {
  for (std::uint64_t ns : {std::uint64_t{1'000}, std::uint64_t{123'456'789}, std::uint64_t{987'654'321'012}}) {
    Histogram h;
    h.record(ns);
    h.record(ns * 3);
    EXPECT_GE(h.quantile(0.5), ns);
    EXPECT_LE(h.quantile(0.5), ns + ns / 64 + 1);
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

}  // namespace
}  // namespace mq::bench
