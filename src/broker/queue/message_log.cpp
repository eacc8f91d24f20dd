#include "broker/queue/message_log.hpp"

#include <algorithm>
#include <utility>

#include "mq/base/check.hpp"

namespace mq::broker {
namespace {

constexpr std::uint64_t kMaxSegmentBytes = 1024 * 1024;                 // bodies; so that a segment is read back in one short go
constexpr std::uint64_t kMaxSegmentMemoryBytes = 2 * kMaxSegmentBytes;  // with headers, which may be as large as a frame

}  // namespace

MessageLog::MessageLog(QueueId id, std::uint8_t level, bool durable) : id_(id), level_(level), durable_(durable), changes_(id) {}

// --- segments ---

Segment& MessageLog::known_segment(Offset offset) const {
  Segment* segment = segment_of(offset);
  MQ_CHECK(segment != nullptr && segment->resident);
  return *segment;
}

Segment& MessageLog::tail_for_append(UnixMillis now) {
  if (Segment* tail = segments_.tail(); tail != nullptr && !tail->closed) {
    const bool small = tail->body_bytes < kMaxSegmentBytes && tail->memory_bytes < kMaxSegmentMemoryBytes;
    if (tail->span < Segment::kMaxEntries && small) return *tail;
    tail->closed = true;  // not empty: an empty one has room
  }
  Segment& segment = segments_.append(next_offset_, now);
  if (cursor_ == nullptr) {
    cursor_ = &segment;
    cursor_offset_ = segment.first;
  }
  return segment;
}

void MessageLog::unlink(Segment* segment) {
  if (cursor_ == segment) {
    cursor_ = segment->next;
    if (cursor_ != nullptr) cursor_offset_ = cursor_->first;
  }
  deadlines_.forget(*segment);
  segments_.remove(segment);
}

void MessageLog::retire_if_empty(Segment* segment) {
  if (segment->live != 0) return;
  if (segment->closed) return unlink(segment);
  // The open tail has run empty, as it does whenever consumers keep up: start it anew in place.
  deadlines_.forget(*segment);
  segment->entries.clear();
  segment->pages.clear();
  segment->first = next_offset_;
  segment->span = 0;
  segment->body_bytes = segment->memory_bytes = 0;
  segment->earliest_deadline = kNever;
  if (cursor_ == segment) cursor_offset_ = segment->first;
  if (segments_.head() == segment) deadlines_.restart_order();
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
    deadlines_.arrived(segment, offset, deadline);
  } else {
    ++totals_.hidden;
    ++segment.busy;
    deadlines_.arrived_hidden(deadline);
  }
  return offset;
}

bool MessageLog::skip_to_cursor_entry() {
  while (cursor_ != nullptr) {
    if (!cursor_->resident) return false;
    while (cursor_offset_ < cursor_->end()) {
      const Entry& entry = cursor_->at(cursor_offset_);
      if (entry.state == EntryState::kReady && !entry.returned && !entry.parked) return true;
      ++cursor_offset_;
    }
    if (cursor_->next == nullptr) return false;
    cursor_ = cursor_->next;
    cursor_offset_ = cursor_->first;
  }
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
    if (cursor_->next != nullptr && !cursor_->next->resident && cursor_near_end()) want_loads(*cursor_->next, read_ahead());
    return Next::kReady;
  }
  if (cursor_ == nullptr || cursor_->resident) return Next::kNone;
  want_loads(*cursor_, read_ahead());
  offset = cursor_offset_;
  return Next::kBlocked;
}

MessageLog::Next MessageLog::oldest(Offset& offset, Entry*& entry) {
  if (!ever_parked_) return head(offset, entry);
  for (Segment* segment = segments_.head(); segment != nullptr && segment != cursor_; segment = segment->next) {
    if (segment->live == segment->waiting) continue;
    if (!segment->resident) {
      segment->called = true;
      want_loads(*segment, 1);
      offset = segment->first;
      return Next::kBlocked;
    }
    for (offset = segment->first; offset < segment->end(); ++offset) {
      entry = &segment->at(offset);
      if (entry->state == EntryState::kReady) return Next::kReady;
    }
  }
  for (offset = cursor_ != nullptr ? cursor_->first : 0; cursor_ != nullptr && cursor_->resident && offset < cursor_offset_; ++offset) {
    entry = &cursor_->at(offset);
    if (entry->state == EntryState::kReady) return Next::kReady;
  }
  return head(offset, entry);
}

MessageLog::Next MessageLog::next(Offset& offset, Entry*& entry) {
  const Next found = head(offset, entry);
  if (found != Next::kReady || covers(offset, *entry)) return found;
  return Next::kBlocked;
}

