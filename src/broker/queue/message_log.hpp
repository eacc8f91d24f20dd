// One priority level of a queue: its messages in order, which of them wait, are out or are leaving, what of them is on disk and what
// of them is in memory. Pure: it is told the time, builds WriteSets and load requests, and performs neither.
//
// Waiting: a message that came back may be put aside until some moment; then it is a returned one like others.
// Order: messages are given out from the returned ones first (they are older than anything not yet delivered), then at the cursor.
// Disk: what is persistent and still live when collect() is called goes into pages; what was settled before is never written.
// Memory: closed segments behind the cursor whose messages are all in stored pages can drop their bodies and are read back whole, with
// the marks that the store has of them; so can segments before it of which all that is left waits.
// Honest redelivery: a message that is on disk is given out only when `delivered_below`, also on disk, covers it; so that after a
// crash everything that was delivered is known to have been.
//
// Rooms: message_log.cpp has the messages and their time, message_log_disk.cpp what is written and restored, message_log_memory.cpp what
// is in memory. Parts: segment_list (order), deadline_index and wait_index (time), page_changes (marks and drops), delivered_below.
//
// Ownership: belongs to one Queue, used on that queue's strand only.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "broker/queue/deadline_index.hpp"
#include "broker/queue/delivered_below.hpp"
#include "broker/queue/page_changes.hpp"
#include "broker/queue/segment_list.hpp"
#include "broker/queue/wait_index.hpp"
#include "mq/base/deque.hpp"
#include "mq/ports/storage.hpp"

namespace mq::broker {

/// Which messages began or ended to wait while nobody looked at them singly.
struct WaitReport {
  std::vector<Offset> began, ended;
};

/// Pages to be read so that a segment has its messages again.
struct LoadRequest {
  QueueId log = 0;
  std::uint8_t level = 0;
  Offset segment_first = 0;
  std::vector<Offset> pages;
  std::vector<Offset> marked_pages;  ///< those of them of which the store has marks
};

class MessageLog {
 public:
  /// `id` names the log in the store. In a log that is not durable no message is persistent.
  MessageLog(QueueId id, std::uint8_t level, bool durable);
  MessageLog(const MessageLog&) = delete;
  MessageLog& operator=(const MessageLog&) = delete;

  struct Totals {
    std::uint64_t ready = 0, ready_bytes = 0;  ///< bytes are body bytes
    std::uint64_t out = 0, out_bytes = 0;
    std::uint64_t waiting = 0;
    std::uint64_t hidden = 0;        ///< kHidden and kMoving
    std::uint64_t memory_bytes = 0;  ///< of messages held in memory
    std::uint64_t persistent = 0;    ///< live messages that are persistent
  };
  [[nodiscard]] const Totals& totals() const noexcept { return totals_; }
  [[nodiscard]] QueueId id() const noexcept { return id_; }
  [[nodiscard]] bool empty() const noexcept { return totals_.ready + totals_.waiting + totals_.out + totals_.hidden == 0; }

  // --- messages ---
  /// Adds at the end, kReady or kHidden; returns its offset.
  Offset append(MessagePtr message, UnixMillis now, UnixMillis deadline, EntryState state);

  enum class Next : std::uint8_t { kNone, kReady, kBlocked };
  /// The message to give out next. kBlocked: there is one, but it must be read back (see take_loads) or `delivered_below` must be
  /// written first (see dirty). The entry stays where it is.
  Next next(Offset& offset, Entry*& entry);
  /// The same for a message that is to leave without being delivered: only memory can block it, and then the offset says where it is.
  Next head(Offset& offset, Entry*& entry);
  /// The same with those that are passed over.
  Next oldest(Offset& offset, Entry*& entry);

  /// May the message that head() gave be delivered? If not, `delivered_below` must be written first (see dirty).
  [[nodiscard]] bool covers(Offset offset, const Entry& entry) noexcept {
    return !entry.in_page || !entry.persistent || below_.covers(offset);
  }

  [[nodiscard]] Entry* find(Offset offset) noexcept;  ///< null when unknown, gone or not in memory
  /// kReady -> kOut.
  void take(Offset offset, std::uint32_t consumer);
  /// kOut, kHidden or kMoving -> kReady, at its place in the order.
  void put_back(Offset offset);
  /// kOut -> kWaiting. After count_return(), which put the same moment into its mark.
  void put_aside(Offset offset, UnixMillis until);
  /// The message that next() gave is passed over: it stays ready, but out of the order until unpark().
  void park(Offset offset);
  enum class Unparked : std::uint8_t { kDone, kGone, kReadBack };
  /// Back into its place in the order. kGone: it has left, or was unparked before; kReadBack: ask again when it has been read back.
  Unparked unpark(Offset offset);
  /// kReady, kWaiting or kOut -> kMoving.
  void hold(Offset offset);
  /// Gone for good.
  void settle(Offset offset);
  /// The message came back from a consumer once more, to be ready again not before `until`; remembered on disk.
  void count_return(Offset offset, UnixMillis until = 0);
  /// Settles everything that is ready or waits, in memory or not; returns how many.
  std::uint64_t purge();
  /// Calls `visit(offset, entry)` for the ready messages in memory, in order, until it says false.
  template <class Visit>
  void for_each_ready(Visit&& visit);
  /// Calls `visit(offset, entry)` for what is out, and for what waits in memory.
  template <class Visit>
  void for_each_absent(Visit&& visit);

