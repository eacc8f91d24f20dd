#include "sim/trial.hpp"

#include <gtest/gtest.h>

#include "sim/plan.hpp"

namespace mq::sim {

TEST(Trial, GoesTheSameWayAgain) {
  const Outcome first = live_apart({.seed = 11, .steps = 500, .left_out = {}});
  EXPECT_EQ(first.violation, "");
  EXPECT_GT(first.tally.published, 0u);
  EXPECT_EQ(live_apart({.seed = 11, .steps = 500, .left_out = {}}).fingerprint, first.fingerprint);
}

TEST(Trial, GoesAnotherWayWithAnotherSeed) {
  EXPECT_NE(live_apart({.seed = 11, .steps = 500, .left_out = {}}).fingerprint,
            live_apart({.seed = 12, .steps = 500, .left_out = {}}).fingerprint);
}

TEST(Trial, GoesAnotherWayWithoutSomeOfItsSteps) {
  EXPECT_NE(live_apart({.seed = 11, .steps = 500, .left_out = {}}).fingerprint,
            live_apart({.seed = 11, .steps = 500, .left_out = numbers_in("0-250")}).fingerprint);
}

TEST(Trial, WritesStepsAsRanges) {
  EXPECT_EQ(ranges_of({1, 2, 3, 7, 9, 10}), "1-3,7,9-10");
  EXPECT_EQ(numbers_in("1-3,7,9-10"), (std::set<std::uint64_t>{1, 2, 3, 7, 9, 10}));
  EXPECT_EQ(ranges_of({}), "");
  EXPECT_EQ(numbers_in(""), std::set<std::uint64_t>{});
}

TEST(Plan, RoutesByTopicsAsTheyAreWritten) {
  Plan plan(1);
  plan.bindings = {{"top", "a.*", 0}, {"top", "#", 1}, {"top", "*.b", 2}, {"top", "x.#", 3}};
  EXPECT_EQ(plan.route("top", "a.b"), (std::vector<QueueIndex>{0, 1, 2}));
  EXPECT_EQ(plan.route("top", "x"), (std::vector<QueueIndex>{1, 3}));
  EXPECT_EQ(plan.route("top", "x.y.z"), (std::vector<QueueIndex>{1, 3}));
}

}  // namespace mq::sim
