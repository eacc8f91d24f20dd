#include "engine/queue_actor.hpp"

#include <gtest/gtest.h>

#include "engine/vhost.hpp"
#include "recording_store.hpp"
#include "support/manual_scheduler.hpp"

namespace mq::engine {
namespace {

/// A durable queue with a client that publishes persistent messages with confirms, and consumes.
class QueueActorTest : public ::testing::Test {
 protected:
  mq::test::ManualScheduler scheduler;
  test::RecordingStore store;
  std::shared_ptr<Committer> committer =
      std::make_shared<Committer>(scheduler.make_blocking_strand("committer"), scheduler, store, [](const StorageError&) {});
  std::shared_ptr<QueueServices> services = std::make_shared<QueueServices>(scheduler, store, *committer);
  InboxPtr inbox = std::make_shared<SessionInbox>(scheduler.make_strand(), 1);
  std::shared_ptr<QueueActor> queue;
  std::vector<broker::Position> delivered;  // not acknowledged
  std::vector<std::uint64_t> confirmed;
  std::uint64_t published = 0;

  void SetUp() override {
    services->reader = scheduler.make_blocking_strand("reader");
    services->queue_memory_bytes = services->total_memory_bytes = UINT64_MAX / 8;
    queue = make_queue();
    inbox->on_wake([this] {
      inbox->drain([this](SessionItem& item) {
        if (auto* got = std::get_if<Deliveries>(&item))
          for (const broker::Delivery& delivery : got->messages) delivered.push_back(delivery.position);
        if (auto* got = std::get_if<Confirms>(&item)) confirmed.insert(confirmed.end(), got->sequences.begin(), got->sequences.end());
      });
    });
  }

  std::shared_ptr<QueueActor> make_queue() {
    broker::QueueInfo info;
    info.name = "q";
    info.id = broker::kLogsPerQueue;
    info.durable = true;
    return std::make_shared<QueueActor>(scheduler.make_strand(), services, std::weak_ptr<VHost>(), info, broker::QueueSettings{});
  }
  /// The queue as it comes out of the store again.
  void restart() {
    queue = make_queue();
    queue->restore(0, store.recover_queue(queue->id()).value());
  }
  void consume() {
    broker::ConsumerSpec spec;
    spec.peer = inbox;
    spec.number = 1;
    queue->put(AddConsumer{spec, {}});
  }
  void publish() {
    amqp::Properties properties;
    properties.delivery_mode = 2;
    PublishBatch batch;
    batch.messages.push_back({broker::make_message("", "q", properties, "m"), ++published});
    batch.from = inbox;
    batch.channel = 1;
    queue->put(std::move(batch));
    scheduler.run_until_idle();
  }
  void acknowledge() {
    queue->put(SettleBatch{broker::Settlement::kAck, std::exchange(delivered, {})});
    scheduler.run_until_idle();
  }
  /// One message a millisecond, acknowledged as soon as it comes.
  void serve(int messages) {
    for (int i = 0; i < messages; ++i) {
      publish();
      acknowledge();
      scheduler.advance(1);
    }
  }
};

}  // namespace

TEST_F(QueueActorTest, WritesAtOnceWithoutConsumers) {
  publish();
  EXPECT_EQ(store.commits.size(), 1u);
  EXPECT_EQ(confirmed, (std::vector<std::uint64_t>{1}));
}

TEST_F(QueueActorTest, WritesNothingThatItsConsumersAcknowledgeAtOnce) {
  consume();
  serve(50);
  const std::size_t written = store.commits.size();
  serve(50);
  EXPECT_EQ(store.commits.size(), written);
  EXPECT_EQ(confirmed.size(), 100u);
}

TEST_F(QueueActorTest, WritesAndConfirmsSoonWhatIsNotAcknowledged) {
  consume();
  serve(50);
  publish();
  EXPECT_EQ(confirmed.size(), 50u);
  scheduler.advance(5);
  EXPECT_EQ(confirmed.size(), 51u);
}

TEST_F(QueueActorTest, LetsPublishersWaitForTheDiskWhileAllQueuesTogetherHoldTooMuch) {
  services->total_memory_bytes = 1000;
  services->memory_used_bytes = 5000;  // of others
  scheduler.hold("committer", true);
  inbox->window_take(100);
  PublishBatch batch;
  amqp::Properties properties;
  properties.delivery_mode = 2;
  batch.messages.push_back({broker::make_message("", "q", properties, "m"), 1});
  batch.from = inbox;
  batch.channel = 1;
  batch.bytes = 100;
  queue->put(std::move(batch));
  scheduler.run_until_idle();
  EXPECT_EQ(inbox->window_used(), 100);
  scheduler.hold("committer", false);
  scheduler.run_until_idle();
  EXPECT_EQ(inbox->window_used(), 0);
}

TEST_F(QueueActorTest, WaitsForADiskThatCannotBeRead) {
  publish();
  restart();
  store.reads_fail = true;
  consume();
  scheduler.advance(10'000);
  EXPECT_EQ(delivered.size(), 0u);
  EXPECT_EQ(queue->gauges().lost, 0u);
  store.reads_fail = false;
  scheduler.advance(1000);
  EXPECT_EQ(delivered.size(), 1u);
}

}  // namespace mq::engine
