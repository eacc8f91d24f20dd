#include "engine/publish_pacer.hpp"

#include <gtest/gtest.h>

#include "support/manual_scheduler.hpp"

namespace mq::engine {
namespace {

class PublishPacerTest : public ::testing::Test {
 protected:
  mq::test::ManualScheduler scheduler;
  InboxPtr inbox = std::make_shared<SessionInbox>(scheduler.make_strand(), 1);
  PublishBudget budget{2};
  PublishPacer pacer{budget};

  void takes(PublishPacer& by, std::uint64_t messages, UnixMillis now, std::uint64_t persistent = 0) {
    inbox->window_take(messages);
    by.took(inbox, messages, messages, persistent, now);
  }
};

}  // namespace

TEST_F(PublishPacerTest, LetsPublishersGoOnAtOnceWhenConsumersKeepUp) {
  takes(pacer, 1'000'000, 1000);
  pacer.release(1000);
  EXPECT_EQ(inbox->window_used(), 0);
  EXPECT_EQ(pacer.next_release(), kNever);
  EXPECT_FALSE(pacer.must_wait(1000));
}

TEST_F(PublishPacerTest, MakesFastPublishersWaitForConsumersThatAreBehind) {
  pacer.consumers_are_behind(true);
  takes(pacer, 5000, 1000);
  pacer.release(1000);
  EXPECT_EQ(inbox->window_used(), 5000);
  EXPECT_TRUE(pacer.must_wait(1009));
  EXPECT_EQ(pacer.next_release(), 1010);
  pacer.release(1010);
  EXPECT_EQ(inbox->window_used(), 0);
  EXPECT_FALSE(pacer.must_wait(1010));
}

TEST_F(PublishPacerTest, MakesPublishersOfPersistentMessagesWaitLonger) {
  pacer.consumers_are_behind(true);
  takes(pacer, 1000, 1000, 1000);
  EXPECT_EQ(pacer.next_release(), 1010);
}

TEST_F(PublishPacerTest, MakesPublishersOfLargeMessagesWaitForTheirBytes) {
  pacer.consumers_are_behind(true);
  inbox->window_take(8'000'000);
  pacer.took(inbox, 8'000'000, 1, 0, 1000);
  EXPECT_EQ(pacer.next_release(), 1010);
}

TEST_F(PublishPacerTest, LetsNobodyWaitLong) {
  pacer.consumers_are_behind(true);
  takes(pacer, 1'000'000, 1000, 1'000'000);
  EXPECT_EQ(pacer.next_release(), 1020);
}

TEST_F(PublishPacerTest, SharesTheBudgetAmongQueues) {
  PublishPacer other(budget);
  pacer.consumers_are_behind(true);
  other.consumers_are_behind(true);
  takes(pacer, 2500, 1000);
  takes(other, 2500, 1000);
  EXPECT_EQ(other.next_release(), 1010);
}

TEST_F(PublishPacerTest, DoesNotSlowDownWhoPublishesLess) {
  pacer.consumers_are_behind(true);
  for (UnixMillis now = 1000; now < 1100; ++now) {
    takes(pacer, 400, now);
    pacer.release(now);
    EXPECT_EQ(inbox->window_used(), 0) << "at " << now;
  }
}

TEST_F(PublishPacerTest, LetsAllGoOnWhenConsumersHaveCaughtUp) {
  pacer.consumers_are_behind(true);
  takes(pacer, 5000, 1000);
  pacer.consumers_are_behind(false);
  pacer.release(1001);
  EXPECT_EQ(inbox->window_used(), 0);
}

}  // namespace mq::engine
