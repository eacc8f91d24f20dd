// Counts of connections and channels: what goes in comes out, and a refused one never was.
#include "engine/usage.hpp"

#include <gtest/gtest.h>

namespace mq::engine {
namespace {

constexpr auto kAnybody = [](const Usage::Counts&, const Usage::Counts&) -> Result<> { return {}; };
constexpr auto kAnyChannel = [](const Usage::Counts&, const Usage::Counts&) -> Result<> { return {}; };

struct UsageTest : ::testing::Test {
  std::shared_ptr<Usage> usage = std::make_shared<Usage>();
  Usage::Place enter(const std::string& user, const std::string& vhost) { return std::move(*usage->enter(user, vhost, kAnybody)); }
};

}  // namespace

TEST_F(UsageTest, CountsByUserAndVHost) {
  const Usage::Place first = enter("a", "v"), second = enter("a", "w");
  EXPECT_EQ(usage->of_user("a").connections, 2);
  EXPECT_EQ(usage->of_vhost("v").connections, 1);
  EXPECT_EQ(usage->total().connections, 2);
}

TEST_F(UsageTest, TakesTheChannelsOutWithTheirConnection) {
  {
    Usage::Place place = enter("a", "v");
    EXPECT_TRUE(place.open_channel(kAnyChannel));
    EXPECT_TRUE(place.open_channel(kAnyChannel));
    place.close_channel();
    EXPECT_EQ(usage->of_user("a").channels, 1);
  }
  EXPECT_EQ(usage->of_user("a").channels, 0);
  EXPECT_EQ(usage->total().channels, 0);
}

TEST_F(UsageTest, GivesAPlaceUpOnce) {
  Usage::Place place = enter("a", "v");
  const Usage::Place other = enter("a", "v");
  place.give_up();
  place.give_up();
  EXPECT_EQ(usage->of_user("a").connections, 1);
}

TEST_F(UsageTest, MovesAPlaceWithoutCountingItTwice) {
  Usage::Place place = enter("a", "v");
  Usage::Place moved = std::move(place);
  EXPECT_EQ(usage->of_user("a").connections, 1);
  moved = enter("b", "v");
  EXPECT_EQ(usage->of_user("a").connections, 0);
  EXPECT_EQ(usage->of_vhost("v").connections, 1);
}

TEST_F(UsageTest, DoesNotCountWhoIsRefused) {
  const auto refused =
      usage->enter("a", "v", [](const Usage::Counts&, const Usage::Counts&) -> Result<> { return fail(ReplyCode::kNotAllowed, "no"); });
  EXPECT_FALSE(refused);
  EXPECT_EQ(usage->total().connections, 0);
}

}  // namespace mq::engine
