#include "engine/mailbox.hpp"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "support/manual_scheduler.hpp"

namespace mq::engine {
namespace {

class Collector final : public Actor<int> {
 public:
  using Actor::Actor;
  std::vector<std::vector<int>> turns;

 protected:
  void begin_of_turn() override { turns.emplace_back(); }
  void handle(int& item) override {
    turns.back().push_back(item);
    if (item < 0) put(-item);
  }
  void end_of_turn() override {}
};

}  // namespace

TEST(Mailbox, SaysWhetherTheReaderHasToBeWoken) {
  Mailbox<int> mailbox;
  EXPECT_TRUE(mailbox.put(1));
  EXPECT_FALSE(mailbox.put(2));
  EXPECT_TRUE(mailbox.drain([](int&) {}));
  EXPECT_TRUE(mailbox.put(3));
}

TEST(Mailbox, GivesItemsInTheOrderOfPutting) {
  Mailbox<int> mailbox;
  for (int item = 0; item < 5; ++item) mailbox.put(item);
  std::vector<int> got;
  mailbox.drain([&](int& item) { got.push_back(item); });
  EXPECT_EQ(got, (std::vector<int>{0, 1, 2, 3, 4}));
}

TEST(Mailbox, TellsWhenThereWasNothing) {
  Mailbox<int> mailbox;
  EXPECT_FALSE(mailbox.drain([](int&) {}));
}

TEST(Mailbox, LeavesItemsPutMeanwhileToTheNextDrain) {
  Mailbox<int> mailbox;
  mailbox.put(1);
  std::vector<int> got;
  auto take = [&](int& item) {
    got.push_back(item);
    if (item == 1) mailbox.put(2);
  };
  mailbox.drain(take);
  EXPECT_EQ(got, std::vector<int>{1});
  mailbox.drain(take);
  EXPECT_EQ(got, (std::vector<int>{1, 2}));
}

TEST(Mailbox, WakesNobodyWhileTheReaderIsAwake) {
  Mailbox<int> mailbox;
  mailbox.put(1);
  mailbox.drain_awake([](int&) {});
  EXPECT_FALSE(mailbox.put(2));
}

TEST(Mailbox, RestsOnlyWhenNothingCameMeanwhile) {
  Mailbox<int> mailbox;
  mailbox.put(1);
  mailbox.drain_awake([&](int&) { mailbox.put(2); });
  EXPECT_FALSE(mailbox.rest());
  std::vector<int> got;
  mailbox.drain_awake([&](int& item) { got.push_back(item); });
  EXPECT_EQ(got, std::vector<int>{2});
  EXPECT_TRUE(mailbox.rest());
  EXPECT_TRUE(mailbox.put(3));
}

TEST(Mailbox, FreesWhatCameWhileTheReaderWasAwake) {
  auto item = std::make_shared<int>(1);
  {
    Mailbox<std::shared_ptr<int>> mailbox;
    mailbox.put(item);
    mailbox.drain_awake([](std::shared_ptr<int>&) {});
    mailbox.put(item);
  }
  EXPECT_EQ(item.use_count(), 1);
}

TEST(Mailbox, FreesWhatNobodyRead) {
  auto item = std::make_shared<int>(1);
  {
    Mailbox<std::shared_ptr<int>> mailbox;
    mailbox.put(item);
    mailbox.put(item);
  }
  EXPECT_EQ(item.use_count(), 1);
}

TEST(Mailbox, KeepsTheOrderOfEachOfManyWriters) {
  constexpr int kWriters = 4, kItems = 5000;
  Mailbox<std::pair<int, int>> mailbox;
  std::vector<std::thread> writers;
  for (int writer = 0; writer < kWriters; ++writer)
    writers.emplace_back([&, writer] {
      for (int item = 0; item < kItems; ++item) mailbox.put({writer, item});
    });
  std::vector<int> next(kWriters, 0);
  int received = 0;
  while (received < kWriters * kItems) {
    const bool any = mailbox.drain([&](std::pair<int, int>& item) {
      EXPECT_EQ(item.second, next[static_cast<std::size_t>(item.first)]++);
      ++received;
    });
    if (!any) std::this_thread::yield();
  }
  for (std::thread& writer : writers) writer.join();
  EXPECT_FALSE(mailbox.drain([](std::pair<int, int>&) {}));
}

TEST(Actor, TakesABurstInOneTurn) {
  test::ManualScheduler scheduler;
  auto actor = std::make_shared<Collector>(scheduler.make_strand());
  for (int item = 1; item <= 3; ++item) actor->put(item);
  EXPECT_EQ(scheduler.run_until_idle(), 1u);
  EXPECT_EQ(actor->turns, (std::vector<std::vector<int>>{{1, 2, 3}}));
}

TEST(Actor, HasAnotherTurnForWhatItTellsItself) {
  test::ManualScheduler scheduler;
  auto actor = std::make_shared<Collector>(scheduler.make_strand());
  actor->put(-7);
  scheduler.run_until_idle();
  EXPECT_EQ(actor->turns, (std::vector<std::vector<int>>{{-7}, {7}}));
}

TEST(Actor, IsPostedOnceHoweverMuchComesWhileItRuns) {
  test::ManualScheduler scheduler;
  auto actor = std::make_shared<Collector>(scheduler.make_strand());
  actor->put(-7);
  actor->put(-8);
  EXPECT_EQ(scheduler.run_until_idle(), 2u);
  EXPECT_EQ(actor->turns, (std::vector<std::vector<int>>{{-7, -8}, {7, 8}}));
}

TEST(Actor, LivesUntilItHasRun) {
  test::ManualScheduler scheduler;
  auto actor = std::make_shared<Collector>(scheduler.make_strand());
  std::weak_ptr<Collector> weak = actor;
  actor->put(1);
  actor.reset();
  EXPECT_FALSE(weak.expired());
  scheduler.run_until_idle();
  EXPECT_TRUE(weak.expired());
}

}  // namespace mq::engine
