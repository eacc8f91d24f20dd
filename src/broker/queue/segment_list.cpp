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
  return *segment;
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
  if (spare_ == nullptr && segment->resident) spare_ = segment;
  else delete segment;
}

}  // namespace mq::broker
