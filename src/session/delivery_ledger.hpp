// What one channel has delivered and the client has not settled, by delivery tag.
#pragma once

#include <cstdint>
#include <vector>

#include "broker/queue/consumers.hpp"
#include "mq/base/deque.hpp"
#include "mq/base/result.hpp"

namespace mq::engine {
class QueueActor;
}

namespace mq::session {

struct Unsettled {
  std::uint64_t tag = 0;
  engine::QueueActor* queue = nullptr;  ///< kept alive by the session's QueueTable; null once settled
  broker::Position position = 0;
  bool counted = false;  ///< takes a place in the channel's shared prefetch
};

class DeliveryLedger {
 public:
  /// The tag of the next delivery; every delivery takes one, also those that need no acknowledgement.
  std::uint64_t next_tag() noexcept { return ++last_tag_; }
  void add(Unsettled delivery);

  /// Takes the delivery of that tag, or with `multiple` all up to it (tag 0: all), out of the ledger and appends them to `out`, lowest
  /// tag first. 406 `unknown delivery tag N` when that very tag is not outstanding.
  [[nodiscard]] Result<> settle(std::uint64_t tag, bool multiple, std::vector<Unsettled>& out);
  /// Takes everything.
  void take_all(std::vector<Unsettled>& out);
  /// Puts deliveries back that settle() took (tx.rollback).
  void restore(std::vector<Unsettled> deliveries);

  [[nodiscard]] std::size_t size() const noexcept { return count_; }

 private:
  [[nodiscard]] std::size_t index_of(std::uint64_t tag) const noexcept;
  void take(Unsettled& delivery, std::vector<Unsettled>& out);
  void drop_settled_front();

  Deque<Unsettled> outstanding_;  // by tag; settled ones in the middle stay as holes until they reach the front
  std::size_t count_ = 0;
  std::uint64_t last_tag_ = 0;
};

}  // namespace mq::session
