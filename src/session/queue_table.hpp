// Keeps the queues alive that a session has unsettled deliveries from, counting per batch rather than per delivery.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <memory>

#include "engine/queue_actor.hpp"

namespace mq::session {

class QueueTable {
 public:
  void hold(const std::shared_ptr<engine::QueueActor>& queue, std::uint64_t deliveries) {
    Entry& entry = queues_[queue.get()];
    if (!entry.queue) entry.queue = queue;
    entry.deliveries += deliveries;
  }
  void release(engine::QueueActor* queue, std::uint64_t deliveries) {
    auto found = queues_.find(queue);
    if (found == queues_.end()) return;
    found->second.deliveries -= deliveries;
    if (found->second.deliveries == 0) queues_.erase(found);
  }
  [[nodiscard]] std::shared_ptr<engine::QueueActor> find(engine::QueueActor* queue) const {
    auto found = queues_.find(queue);
    return found == queues_.end() ? nullptr : found->second.queue;
  }

 private:
  struct Entry {
    std::shared_ptr<engine::QueueActor> queue;
    std::uint64_t deliveries = 0;
  };
  boost::unordered_flat_map<engine::QueueActor*, Entry> queues_;
};

}  // namespace mq::session
