// The Storage port: what the broker asks of a disk. Implementations: store/rocks_store (RocksDB), store/memory_store, and the
// simulator's, which loses what was not synced.
//
// What is stored:
//  - metadata: small named records (exchanges, queues, bindings, users); key and value are the caller's bytes.
//  - pages: the messages one queue persisted within one commit, in order of offset, under (queue id, first offset).
//  - marks: per page, what happened to single messages of it (settled, or returned N times, perhaps to wait until some moment). Marks
//    merge: settled wins over any count, a higher count over a lower; their order of arrival does not matter.
//  - queue state: a few numbers per queue, overwritten as a whole.
//  - delayed messages: single messages under (book, when they are due, a number that grows), read in that order; per book how many.
//  - seen ids: what stands for the ids of messages that entered, so that none enters twice; those of one write under (window, the
//    first of their numbers).
//
// Threads: commit() and the scans are called from one blocking strand at a time; read_page(), read_marks(), read_delayed() and
// find_delayed() may run beside commit() from another thread; encode_page() is const and called from any thread.
#pragma once

#include <boost/intrusive_ptr.hpp>
#include <boost/system/result.hpp>
#include <compare>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "mq/base/clock.hpp"

namespace mq::broker {
class Message;
using MessagePtr = boost::intrusive_ptr<const Message>;
}  // namespace mq::broker

namespace mq {

using QueueId = std::uint64_t;  ///< never reused, not even after the queue is gone
using Offset = std::uint64_t;   ///< a message's place in its queue; grows by one with each message

struct StorageError {
  enum class Kind : std::uint8_t { kIo, kNoSpace, kCorrupt, kNotFound, kVersion, kLocked };
  Kind kind = Kind::kIo;
  std::string text;
};
[[noreturn]] void throw_exception_from_error(const StorageError& error, const boost::source_location& where);

template <class T = void>
using StorageResult = boost::system::result<T, StorageError>;

/// One message as a page holds it.
struct PageRecord {
  Offset offset = 0;
  broker::MessagePtr message;
  UnixMillis enqueued_at = 0;
  UnixMillis deadline = kNever;  ///< when it expires
};

/// What recovery needs to know of a page without reading it.
struct PageIndex {
  Offset first = 0;
  Offset last = 0;               ///< inclusive; offsets in between may be missing
  std::uint32_t count = 0;       ///< records in the page
  std::uint64_t body_bytes = 0;  ///< sum of the bodies
  UnixMillis earliest_deadline = kNever;
  UnixMillis first_enqueued_at = 0;
  std::uint8_t priority_level = 0;
  bool transient = false;  ///< spilled to save memory; forgotten at the next start
  bool operator==(const PageIndex&) const = default;
};

/// What happened to one message of a stored page.
struct Mark {
  static constexpr std::uint32_t kSettled = 0xFFFFFFFF;
  Offset offset = 0;
  std::uint32_t value = 0;  ///< kSettled, or how often it was returned to the queue
  UnixMillis until = 0;     ///< returned to be delivered no earlier than this; 0 = at any time
  bool operator==(const Mark&) const = default;
};

/// Numbers kept per queue.
struct QueueState {
  Offset next_offset = 0;      ///< offsets from here on were never given out (a lower bound: pages may reach beyond)
  Offset delivered_below = 0;  ///< messages below this may have been delivered before the last stop
  bool operator==(const QueueState&) const = default;
};

/// An encoded page, ready to be written.
struct EncodedPage {
  QueueId queue = 0;
  PageIndex index;
  std::string bytes;
};

/// The delayed messages of one vhost, under a number of its own.
using DelayedBook = std::uint64_t;

/// Where a delayed message stands in its book. Keys sort by the time they are due, and of those by the order in which they came.
struct DelayedKey {
  UnixMillis due = 0;          ///< not negative
  std::uint64_t sequence = 0;  ///< given once in the life of a book
  auto operator<=>(const DelayedKey&) const = default;
};
inline constexpr DelayedKey kBehindAllDelayed{kNever, UINT64_MAX};

struct DelayedRecord {
  DelayedKey key;
  broker::MessagePtr message;
  UnixMillis accepted_at = 0;
};

/// Shared by who has them written and the write. Also lets whoever holds it know nothing of messages.
using DelayedRecords = std::shared_ptr<const std::vector<DelayedRecord>>;

/// Numbers of a book; the store keeps them itself, exact with every commit.
struct DelayedState {
  std::uint64_t count = 0;
  std::uint64_t body_bytes = 0;
  std::uint64_t next_sequence = 0;  ///< above every sequence that was ever put
  bool operator==(const DelayedState&) const = default;
};

/// A stretch of a book, as read from disk.
struct DelayedScan {
  std::vector<DelayedRecord> records;  ///< in order of key
  std::vector<DelayedKey> damaged;     ///< what lay in between and cannot be read any more
  bool complete = false;               ///< nothing is behind them
};

/// The ids that a queue or an exchange remembers: under the queue's id, or a number of the exchange's own from the same source.
using SeenWindow = std::uint64_t;

/// 128 bits that stand for an id; two ids have the same by nobody's doing.
struct IdHash {
  std::uint64_t high = 0, low = 0;
  bool operator==(const IdHash&) const = default;
};

struct SeenId {
  std::uint64_t sequence = 0;  ///< grows with each id of the window
  IdHash hash;
  UnixMillis until = kNever;  ///< it is forgotten then, if it is not before; positive
  bool operator==(const SeenId&) const = default;
};

/// What is on disk of a window.
struct RecoveredSeen {
  std::vector<std::vector<SeenId>> records;  ///< as they were put, in order of sequence
  std::vector<std::uint64_t> damaged;        ///< the first sequences of records that cannot be read any more
};

/// Everything that must become true at once. Built anywhere, committed by the committer.
struct WriteSet {
  struct PutMetadata {
    std::string key, value;
  };
  struct DeleteMetadata {
    std::string key;
  };
  struct AddMarks {
    QueueId queue = 0;
    Offset page_first = 0;
    std::vector<Mark> marks;
  };
  /// `had_marks` tells whether any mark was ever written for the page, so that the store need not look.
  struct DropPage {
    QueueId queue = 0;
    Offset page_first = 0;
    bool had_marks = false;
  };
  struct PutQueueState {
    QueueId queue = 0;
    QueueState state;
  };
  struct DropQueue {
    QueueId queue = 0;
  };
  /// Keys that were never put before.
  struct PutDelayed {
    DelayedBook book = 0;
    DelayedRecords records;
  };
  /// Records that are there, as they were put; one that turned out to be damaged goes without its message.
  struct DropDelayed {
    DelayedBook book = 0;
    DelayedRecords records;
  };
  struct DropDelayedBook {
    DelayedBook book = 0;
  };
  /// At least one id, in order of sequence; between the first and the last of them lie none of other records.
  struct PutSeen {
    SeenWindow window = 0;
    std::vector<SeenId> ids;
  };
  /// A record, named by its first sequence.
  struct DropSeen {
    SeenWindow window = 0;
    std::uint64_t first = 0;
  };
  struct DropSeenWindow {
    SeenWindow window = 0;
  };
  using Operation = std::variant<PutMetadata, DeleteMetadata, EncodedPage, AddMarks, DropPage, PutQueueState, DropQueue, PutDelayed,
                                 DropDelayed, DropDelayedBook, PutSeen, DropSeen, DropSeenWindow>;

