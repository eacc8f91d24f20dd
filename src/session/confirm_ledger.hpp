// Publisher confirms of one channel: which publishes wait for how many queues, and which acks and nacks are due.
// Acks are folded: one basic.ack with multiple=true covers everything up to the oldest that still waits.
#pragma once

#include <cstdint>
#include <vector>

#include "mq/base/deque.hpp"

namespace mq::session {

class ConfirmLedger {
 public:
  struct Due {
    std::uint64_t sequence = 0;
    bool multiple = false;
    bool refused = false;
  };

  /// A publish that waits for `queues` queues (0: it is settled at once); returns its sequence number, from 1 on.
  std::uint64_t add(std::uint32_t queues);
  /// One queue has answered.
  void answered(std::uint64_t sequence, bool refused);
  /// What is to be sent now, in order; clears it.
  void take_due(std::vector<Due>& out);

  [[nodiscard]] std::size_t waiting() const noexcept { return pending_.size(); }

 private:
  struct Pending {
    std::uint32_t queues : 30 = 0;
    bool refused : 1 = false;
    bool sent : 1 = false;
  };
  void settled(std::uint64_t sequence, Pending& pending);

  Deque<Pending> pending_;            // from base_ on
  std::uint64_t base_ = 1;            // the oldest not yet covered
  std::vector<std::uint64_t> early_;  // settled while older ones wait
  std::vector<std::uint64_t> refused_;
};

}  // namespace mq::session
