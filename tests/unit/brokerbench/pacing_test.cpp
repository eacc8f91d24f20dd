#include "apps/brokerbench/pacing.hpp"

#include <gtest/gtest.h>

namespace mq::bench {
namespace {

constexpr std::uint64_t kStart = 5'000'000'000;
constexpr std::uint64_t kMs = 1'000'000;

TEST(Pacer, IsDueAtEvenMoments) {
  Pacer pacer(Schedule({1000}, 0), kStart, 0, 1);
  EXPECT_EQ(pacer.due(kStart), 1U);
  EXPECT_EQ(pacer.due(kStart + kMs - 1), 1U);
  EXPECT_EQ(pacer.due(kStart + 10 * kMs), 11U);
  EXPECT_EQ(pacer.due_ns(10), kStart + 10 * kMs);
}

TEST(Pacer, IsNotDueBeforeTheStart) { EXPECT_EQ(Pacer(Schedule({1000}, 0), kStart, 0, 1).due(kStart - 1), 0U); }

TEST(Pacer, KeepsTheMomentsOfMessagesThatCouldNotLeave) {
  // The broker stalls for a second: a thousand messages leave at once, and each is as late as it has waited.
  Pacer pacer(Schedule({1000}, 0), kStart, 0, 1);
  std::uint64_t now = kStart + 1000 * kMs;
  ASSERT_EQ(pacer.due(now), 1001U);
  EXPECT_EQ(now - pacer.due_ns(0), 1000 * kMs);
  EXPECT_EQ(now - pacer.due_ns(500), 500 * kMs);
  EXPECT_EQ(now - pacer.due_ns(1000), 0U);
}

TEST(Pacer, TakesTurnsWithOtherWorkers) {
  Pacer first(Schedule({1000}, 0), kStart, 0, 2);
  Pacer second(Schedule({1000}, 0), kStart, 1, 2);
  EXPECT_EQ(first.due_ns(0), kStart);
  EXPECT_EQ(second.due_ns(0), kStart + kMs);
  EXPECT_EQ(first.due_ns(1), kStart + 2 * kMs);
  EXPECT_EQ(first.due(kStart + 999 * kMs) + second.due(kStart + 999 * kMs), 1000U);
}

TEST(Schedule, StepsFromRateToRate) {
  Schedule schedule({1000, 3000}, 2);
  EXPECT_DOUBLE_EQ(schedule.messages_at(2), 2000);
  EXPECT_DOUBLE_EQ(schedule.messages_at(3), 5000);
  EXPECT_DOUBLE_EQ(schedule.time_of(1000), 1);
  EXPECT_DOUBLE_EQ(schedule.time_of(5000), 3);
  EXPECT_DOUBLE_EQ(schedule.rate_at(1.9), 1000);
  EXPECT_DOUBLE_EQ(schedule.rate_at(2.1), 3000);
}

TEST(Schedule, HasNoEnd) {
  Schedule schedule({10, 20}, 1);
  EXPECT_DOUBLE_EQ(schedule.messages_at(101), 10 + 100 * 20);
  EXPECT_DOUBLE_EQ(schedule.time_of(10 + 100 * 20), 101);
}

TEST(Schedule, HoldsItsFirstRateForTheWarmUpToo) {
  Schedule schedule({10, 20}, 1, 3);
  EXPECT_DOUBLE_EQ(schedule.messages_at(4), 40);
  EXPECT_DOUBLE_EQ(schedule.messages_at(5), 60);
}

TEST(Schedule, IsUnpacedWithoutRates) {
  EXPECT_FALSE(Schedule().is_paced());
  EXPECT_DOUBLE_EQ(Schedule().rate_at(1), 0);
}

}  // namespace
}  // namespace mq::bench
