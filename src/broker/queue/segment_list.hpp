// The segments of one log, linked in order of offset, and those in memory once more among themselves. One emptied segment is kept for the
// next that is needed, so that a steady stream of messages allocates nothing.
//
// Ownership: owns its segments. Used on the queue's strand only.
#pragma once

#include "broker/queue/segment.hpp"
#include "mq/base/deque.hpp"

namespace mq::broker {

class SegmentList {
 public:
  SegmentList() = default;
  ~SegmentList();
  SegmentList(const SegmentList&) = delete;
  SegmentList& operator=(const SegmentList&) = delete;

  [[nodiscard]] Segment* head() const noexcept { return head_; }
  [[nodiscard]] Segment* tail() const noexcept { return tail_; }
  [[nodiscard]] Segment* last_resident() const noexcept { return last_resident_; }

  /// A new, empty segment at the end, in memory.
  Segment& append(Offset first, UnixMillis now);
  /// Takes the segment out; the pointer is no longer good.
  void remove(Segment* segment);
  /// Its entries are in memory again, or no longer.
  void enter_memory(Segment& segment) noexcept;
  void leave_memory(Segment& segment) noexcept;
  /// The segment that covers the offset, or null. Quick at the ends, and at `near` (may be null) and the one before it.
  [[nodiscard]] Segment* find(Offset offset, Segment* near) const noexcept;

 private:
  Segment* take_spare();
  /// Where in `order_` the last segment stands that begins at or before the offset; the end if none does.
  [[nodiscard]] Deque<Segment*>::const_iterator place(Offset offset) const noexcept;

  Deque<Segment*> order_;  // all of them, for searching
  Segment* head_ = nullptr;
  Segment* tail_ = nullptr;
  Segment* first_resident_ = nullptr;
  Segment* last_resident_ = nullptr;
  Segment* spare_ = nullptr;
};

inline Segment* SegmentList::find(Offset offset, Segment* near) const noexcept {
  // What is asked for is nearly always at the cursor, just before it, or at an end.
  for (Segment* likely : {near, near != nullptr ? near->previous : nullptr, tail_, head_})
    if (likely != nullptr && likely->covers(offset)) return likely;
  const auto found = place(offset);
  return found != order_.end() && (*found)->covers(offset) ? *found : nullptr;
}

}  // namespace mq::broker
