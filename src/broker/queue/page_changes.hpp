// What is to be told the store about pages it has: marks of single messages, and pages that go as a whole.
//
// Used on the queue's strand only.
#pragma once

#include <vector>

#include "broker/queue/segment_list.hpp"
#include "mq/ports/storage.hpp"

namespace mq::broker {

class PageChanges {
 public:
  explicit PageChanges(QueueId id) : id_(id) {}

  [[nodiscard]] bool empty() const noexcept { return marks_.empty() && drops_.empty(); }
  void mark(Offset page_first, Mark mark) { marks_.push_back({page_first, mark}); }
  /// The page has no live message left.
  void drop(const StoredPage& page) { drops_.push_back({id_, page.first, page.had_marks}); }
  /// Writes all of it; marks of pages that go as a whole are left out. Notes in the pages of `segments` which have marks now; `near` as
  /// SegmentList::find() takes it.
  void collect(const SegmentList& segments, Segment* near, WriteSet& out);

 private:
  struct PendingMark {
    Offset page_first = 0;
    Mark mark;
  };

  void leave_out_marks_of_dropped_pages();

  const QueueId id_;
  std::vector<PendingMark> marks_;
  std::vector<WriteSet::DropPage> drops_;
};

}  // namespace mq::broker
