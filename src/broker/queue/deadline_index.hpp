// When the messages of one log expire. Most deadlines come in the order of arrival, as a queue's TTL makes them: the cursor meets those
// in time, and they cost nothing here. Only the others are indexed, and one per segment that is not in memory.
//
// Used on the queue's strand only.
#pragma once

#include <algorithm>
#include <set>
#include <utility>

#include "broker/queue/segment.hpp"

namespace mq::broker {

class DeadlineIndex {
 public:
  using Due = std::set<std::pair<UnixMillis, Offset>>;

  /// False when no message with a deadline was ever here.
  [[nodiscard]] bool any() const noexcept { return any_; }

  /// A message was appended and is ready: indexed only if its deadline is out of order.
  void arrived(Offset offset, UnixMillis deadline) {
    any_ = any_ || deadline != kNever;
    if (deadline >= highest_) highest_ = deadline;
    else if (deadline != kNever) out_of_order_.emplace(deadline, offset);
  }
  /// A message was appended that is not visible yet. It is not indexed; but those behind it that expire before it must be.
  void arrived_hidden(UnixMillis deadline) noexcept { highest_ = std::max(highest_, deadline); }
  /// A message became ready where the cursor might not meet it in time.
  void add(Offset offset, UnixMillis deadline) {
    if (deadline == kNever) return;
    any_ = true;
    out_of_order_.emplace(deadline, offset);
  }
  /// It is no longer ready; harmless when it was not indexed.
  void remove(Offset offset, UnixMillis deadline) {
    if (!out_of_order_.empty() && deadline != kNever) out_of_order_.erase({deadline, offset});
  }
  [[nodiscard]] bool contains(Offset offset, UnixMillis deadline) const {
    return !out_of_order_.empty() && out_of_order_.contains({deadline, offset});
  }
  /// The log is empty: the order starts anew.
  void restart_order() noexcept { highest_ = 0; }

  /// The segment's messages are no longer in memory; `earliest_deadline` stands for all of them.
  void evicted(const Segment& segment) {
    if (segment.earliest_deadline != kNever) of_evicted_.emplace(segment.earliest_deadline, segment.first);
  }
  /// The segment is in memory again, or gone.
  void not_evicted(const Segment& segment) {
    if (!of_evicted_.empty()) of_evicted_.erase({segment.earliest_deadline, segment.first});
  }
  /// A segment with messages was found on disk. Nothing is known of the order in it, so every deadline from here on is indexed.
  void restored(const Segment& segment) {
    any_ = any_ || segment.earliest_deadline != kNever;
    highest_ = kNever;
    evicted(segment);
  }

  /// Indexed messages, earliest first.
  [[nodiscard]] const Due& out_of_order() const noexcept { return out_of_order_; }
  /// Earliest deadline and first offset of each segment that is not in memory.
  [[nodiscard]] const Due& of_evicted() const noexcept { return of_evicted_; }

 private:
  Due out_of_order_;
  Due of_evicted_;
  UnixMillis highest_ = 0;  // of those that came in order
  bool any_ = false;
};

}  // namespace mq::broker
