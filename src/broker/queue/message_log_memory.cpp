// What a log holds in memory: segments behind the cursor leave it when there is too much, and are read back before they are needed.
#include <algorithm>
#include <utility>

#include "broker/queue/message_log.hpp"

namespace mq::broker {
namespace {

constexpr std::size_t kManyPages = 16;                // in one segment
constexpr std::uint64_t kSmallPageBytes = 16 * 1024;  // larger ones are worth a page each
// What is spilled at once, about: what others have to write waits for it.
constexpr std::uint64_t kMostSpilledBytes = 4 * 1024 * 1024;

// Many small pages where a few would do.
bool scattered(const Segment& segment) {
  const auto pages = static_cast<std::size_t>(
      std::count_if(segment.pages.begin(), segment.pages.end(), [](const StoredPage& page) { return page.live > 0 && !page.transient; }));
  return pages > kManyPages && segment.body_bytes / pages < kSmallPageBytes;
}

}  // namespace

// --- out of memory ---

bool MessageLog::evictable(const Segment& segment) const noexcept {
  if (!segment.closed || !segment.resident || segment.busy != 0 || segment.live == 0 || segment.marked_in >= writes_) return false;
  if (segment.called) return false;
  if (segment.end() <= cursor_offset_) return true;  // all that is left of it waits or is parked
  if (segment.first <= cursor_offset_) return false;
  return segment.previous != cursor_ || !cursor_near_end();  // what comes next would be read back at once
}

// The store has the marks of its pages; those of transient pages it has not.
void MessageLog::remember_evicted(Segment& segment, Offset offset, const Entry& entry) {
  const UnixMillis until = entry.state == EntryState::kWaiting ? waits_.until(offset) : UnixMillis{0};
  if (entry.state == EntryState::kGone) {
    if (entry.in_page && !entry.persistent) segment.marks.push_back({offset, Mark::kSettled});
    return;
  }
  if (entry.returns > 0 && !entry.persistent) segment.marks.push_back({offset, entry.returns, until});
  segment.earliest_deadline = std::min(segment.earliest_deadline, entry.deadline);
  if (until == 0) return;
  segment.earliest_wake = std::min(segment.earliest_wake, until);
  segment.body_bytes -= entry.message->body_bytes();
  waits_.remove(offset);
}

void MessageLog::evict(Segment& segment) {
  segment.marks.clear();
  segment.earliest_deadline = segment.earliest_wake = kNever;
  for (Offset offset = segment.first; offset < segment.end(); ++offset) remember_evicted(segment, offset, segment.at(offset));
  deadlines_.evicted(segment);
  waits_.evicted(segment);
  totals_.memory_bytes -= segment.memory_bytes;
  segment.memory_bytes = 0;
  std::vector<Entry>().swap(segment.entries);
  segments_.leave_memory(segment);
}

void MessageLog::spill(Segment& segment, const Storage& codec, WriteSet& out, InFlight& flight) {
  std::vector<PageRecord> records;
  for (Offset offset = segment.first; offset < segment.end(); ++offset) {
    const Entry& entry = segment.at(offset);
    const bool stays = entry.state == EntryState::kReady || entry.state == EntryState::kWaiting;
    if (stays && !entry.in_page && !entry.persistent) records.push_back({offset, entry.message, segment.enqueued_at, entry.deadline});
  }
  if (!records.empty()) add_page(segment, records, true, codec, out, flight);
}

std::uint64_t MessageLog::release(Segment& segment, const Storage& codec, WriteSet& out, InFlight& flight) {
  if (!evictable(segment)) return 0;
  const std::uint64_t bytes = segment.memory_bytes;
  if (segment.uncovered > 0) spill(segment, codec, out, flight);
  else if (segment.all_stored() && scattered(segment)) merge_pages(segment, codec, out, flight);
  else if (segment.all_stored()) evict(segment);
  return bytes;
}

void MessageLog::shrink(std::uint64_t target_bytes, const Storage& codec, WriteSet& out, InFlight& flight) {
  squeezed_ = totals_.memory_bytes > target_bytes;
  if (!squeezed_) return;
  std::uint64_t bytes = totals_.memory_bytes;  // what will be left when the writes started here are done
  std::uint64_t spilled_bytes = 0;
  const auto release_between = [&](Offset first, Offset end) {
    for (Segment *segment = segments_.last_resident(), *previous = nullptr; segment != nullptr && bytes > target_bytes;
         segment = previous) {
      previous = segment->previous_resident;
      if (segment->first < first || segment->first >= end) continue;
      const bool spills = segment->uncovered > 0;
      if (spills && spilled_bytes >= kMostSpilledBytes) continue;
      const std::uint64_t released_bytes = release(*segment, codec, out, flight);
      bytes -= released_bytes;
      if (spills) spilled_bytes += released_bytes;
    }
  };
  // What is wanted last goes first, then what waits for its time, and what is wanted next only if need be.
  const Segment* ahead = cursor_;
  for (std::size_t count = 0; ahead != nullptr && count <= kReadAheadSegments; ++count) ahead = ahead->next;
  const Offset soon = cursor_ != nullptr ? cursor_->first : kEverything, later = ahead != nullptr ? ahead->first : kEverything;
  release_between(later, kEverything);
  release_between(0, soon);
  release_between(soon, later);
}

// --- into memory ---

void MessageLog::want_loads(Segment& segment, std::size_t count) {
  Segment* wanted = &segment;
  for (std::size_t ahead = 0; ahead < count && wanted != nullptr; ++ahead, wanted = wanted->next) {
    if (wanted->resident || wanted->loading) continue;
    wanted->loading = true;
    ++loads_under_way_;
    loads_wanted_.push_back(wanted->first);
  }
}

void MessageLog::take_loads(std::vector<LoadRequest>& out) {
  for (Offset first : loads_wanted_) {
    Segment* segment = segment_of(first);
    if (segment == nullptr || segment->resident) continue;
    LoadRequest request{id_, level_, first, {}, {}};
    for (const StoredPage& page : segment->pages) {
      if (page.live == 0) continue;
      request.pages.push_back(page.first);
      if (page.had_marks) request.marked_pages.push_back(page.first);
    }
    out.push_back(std::move(request));
  }
  loads_wanted_.clear();
}

void MessageLog::fill(Segment& segment, std::span<const PageRecord> records) {
  segment.entries.assign(segment.span, Entry());
  for (const PageRecord& record : records) {
    if (!segment.covers(record.offset)) continue;
    Entry& entry = segment.at(record.offset);
    entry.message = record.message;
    entry.deadline = record.deadline;
    entry.state = EntryState::kReady;
    entry.in_page = true;
    entry.persistent = durable_ && record.message->persistent();
    entry.redelivered = below_.recovered(record.offset);
  }
}

void MessageLog::apply_marks(Segment& segment, std::span<const Mark> marks, UnixMillis now, WaitReport* report) {
  for (const Mark& mark : marks) {
    if (!segment.covers(mark.offset)) continue;
    Entry& entry = segment.at(mark.offset);
    if (entry.state == EntryState::kGone) continue;
    if (mark.value == Mark::kSettled) {
      entry.state = EntryState::kGone;
      entry.message.reset();
      continue;
    }
    entry.returns = static_cast<std::uint16_t>(std::min<std::uint32_t>(mark.value, UINT16_MAX));
    entry.redelivered = true;
    if (mark.until == 0) continue;
    if (report != nullptr) (mark.until <= now ? report->ended : report->began).push_back(mark.offset);
    if (mark.until <= now) {
      entry.returned = true;  // for recount_messages(): it was not parked
      continue;
    }
    entry.state = EntryState::kWaiting;
    waits_.add(mark.offset, mark.until);
  }
}

void MessageLog::recount_pages(Segment& segment) {
  for (StoredPage& page : segment.pages) {
    if (page.live == 0) continue;
    if (!page.transient) totals_.persistent -= page.live;
    page.live = 0;
    for (Offset offset = page.first; offset <= page.last; ++offset) {
      const Entry& entry = segment.at(offset);
      if (entry.state != EntryState::kGone && entry.persistent != page.transient) ++page.live;
    }
    if (page.live == 0) changes_.drop(page);
    if (!page.transient) totals_.persistent += page.live;
  }
}

void MessageLog::recount_messages(Segment& segment) {
  totals_.ready -= segment.live - segment.waiting;
  totals_.waiting -= segment.waiting;
  totals_.ready_bytes -= segment.body_bytes;
  segment.live = segment.waiting = 0;
  segment.body_bytes = segment.memory_bytes = 0;
  std::uint64_t ready_bytes = 0;
  for (Offset offset = segment.first; offset < segment.end(); ++offset) {
    Entry& entry = segment.at(offset);
    if (entry.state == EntryState::kGone) continue;
    ++segment.live;
    segment.body_bytes += entry.message->body_bytes();
    segment.memory_bytes += entry.message->memory_bytes();
    deadlines_.add(segment, offset);
    if (entry.state == EntryState::kWaiting) {
      ++segment.waiting;
      continue;
    }
    ready_bytes += entry.message->body_bytes();
    const bool has_waited = entry.returned;
    entry.returned = false;
    if (!is_before_cursor(offset)) continue;
    if (ever_parked_ && !has_waited) entry.parked = true;
    else enter_returned(segment, offset, entry);
  }
  totals_.ready += segment.live - segment.waiting;
  totals_.waiting += segment.waiting;
  totals_.ready_bytes += ready_bytes;
  totals_.memory_bytes += segment.memory_bytes;
}

std::uint64_t MessageLog::loaded(Offset segment_first, std::span<const PageRecord> records, std::span<const Mark> marks, UnixMillis now,
                                 WaitReport* report) {
  Segment* segment = segment_of(segment_first);
  if (segment == nullptr || segment->resident || !segment->loading) return 0;
  segment->loading = false;
  --loads_under_way_;
  segments_.enter_memory(*segment);
  deadlines_.not_evicted(*segment);
  waits_.not_evicted(*segment);
  const std::uint32_t expected = segment->live;
  fill(*segment, records);
  apply_marks(*segment, marks, now, report);
  apply_marks(*segment, std::exchange(segment->marks, {}), now, report);
  recount_pages(*segment);
  recount_messages(*segment);
  const std::uint32_t lost = expected - std::min(expected, segment->live);
  if (segment->live == 0) retire_if_empty(segment);
  return lost;
}

}  // namespace mq::broker
