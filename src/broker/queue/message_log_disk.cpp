// What a log writes, and what it finds again.
#include <algorithm>
#include <utility>

#include "broker/queue/message_log.hpp"
#include "mq/base/check.hpp"

namespace mq::broker {
namespace {

constexpr std::uint64_t kMaxPageBytes = 4 * 1024 * 1024;  // bodies; a larger commit is cut into several pages

// What the marks of a page come to.
struct MarkSums {
  std::uint32_t settled = 0;
  std::uint32_t waiting = 0;
  UnixMillis earliest_wake = kNever;
};
MarkSums sum_of(const std::vector<Mark>& marks, UnixMillis now) {
  MarkSums sums;
  for (const Mark& mark : marks) {
    if (mark.value == Mark::kSettled) ++sums.settled;
    if (mark.until <= now) continue;
    ++sums.waiting;
    sums.earliest_wake = std::min(sums.earliest_wake, mark.until);
  }
  return sums;
}

}  // namespace

bool MessageLog::dirty(Offset below) {
  return !changes_.empty() || urgent() || (unwritten_ != 0 && (below == kEverything || unwritten_from() < below));
}

Segment* MessageLog::first_segment_reaching(Offset offset) const noexcept {
  Segment* segment = segments_.tail();
  while (segment != nullptr && segment->previous != nullptr && segment->first > offset) segment = segment->previous;
  return segment;
}

Offset MessageLog::unwritten_from() {
  if (unwritten_ == 0) return unwritten_from_ = next_offset_;
  const Offset from = std::max(unwritten_from_, handed_to_);
  for (Segment* segment = first_segment_reaching(from); segment != nullptr; segment = segment->next) {
    if (!segment->resident) continue;
    for (Offset offset = std::max(segment->first, from); offset < segment->end(); ++offset) {
      const Entry& entry = segment->at(offset);
      if (entry.state != EntryState::kGone && entry.persistent && !entry.in_page) return unwritten_from_ = offset;
    }
  }
  return unwritten_from_ = next_offset_;
}

// --- one message ---

void MessageLog::count_return(Offset offset, UnixMillis until) {
  Segment& segment = known_segment(offset);
  Entry& entry = segment.at(offset);
  entry.redelivered = true;
  if (entry.returns < UINT16_MAX) ++entry.returns;
  if (entry.in_page && entry.persistent) mark(segment, segment.page_of(offset, false)->first, {offset, entry.returns, until});
}

// --- writing ---

void MessageLog::put_page(Segment& segment, std::span<const PageRecord> records, bool transient, const Storage& codec, WriteSet& out,
                          InFlight& flight) {
  StoredPage page;
  page.first = records.front().offset;
  page.last = records.back().offset;
  page.live = static_cast<std::uint32_t>(records.size());
  page.transient = transient;
  segment.pages.push_back(page);
  flight.pages.push_back(page.first);
  out.operations.emplace_back(codec.encode_page(id_, records, level_, transient));
  if (transient) return;
  for (const PageRecord& record : records)
    if (const Entry& entry = segment.at(record.offset); entry.returns > 0)
      mark(segment, page.first,
           {record.offset, entry.returns, entry.state == EntryState::kWaiting ? waits_.until(record.offset) : UnixMillis{0}});
}

void MessageLog::add_page(Segment& segment, std::span<const PageRecord> records, bool transient, const Storage& codec, WriteSet& out,
                          InFlight& flight) {
  ever_stored_ = true;
  put_page(segment, records, transient, codec, out, flight);
  for (const PageRecord& record : records) segment.at(record.offset).in_page = true;
  segment.uncovered -= static_cast<std::uint32_t>(records.size());
  if (!transient) unwritten_ -= records.size();
}

// Messages that were written one by one are written once more, together: their bodies leave memory, and then it counts how many pages
// there are to be remembered, read back, and found at a restart. Nobody waits for it; a crash finds the old pages or the new ones.
void MessageLog::merge_pages(Segment& segment, const Storage& codec, WriteSet& out, InFlight& flight) {
  changes_.collect(segments_, cursor_, out);  // what was still to be said of the old pages
  std::erase_if(segment.pages, [&](const StoredPage& page) {
    if (page.transient) return false;
    if (page.live > 0) out.operations.emplace_back(WriteSet::DropPage{id_, page.first, page.had_marks});
    return true;
  });
  std::vector<PageRecord> records;
  std::uint64_t bytes = 0;
  auto finish_page = [&] {
    if (!records.empty()) put_page(segment, records, false, codec, out, flight);
    records.clear();
    bytes = 0;
  };
  for (Offset offset = segment.first; offset < segment.end(); ++offset) {
    const Entry& entry = segment.at(offset);
    if (entry.state == EntryState::kGone || !entry.persistent) continue;
    records.push_back({offset, entry.message, segment.enqueued_at, entry.deadline});
    bytes += entry.message->body_bytes();
    if (bytes >= kMaxPageBytes) finish_page();
  }
  finish_page();
}

void MessageLog::collect_pages(const Storage& codec, Offset below, WriteSet& out, InFlight& flight) {
  below = std::min(below, next_offset_);
  if (below <= handed_to_) return;
  if (unwritten_ != 0) {
    for (Segment* segment = first_segment_reaching(handed_to_); segment != nullptr && segment->first < below; segment = segment->next)
      if (segment->resident) collect_pages_of(*segment, codec, below, out, flight);
  }
  handed_to_ = below;
}

void MessageLog::collect_pages_of(Segment& segment, const Storage& codec, Offset below, WriteSet& out, InFlight& flight) {
  std::vector<PageRecord> records;
  std::uint64_t bytes = 0;
  auto finish_page = [&] {
    if (!records.empty()) add_page(segment, records, false, codec, out, flight);
    records.clear();
    bytes = 0;
  };
  for (Offset offset = std::max(segment.first, handed_to_), end = std::min(segment.end(), below); offset < end; ++offset) {
    const Entry& entry = segment.at(offset);
    if (entry.state == EntryState::kGone || entry.state == EntryState::kHidden || !entry.persistent || entry.in_page) continue;
    records.push_back({offset, entry.message, segment.enqueued_at, entry.deadline});
    bytes += entry.message->body_bytes();
    if (bytes >= kMaxPageBytes) finish_page();
  }
  finish_page();
}

void MessageLog::collect_below(std::uint64_t expected_deliveries, WriteSet& out, InFlight& flight) {
  if (!durable_ || totals_.persistent == 0) return below_.skip();
  const bool synced = out.needs_sync || urgent();
  const auto below = below_.collect(expected_deliveries, synced);
  if (!below) return;
  out.operations.emplace_back(WriteSet::PutQueueState{id_, {next_offset_, *below}});
  if (!synced) return;
  out.needs_sync = true;
  flight.below = below;
}

void MessageLog::collect(const Storage& codec, std::uint64_t expected_deliveries, std::uint64_t memory_target_bytes, WriteSet& out,
                         Offset below) {
  InFlight flight;
  collect_pages(codec, below, out, flight);
  shrink(memory_target_bytes, codec, out, flight);
  changes_.collect(segments_, cursor_, out);
  collect_below(expected_deliveries, out, flight);
  in_flight_.push_back(std::move(flight));
  ++collects_;
}

void MessageLog::written() {
  MQ_CHECK(!in_flight_.empty());
  const InFlight flight = std::move(in_flight_.front());
  in_flight_.pop_front();
  ++writes_;
  for (Offset first : flight.pages) {
    Segment* segment = segment_of(first);
    if (segment == nullptr) continue;
    auto page = std::find_if(segment->pages.rbegin(), segment->pages.rend(), [&](const StoredPage& each) { return each.first == first; });
    if (page != segment->pages.rend()) page->stored = true;
  }
  if (flight.below) below_.written(*flight.below);
}

void MessageLog::collect_shutdown(WriteSet& out) {
  if (!durable_ || totals_.persistent == 0) return;
  if (auto below = below_.exact()) out.operations.emplace_back(WriteSet::PutQueueState{id_, {next_offset_, *below}});
}

// --- atomic commits ---

void MessageLog::collect_hidden(const Storage& codec, std::span<const Offset> offsets, WriteSet& out) {
  InFlight unused;  // put_back() tells when its commit is done
  std::vector<PageRecord> records;
  Segment* segment = nullptr;
  auto finish_page = [&] {
    if (!records.empty()) add_page(*segment, records, false, codec, out, unused);
    records.clear();
  };
  for (Offset offset : offsets) {
    Segment* holder = segment_of(offset);
    if (holder != segment) finish_page();
    segment = holder;
    const Entry& entry = segment->at(offset);
    if (entry.persistent) records.push_back({offset, entry.message, segment->enqueued_at, entry.deadline});
  }
  finish_page();
  handed_to_ = next_offset_;
}

void MessageLog::collect_settlement(Offset offset, WriteSet& out) {
  Segment& segment = known_segment(offset);
  const Entry& entry = segment.at(offset);
  if (!entry.persistent) return;
  StoredPage* page = entry.in_page ? segment.page_of(offset, false) : nullptr;
  MQ_CHECK(page != nullptr);
  page->had_marks = true;
  auto* last = out.operations.empty() ? nullptr : std::get_if<WriteSet::AddMarks>(&out.operations.back());
  if (last != nullptr && last->queue == id_ && last->page_first == page->first) last->marks.push_back({offset, Mark::kSettled});
  else out.operations.emplace_back(WriteSet::AddMarks{id_, page->first, {{offset, Mark::kSettled}}});
}

// --- restoring ---

Segment& MessageLog::segment_for_restored(const PageIndex& index) {
  if (Segment* tail = segments_.tail(); tail != nullptr && index.last < tail->first + Segment::kMaxEntries) return *tail;
  Segment& segment = segments_.append(index.first, index.first_enqueued_at);
  segment.closed = true;
  segments_.leave_memory(segment);
  return segment;
}

void MessageLog::restore_page(const RecoveredPage& recovered, UnixMillis now) {
  const PageIndex& index = recovered.index;
  StoredPage page;
  page.first = index.first;
  page.last = index.last;
  page.stored = true;
  page.had_marks = !recovered.marks.empty();
  next_offset_ = std::max(next_offset_, index.last + 1);
  const MarkSums marks = sum_of(recovered.marks, now);
  if (marks.settled >= index.count) return changes_.drop(page);
  page.live = index.count - marks.settled;
  Segment& segment = segment_for_restored(index);
  segment.pages.push_back(page);
  segment.span = static_cast<std::uint32_t>(index.last + 1 - segment.first);
  segment.live += page.live;
  const std::uint64_t body_bytes = index.body_bytes * (page.live - marks.waiting) / index.count;
  segment.body_bytes += body_bytes;
  segment.waiting += marks.waiting;
  segment.earliest_wake = std::min(segment.earliest_wake, marks.earliest_wake);
  segment.earliest_deadline = std::min(segment.earliest_deadline, index.earliest_deadline);
  totals_.ready += page.live - marks.waiting;
  totals_.waiting += marks.waiting;
  totals_.ready_bytes += body_bytes;
  totals_.persistent += page.live;
}

void MessageLog::restore(const RecoveredQueue& recovered, UnixMillis now) {
  ever_stored_ = true;
  below_.restore(recovered.state.delivered_below);
  next_offset_ = std::max(recovered.state.next_offset, recovered.state.delivered_below);
  for (const RecoveredPage& page : recovered.pages) restore_page(page, now);
  for (Segment* segment = segments_.head(); segment != nullptr; segment = segment->next) {
    deadlines_.restored(*segment);
    waits_.evicted(*segment);
  }
  handed_to_ = next_offset_;
  cursor_ = segments_.head();
  cursor_offset_ = cursor_ != nullptr ? cursor_->first : next_offset_;
}

}  // namespace mq::broker
