#include "broker/queue/page_changes.hpp"

#include <algorithm>

namespace mq::broker {

void PageChanges::leave_out_marks_of_dropped_pages() {
  if (drops_.empty() || marks_.empty()) return;
  std::vector<Offset> dropped;
  dropped.reserve(drops_.size());
  for (const WriteSet::DropPage& drop : drops_) dropped.push_back(drop.page_first);
  std::sort(dropped.begin(), dropped.end());
  std::erase_if(marks_, [&](const PendingMark& pending) { return std::binary_search(dropped.begin(), dropped.end(), pending.page_first); });
}

void PageChanges::collect(const SegmentList& segments, Segment* near, WriteSet& out) {
  leave_out_marks_of_dropped_pages();
  std::stable_sort(marks_.begin(), marks_.end(), [](const PendingMark& a, const PendingMark& b) { return a.page_first < b.page_first; });
  WriteSet::AddMarks* group = nullptr;
  for (const PendingMark& pending : marks_) {
    if (group == nullptr || group->page_first != pending.page_first) {
      if (Segment* segment = segments.find(pending.mark.offset, near))
        if (StoredPage* page = segment->page_of(pending.mark.offset, false)) page->had_marks = true;
      out.operations.emplace_back(WriteSet::AddMarks{id_, pending.page_first, {}});
      group = &std::get<WriteSet::AddMarks>(out.operations.back());
    }
    group->marks.push_back(pending.mark);
  }
  marks_.clear();
  for (const WriteSet::DropPage& drop : drops_) out.operations.emplace_back(drop);
  drops_.clear();
}

}  // namespace mq::broker
