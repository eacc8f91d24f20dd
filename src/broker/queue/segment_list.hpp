// The segments of one log, linked in order of offset. One emptied segment is kept for the next that is needed, so that a steady stream
// of messages allocates nothing.
//
// Ownership: owns its segments. Used on the queue's strand only.
#pragma once

#include "broker/queue/segment.hpp"

namespace mq::broker {

class SegmentList {
 public:
  SegmentList() = default;
  ~SegmentList();
  SegmentList(const SegmentList&) = delete;
  SegmentList& operator=(const SegmentList&) = delete;

  [[nodiscard]] Segment* head() const noexcept { return head_; }
  [[nodiscard]] Segment* tail() const noexcept { return tail_; }

  /// A new, empty segment at the end.
  Segment& append(Offset first, UnixMillis now);
  /// Takes the segment out; the pointer is no longer good.
  void remove(Segment* segment);
  /// The segment that covers the offset, or null. The search begins at `near` unless the tail is closer; null = at the tail.
  [[nodiscard]] Segment* find(Offset offset, Segment* near) const noexcept;

 private:
  Segment* take_spare();

  Segment* head_ = nullptr;
  Segment* tail_ = nullptr;
  Segment* spare_ = nullptr;
};

inline Segment* SegmentList::find(Offset offset, Segment* near) const noexcept {
  // What is asked for is nearly always at the cursor, just before it, or at the end.
  Segment* segment = near != nullptr ? near : tail_;
  if (tail_ != nullptr && offset >= tail_->first) segment = tail_;
  while (segment != nullptr && offset < segment->first) segment = segment->previous;
  while (segment != nullptr && offset >= segment->end()) segment = segment->next;
  return segment != nullptr && segment->covers(offset) ? segment : nullptr;
}

}  // namespace mq::broker
