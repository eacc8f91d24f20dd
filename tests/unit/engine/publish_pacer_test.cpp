#include "engine/publish_pacer.hpp"

#include <gtest/gtest.h>

#include "support/manual_scheduler.hpp"

namespace mq::engine {
namespace {

class PublishPacerTest : public ::testing::Test {
 protected:
  mq::test::ManualScheduler scheduler;
  InboxPtr inbox = std::make_shared<SessionInbox>(scheduler.make_strand(), 1);
  PublishPacer pacer;

  void took(std::uint64_t messages, UnixMillis now, std::uint64_t persistent = 0) {
    inbox->window_take(messages);
    pacer.took(inbox, messages, messages, persistent, now);
  }
};

}  // namespace

TEST_F(PublishPacerTest, LetsPublishersGoOnAtOnceWhenConsumersKeepUp) {
  took(1'000'000, 1000);
  pacer.release(false, 1000);
  EXPECT_EQ(inbox->window_used(), 0);
  EXPECT_EQ(pacer.next_release(), kNever);
}

TEST_F(PublishPacerTest, MakesFastPublishersWaitForConsumersThatAreBehind) {
  took(5000, 1000);
  pacer.release(true, 1000);
  EXPECT_EQ(inbox->window_used(), 5000);
  EXPECT_EQ(pacer.next_release(), 1010);
  pacer.release(true, 1010);
  EXPECT_EQ(inbox->window_used(), 0);
}

TEST_F(PublishPacerTest, MakesPublishersOfPersistentMessagesWaitLonger) {
  took(5000, 1000, 5000);
  EXPECT_EQ(pacer.next_release(), 1050);
}

TEST_F(PublishPacerTest, DoesNotSlowDownWhoPublishesLess) {
  for (UnixMillis now = 1000; now < 1100; ++now) {
    took(400, now);
    pacer.release(true, now);
    EXPECT_EQ(inbox->window_used(), 0) << "at " << now;
  }
}

TEST_F(PublishPacerTest, LetsAllGoOnWhenConsumersHaveCaughtUp) {
  took(5000, 1000);
  took(5000, 1000);
  pacer.release(true, 1001);
  pacer.release(false, 1002);
  EXPECT_EQ(inbox->window_used(), 0);
}

}  // namespace mq::engine
