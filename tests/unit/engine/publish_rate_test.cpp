#include "engine/publish_rate.hpp"

#include <gtest/gtest.h>

#include "session/publish_allowance.hpp"

namespace mq::engine {
namespace {

constexpr Millis kNow = 1'000'000;

// How many messages of that size somebody publishes until `until`, who publishes whenever it may.
std::uint64_t published_until(session::PublishAllowance& allowance, Millis until, std::uint64_t bytes = 100) {
  std::uint64_t published = 0;
  for (Millis now = kNow; now < until; ++now)
    for (; allowance.permits(now); ++published) allowance.published(bytes);
  return published;
}

TEST(PublishRate, LimitsNobodyUntilItIsSet) {
  PublishRate rate;
  EXPECT_FALSE(rate.limited());
  EXPECT_LE(rate.spend(1'000'000, 1'000'000'000, kNow), kNow);
}

TEST(PublishRate, TellsWhenWhatWasPublishedIsPaidFor) {
  PublishRate rate;
  rate.set(1000, -1);
  EXPECT_LE(rate.spend(100, 0, kNow), kNow);  // a tenth of a second that nobody used
  EXPECT_EQ(rate.spend(50, 0, kNow), kNow + 50);
  EXPECT_LE(rate.spend(0, 0, kNow + 50), kNow + 50);
}

TEST(PublishRate, SavesNoMoreThanATenthOfASecond) {
  PublishRate rate;
  rate.set(1000, -1);
  EXPECT_LE(rate.spend(1, 0, kNow), kNow);
  EXPECT_EQ(rate.spend(150, 0, kNow + 60'000), kNow + 60'000 + 50);
}

TEST(PublishRate, CountsBytesToo) {
  PublishRate rate;
  rate.set(-1, 1'000'000);
  EXPECT_EQ(rate.spend(1, 300'000, kNow), kNow + 200);
}

TEST(PublishRate, LetsNobodyPublishAtZero) {
  PublishRate rate;
  rate.set(0, -1);
  EXPECT_GT(rate.spend(0, 0, kNow), kNow);
}

TEST(PublishRate, ForgivesWhatWasOverdrawnWhenItChanges) {
  PublishRate rate;
  rate.set(1, -1);
  EXPECT_GT(rate.spend(1000, 0, kNow), kNow + 900'000);
  rate.set(10, -1);
  EXPECT_LE(rate.spend(0, 0, kNow), kNow);
}

TEST(PublishAllowance, KeepsToTheSmallestOfItsRates) {
  auto user = std::make_shared<PublishRate>(), vhost = std::make_shared<PublishRate>();
  user->set(500, -1);
  vhost->set(2000, -1);
  session::PublishAllowance allowance;
  allowance.set_rates(nullptr, user, vhost);
  const std::uint64_t published = published_until(allowance, kNow + 10'000);
  EXPECT_GE(published, 5000U);
  EXPECT_LE(published, 5000U + 50 + 5);  // what was saved before, and a share
}

TEST(PublishAllowance, SharesARateWithOthers) {
  auto user = std::make_shared<PublishRate>();
  user->set(1000, -1);
  session::PublishAllowance one, other;
  one.set_rates(nullptr, user, nullptr);
  other.set_rates(nullptr, user, nullptr);
  std::uint64_t published = 0;
  for (Millis now = kNow; now < kNow + 10'000; ++now)
    for (session::PublishAllowance* each : {&one, &other})
      for (; each->permits(now); ++published) each->published(1);
  EXPECT_GE(published, 10'000U);
  EXPECT_LE(published, 10'000U + 100 + 20);
}

TEST(PublishAllowance, ChargesWhatWasPublishedByThoseThatAreGone) {
  auto user = std::make_shared<PublishRate>();
  user->set(10, -1);
  int published = 0;
  for (int number = 0; number < 100; ++number) {
    session::PublishAllowance each;
    each.set_rates(nullptr, user, nullptr);
    if (!each.permits(kNow)) continue;
    each.published(1);
    ++published;
    each.settle(kNow);
  }
  EXPECT_EQ(published, 2);  // what was saved before, and the one whose cost the next has to wait for
}

TEST(PublishAllowance, TakesAMessageThatIsLargerThanASecondsWorth) {
  auto user = std::make_shared<PublishRate>();
  user->set(-1, 1000);
  session::PublishAllowance allowance;
  allowance.set_rates(nullptr, user, nullptr);
  EXPECT_EQ(published_until(allowance, kNow + 9000, 5000), 2U);  // the second when the first is paid for, 4.9 s later
}

TEST(PublishAllowance, FeelsAChangeOfItsRates) {
  auto user = std::make_shared<PublishRate>();
  user->set(0, -1);
  session::PublishAllowance allowance;
  allowance.set_rates(nullptr, user, nullptr);
  EXPECT_TRUE(allowance.limited());
  EXPECT_FALSE(allowance.permits(kNow));
  user->set(-1, -1);
  EXPECT_FALSE(allowance.limited());
  EXPECT_TRUE(allowance.permits(kNow));
}

TEST(PublishAllowance, KnowsWhenItsSharesAreOfTheTimeBeforeAChange) {
  auto user = std::make_shared<PublishRate>();
  user->set(-1, 100'000);
  session::PublishAllowance allowance;
  allowance.set_rates(nullptr, user, nullptr);
  EXPECT_TRUE(allowance.outdated());
  EXPECT_TRUE(allowance.permits(kNow));
  EXPECT_FALSE(allowance.outdated());
  user->set(10, -1);
  EXPECT_TRUE(allowance.outdated());
  allowance.settle(kNow);
  EXPECT_FALSE(allowance.outdated());
}

TEST(PublishAllowance, IsNotWithoutLimitForeverBecauseItWasOnce) {
  auto user = std::make_shared<PublishRate>();
  session::PublishAllowance allowance;
  allowance.set_rates(nullptr, user, nullptr);
  EXPECT_TRUE(allowance.permits(kNow));
  user->set(1000, -1);
  std::uint64_t published = 0;
  for (; published < 1'000'000 && allowance.permits(kNow); ++published) allowance.published(1);
  EXPECT_LT(published, 100'000U);
}

}  // namespace
}  // namespace mq::engine