  // --- time ---
  [[nodiscard]] UnixMillis next_deadline();  ///< at the latest; perhaps earlier, of a message that is gone
  /// Appends up to `limit` ready or waiting messages whose deadline is at or before `now`; they must leave now.
  void expired(UnixMillis now, std::size_t limit, std::vector<Offset>& out);
  /// When the first of the waiting messages becomes ready; kNever when none does.
  [[nodiscard]] UnixMillis next_wake() const;
  /// Makes waiting messages ready whose time has come; asks for those that are not in memory.
  void wake(UnixMillis now, WaitReport* report = nullptr);
  [[nodiscard]] UnixMillis oldest_ready_at();  ///< when the head of the ready messages came, about; kNever when there is none

  // --- disk ---
  static constexpr Offset kEverything = UINT64_MAX;
  /// True when collect() with the same bound would write something; `urgent()` when somebody waits for it.
  [[nodiscard]] bool dirty(Offset below = kEverything);
  [[nodiscard]] bool urgent() const noexcept { return below_.urgent(); }
  [[nodiscard]] bool ever_stored() const noexcept { return ever_stored_; }
  [[nodiscard]] std::uint64_t unwritten() const noexcept { return unwritten_; }
  /// Every persistent message below it is settled or was handed to the store.
  [[nodiscard]] Offset unwritten_from();
  [[nodiscard]] Offset next_offset() const noexcept { return next_offset_; }
  /// Puts what is to be written into `out`. `expected_deliveries`: how many messages consumers could take at once, for the reserve.
  /// The write must be committed in order with others of this log; then written() is called once per collect().
  /// Of what was not written yet, only messages with offsets below `below` are.
  /// Also frees memory down to about `memory_target_bytes`, what is wanted last first; what is in no page yet is written as transient
  /// pages first and freed by a later call.
  void collect(const Storage& codec, std::uint64_t expected_deliveries, std::uint64_t memory_target_bytes, WriteSet& out,
               Offset below = kEverything);
  /// For an atomic commit: encodes the hidden messages at these offsets (the last appended ones) into a page of their own.
  void collect_hidden(const Storage& codec, std::span<const Offset> offsets, WriteSet& out);
  /// For an atomic commit: the mark that settles this message, if the disk knows it. Everything pending must have been collected.
  void collect_settlement(Offset offset, WriteSet& out);
  void written();
  void restore(const RecoveredQueue& recovered, UnixMillis now);
  /// Exact for a clean stop: nothing beyond what was really delivered is covered.
  void collect_shutdown(WriteSet& out);

  // --- memory ---
  /// Segments that should be read back now, each named once.
  void take_loads(std::vector<LoadRequest>& out);
  /// The records and marks read for a segment; live messages missing among the records are lost and counted in the result.
  std::uint64_t loaded(Offset segment_first, std::span<const PageRecord> records, std::span<const Mark> marks, UnixMillis now,
                       WaitReport* report = nullptr);

 private:
  /// What one collect() handed to the store.
  struct InFlight {
    std::vector<Offset> pages;
    std::optional<Offset> below;
  };