void MessageLog::leave_ready(Segment& segment, Offset offset, Entry& entry) {
  --totals_.ready;
  totals_.ready_bytes -= entry.message->body_bytes();
  entry.parked = false;
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
    case EntryState::kWaiting:
      --totals_.waiting;
      --segment.waiting;
      waits_.remove(offset);
      return;
    case EntryState::kGone: MQ_CHECK(false);
  }
}

void MessageLog::take(Offset offset, std::uint32_t consumer) {
  Segment& segment = known_segment(offset);
  Entry& entry = segment.at(offset);
  MQ_CHECK(entry.state == EntryState::kReady);
  leave_ready(segment, offset, entry);
  entry.state = EntryState::kOut;
  entry.consumer = consumer;
  ++segment.busy;
  ++totals_.out;
  totals_.out_bytes += entry.message->body_bytes();
  below_.delivered(offset);
}

void MessageLog::enter_returned(Segment& segment, Offset offset, Entry& entry) {
  entry.returned = true;
  returned_.insert(offset);
  ++segment.busy;
}

void MessageLog::make_ready(Segment& segment, Offset offset, Entry& entry) {
  entry.state = EntryState::kReady;
  ++totals_.ready;
  totals_.ready_bytes += entry.message->body_bytes();
  if (is_before_cursor(offset)) enter_returned(segment, offset, entry);
  deadlines_.add(segment, offset);
}

void MessageLog::put_aside(Offset offset, UnixMillis until) {
  Segment& segment = known_segment(offset);
  Entry& entry = segment.at(offset);
  leave_state(segment, offset, entry);
  entry.state = EntryState::kWaiting;
  ++totals_.waiting;
  ++segment.waiting;
  waits_.add(offset, until);
  deadlines_.add(segment, offset);
}

void MessageLog::put_back(Offset offset) {
  Segment& segment = known_segment(offset);
  Entry& entry = segment.at(offset);
  if (entry.state == EntryState::kHidden && entry.in_page)
    if (StoredPage* page = segment.page_of(offset, false)) page->stored = true;  // its atomic commit is done
  leave_state(segment, offset, entry);
  make_ready(segment, offset, entry);
}

void MessageLog::park(Offset offset) {
  Segment& segment = known_segment(offset);
  Entry& entry = segment.at(offset);
  if (entry.returned) {
    returned_.erase(offset);
    entry.returned = false;
    --segment.busy;
  } else {
    cursor_offset_ = offset + 1;
    deadlines_.add(segment, offset);
  }
  entry.parked = ever_parked_ = true;
}

MessageLog::Unparked MessageLog::unpark(Offset offset) {
  Segment* segment = segment_of(offset);
  if (segment == nullptr) return Unparked::kGone;
  segment->called = !segment->resident;
  if (segment->called) {
    want_loads(*segment, 1);
    return Unparked::kReadBack;
  }
  Entry& entry = segment->at(offset);
  if (entry.state != EntryState::kReady || !entry.parked) return Unparked::kGone;
  entry.parked = false;
  enter_returned(*segment, offset, entry);
  return Unparked::kDone;
}

void MessageLog::hold(Offset offset) {
  Segment& segment = known_segment(offset);
  Entry& entry = segment.at(offset);
  leave_state(segment, offset, entry);
  entry.state = EntryState::kMoving;
  ++segment.busy;
  ++totals_.hidden;
}

void MessageLog::forget_on_disk(Segment& segment, Offset offset, const Entry& entry) {
  if (entry.persistent) --totals_.persistent;
  if (!entry.in_page) {
    --segment.uncovered;
    if (entry.persistent) --unwritten_;
    return;
  }
  StoredPage* page = segment.page_of(offset, !entry.persistent);
  MQ_CHECK(page != nullptr);
  const bool marked_already = entry.state == EntryState::kMoving;  // by the atomic commit that took it away
  if (--page->live == 0) changes_.drop(*page);
  else if (entry.persistent && !marked_already) mark(segment, page->first, {offset, Mark::kSettled});
}

void MessageLog::settle(Offset offset) {
  Segment& segment = known_segment(offset);
  Entry& entry = segment.at(offset);
  forget_on_disk(segment, offset, entry);
  leave_state(segment, offset, entry);
  const std::size_t memory_bytes = entry.message->memory_bytes();
  segment.memory_bytes -= memory_bytes;
  segment.body_bytes -= entry.message->body_bytes();
  totals_.memory_bytes -= memory_bytes;
  entry.message.reset();
  entry.state = EntryState::kGone;
  if (--segment.live == 0) retire_if_empty(&segment);
}

