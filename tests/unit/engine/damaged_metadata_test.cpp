// A start with records of metadata that are damaged: the store gives those an empty value.
#include "engine/damaged_metadata.hpp"

#include <gtest/gtest.h>

#include "engine/broker.hpp"
#include "engine/delayed.hpp"
#include "store/memory_store.hpp"
#include "support/manual_scheduler.hpp"
#include "unit/store/full_store.hpp"

namespace mq::engine {
namespace {

using namespace store::test;

class DamagedMetadata : public ::testing::Test {
 protected:
  void SetUp() override {
    put_metadata(store_);
    put_messages(store_, 100);
  }
  void damage(const std::string& key) { ASSERT_TRUE(commit(store_, WriteSet::PutMetadata{key, ""})); }
  void start() {
    broker_ = std::make_unique<Broker>(scheduler_, store_, BrokerOptions{}, [](const StorageError&) {});
    const auto recovered = broker_->recover();
    ASSERT_TRUE(recovered) << recovered.error().text;
    scheduler_.run_until_idle();
  }
  [[nodiscard]] std::vector<std::string> queues() const {
    std::vector<std::string> names;
    for (const auto& vhost : broker_->vhosts())
      for (const auto& queue : vhost->queues()) names.push_back(queue->name());
    std::sort(names.begin(), names.end());
    return names;
  }
  [[nodiscard]] bool has_metadata(const std::string& key) {
    bool found = false;
    (void)store_.scan_metadata(key, [&](std::string_view other, std::string_view) { found = found || other == key; });
    return found;
  }
  [[nodiscard]] bool has_messages(QueueId log) { return !store_.recover_queue(log).value().pages.empty(); }

  store::MemoryStore store_;
  mq::test::ManualScheduler scheduler_;
  std::unique_ptr<Broker> broker_;
};

TEST_F(DamagedMetadata, WholeOneStartsAsEver) {
  start();
  EXPECT_EQ(queues(), (std::vector<std::string>{"neighbour", "orders", "tasks"}));
  EXPECT_FALSE(has_metadata(metadata::kept_aside_key(kOrders)));
}

TEST_F(DamagedMetadata, AQueueIsLeftOutAndItsMessagesStay) {
  damage(metadata::queue_key("/", "orders"));
  start();
  EXPECT_EQ(queues(), (std::vector<std::string>{"neighbour", "tasks"}));
  EXPECT_TRUE(has_messages(kOrders));
  EXPECT_TRUE(has_metadata(metadata::kept_aside_key(kOrders)));
}

TEST_F(DamagedMetadata, WhatIsKeptAsideStaysWhenTheDamagedRecordIsGone) {
  damage(metadata::queue_key("/", "orders"));
  start();
  ASSERT_TRUE(commit(store_, put_queue(queue_info("orders", 4096))));  // declared anew
  start();
  EXPECT_TRUE(has_messages(kOrders));
  EXPECT_EQ(queues().size(), 3u);
}

TEST_F(DamagedMetadata, WhatIsLeftOfADeletedQueueGoesWhenNothingIsDamaged) {
  ASSERT_TRUE(commit(store_, WriteSet::DeleteMetadata{metadata::queue_key("/", "orders")}));
  start();
  EXPECT_FALSE(has_messages(kOrders));
}

TEST_F(DamagedMetadata, NumbersOfWhatIsKeptAsideAreNotGivenOut) {
  damage(metadata::queue_key("/", "neighbour"));
  damage(std::string(metadata::kNextQueueId));
  start();
  broker::QueueInfo wanted;
  wanted.name = "fresh";
  wanted.durable = true;
  auto inbox = std::make_shared<SessionInbox>(scheduler_.make_strand(), 1);
  broker_->find_vhost("/")->put(DeclareQueue{wanted, false, false, {inbox, 1}});
  scheduler_.run_until_idle();
  for (const auto& queue : broker_->find_vhost("/")->queues()) EXPECT_NE(queue->id(), kNeighbour);
  EXPECT_EQ(queues(), (std::vector<std::string>{"fresh", "orders", "tasks"}));
}

TEST_F(DamagedMetadata, AVHostIsKnownByItsKey) {
  damage(metadata::vhost_key("/"));
  start();
  EXPECT_EQ(queues().size(), 3u);
}

TEST_F(DamagedMetadata, ABindingIsKnownByItsKey) {
  const broker::BindingInfo binding{"exchange", broker::BindTo::kQueue, "orders", "key", {}};
  damage(metadata::binding_key("/", binding));
  start();
  const auto bindings = broker_->find_vhost("/")->with_topology([](const broker::Topology& topology) { return topology.bindings(); });
  EXPECT_TRUE(std::any_of(bindings.begin(), bindings.end(), [](const broker::BindingInfo& each) { return each.source == "exchange"; }));
}

TEST_F(DamagedMetadata, DelayedMessagesFindTheOnlyVHostThatTheyCanBeOf) {
  damage(metadata::delayed_key("/"));
  start();
  ASSERT_NE(broker_->find_vhost("/")->delayed_if_any(), nullptr);
  EXPECT_EQ(broker_->find_vhost("/")->delayed_if_any()->gauges().waiting.load(), 3u);
}

TEST_F(DamagedMetadata, AUserIsLeftOutAndNobodyGetsItsPlace) {
  broker::User other;
  other.name = "other";
  ASSERT_TRUE(commit(store_, WriteSet::PutMetadata{metadata::user_key("other"), metadata::encode_record(broker::encode(other))}));
  damage(metadata::user_key("guest"));
  start();
  broker_->with_access([](const broker::Access& access) {
    EXPECT_EQ(access.find_user("guest"), nullptr);
    EXPECT_NE(access.find_user("other"), nullptr);
    return 0;
  });
}

TEST(DescribeKey, NamesThings) {
  EXPECT_EQ(metadata::describe_key(metadata::queue_key("/", "orders")), "queue 'orders' in vhost '/'");
  EXPECT_EQ(metadata::describe_key(metadata::user_key("u")), "user 'u'");
  EXPECT_EQ(metadata::describe_key(""), "thing of an unknown kind");
}

}  // namespace
}  // namespace mq::engine
