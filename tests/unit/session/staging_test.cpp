#include "session/staging.hpp"

#include <gtest/gtest.h>

#include "store/memory_store.hpp"
#include "support/manual_scheduler.hpp"

namespace mq::session {
namespace {

// Real queues on a scheduler that runs when told; what reaches them is seen in the confirms they send: one item per batch.
class StagingTest : public ::testing::Test {
 protected:
  mq::test::ManualScheduler scheduler;
  store::MemoryStore store;
  std::shared_ptr<engine::Committer> committer =
      std::make_shared<engine::Committer>(scheduler.make_blocking_strand("committer"), scheduler, store, [](const StorageError&) {});
  std::shared_ptr<engine::QueueServices> services = std::make_shared<engine::QueueServices>(scheduler, store, *committer);
  engine::InboxPtr inbox = std::make_shared<engine::SessionInbox>(scheduler.make_strand(), 1);
  std::vector<std::shared_ptr<engine::QueueActor>> queues;
  Staging staging;

  void SetUp() override {
    inbox->on_wake([] {});
    for (QueueId id = 1; id <= 20; ++id) {
      broker::QueueInfo info;
      info.name = "q" + std::to_string(id);
      info.id = id * broker::kLogsPerQueue;
      queues.push_back(std::make_shared<engine::QueueActor>(scheduler.make_strand(), services, std::weak_ptr<engine::VHost>(), info,
                                                            broker::QueueSettings{}));
    }
  }

  std::uint64_t publishes(std::size_t queue, std::uint64_t sequence, std::uint32_t channel = 1) {
    const broker::MessagePtr message = broker::make_message("", "k", {}, "body");
    staging.publish(queues[queue], channel, message, sequence);
    return message->memory_bytes();
  }
  // `channel:sequences` of each batch, in the order of the answers.
  std::string confirms() {
    std::string text;
    inbox->drain([&](engine::SessionItem& item) {
      const auto& confirms = std::get<engine::Confirms>(item);
      text += (text.empty() ? "" : " ") + std::to_string(confirms.channel) + ":";
      for (std::uint64_t sequence : confirms.sequences) text += std::to_string(sequence) + ",";
    });
    return text;
  }
};

}  // namespace

TEST_F(StagingTest, SendsNothingBeforeItIsFlushed) {
  publishes(0, 1);
  EXPECT_FALSE(staging.empty());
  EXPECT_TRUE(scheduler.idle());
  staging.flush(*inbox);
  EXPECT_TRUE(staging.empty());
  EXPECT_FALSE(scheduler.idle());
}

TEST_F(StagingTest, MakesOneBatchPerQueue) {
  publishes(0, 1);
  publishes(1, 2);
  publishes(0, 3);
  staging.flush(*inbox);
  scheduler.run_until_idle();
  EXPECT_EQ(confirms(), "1:1,3, 1:2,");
}

TEST_F(StagingTest, KeepsChannelsApart) {
  publishes(0, 1, 1);
  publishes(0, 1, 2);
  publishes(0, 2, 1);
  staging.flush(*inbox);
  scheduler.run_until_idle();
  EXPECT_EQ(confirms(), "1:1,2, 2:1,");
}

TEST_F(StagingTest, FindsItsBatchAmongMany) {
  std::string expected;
  for (std::size_t queue = 0; queue < queues.size(); ++queue) publishes(queue, queue + 1);
  for (std::size_t queue = 0; queue < queues.size(); ++queue) {
    publishes(queue, queue + 101);
    expected += (queue == 0 ? "1:" : " 1:") + std::to_string(queue + 1) + "," + std::to_string(queue + 101) + ",";
  }
  staging.flush(*inbox);
  scheduler.run_until_idle();
  EXPECT_EQ(confirms(), expected);
}

TEST_F(StagingTest, ChargesTheWindowUntilTheQueueHasTakenIt) {
  const std::uint64_t bytes = publishes(0, 0) + publishes(1, 0);
  EXPECT_EQ(inbox->window_used(), 0);
  staging.flush(*inbox);
  EXPECT_EQ(inbox->window_used(), static_cast<std::int64_t>(bytes));
  scheduler.run_until_idle();
  EXPECT_EQ(inbox->window_used(), 0);
}

TEST_F(StagingTest, SettlesWhatTheQueueHasGivenOut) {
  publishes(0, 0);
  staging.flush(*inbox);
  queues[0]->put(engine::GetMessage{false, {inbox, 1}});
  scheduler.run_until_idle();
  inbox->drain([&](engine::SessionItem& item) {
    const auto& reply = std::get<engine::GetReply>(*std::get<engine::Reply>(item).answer);
    staging.settle(queues[0], broker::Settlement::kAck, reply.delivery.position);
  });
  EXPECT_EQ(queues[0]->gauges().unacked.load(), 1u);
  staging.flush(*inbox);
  scheduler.run_until_idle();
  EXPECT_EQ(queues[0]->gauges().unacked.load(), 0u);
}

}  // namespace mq::session
