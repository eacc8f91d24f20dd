#include "engine/vhost.hpp"

#include <gtest/gtest.h>

#include "recording_store.hpp"
#include "support/manual_scheduler.hpp"

namespace mq::engine {
namespace {

class VHostTest : public ::testing::Test {
 protected:
  mq::test::ManualScheduler scheduler;
  test::RecordingStore store;
  std::shared_ptr<Committer> committer =
      std::make_shared<Committer>(scheduler.make_blocking_strand("committer"), scheduler, store, [](const StorageError&) {});
  std::shared_ptr<QueueServices> services = std::make_shared<QueueServices>(scheduler, store, *committer);
  QueueId next_id = broker::kLogsPerQueue;
  std::shared_ptr<VHost> vhost = std::make_shared<VHost>(scheduler.make_strand(), services, "/",
                                                         [this] { return std::exchange(next_id, next_id + broker::kLogsPerQueue); });
  InboxPtr inbox = std::make_shared<SessionInbox>(scheduler.make_strand(), 1);
  std::vector<std::uint64_t> answered;  // the requests that got their answer

  void SetUp() override {
    services->reader = scheduler.make_blocking_strand("reader");
    inbox->on_wake([this] {
      inbox->drain([this](SessionItem& item) {
        if (const auto* reply = std::get_if<Reply>(&item)) answered.push_back(reply->request);
      });
    });
  }

  void declare_exclusive(const std::string& name) {
    broker::QueueInfo wanted;
    wanted.name = name;
    wanted.exclusive = true;
    wanted.owner = inbox->id();
    vhost->put(DeclareQueue{wanted, false, false, {inbox, 1}});
    scheduler.run_until_idle();
  }
  [[nodiscard]] std::size_t queues() const { return vhost->queues().size(); }
};

}  // namespace

TEST_F(VHostTest, CountsTheMemoryOfHistoriesWhileTheyLast) {
  const broker::MessagePtr message = broker::make_message("x", "k", {}, "body");
  auto publish = [&] {
    broker::Route route;
    vhost->route("x", {"k", {}, nullptr}, {}, message, route);
  };
  broker::ExchangeInfo wanted;
  wanted.name = "x";
  wanted.type = "x-recent-history";
  vhost->put(DeclareExchange{wanted, false, {inbox, 1}});
  scheduler.run_until_idle();
  publish();
  publish();
  EXPECT_EQ(services->memory_used_bytes, static_cast<std::int64_t>(2 * message->memory_bytes()));
  vhost->put(DeleteExchange{"x", false, {inbox, 2}});
  scheduler.run_until_idle();
  EXPECT_EQ(services->memory_used_bytes, 0);
  vhost->put(DeclareExchange{wanted, false, {inbox, 3}});
  scheduler.run_until_idle();
  publish();
  EXPECT_GT(services->memory_used_bytes, 0);
  vhost.reset();
  EXPECT_EQ(services->memory_used_bytes, 0);
}

TEST_F(VHostTest, RemembersNothingWhenSomebodyOnlyAsks) {
  broker::ExchangeInfo wanted;
  wanted.name = "x";
  wanted.type = "x-recent-history";
  vhost->put(DeclareExchange{wanted, false, {inbox, 1}});
  scheduler.run_until_idle();
  broker::Route route;
  vhost->route("x", {"k", {}, nullptr}, {}, nullptr, route);
  EXPECT_EQ(services->memory_used_bytes, 0);
}

TEST_F(VHostTest, DropsAnOwnersQueuesAndTellsSo) {
  declare_exclusive("a");
  declare_exclusive("b");
  vhost->put(DropOwner{inbox->id(), {inbox, 2}});
  scheduler.run_until_idle();
  EXPECT_EQ(queues(), 0u);
  EXPECT_EQ(answered, (std::vector<std::uint64_t>{1, 1, 2}));
}

TEST_F(VHostTest, DropsAnOwnersQueueThoughItsExpiryWasJustRefused) {
  declare_exclusive("q");
  const QueueId id = vhost->queues().front()->id();
  vhost->put(RemoveUnused{"q", id, true, {}});  // the queue will say that it has not expired
  vhost->put(DropOwner{inbox->id(), {inbox, 2}});
  scheduler.run_until_idle();
  EXPECT_EQ(queues(), 0u);
  EXPECT_EQ(answered, (std::vector<std::uint64_t>{1, 2}));
}

}  // namespace mq::engine