  // messages
  [[nodiscard]] Segment* segment_of(Offset offset) const noexcept { return segments_.find(offset, cursor_); }
  Segment& known_segment(Offset offset) const;
  Segment& tail_for_append(UnixMillis now);
  void unlink(Segment* segment);
  void retire_if_empty(Segment* segment);
  [[nodiscard]] bool is_before_cursor(Offset offset) const noexcept { return cursor_ == nullptr || offset < cursor_offset_; }
  void leave_ready(Segment& segment, Offset offset, Entry& entry);
  void enter_returned(Segment& segment, Offset offset, Entry& entry);
  void leave_state(Segment& segment, Offset offset, Entry& entry);
  void make_ready(Segment& segment, Offset offset, Entry& entry);
  bool skip_to_cursor_entry();
  void forget_on_disk(Segment& segment, Offset offset, const Entry& entry);
  void purge_evicted(Segment* segment);
  [[nodiscard]] UnixMillis next_evicted_deadline() const;
  void expired_at_cursor(UnixMillis now, std::size_t enough, std::vector<Offset>& out);
  // disk
  void put_page(Segment& segment, std::span<const PageRecord> records, bool transient, const Storage& codec, WriteSet& out,
                InFlight& flight);
  void add_page(Segment& segment, std::span<const PageRecord> records, bool transient, const Storage& codec, WriteSet& out,
                InFlight& flight);
  void merge_pages(Segment& segment, const Storage& codec, WriteSet& out, InFlight& flight);
  void collect_pages(const Storage& codec, Offset below, WriteSet& out, InFlight& flight);
  void collect_pages_of(Segment& segment, const Storage& codec, Offset below, WriteSet& out, InFlight& flight);
  [[nodiscard]] Segment* first_segment_reaching(Offset offset) const noexcept;
  void collect_below(std::uint64_t expected_deliveries, WriteSet& out, InFlight& flight);
  Segment& segment_for_restored(const PageIndex& index);
  void restore_page(const RecoveredPage& recovered, UnixMillis now);
  void mark(Segment& segment, Offset page_first, const Mark& mark) {
    segment.marked_in = collects_;
    changes_.mark(page_first, mark);
  }
  // memory
  static constexpr std::size_t kReadAheadSegments = 3;
  static constexpr Offset kReadAheadEntries = 256;  // reading back begins when so many are left at the cursor
  void want_loads(Segment& segment, std::size_t count);
  [[nodiscard]] std::size_t read_ahead() const noexcept { return squeezed_ ? 1 : kReadAheadSegments; }
  [[nodiscard]] bool cursor_near_end() const noexcept { return cursor_offset_ + kReadAheadEntries >= cursor_->end(); }
  [[nodiscard]] bool evictable(const Segment& segment) const noexcept;
  void evict(Segment& segment);
  void remember_evicted(Segment& segment, Offset offset, const Entry& entry);
  std::uint64_t release(Segment& segment, const Storage& codec, WriteSet& out, InFlight& flight);
  void shrink(std::uint64_t target_bytes, const Storage& codec, WriteSet& out, InFlight& flight);
  void spill(Segment& segment, const Storage& codec, WriteSet& out, InFlight& flight);
  void fill(Segment& segment, std::span<const PageRecord> records);
  void apply_marks(Segment& segment, std::span<const Mark> marks, UnixMillis now, WaitReport* report);
  void recount_pages(Segment& segment);
  void recount_messages(Segment& segment);

  const QueueId id_;
  const std::uint8_t level_;
  const bool durable_;

  SegmentList segments_;
  Segment* cursor_ = nullptr;
  Offset cursor_offset_ = 0;  // the next offset to look at
  Offset next_offset_ = 0;
  std::set<Offset> returned_;  // ready, but behind the cursor
  Totals totals_;
  DeadlineIndex deadlines_;
  WaitIndex waits_;

  bool ever_stored_ = false;
  Offset handed_to_ = 0;         // everything below was looked at by collect()
  std::uint64_t unwritten_ = 0;  // live persistent messages in no page
  Offset unwritten_from_ = 0;    // none of them is below
  PageChanges changes_;
  std::uint64_t collects_ = 1;  // the number of the next collect()
  std::uint64_t writes_ = 1;    // the number of the next written()
  DeliveredBelow below_;
  Deque<InFlight> in_flight_;
  std::vector<Offset> loads_wanted_;
  std::size_t loads_under_way_ = 0;  // wanted or asked for, not answered
  bool squeezed_ = false;            // more is in memory than should be
  bool ever_parked_ = false;
};

template <class Visit>
void MessageLog::for_each_ready(Visit&& visit) {
  for (Offset offset : returned_)
    if (Entry* entry = find(offset); entry != nullptr && !visit(offset, *entry)) return;
  for (Segment* segment = segments_.head(); segment != nullptr; segment = segment->next) {
    if (!segment->resident) continue;
    for (Offset offset = segment->first; offset < segment->end(); ++offset) {
      Entry& entry = segment->at(offset);
      if (entry.state == EntryState::kReady && !entry.returned && !visit(offset, entry)) return;
    }
  }
}

template <class Visit>
void MessageLog::for_each_absent(Visit&& visit) {
  for (Segment* segment = segments_.head(); segment != nullptr; segment = segment->next) {
    if (segment->busy == 0 && segment->waiting == 0) continue;
    if (!segment->resident) continue;
    for (Offset offset = segment->first; offset < segment->end(); ++offset)
      if (Entry& entry = segment->at(offset); entry.state == EntryState::kOut || entry.state == EntryState::kWaiting) visit(offset, entry);
  }
}

}  // namespace mq::broker