void MessageLog::purge_evicted(Segment* segment) {
  for (StoredPage& page : segment->pages) {
    if (page.live == 0) continue;
    changes_.drop(page);
    if (!page.transient) totals_.persistent -= page.live;
  }
  totals_.ready -= segment->live - segment->waiting;
  totals_.waiting -= segment->waiting;
  totals_.ready_bytes -= segment->body_bytes;
  deadlines_.not_evicted(*segment);
  waits_.not_evicted(*segment);
  if (segment->loading) --loads_under_way_;
  unlink(segment);
}

std::uint64_t MessageLog::purge() {
  const std::uint64_t before = totals_.ready + totals_.waiting;
  for (Segment *segment = segments_.head(), *next = nullptr; segment != nullptr; segment = next) {
    next = segment->next;
    if (!segment->resident) {
      purge_evicted(segment);
      continue;
    }
    for (Offset offset = segment->first, end = segment->end(); offset < end; ++offset) {
      const EntryState state = segment->at(offset).state;
      if (state != EntryState::kReady && state != EntryState::kWaiting) continue;
      const bool last = segment->live == 1;
      settle(offset);
      if (last) break;  // the segment is gone, or started anew
    }
  }
  return before - totals_.ready - totals_.waiting;
}

// --- time ---

UnixMillis MessageLog::next_evicted_deadline() const {
  // What is being read back wakes the queue when it is there; until then nothing can be done about it.
  if (loads_under_way_ >= kReadAheadSegments) return kNever;
  for (const auto& [deadline, first] : deadlines_.of_evicted())
    if (!segment_of(first)->loading) return deadline;
  return kNever;
}

UnixMillis MessageLog::next_deadline() {
  UnixMillis earliest = kNever;
  if (const auto& due = deadlines_.of_resident(); !due.empty()) earliest = std::min(earliest, due.begin()->first);
  earliest = std::min(earliest, next_evicted_deadline());
  if (deadlines_.any() && skip_to_cursor_entry()) earliest = std::min(earliest, cursor_->at(cursor_offset_).deadline);
  return earliest;
}

void MessageLog::expired(UnixMillis now, std::size_t limit, std::vector<Offset>& out) {
  const std::size_t enough = out.size() + limit;
  const auto& indexed = deadlines_.of_resident();
  while (out.size() < enough && !indexed.empty() && indexed.begin()->first <= now) {
    Segment& segment = known_segment(indexed.begin()->second);
    const Offset offset = deadlines_.pop(segment);
    Entry& entry = segment.at(offset);
    if (entry.state == EntryState::kReady || entry.state == EntryState::kWaiting) out.push_back(offset);
    else entry.timed = false;
  }
  const std::size_t indexed_ones = out.size();
  const auto& evicted = deadlines_.of_evicted();
  for (auto due = evicted.begin(); due != evicted.end() && due->first <= now && loads_under_way_ < kReadAheadSegments; ++due)
    want_loads(*segment_of(due->second), 1);
  if (deadlines_.any() && skip_to_cursor_entry()) expired_at_cursor(now, enough, out);
  for (std::size_t known = enough - limit; known < indexed_ones; ++known) find(out[known])->timed = false;
}

void MessageLog::expired_at_cursor(UnixMillis now, std::size_t enough, std::vector<Offset>& out) {
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
    if (entry.state == EntryState::kReady && !entry.returned && !entry.parked) {
      if (entry.deadline > now) return;
      if (!entry.timed) out.push_back(offset);
    }
    ++offset;
  }
}

UnixMillis MessageLog::next_wake() const {
  const UnixMillis earliest = waits_.due().empty() ? kNever : waits_.due().begin()->first;
  if (loads_under_way_ >= kReadAheadSegments) return earliest;
  for (const auto& [wake, first] : waits_.of_evicted())
    if (!segment_of(first)->loading) return std::min(earliest, wake);
  return earliest;
}

void MessageLog::wake(UnixMillis now, WaitReport* report) {
  while (!waits_.due().empty() && waits_.due().begin()->first <= now) {
    const Offset offset = waits_.due().begin()->second;
    put_back(offset);
    if (report != nullptr) report->ended.push_back(offset);
  }
  const auto& evicted = waits_.of_evicted();
  for (auto due = evicted.begin(); due != evicted.end() && due->first <= now && loads_under_way_ < kReadAheadSegments; ++due)
    want_loads(*segment_of(due->second), 1);
}

UnixMillis MessageLog::oldest_ready_at() {
  UnixMillis oldest = kNever;
  if (!returned_.empty())
    if (Segment* segment = segment_of(*returned_.begin())) oldest = segment->enqueued_at;
  if (skip_to_cursor_entry() || (cursor_ != nullptr && !cursor_->resident)) oldest = std::min(oldest, cursor_->enqueued_at);
  return oldest;
}

}  // namespace mq::broker
