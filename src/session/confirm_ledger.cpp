#include "session/confirm_ledger.hpp"

#include <algorithm>

namespace mq::session {

std::uint64_t ConfirmLedger::add(std::uint32_t queues) {
  const std::uint64_t sequence = base_ + pending_.size();
  pending_.push_back({queues, false, false});
  if (queues == 0) settled(sequence, pending_.back());
  return sequence;
}

void ConfirmLedger::answered(std::uint64_t sequence, bool refused) {
  if (sequence < base_ || sequence >= base_ + pending_.size()) return;
  Pending& pending = pending_[sequence - base_];
  if (pending.queues == 0) return;
  pending.refused = pending.refused || refused;
  pending.queues = pending.queues - 1;
  if (pending.queues == 0) settled(sequence, pending);
}

void ConfirmLedger::settled(std::uint64_t sequence, Pending& pending) {
  if (pending.refused) refused_.push_back(sequence);
  else if (sequence != base_) early_.push_back(sequence);
}

void ConfirmLedger::take_due(std::vector<Due>& out) {
  // Nacks first: a folded ack then covers only what was accepted.
  for (std::uint64_t sequence : refused_) {
    out.push_back({sequence, false, true});
    pending_[sequence - base_].sent = true;
  }
  refused_.clear();
  std::uint64_t covered = 0;  // the newest ack that the fold would cover
  std::size_t acks = 0;
  while (!pending_.empty() && pending_.front().queues == 0) {
    if (!pending_.front().sent) {
      covered = base_;
      ++acks;
    }
    pending_.pop_front();
    ++base_;
  }
  if (acks > 0) out.push_back({covered, acks > 1, false});
  for (std::uint64_t sequence : early_) {
    if (sequence < base_) continue;
    Pending& pending = pending_[sequence - base_];
    if (pending.sent) continue;
    pending.sent = true;
    out.push_back({sequence, false, false});
  }
  early_.clear();
}

}  // namespace mq::session
