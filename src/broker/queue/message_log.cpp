#include "broker/queue/message_log.hpp"

#include <algorithm>

#include "mq/base/check.hpp"

namespace mq::broker {
namespace {

constexpr std::uint64_t kMaxSegmentBytes = 1024 * 1024;   // bodies; so that a segment is read back in one short go
constexpr std::uint64_t kMaxPageBytes = 4 * 1024 * 1024;  // bodies; a larger commit is cut into several pages
constexpr std::size_t kReadAheadSegments = 3;
constexpr Offset kMaxReserve = 4096;  // how far `delivered_below` may run ahead of what was delivered

}  // namespace

MessageLog::MessageLog(QueueId id, std::uint8_t level, bool durable) : id_(id), level_(level), durable_(durable) {}

MessageLog::~MessageLog() {
  while (head_ != nullptr) delete std::exchange(head_, head_->next);
  delete spare_;
}

// --- segments ---

Segment* MessageLog::new_segment() {
  if (spare_ == nullptr) return new Segment();
  Segment* segment = std::exchange(spare_, nullptr);
  std::vector<Entry> entries = std::move(segment->entries);
  std::vector<StoredPage> pages = std::move(segment->pages);
  *segment = Segment();
  entries.clear();
  pages.clear();
  segment->entries = std::move(entries);
  segment->pages = std::move(pages);
  return segment;
}

Segment& MessageLog::tail_for_append(UnixMillis now) {
  if (tail_ != nullptr && !tail_->closed) {
    if (tail_->span < Segment::kMaxEntries && tail_->body_bytes < kMaxSegmentBytes) return *tail_;
    close_tail();
  }
  Segment* segment = new_segment();
  segment->first = next_offset_;
  segment->enqueued_at = now;
  segment->previous = tail_;
  (tail_ != nullptr ? tail_->next : head_) = segment;
  tail_ = segment;
  if (cursor_ == nullptr) {
    cursor_ = segment;
    cursor_offset_ = segment->first;
  }
  return *segment;
}

void MessageLog::close_tail() {
  if (tail_ == nullptr || tail_->closed) return;
  tail_->closed = true;
  retire_if_empty(tail_);
}

void MessageLog::unlink(Segment* segment) {
  if (cursor_ == segment) {
    cursor_ = segment->next;
    if (cursor_ != nullptr) cursor_offset_ = cursor_->first;
  }
  (segment->previous != nullptr ? segment->previous->next : head_) = segment->next;
  (segment->next != nullptr ? segment->next->previous : tail_) = segment->previous;
  if (spare_ == nullptr && segment->resident) spare_ = segment;
  else delete segment;
}

void MessageLog::retire_if_empty(Segment* segment) {
  if (segment->live != 0) return;
  if (segment->closed) return unlink(segment);
  // The open tail has run empty, as it does whenever consumers keep up: start it anew in place.
  segment->entries.clear();
  segment->pages.clear();
  segment->first = next_offset_;
  segment->span = 0;
  segment->body_bytes = segment->memory_bytes = 0;
  segment->earliest_deadline = kNever;
  handed_to_ = next_offset_;
  if (cursor_ == segment) cursor_offset_ = segment->first;
  if (head_ == segment) highest_deadline_ = 0;
}

Segment* MessageLog::segment_of(Offset offset) noexcept {
  // What is asked for is nearly always at the cursor, just before it, or at the end.
  Segment* segment = cursor_ != nullptr ? cursor_ : tail_;
  if (tail_ != nullptr && offset >= tail_->first) segment = tail_;
  while (segment != nullptr && offset < segment->first) segment = segment->previous;
  while (segment != nullptr && offset >= segment->end()) segment = segment->next;
  return segment != nullptr && segment->covers(offset) ? segment : nullptr;
}

Entry* MessageLog::find(Offset offset) noexcept {
  Segment* segment = segment_of(offset);
  if (segment == nullptr || !segment->resident) return nullptr;
  Entry& entry = segment->at(offset);
  return entry.state == EntryState::kGone ? nullptr : &entry;
}

// --- messages ---

Offset MessageLog::append(MessagePtr message, UnixMillis now, UnixMillis deadline, EntryState state) {
  Segment& segment = tail_for_append(now);
  if (segment.span == 0) segment.enqueued_at = now;
  const Offset offset = next_offset_++;
  const std::uint64_t body_bytes = message->body_bytes();
  const std::size_t memory_bytes = message->memory_bytes();
  Entry& entry = segment.entries.emplace_back();
  entry.persistent = durable_ && message->persistent();
  entry.message = std::move(message);
  entry.deadline = deadline;
  entry.state = state;
  ++segment.span;
  ++segment.live;
  ++segment.uncovered;
  segment.body_bytes += body_bytes;
  segment.memory_bytes += memory_bytes;
  totals_.memory_bytes += memory_bytes;
  if (entry.persistent) {
    ++unwritten_;
    ++totals_.persistent;
  }
  if (state == EntryState::kReady) {
    ++totals_.ready;
    totals_.ready_bytes += body_bytes;
    index_deadline(offset, entry);
  } else {
    ++totals_.hidden;
    ++segment.busy;
  }
  return offset;
}

bool MessageLog::skip_to_cursor_entry() {
  while (cursor_ != nullptr) {
    if (!cursor_->resident) return false;
    while (cursor_offset_ < cursor_->end()) {
      const Entry& entry = cursor_->at(cursor_offset_);
      if (entry.state == EntryState::kReady && !entry.returned) return true;
      ++cursor_offset_;
    }
    if (cursor_->next == nullptr) return false;
    cursor_ = cursor_->next;
    cursor_offset_ = cursor_->first;
  }
  return false;
}

bool MessageLog::may_deliver(Offset offset, const Entry& entry) {
  if (!entry.in_page || !entry.persistent || offset < stored_below_) return true;
  wanted_below_ = std::max(wanted_below_, offset + 1);
  return false;
}

MessageLog::Next MessageLog::head(Offset& offset, Entry*& entry) {
  if (!returned_.empty()) {
    offset = *returned_.begin();
    entry = find(offset);
    MQ_CHECK(entry != nullptr);
    return Next::kReady;
  }
  if (skip_to_cursor_entry()) {
    offset = cursor_offset_;
    entry = &cursor_->at(cursor_offset_);
    if (cursor_->next != nullptr && !cursor_->next->resident) want_load(*cursor_->next);
    return Next::kReady;
  }
  if (cursor_ == nullptr || cursor_->resident) return Next::kNone;
  want_load(*cursor_);
  return Next::kBlocked;
}

MessageLog::Next MessageLog::next(Offset& offset, Entry*& entry) {
  const Next found = head(offset, entry);
  return found == Next::kReady && !may_deliver(offset, *entry) ? Next::kBlocked : found;
}

void MessageLog::leave_ready(Segment& segment, Offset offset, Entry& entry) {
  --totals_.ready;
  totals_.ready_bytes -= entry.message->body_bytes();
  if (!deadlines_.empty()) forget_deadline(offset, entry);
  if (entry.returned) {
    returned_.erase(offset);
    entry.returned = false;
    --segment.busy;
  }
}

void MessageLog::leave_state(Segment& segment, Offset offset, Entry& entry) {
  switch (entry.state) {
    case EntryState::kReady: return leave_ready(segment, offset, entry);
    case EntryState::kOut:
      --totals_.out;
      totals_.out_bytes -= entry.message->body_bytes();
      --segment.busy;
      return;
    case EntryState::kHidden:
    case EntryState::kMoving:
      --totals_.hidden;
      --segment.busy;
      return;
    case EntryState::kGone: MQ_CHECK(false);
  }
}

void MessageLog::take(Offset offset, std::uint32_t consumer) {
  Segment* segment = cursor_ != nullptr && cursor_->covers(offset) ? cursor_ : segment_of(offset);
  MQ_CHECK(segment != nullptr);
  Entry& entry = segment->at(offset);
  MQ_CHECK(entry.state == EntryState::kReady);
  leave_ready(*segment, offset, entry);
  entry.state = EntryState::kOut;
  entry.consumer = consumer;
  ++segment->busy;
  ++totals_.out;
  totals_.out_bytes += entry.message->body_bytes();
  delivered_to_ = std::max(delivered_to_, offset + 1);
}

void MessageLog::make_ready(Segment& segment, Offset offset, Entry& entry) {
  entry.state = EntryState::kReady;
  ++totals_.ready;
  totals_.ready_bytes += entry.message->body_bytes();
  if (cursor_ == nullptr || offset < cursor_offset_) {
    entry.returned = true;
    returned_.insert(offset);
    ++segment.busy;
  }
  if (entry.deadline == kNever) return;
  any_deadline_ = true;
  deadlines_.emplace(entry.deadline, offset);
}

void MessageLog::put_back(Offset offset) {
  Segment* segment = segment_of(offset);
  MQ_CHECK(segment != nullptr);
  Entry& entry = segment->at(offset);
  if (entry.state == EntryState::kHidden && entry.in_page)
    if (StoredPage* page = segment->page_of(offset, false)) page->stored = true;  // its atomic commit is done
  leave_state(*segment, offset, entry);
  make_ready(*segment, offset, entry);
}

void MessageLog::hold(Offset offset) {
  Segment* segment = segment_of(offset);
  MQ_CHECK(segment != nullptr);
  Entry& entry = segment->at(offset);
  leave_state(*segment, offset, entry);
  entry.state = EntryState::kMoving;
  ++segment->busy;
  ++totals_.hidden;
}

void MessageLog::settle(Offset offset) {
  Segment* segment = segment_of(offset);
  MQ_CHECK(segment != nullptr && segment->resident);
  Entry& entry = segment->at(offset);
  const bool marked_already = entry.state == EntryState::kMoving && entry.persistent;
  leave_state(*segment, offset, entry);
  if (entry.in_page) {
    StoredPage* page = segment->page_of(offset, !entry.persistent);
    MQ_CHECK(page != nullptr);
    if (--page->live == 0) drops_.push_back({id_, page->first, page->had_marks});
    else if (entry.persistent && !marked_already) marks_.push_back({page->first, {offset, Mark::kSettled}});
  } else {
    --segment->uncovered;
    if (entry.persistent) --unwritten_;
  }
  if (entry.persistent) --totals_.persistent;
  const std::size_t memory_bytes = entry.message->memory_bytes();
  segment->memory_bytes -= memory_bytes;
  segment->body_bytes -= entry.message->body_bytes();
  totals_.memory_bytes -= memory_bytes;
  entry.message.reset();
  entry.state = EntryState::kGone;
  if (--segment->live == 0) retire_if_empty(segment);
}

void MessageLog::count_return(Offset offset) {
  Segment* segment = segment_of(offset);
  MQ_CHECK(segment != nullptr);
  Entry& entry = segment->at(offset);
  entry.redelivered = true;
  if (entry.returns < UINT16_MAX) ++entry.returns;
  if (entry.in_page && entry.persistent) marks_.push_back({segment->page_of(offset, false)->first, {offset, entry.returns}});
}

std::uint64_t MessageLog::purge() {
  const std::uint64_t before = totals_.ready;
  for (Segment *segment = head_, *next = nullptr; segment != nullptr; segment = next) {
    next = segment->next;
    if (!segment->resident) {
      for (StoredPage& page : segment->pages) {
        if (page.live == 0) continue;
        drops_.push_back({id_, page.first, page.had_marks});
        if (!page.transient) totals_.persistent -= page.live;
      }
      totals_.ready -= segment->live;
      totals_.ready_bytes -= segment->body_bytes;
      evicted_deadlines_.erase({segment->earliest_deadline, segment->first});
      unlink(segment);
      continue;
    }
    const bool stays = !segment->closed;
    for (Offset offset = segment->first, end = segment->end(); offset < end; ++offset) {
      if (segment->at(offset).state != EntryState::kReady) continue;
      const bool last = segment->live == 1;
      settle(offset);
      if (last && !stays) break;  // the segment is gone
      if (last) break;            // or it started anew
    }
  }
  return before - totals_.ready;
}

// --- time ---

void MessageLog::index_deadline(Offset offset, const Entry& entry) {
  any_deadline_ = any_deadline_ || entry.deadline != kNever;
  if (entry.deadline >= highest_deadline_) highest_deadline_ = entry.deadline;  // in the order of arrival: the cursor will meet it in time
  else if (entry.deadline != kNever) deadlines_.emplace(entry.deadline, offset);
}

void MessageLog::forget_deadline(Offset offset, const Entry& entry) {
  if (entry.deadline != kNever) deadlines_.erase({entry.deadline, offset});
}

UnixMillis MessageLog::next_deadline() {
  UnixMillis earliest = kNever;
  if (!deadlines_.empty()) earliest = std::min(earliest, deadlines_.begin()->first);
  if (!evicted_deadlines_.empty()) earliest = std::min(earliest, evicted_deadlines_.begin()->first);
  if (any_deadline_ && skip_to_cursor_entry()) earliest = std::min(earliest, cursor_->at(cursor_offset_).deadline);
  return earliest;
}

void MessageLog::expired(UnixMillis now, std::size_t limit, std::vector<Offset>& out) {
  const std::size_t enough = out.size() + limit;
  for (auto due = deadlines_.begin(); due != deadlines_.end() && due->first <= now && out.size() < enough; ++due) out.push_back(due->second);
  for (auto due = evicted_deadlines_.begin(); due != evicted_deadlines_.end() && due->first <= now && loads_wanted_.size() < kReadAheadSegments; ++due)
    if (Segment* segment = segment_of(due->second)) want_load(*segment);
  if (!any_deadline_ || !skip_to_cursor_entry()) return;
  Segment* segment = cursor_;
  Offset offset = cursor_offset_;
  while (out.size() < enough) {
    if (offset == segment->end()) {
      segment = segment->next;
      if (segment == nullptr || !segment->resident) return;
      offset = segment->first;
      continue;
    }
    const Entry& entry = segment->at(offset);
    if (entry.state == EntryState::kReady && !entry.returned) {
      if (entry.deadline > now) return;
      if (deadlines_.empty() || !deadlines_.contains({entry.deadline, offset})) out.push_back(offset);
    }
    ++offset;
  }
}

UnixMillis MessageLog::oldest_ready_at() {
  UnixMillis oldest = kNever;
  if (!returned_.empty())
    if (Segment* segment = segment_of(*returned_.begin())) oldest = segment->enqueued_at;
  if (skip_to_cursor_entry() || (cursor_ != nullptr && !cursor_->resident)) oldest = std::min(oldest, cursor_->enqueued_at);
  return oldest;
}

// --- disk ---

bool MessageLog::dirty() const noexcept { return unwritten_ != 0 || !marks_.empty() || !drops_.empty() || urgent(); }

void MessageLog::add_page(Segment& segment, std::span<const PageRecord> records, bool transient, const Storage& codec, WriteSet& out, InFlight& flight) {
  StoredPage page;
  page.first = records.front().offset;
  page.last = records.back().offset;
  page.live = static_cast<std::uint32_t>(records.size());
  page.transient = transient;
  ever_stored_ = true;
  segment.pages.push_back(page);
  flight.pages.push_back(page.first);
  out.operations.emplace_back(codec.encode_page(id_, records, level_, transient));
  for (const PageRecord& record : records) {
    Entry& entry = segment.at(record.offset);
    entry.in_page = true;
    if (!transient) --unwritten_;
    if (entry.returns > 0 && !transient) marks_.push_back({page.first, {record.offset, entry.returns}});
  }
  segment.uncovered -= page.live;
}

void MessageLog::collect_pages(const Storage& codec, WriteSet& out, InFlight& flight) {
  if (unwritten_ == 0) {
    handed_to_ = next_offset_;
    return;
  }
  Segment* segment = tail_;
  while (segment->previous != nullptr && segment->first > handed_to_) segment = segment->previous;
  std::vector<PageRecord> records;
  for (; segment != nullptr; segment = segment->next) {
    if (!segment->resident) continue;
    std::uint64_t bytes = 0;
    for (Offset offset = std::max(segment->first, handed_to_); offset < segment->end(); ++offset) {
      const Entry& entry = segment->at(offset);
      if (entry.state == EntryState::kGone || entry.state == EntryState::kHidden || !entry.persistent || entry.in_page) continue;
      records.push_back({offset, entry.message, segment->enqueued_at, entry.deadline});
      bytes += entry.message->body_bytes();
      if (bytes < kMaxPageBytes) continue;
      add_page(*segment, records, false, codec, out, flight);
      records.clear();
      bytes = 0;
    }
    if (!records.empty()) add_page(*segment, records, false, codec, out, flight);
    records.clear();
  }
  handed_to_ = next_offset_;
}

void MessageLog::collect_marks(WriteSet& out) {
  // Marks of pages that go as a whole are not worth writing.
  std::vector<Offset> dropped;
  dropped.reserve(drops_.size());
  for (const WriteSet::DropPage& drop : drops_) dropped.push_back(drop.page_first);
  std::sort(dropped.begin(), dropped.end());
  std::stable_sort(marks_.begin(), marks_.end(), [](const PendingMark& a, const PendingMark& b) { return a.page_first < b.page_first; });
  WriteSet::AddMarks* group = nullptr;
  for (const PendingMark& pending : marks_) {
    if (std::binary_search(dropped.begin(), dropped.end(), pending.page_first)) continue;
    if (group == nullptr || group->page_first != pending.page_first) {
      if (Segment* segment = segment_of(pending.mark.offset)) {
        if (StoredPage* page = segment->page_of(pending.mark.offset, false)) page->had_marks = true;
      }
      out.operations.emplace_back(WriteSet::AddMarks{id_, pending.page_first, {}});
      group = &std::get<WriteSet::AddMarks>(out.operations.back());
    }
    group->marks.push_back(pending.mark);
  }
  marks_.clear();
  for (const WriteSet::DropPage& drop : drops_) out.operations.emplace_back(drop);
  drops_.clear();
}

void MessageLog::collect(const Storage& codec, std::uint64_t expected_deliveries, std::uint64_t memory_target_bytes, WriteSet& out) {
  InFlight flight;
  collect_pages(codec, out, flight);
  shrink(memory_target_bytes, codec, out, flight);
  collect_marks(out);
  Offset below = std::max({delivered_to_, recovered_below_, wanted_below_});
  if (expected_deliveries > 0 && durable_) {
    // Move the reserve only when half of it is used up, so that steady streams write it seldom.
    const Offset reserve = std::min<Offset>(expected_deliveries, kMaxReserve);
    if (below + reserve / 2 >= handed_below_) below += reserve;
  }
  if (durable_ && below > handed_below_ && totals_.persistent > 0) {
    if (urgent()) out.needs_sync = true;
    out.operations.emplace_back(WriteSet::PutQueueState{id_, {next_offset_, below}});
    handed_below_ = below;
    flight.below = below;
    flight.has_below = true;
  }
  wanted_below_ = std::min(wanted_below_, handed_below_);  // asked for anew where it is still wanted
  in_flight_.push_back(std::move(flight));
}

void MessageLog::collect_hidden(const Storage& codec, std::span<const Offset> offsets, WriteSet& out) {
  InFlight unused;
  std::vector<PageRecord> records;
  Segment* segment = nullptr;
  auto flush = [&] {
    if (!records.empty()) add_page(*segment, records, false, codec, out, unused);
    records.clear();
  };
  for (Offset offset : offsets) {
    Segment* holder = segment_of(offset);
    if (holder != segment) flush();
    segment = holder;
    const Entry& entry = segment->at(offset);
    if (entry.persistent) records.push_back({offset, entry.message, segment->enqueued_at, entry.deadline});
  }
  flush();
  handed_to_ = next_offset_;
}

void MessageLog::collect_settlement(Offset offset, WriteSet& out) {
  Segment* segment = segment_of(offset);
  MQ_CHECK(segment != nullptr);
  const Entry& entry = segment->at(offset);
  if (!entry.persistent) return;
  StoredPage* page = entry.in_page ? segment->page_of(offset, false) : nullptr;
  MQ_CHECK(page != nullptr);
  page->had_marks = true;
  if (!out.operations.empty())
    if (auto* last = std::get_if<WriteSet::AddMarks>(&out.operations.back()); last != nullptr && last->queue == id_ && last->page_first == page->first) {
      last->marks.push_back({offset, Mark::kSettled});
      return;
    }
  out.operations.emplace_back(WriteSet::AddMarks{id_, page->first, {{offset, Mark::kSettled}}});
}

void MessageLog::written() {
  MQ_CHECK(!in_flight_.empty());
  InFlight flight = std::move(in_flight_.front());
  in_flight_.pop_front();
  for (Offset first : flight.pages)
    if (Segment* segment = segment_of(first))
      for (StoredPage& page : segment->pages)
        if (page.first == first) page.stored = true;
  if (flight.has_below) stored_below_ = std::max(stored_below_, flight.below);
}

void MessageLog::collect_shutdown(WriteSet& out) {
  const Offset below = std::max(delivered_to_, recovered_below_);
  if (!durable_ || totals_.persistent == 0 || below == handed_below_) return;
  out.operations.emplace_back(WriteSet::PutQueueState{id_, {next_offset_, below}});
}

void MessageLog::restore(const RecoveredQueue& recovered) {
  ever_stored_ = true;
  recovered_below_ = handed_below_ = stored_below_ = recovered.state.delivered_below;
  next_offset_ = std::max(recovered.state.next_offset, recovered.state.delivered_below);
  Segment* segment = nullptr;
  for (const RecoveredPage& stored : recovered.pages) {
    const PageIndex& index = stored.index;
    const std::uint32_t settled =
        static_cast<std::uint32_t>(std::count_if(stored.marks.begin(), stored.marks.end(), [](const Mark& mark) { return mark.value == Mark::kSettled; }));
    next_offset_ = std::max(next_offset_, index.last + 1);
    if (settled >= index.count) {
      drops_.push_back({id_, index.first, !stored.marks.empty()});
      continue;
    }
    if (segment == nullptr || index.last >= segment->first + Segment::kMaxEntries) {
      segment = new Segment();
      segment->first = index.first;
      segment->closed = true;
      segment->resident = false;
      segment->enqueued_at = index.first_enqueued_at;
      segment->previous = tail_;
      (tail_ != nullptr ? tail_->next : head_) = segment;
      tail_ = segment;
    }
    StoredPage page;
    page.first = index.first;
    page.last = index.last;
    page.live = index.count - settled;
    page.stored = true;
    page.had_marks = !stored.marks.empty();
    segment->pages.push_back(page);
    segment->span = static_cast<std::uint32_t>(index.last + 1 - segment->first);
    segment->live += page.live;
    const std::uint64_t body_bytes = index.body_bytes * page.live / index.count;
    segment->body_bytes += body_bytes;
    segment->marks.insert(segment->marks.end(), stored.marks.begin(), stored.marks.end());
    segment->earliest_deadline = std::min(segment->earliest_deadline, index.earliest_deadline);
    totals_.ready += page.live;
    totals_.ready_bytes += body_bytes;
    totals_.persistent += page.live;
  }
  for (Segment* each = head_; each != nullptr; each = each->next)
    if (each->earliest_deadline != kNever) {
      evicted_deadlines_.emplace(each->earliest_deadline, each->first);
      any_deadline_ = true;
      highest_deadline_ = kNever;  // the order of deadlines on disk is not known: index every one from here on
    }
  handed_to_ = next_offset_;
  cursor_ = head_;
  cursor_offset_ = head_ != nullptr ? head_->first : next_offset_;
}

// --- memory ---

bool MessageLog::evictable(const Segment& segment) const noexcept {
  return segment.closed && segment.resident && segment.busy == 0 && segment.live > 0 && segment.first > cursor_offset_;
}

void MessageLog::evict(Segment& segment) {
  segment.marks.clear();
  segment.earliest_deadline = kNever;
  for (Offset offset = segment.first; offset < segment.end(); ++offset) {
    const Entry& entry = segment.at(offset);
    if (entry.state == EntryState::kGone) {
      if (entry.in_page) segment.marks.push_back({offset, Mark::kSettled});
      continue;
    }
    if (entry.returns > 0) segment.marks.push_back({offset, entry.returns});
    if (entry.deadline == kNever) continue;
    deadlines_.erase({entry.deadline, offset});
    segment.earliest_deadline = std::min(segment.earliest_deadline, entry.deadline);
  }
  if (segment.earliest_deadline != kNever) evicted_deadlines_.emplace(segment.earliest_deadline, segment.first);
  totals_.memory_bytes -= segment.memory_bytes;
  segment.memory_bytes = 0;
  std::vector<Entry>().swap(segment.entries);
  segment.resident = false;
}

void MessageLog::spill(Segment& segment, const Storage& codec, WriteSet& out, InFlight& flight) {
  std::vector<PageRecord> records;
  for (Offset offset = segment.first; offset < segment.end(); ++offset) {
    const Entry& entry = segment.at(offset);
    if (entry.state == EntryState::kReady && !entry.in_page && !entry.persistent)
      records.push_back({offset, entry.message, segment.enqueued_at, entry.deadline});
  }
  if (!records.empty()) add_page(segment, records, true, codec, out, flight);
}

void MessageLog::shrink(std::uint64_t target_bytes, const Storage& codec, WriteSet& out, InFlight& flight) {
  if (totals_.memory_bytes <= target_bytes || tail_ == nullptr) return;
  std::uint64_t bytes = totals_.memory_bytes;  // what will be left when the writes started here are done
  for (Segment* segment = tail_; segment != nullptr && segment != cursor_ && bytes > target_bytes; segment = segment->previous) {
    if (!segment->resident) break;  // everything before the evicted middle is what consumers will ask for next
    if (!evictable(*segment)) continue;
    bytes -= segment->memory_bytes;
    if (segment->uncovered == 0 && segment->all_stored()) evict(*segment);
    else if (segment->uncovered > 0 && segment->first < handed_to_) spill(*segment, codec, out, flight);
  }
}

void MessageLog::want_load(Segment& segment) {
  Segment* wanted = &segment;
  for (std::size_t ahead = 0; ahead < kReadAheadSegments && wanted != nullptr; ++ahead, wanted = wanted->next) {
    if (wanted->resident || wanted->loading) continue;
    wanted->loading = true;
    loads_wanted_.push_back(wanted->first);
  }
}

void MessageLog::take_loads(std::vector<LoadRequest>& out) {
  for (Offset first : loads_wanted_) {
    Segment* segment = segment_of(first);
    if (segment == nullptr || segment->resident) continue;
    LoadRequest request{id_, level_, first, {}};
    for (const StoredPage& page : segment->pages)
      if (page.live > 0) request.pages.push_back(page.first);
    out.push_back(std::move(request));
  }
  loads_wanted_.clear();
}

std::uint64_t MessageLog::loaded(Offset segment_first, std::span<const PageRecord> records) {
  Segment* segment = segment_of(segment_first);
  if (segment == nullptr || segment->resident || !segment->loading) return 0;
  segment->loading = false;
  segment->resident = true;
  segment->entries.assign(segment->span, Entry());
  evicted_deadlines_.erase({segment->earliest_deadline, segment->first});
  totals_.ready -= segment->live;
  totals_.ready_bytes -= segment->body_bytes;
  const std::uint32_t expected = segment->live;
  segment->live = 0;
  segment->body_bytes = segment->memory_bytes = 0;
  for (StoredPage& page : segment->pages) {
    if (!page.transient) totals_.persistent -= page.live;
    page.live = page.live == 0 ? 0 : UINT32_MAX;  // to be counted anew
  }
  for (const PageRecord& record : records) {
    if (!segment->covers(record.offset)) continue;
    Entry& entry = segment->at(record.offset);
    entry.message = record.message;
    entry.deadline = record.deadline;
    entry.state = EntryState::kReady;
    entry.in_page = true;
    entry.persistent = durable_ && record.message->persistent();
    entry.redelivered = record.offset < recovered_below_;
  }
  for (const Mark& mark : segment->marks) {
    if (!segment->covers(mark.offset)) continue;
    Entry& entry = segment->at(mark.offset);
    if (mark.value == Mark::kSettled) {
      entry.state = EntryState::kGone;
      entry.message.reset();
    } else {
      entry.returns = static_cast<std::uint16_t>(std::min<std::uint32_t>(mark.value, UINT16_MAX));
      entry.redelivered = true;
    }
  }
  segment->marks.clear();
  for (StoredPage& page : segment->pages) {
    if (page.live == 0) continue;
    page.live = 0;
    for (Offset offset = page.first; offset <= page.last; ++offset) {
      const Entry& entry = segment->at(offset);
      if (entry.state == EntryState::kReady && entry.persistent != page.transient) ++page.live;
    }
    if (page.live == 0) drops_.push_back({id_, page.first, page.had_marks});
    if (!page.transient) totals_.persistent += page.live;
  }
  for (Offset offset = segment->first; offset < segment->end(); ++offset) {
    Entry& entry = segment->at(offset);
    if (entry.state != EntryState::kReady) continue;
    ++segment->live;
    segment->body_bytes += entry.message->body_bytes();
    segment->memory_bytes += entry.message->memory_bytes();
    if (entry.deadline != kNever) deadlines_.emplace(entry.deadline, offset);
  }
  totals_.ready += segment->live;
  totals_.ready_bytes += segment->body_bytes;
  totals_.memory_bytes += segment->memory_bytes;
  const std::uint64_t lost = expected - std::min(expected, segment->live);
  if (segment->live == 0) retire_if_empty(segment);
  return lost;
}

}  // namespace mq::broker
