// The exchange types that draw lots: x-random and x-local-random.
#include <gtest/gtest.h>

#include <map>

#include "exchange_bench.hpp"
#include "support/manual_scheduler.hpp"

namespace mq::broker::test {
namespace {

std::map<TargetId, int> draw(const ExchangeBench& bench, int times) {
  mq::test::ManualScheduler chance;
  std::map<TargetId, int> counts;
  std::vector<TargetId> out;
  for (int i = 0; i < times; ++i) {
    out.clear();
    RoutingInput input{"k", {}, nullptr};
    input.chance = &chance;
    bench.table().match(input, out);
    EXPECT_EQ(out.size(), 1u);
    ++counts[out.front()];
  }
  return counts;
}

TEST(RandomExchange, ReachesEachTargetAsOften) {
  ExchangeBench bench("x-random");
  for (TargetId target = 0; target < 10; ++target) bench.bind(target, "any");
  for (const auto& [target, times] : draw(bench, 100'000)) EXPECT_NEAR(times, 10'000, 500) << target;
}

TEST(RandomExchange, ReachesATargetOncePerBinding) {
  ExchangeBench bench("x-random");
  bench.bind(1, "a").bind(1, "b").bind(1, "c").bind(2, "a");
  EXPECT_NEAR(draw(bench, 10'000)[1], 7500, 300);
}

TEST(RandomExchange, LosesTheLotOfABindingThatGoes) {
  ExchangeBench bench("x-random");
  bench.bind(1, "a").bind(2, "a").bind(1, "b").bind(3, "a").unbind(1, "a").unbind(3, "a");
  EXPECT_NEAR(draw(bench, 10'000)[2], 5000, 300);
}

TEST(RandomExchange, IsAskedForEachMessageAnew) { EXPECT_FALSE(ExchangeBench("x-random").table().depends_on_key_only()); }

TEST(LocalRandomExchange, ReachesOneTarget) {
  ExchangeBench bench("x-local-random");
  bench.bind(1, "").bind(2, "");
  EXPECT_NEAR(draw(bench, 10'000)[1], 5000, 300);
}

TEST(LocalRandomExchange, WantsAnEmptyBindingKey) {
  auto refused = ExchangeBench("x-local-random").table().validate("k", {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reply_text(), "PRECONDITION_FAILED - Non empty binding 'k' key not permitted");
}

}  // namespace
}  // namespace mq::broker::test
