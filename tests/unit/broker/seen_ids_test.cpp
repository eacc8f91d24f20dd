// The window of ids in memory: bounds by count and time, and a model that forgets nothing by itself.
#include "broker/seen_ids.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "broker/deduplication.hpp"

namespace mq::broker {
namespace {

IdHash id(std::uint64_t number) { return hash_id(std::to_string(number)); }

std::vector<std::uint64_t> left(SeenIds& ids) {
  std::vector<std::uint64_t> sequences;
  ids.take_left(sequences);
  return sequences;
}

TEST(SeenIds, RemembersWhatEntered) {
  SeenIds ids;
  EXPECT_FALSE(ids.find(id(1), 0));
  const std::uint64_t sequence = ids.enter(id(1), kNever, false);
  EXPECT_EQ(ids.find(id(1), 1'000'000), sequence);
  EXPECT_FALSE(ids.find(id(2), 0));
}

TEST(SeenIds, ForgetsTheOldestBeyondItsBound) {
  SeenIds ids;
  for (std::uint64_t number = 1; number <= 3; ++number) ids.enter(id(number), kNever, false);
  ids.trim(2, 0);
  EXPECT_FALSE(ids.find(id(1), 0));
  EXPECT_TRUE(ids.find(id(2), 0));
  EXPECT_EQ(ids.size(), 2u);
}

TEST(SeenIds, ForgetsAnIdWhenItsTimeHasCome) {
  SeenIds ids;
  ids.enter(id(1), 100, false);
  EXPECT_TRUE(ids.find(id(1), 99));
  EXPECT_FALSE(ids.find(id(1), 100));
}

TEST(SeenIds, TakesAnIdAnewWhenItsTimeHasCome) {
  SeenIds ids;
  const std::uint64_t first = ids.enter(id(1), 100, false);
  const std::uint64_t second = ids.enter(id(1), 300, false);
  EXPECT_GT(second, first);
  EXPECT_EQ(ids.find(id(1), 200), second);
  EXPECT_EQ(ids.size(), 1u);
}

TEST(SeenIds, FreesWhatIsForgottenBehindOneThatStays) {
  SeenIds ids;
  ids.enter(id(0), kNever, false);
  for (std::uint64_t number = 1; number <= 100'000; ++number) ids.enter(id(number), 100, false);
  const std::uint64_t before = ids.memory_bytes();
  ids.trim(1'000'000, 200);
  EXPECT_EQ(ids.size(), 1u);
  EXPECT_LT(ids.memory_bytes(), before / 2) << "only the index keeps its room";
  EXPECT_TRUE(ids.find(id(0), 200));
}

TEST(SeenIds, TellWhichIdsOnDiskLeft) {
  SeenIds ids;
  ids.enter(id(1), kNever, true);
  ids.enter(id(2), kNever, false);
  ids.enter(id(3), kNever, true);
  ids.trim(1, 0);
  EXPECT_EQ(left(ids), (std::vector<std::uint64_t>{1}));
  ids.trim(0, 0);
  EXPECT_EQ(left(ids), (std::vector<std::uint64_t>{3}));
}

TEST(SeenIds, TakeBackTheLastOnes) {
  SeenIds ids;
  for (std::uint64_t number = 1; number <= 1000; ++number) ids.enter(id(number), kNever, false);
  ids.take_back(500);
  EXPECT_FALSE(ids.find(id(500), 0));
  EXPECT_TRUE(ids.find(id(499), 0));
  EXPECT_EQ(ids.enter(id(2000), kNever, false), 500u);
  EXPECT_TRUE(ids.find(id(2000), 0));
}

TEST(SeenIds, ComeBackWithTheirSequences) {
  SeenIds ids;
  ids.restore({7, id(1), kNever});
  ids.restore({9000, id(2), 50});
  EXPECT_EQ(ids.find(id(1), 0), 7u);
  EXPECT_EQ(ids.find(id(2), 0), 9000u);
  EXPECT_EQ(ids.next(), 9001u);
  ids.trim(1, 0);
  EXPECT_FALSE(ids.find(id(1), 0));
}

TEST(SeenIds, CostFewBytesEach) {
  SeenIds ids;
  for (std::uint64_t number = 0; number < 100'000; ++number) ids.enter(id(number), kNever, true);
  EXPECT_LT(ids.memory_bytes(), 100'000u * 40);
}

/// Says the same as SeenIds, slowly: each id with its last sequence and time.
struct Model {
  std::map<std::uint64_t, std::pair<std::uint64_t, UnixMillis>> entered;
  std::uint64_t next = 1;
  std::uint64_t max_ids = 0;

  void resize(std::uint64_t ids) {
    const std::uint64_t least = std::min(ids, max_ids);  // what was beyond does not come back
    std::erase_if(entered, [&](const auto& each) { return next - each.second.first > least; });
    max_ids = ids;
  }
  [[nodiscard]] bool remembers(std::uint64_t number, UnixMillis now) const {
    const auto found = entered.find(number);
    return found != entered.end() && next - found->second.first <= max_ids && now < found->second.second;
  }
};

TEST(SeenIds, RememberWhatTheModelRemembers) {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    std::mt19937 random(seed);
    SeenIds ids;
    Model model;
    model.max_ids = 1 + random() % 3000;
    UnixMillis now = 1;
    for (int step = 0; step < 30'000; ++step) {
      now += random() % 3;
      const std::uint64_t number = random() % 4000;
      const bool seen = ids.find(id(number), now).has_value();
      ASSERT_EQ(seen, model.remembers(number, now)) << "seed " << seed << " step " << step;
      if (!seen) {
        const UnixMillis until = random() % 3 == 0 ? kNever : now + 1 + static_cast<UnixMillis>(random() % 5000);
        ASSERT_EQ(ids.enter(id(number), until, false), model.next);
        model.entered[number] = {model.next++, until};
        if (random() % 10 == 0) {  // refused after all
          ids.take_back(--model.next);
          model.entered.erase(number);
        }
      }
      ids.trim(model.max_ids, now);
      if (random() % 1000 != 0) continue;
      model.resize(1 + random() % 3000);
      ids.trim(model.max_ids, now);
    }
  }
}

}  // namespace
}  // namespace mq::broker
