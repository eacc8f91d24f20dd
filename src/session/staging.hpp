// Publishes and settlements gathered while one read is worked through, so that each queue gets one item per read, not one per message.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <memory>
#include <vector>

#include "engine/deduplicator.hpp"
#include "engine/delayed.hpp"
#include "engine/queue_actor.hpp"

namespace mq::session {

class Staging {
 public:
  void publish(const std::shared_ptr<engine::QueueActor>& queue, std::uint32_t channel, broker::MessagePtr message, std::uint64_t sequence);
  void delay(const std::shared_ptr<engine::DelayedMessages>& delayed, std::uint32_t channel, engine::DelayedPublish publish);
  void publish_unique(const std::shared_ptr<engine::Deduplicator>& deduplicator, std::uint32_t channel, engine::UniquePublish publish);
  void settle(const std::shared_ptr<engine::QueueActor>& queue, broker::Settlement how, broker::Position position);
  /// Sends everything; publishes are charged to the inbox's window. Returns a queue that holds its publishers back, if one was among them.
  std::shared_ptr<engine::QueueActor> flush(engine::SessionInbox& inbox);
  /// Publishes to queues that wait to be sent.
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return publishes_.empty() && settles_.empty() && delays_.empty() && uniques_.empty(); }

 private:
  struct StagedPublish {
    std::shared_ptr<engine::QueueActor> queue;
    engine::PublishBatch batch;
  };
  struct StagedSettle {
    std::shared_ptr<engine::QueueActor> queue;
    engine::SettleBatch batch;
  };
  struct StagedDelay {
    std::shared_ptr<engine::DelayedMessages> delayed;
    engine::DelayBatch batch;
  };
  struct StagedUnique {
    std::shared_ptr<engine::Deduplicator> deduplicator;
    engine::UniqueBatch batch;
  };
  StagedPublish& publish_slot(const std::shared_ptr<engine::QueueActor>& queue, std::uint32_t channel);

  static constexpr std::size_t kScanFew = 8;  // look through this many before using the index
  std::vector<StagedPublish> publishes_;
  boost::unordered_flat_map<engine::QueueActor*, std::size_t> publish_index_;  // of the newest batch for that queue
  std::vector<StagedSettle> settles_;
  std::vector<StagedDelay> delays_;
  std::vector<StagedUnique> uniques_;
  std::size_t expected_messages_ = 16;
  std::size_t size_ = 0;
};

}  // namespace mq::session
