// The messages of one log that came back and are not ready before their time, and one entry for each segment with such messages that is
// not in memory. What is in no memory is on disk, in marks.
//
// Used on the queue's strand only.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <set>
#include <utility>

#include "broker/queue/segment.hpp"

namespace mq::broker {

class WaitIndex {
 public:
  using Due = std::set<std::pair<UnixMillis, Offset>>;

  void add(Offset offset, UnixMillis until) {
    due_.emplace(until, offset);
    until_[offset] = until;
  }
  void remove(Offset offset) {
    const auto known = until_.find(offset);
    due_.erase({known->second, offset});
    until_.erase(known);
  }
  /// What a message that waits is waiting for.
  [[nodiscard]] UnixMillis until(Offset offset) const { return until_.at(offset); }

  /// The segment's messages are no longer in memory; `earliest_wake` stands for all of them.
  void evicted(const Segment& segment) {
    if (segment.earliest_wake != kNever) of_evicted_.emplace(segment.earliest_wake, segment.first);
  }
  /// The segment is in memory again, or gone.
  void not_evicted(const Segment& segment) {
    if (!of_evicted_.empty()) of_evicted_.erase({segment.earliest_wake, segment.first});
  }

  /// Messages in memory, earliest first.
  [[nodiscard]] const Due& due() const noexcept { return due_; }
  /// Earliest moment and first offset of each segment that is not in memory.
  [[nodiscard]] const Due& of_evicted() const noexcept { return of_evicted_; }
  [[nodiscard]] bool empty() const noexcept { return due_.empty() && of_evicted_.empty(); }

 private:
  Due due_;
  Due of_evicted_;
  boost::unordered_flat_map<Offset, UnixMillis> until_;
};

}  // namespace mq::broker
