#include "engine/pace.hpp"

#include <gtest/gtest.h>

namespace mq::engine {
namespace {

// `events` in each of `times` spans of 10 ms.
double after(Pace& pace, UnixMillis& now, std::uint64_t events, int times) {
  double per_ms = pace.per_ms(now);
  for (int i = 0; i < times; ++i) {
    pace.add(events);
    now += 10;
    per_ms = pace.per_ms(now);
  }
  return per_ms;
}

}  // namespace

TEST(PaceTest, IsNothingBeforeAnythingHappened) {
  Pace pace;
  EXPECT_EQ(pace.per_ms(1000), 0);
  EXPECT_EQ(pace.per_ms(2000), 0);
}

TEST(PaceTest, ComesToWhatHappens) {
  Pace pace;
  UnixMillis now = 1000;
  EXPECT_NEAR(after(pace, now, 500, 20), 50, 1);
}

TEST(PaceTest, ForgetsWhenNothingHappensAnyMore) {
  Pace pace;
  UnixMillis now = 1000;
  after(pace, now, 500, 20);
  EXPECT_LT(after(pace, now, 0, 10), 1);
}

TEST(PaceTest, ForgetsAtOnceAfterALongPause) {
  Pace pace;
  UnixMillis now = 1000;
  after(pace, now, 500, 20);
  EXPECT_EQ(pace.per_ms(now + 100), 0);
}

}  // namespace mq::engine