  std::vector<Operation> operations;
  bool needs_sync = false;  ///< somebody waits for this to be on disk

  [[nodiscard]] bool empty() const noexcept { return operations.empty(); }
};

/// A page as recovery sees it.
struct RecoveredPage {
  PageIndex index;
  std::vector<Mark> marks;  ///< merged, in order of offset
};
struct RecoveredQueue {
  QueueState state;
  std::vector<RecoveredPage> pages;  ///< in order of first offset
};

class Storage {
 public:
  virtual ~Storage() = default;

  /// Encodes records (ascending offsets, at least one) into a page. `index` fields are filled from the records, `priority_level` and
  /// `transient` are taken over.
  [[nodiscard]] virtual EncodedPage encode_page(QueueId queue, std::span<const PageRecord> records, std::uint8_t priority_level,
                                                bool transient) const = 0;

  /// Applies all sets as one atomic write, in their order; synced before it returns if any needs it. kNoSpace: nothing of it is written or
  /// applied, and it may be tried again. Other errors: nothing or all may be on disk; the caller must not confirm and must not go on.
  [[nodiscard]] virtual StorageResult<> commit(std::span<WriteSet* const> sets) = 0;

  /// The records of a page, in order of offset, marks not applied. kCorrupt when its checksum fails; `salvaged`, if given, then receives
  /// the records that are still whole.
  [[nodiscard]] virtual StorageResult<std::vector<PageRecord>> read_page(QueueId queue, Offset first,
                                                                         std::vector<PageRecord>* salvaged = nullptr) = 0;

  /// The marks of a page, merged, in order of offset; none when nothing was ever said of it.
  [[nodiscard]] virtual StorageResult<std::vector<Mark>> read_marks(QueueId queue, Offset first) = 0;

  /// Calls `visit(key, value)` for every metadata record whose key starts with `prefix`, in key order.
  virtual StorageResult<> scan_metadata(std::string_view prefix, const std::function<void(std::string_view, std::string_view)>& visit) = 0;

  /// Everything known of a queue's pages without reading their bodies. Transient pages of an earlier run are not among them.
  [[nodiscard]] virtual StorageResult<RecoveredQueue> recover_queue(QueueId queue) = 0;

  /// Queue ids that have pages, marks or state: recovery drops those no metadata speaks of.
  [[nodiscard]] virtual StorageResult<std::vector<QueueId>> stored_queues() = 0;

  /// The delayed messages of `book` from key `from` on: up to `max_records`, and no more once their bodies reach `max_bytes`.
  [[nodiscard]] virtual StorageResult<DelayedScan> read_delayed(DelayedBook book, DelayedKey from, std::size_t max_records,
                                                                std::uint64_t max_bytes) = 0;
  /// Those whose property message-id is `message_id`, which is not empty.
  [[nodiscard]] virtual StorageResult<std::vector<DelayedRecord>> find_delayed(DelayedBook book, std::string_view message_id) = 0;
  /// The numbers of a book as the last run left them; of one that is not there, zeros. Before anything is committed to it.
  [[nodiscard]] virtual StorageResult<DelayedState> recover_delayed(DelayedBook book) = 0;
  /// Books that have messages or numbers: recovery drops those no metadata speaks of.
  [[nodiscard]] virtual StorageResult<std::vector<DelayedBook>> stored_delayed_books() = 0;

  /// Everything that is on disk of a window.
  [[nodiscard]] virtual StorageResult<RecoveredSeen> recover_seen(SeenWindow window) = 0;
  /// Windows that have ids: recovery drops those that are nobody's any more.
  [[nodiscard]] virtual StorageResult<std::vector<SeenWindow>> stored_seen_windows() = 0;

  /// Makes everything committed so far durable (used at shutdown).
  [[nodiscard]] virtual StorageResult<> sync() = 0;

  /// Where the data lies, for messages; ":memory:" when nowhere.
  [[nodiscard]] virtual const std::string& location() const noexcept = 0;
};

}  // namespace mq
