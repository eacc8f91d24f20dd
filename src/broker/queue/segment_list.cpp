#include "broker/queue/segment_list.hpp"

#include <algorithm>
#include <utility>

namespace mq::broker {

SegmentList::~SegmentList() {
  while (head_ != nullptr) delete std::exchange(head_, head_->next);
  delete spare_;
}

Segment* SegmentList::take_spare() {
  if (spare_ == nullptr) return new Segment();
  Segment* segment = std::exchange(spare_, nullptr);
  // All begins anew but for the room the vectors have.
  std::vector<Entry> entries = std::move(segment->entries);
  std::vector<StoredPage> pages = std::move(segment->pages);
  *segment = Segment();
  entries.clear();
  pages.clear();
  segment->entries = std::move(entries);
  segment->pages = std::move(pages);
  return segment;
}

Segment& SegmentList::append(Offset first, UnixMillis now) {
  Segment* segment = take_spare();
  segment->first = first;
  segment->enqueued_at = now;
  segment->previous = tail_;
  (tail_ != nullptr ? tail_->next : head_) = segment;
  tail_ = segment;
  order_.push_back(segment);
  segment->previous_resident = last_resident_;
  (last_resident_ != nullptr ? last_resident_->next_resident : first_resident_) = segment;
  last_resident_ = segment;
  return *segment;
}

// What is read back is wanted next, and so stands in front mostly.
void SegmentList::enter_memory(Segment& segment) noexcept {
  Segment* next = first_resident_;
  while (next != nullptr && next->first < segment.first) next = next->next_resident;
  segment.next_resident = next;
  segment.previous_resident = next != nullptr ? next->previous_resident : last_resident_;
  (segment.previous_resident != nullptr ? segment.previous_resident->next_resident : first_resident_) = &segment;
  (next != nullptr ? next->previous_resident : last_resident_) = &segment;
  segment.resident = true;
}

void SegmentList::leave_memory(Segment& segment) noexcept {
  Segment *const previous = std::exchange(segment.previous_resident, nullptr), *const next = std::exchange(segment.next_resident, nullptr);
  (previous != nullptr ? previous->next_resident : first_resident_) = next;
  (next != nullptr ? next->previous_resident : last_resident_) = previous;
  segment.resident = false;
}

Deque<Segment*>::const_iterator SegmentList::place(Offset offset) const noexcept {
  auto after =
      std::upper_bound(order_.begin(), order_.end(), offset, [](Offset wanted, const Segment* each) { return wanted < each->first; });
  return after == order_.begin() ? order_.end() : after - 1;
}

void SegmentList::remove(Segment* segment) {
  if (segment == head_) order_.pop_front();
  else order_.erase(place(segment->first));
  (segment->previous != nullptr ? segment->previous->next : head_) = segment->next;
  (segment->next != nullptr ? segment->next->previous : tail_) = segment->previous;
  const bool was_resident = segment->resident;
  if (was_resident) leave_memory(*segment);
  if (spare_ == nullptr && was_resident) spare_ = segment;
  else delete segment;
}

}  // namespace mq::broker
