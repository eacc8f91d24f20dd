// A segment: up to kMaxEntries neighbouring messages of one log, in memory or, when memory runs short, only as pages on disk.
//
// Lifetime: owned by its MessageLog, linked in order of offset. Used on the queue's strand only.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "broker/message.hpp"
#include "mq/base/clock.hpp"
#include "mq/ports/storage.hpp"

namespace mq::broker {

/// What is happening to a message in its queue.
enum class EntryState : std::uint8_t {
  kGone,     ///< settled, or never there
  kReady,    ///< waits for a consumer
  kWaiting,  ///< came back, and is not ready before its time (retry with backoff)
  kOut,      ///< delivered, not settled
  kHidden,   ///< part of an atomic commit under way: not visible yet
  kMoving,   ///< leaves in an atomic commit under way (dead letter, or acknowledged in a transaction)
};

/// One message in its queue.
struct Entry {
  MessagePtr message;
  UnixMillis deadline = kNever;
  std::uint32_t consumer = UINT32_MAX;  ///< slot of the consumer it is out with
  std::uint16_t returns = 0;            ///< how often it came back
  EntryState state = EntryState::kGone;
  bool persistent : 1 = false;   ///< must be on disk before it is confirmed
  bool in_page : 1 = false;      ///< part of a page that was handed to the store
  bool redelivered : 1 = false;  ///< was, or may have been, delivered before
  bool returned : 1 = false;     ///< waits among the returned ones rather than at the cursor
  bool parked : 1 = false;       ///< was passed over: stands behind the cursor's back until it is unparked
  bool timed : 1 = false;        ///< its deadline is indexed
};

/// A page of this segment as far as the store knows it.
struct StoredPage {
  Offset first = 0;
  Offset last = 0;
  std::uint32_t live = 0;   ///< messages of it not settled yet
  bool stored : 1 = false;  ///< the commit that carries it is done
  bool had_marks : 1 = false;
  bool transient : 1 = false;
};

struct Segment {
  static constexpr std::size_t kMaxEntries = 1024;

  Offset first = 0;
  std::uint32_t span = 0;  ///< offsets covered: [first, first + span)
  std::uint32_t live = 0;  ///< not kGone
  std::uint32_t busy = 0;  ///< live, but neither waiting, parked nor plainly ready at or behind the cursor: out, hidden, moving or returned
  std::uint32_t waiting = 0;    ///< kWaiting
  std::uint32_t uncovered = 0;  ///< live and in no page
  bool resident = true;         ///< entries are in memory; changed by SegmentList
  bool loading = false;
  bool closed = false;             ///< takes no more entries
  bool called = false;             ///< somebody waits for a parked message of it
  std::uint64_t memory_bytes = 0;  ///< of the resident messages
  std::uint64_t body_bytes = 0;    ///< of the live messages; while not resident of the ready ones, about
  UnixMillis enqueued_at = 0;      ///< of its first message
  UnixMillis earliest_deadline = kNever;
  UnixMillis earliest_wake = kNever;  ///< of those that wait, while not resident
  std::uint64_t marked_in = 0;        ///< the number of the write that carries its newest mark
  std::vector<Entry> entries;
  std::vector<std::pair<UnixMillis, Offset>> due;  ///< a heap of indexed deadlines, the earliest in front; see DeadlineIndex
  UnixMillis ranked_by = kNever;                   ///< the deadline in front as the index knows it
  std::vector<StoredPage> pages;                   ///< in order of first offset, unless spilled late
  std::vector<Mark> marks;                         ///< while not resident: what is to be known of messages in transient pages
  Segment* previous = nullptr;
  Segment* next = nullptr;
  Segment* previous_resident = nullptr;
  Segment* next_resident = nullptr;

  [[nodiscard]] Offset end() const noexcept { return first + span; }
  [[nodiscard]] bool covers(Offset offset) const noexcept { return offset >= first && offset < end(); }
  [[nodiscard]] Entry& at(Offset offset) noexcept { return entries[offset - first]; }
  /// The page that holds the offset; transient and persistent pages may overlap in range, never in messages.
  [[nodiscard]] StoredPage* page_of(Offset offset, bool transient) noexcept {
    for (auto page = pages.rbegin(); page != pages.rend(); ++page)
      if (offset >= page->first && offset <= page->last && page->transient == transient) return &*page;
    return nullptr;
  }
  [[nodiscard]] bool all_stored() const noexcept {
    for (const StoredPage& page : pages)
      if (!page.stored) return false;
    return true;
  }
};

}  // namespace mq::broker
