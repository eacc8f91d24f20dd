#include "mq/client/confirm_window.hpp"

#include <gtest/gtest.h>

namespace mq::client {
namespace {

ConfirmWindow window_with(std::uint64_t count) {
  ConfirmWindow window;
  for (std::uint64_t i = 1; i <= count; ++i) window.add(i * 10);
  return window;
}

TEST(ConfirmWindow, NumbersPublishesFromOne) {
  ConfirmWindow window;
  EXPECT_EQ(window.add(), 1U);
  EXPECT_EQ(window.add(), 2U);
}

TEST(ConfirmWindow, SettlesOne) {
  ConfirmWindow window = window_with(3);
  EXPECT_EQ(window.settle(2, false), 1U);
  EXPECT_EQ(window.unsettled(), 2U);
}

TEST(ConfirmWindow, SettlesEverythingUpToATag) {
  ConfirmWindow window = window_with(5);
  EXPECT_EQ(window.settle(4, true), 4U);
  EXPECT_EQ(window.unsettled(), 1U);
}

TEST(ConfirmWindow, SettlesEverythingWithTagZero) {
  ConfirmWindow window = window_with(5);
  EXPECT_EQ(window.settle(0, true), 5U);
}

TEST(ConfirmWindow, CountsEachPublishOnce) {
  ConfirmWindow window = window_with(5);
  EXPECT_EQ(window.settle(2, false), 1U);
  EXPECT_EQ(window.settle(2, false), 0U);
  EXPECT_EQ(window.settle(5, true), 4U);
}

TEST(ConfirmWindow, IgnoresTagsThatWereNotPublished) {
  ConfirmWindow window = window_with(2);
  EXPECT_EQ(window.settle(3, true), 0U);
  EXPECT_EQ(window.unsettled(), 2U);
}

TEST(ConfirmWindow, HandsOutTheStampOfEach) {
  ConfirmWindow window = window_with(3);
  std::uint64_t sum = 0;
  window.settle(3, true, [&](std::uint64_t stamp) { sum += stamp; });
  EXPECT_EQ(sum, 60U);
}

TEST(ConfirmWindow, GrowsWithWhatIsUnsettled) {
  ConfirmWindow window = window_with(70);
  window.settle(70, false);
  for (std::uint64_t i = 71; i <= 1000; ++i) window.add(i * 10);
  std::uint64_t sum = 0;
  EXPECT_EQ(window.settle(1000, true, [&](std::uint64_t stamp) { sum += stamp; }), 999U);
  EXPECT_EQ(sum, 10U * (1000U * 1001U / 2 - 70));
}

TEST(ConfirmWindow, StaysSmallWhileEverythingIsSettled) {
  ConfirmWindow window;
  for (std::uint64_t i = 1; i <= 100'000; ++i) {
    window.add(i);
    ASSERT_EQ(window.settle(i, false), 1U);
  }
  EXPECT_EQ(window.unsettled(), 0U);
}

}  // namespace
}  // namespace mq::client
