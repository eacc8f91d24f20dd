#include "server/resource_watch.hpp"

#include <gtest/gtest.h>

#include "base/log.hpp"
#include "store/memory_store.hpp"
#include "support/manual_scheduler.hpp"

namespace mq::server {
namespace {

constexpr std::uint64_t kLimit = 1'000'000;

class WatchedMemory : public ::testing::Test {
 protected:
  WatchedMemory() {
    log::set_level(log::Level::kOff);
    EXPECT_TRUE(broker_.recover());
    vhost_ = broker_.find_vhost("/");
    vhost_->put(engine::DeclareQueue{{.name = "q"}, false, false, {}});
    scheduler_.run_until_idle();
    watch_.emplace(scheduler_, broker_, nullptr, ResourceLimits{"", 0, kLimit},
                   ProcessMemory{[this] { return used_; }, [this](bool is_short) { given_back_ += is_short ? 1 : 0; }});
    scheduler_.run_until_idle();
  }
  ~WatchedMemory() override {
    watch_.reset();
    scheduler_.drop_everything();
  }

  /// The queue grows while so much memory is in use, for two looks at it.
  void grows_at(std::uint64_t used) {
    used_ = used;
    scheduler_.advance(1000);
    for (int message = 0; message < 100; ++message) {
      engine::PublishBatch batch;
      batch.messages.push_back({broker::make_message("", "q", {}, std::string(5000, 'x')), 0});
      batch.from = inbox_;
      queue()->put(std::move(batch));
    }
    scheduler_.run_until_idle();
    scheduler_.advance(1000);
  }
  [[nodiscard]] std::shared_ptr<engine::QueueActor> queue() const { return vhost_->queue_named("q")->actor; }

  test::ManualScheduler scheduler_;
  store::MemoryStore store_;
  engine::Broker broker_{scheduler_, store_, engine::BrokerOptions{}, [](const StorageError& error) { ADD_FAILURE() << error.text; }};
  std::shared_ptr<engine::VHost> vhost_;
  engine::InboxPtr inbox_ = broker_.open_inbox(scheduler_.make_strand());
  std::uint64_t used_ = 0;
  int given_back_ = 0;
  std::optional<ResourceWatch> watch_;
};

TEST_F(WatchedMemory, HoldsNobodyBackWhileThereIsEnough) {
  grows_at(kLimit / 100 * 89);
  EXPECT_FALSE(queue()->holds_publishers());
  EXPECT_EQ(broker_.alarm(), std::nullopt);
}

TEST_F(WatchedMemory, HoldsBackPublishersOfWhatGrowsWhenItComesNearItsLimit) {
  grows_at(kLimit / 100 * 95);
  EXPECT_TRUE(queue()->holds_publishers());
  EXPECT_EQ(broker_.alarm(), std::nullopt);
}

TEST_F(WatchedMemory, BlocksEverybodyBeyondItsLimit) {
  grows_at(kLimit + 1);
  EXPECT_EQ(broker_.alarm(), "low on memory");
}

TEST_F(WatchedMemory, HasQueuesWriteOutWhatTheyHoldWhenItComesNearItsLimit) {
  for (int times = 0; times < 20; ++times) grows_at(0);
  EXPECT_GT(queue()->gauges().memory_bytes, 10'000'000U);
  used_ = kLimit / 100 * 95;
  scheduler_.advance(1000);
  EXPECT_LT(queue()->gauges().memory_bytes, 5'000'000U);  // what is at the cursor, and the open end
  EXPECT_EQ(queue()->gauges().ready, 2000U);
}

TEST_F(WatchedMemory, GivesBackWhatIsFreeAsLongAsItIsNearItsLimit) {
  grows_at(kLimit / 100 * 89);
  EXPECT_EQ(given_back_, 0);
  used_ = kLimit / 100 * 95;
  scheduler_.advance(3000);
  EXPECT_EQ(given_back_, 3);
}

TEST_F(WatchedMemory, LetsThemGoOnOnlyWhenThereIsPlentyAgain) {
  grows_at(kLimit / 100 * 95);
  used_ = kLimit / 100 * 85;
  scheduler_.advance(1000);
  EXPECT_TRUE(queue()->holds_publishers());
  used_ = kLimit / 100 * 79;
  scheduler_.advance(1000);
  EXPECT_FALSE(queue()->holds_publishers());
}

}  // namespace
}  // namespace mq::server
