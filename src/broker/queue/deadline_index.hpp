// When the messages of one log expire. Most deadlines come in the order of arrival, as a queue's TTL makes them: the cursor meets those
// in time, and they cost nothing here. Only the others are indexed: a heap in each segment that is in memory, and of all segments, in
// memory or not, which comes first.
//
// What leaves is not taken out of its heap, which would cost more than to find it gone when its time has come.
// Used on the queue's strand only.
#pragma once

#include <algorithm>
#include <functional>
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
  void arrived(Segment& segment, Offset offset, UnixMillis deadline) {
    any_ = any_ || deadline != kNever;
    if (deadline >= highest_) highest_ = deadline;
    else add(segment, offset);
  }
  /// A message was appended that is not visible yet. It is not indexed; but those behind it that expire before it must be.
  void arrived_hidden(UnixMillis deadline) noexcept { highest_ = std::max(highest_, deadline); }
  /// A message is where the cursor might not meet it in time.
  void add(Segment& segment, Offset offset) {
    Entry& entry = segment.at(offset);
    if (entry.deadline == kNever || entry.timed) return;
    any_ = entry.timed = true;
    segment.due.emplace_back(entry.deadline, offset);
    std::push_heap(segment.due.begin(), segment.due.end(), std::greater<>());
    rank(segment);
  }
  /// The log is empty: the order starts anew.
  void restart_order() noexcept { highest_ = 0; }

  /// The segment is about to be emptied, or to leave the log.
  void forget(Segment& segment) {
    segment.due.clear();
    rank(segment);
  }
  /// The segment's messages are no longer in memory; `earliest_deadline` stands for all of them.
  void evicted(Segment& segment) {
    std::vector<std::pair<UnixMillis, Offset>>().swap(segment.due);
    rank(segment);
    if (segment.earliest_deadline != kNever) of_evicted_.emplace(segment.earliest_deadline, segment.first);
  }
  /// The segment is in memory again, or gone.
  void not_evicted(const Segment& segment) {
    if (!of_evicted_.empty()) of_evicted_.erase({segment.earliest_deadline, segment.first});
  }
  /// A segment with messages was found on disk. Nothing is known of the order in it, so every deadline from here on is indexed.
  void restored(Segment& segment) {
    any_ = any_ || segment.earliest_deadline != kNever;
    highest_ = kNever;
    evicted(segment);
  }

  /// Earliest indexed deadline, perhaps of a message that is gone, and first offset of each segment in memory.
  [[nodiscard]] const Due& of_resident() const noexcept { return of_resident_; }
  /// Takes the first message out of the segment's index. It keeps its flag `timed`.
  Offset pop(Segment& segment) {
    std::pop_heap(segment.due.begin(), segment.due.end(), std::greater<>());
    const Offset offset = segment.due.back().second;
    segment.due.pop_back();
    rank(segment);
    return offset;
  }
  /// Earliest deadline and first offset of each segment that is not in memory.
  [[nodiscard]] const Due& of_evicted() const noexcept { return of_evicted_; }

 private:
  void rank(Segment& segment) {
    const UnixMillis first = segment.due.empty() ? kNever : segment.due.front().first;
    if (first == segment.ranked_by) return;
    if (segment.ranked_by != kNever) of_resident_.erase({segment.ranked_by, segment.first});
    if (first != kNever) of_resident_.emplace(first, segment.first);
    segment.ranked_by = first;
  }

  Due of_resident_;
  Due of_evicted_;
  UnixMillis highest_ = 0;  // of those that came in order
  bool any_ = false;
};

}  // namespace mq::broker
