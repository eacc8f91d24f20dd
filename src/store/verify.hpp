// Reads a whole data directory, says what is wrong with it, and writes what is whole into a new one: the ground of `brokerctl store
// verify` and `store repair`. A directory that is read here is never changed.
//
// Layers: verify_source opens and reads whatever can be read; verify_walk knows what should be there and compares; repair.cpp writes.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "mq/ports/storage.hpp"

namespace mq::store {

/// A message that cannot be read any more, and what is left of it.
struct LostMessage {
  Offset not_before = 0;  ///< its offset, or its sequence, is at least this
  Offset not_after = 0;   ///< and at most this; when that is less, nobody knows
  bool legible = false;   ///< the following is what it still seems to say
  std::string exchange, routing_key, message_id;
  std::uint64_t body_bytes = 0;
  UnixMillis enqueued_at = 0;  ///< or accepted, of a delayed message
  UnixMillis due = 0;          ///< of a delayed message
  std::string raw;             ///< the octets where it lay; may be empty
};

struct VerifyFinding {
  QueueId queue = 0;                  ///< 0 when the finding is about no queue; a log's number, of which each priority level has one
  Offset page_first = 0;              ///< 0 too when the finding is about the queue, or the directory
  std::string text;                   ///< one sentence
  std::uint64_t whole_messages = 0;   ///< of a damaged page, how many can still be read
  std::uint64_t lost_messages = 0;    ///< and how many cannot
  std::uint64_t come_again = 0;       ///< messages that may have been settled and count as not settled
  std::vector<LostMessage> messages;  ///< those that are lost, as far as they are known
  DelayedBook book = 0;               ///< of delayed messages; 0 when it is not about any
  std::string metadata_key;           ///< of a damaged record
  std::string raw;                    ///< the octets of a damaged value other than messages
};

/// What lies under numbers that metadata gives out.
struct StoredNumbers {
  std::set<QueueId> logs;
  std::set<DelayedBook> books;
  std::set<SeenWindow> windows;
};
using MetadataRecords = std::map<std::string, std::string, std::less<>>;  ///< by key; the broker's own bytes

struct VerifySummary {
  std::uint64_t metadata_records = 0;
  std::uint64_t queues = 0;
  std::uint64_t pages = 0;
  std::uint64_t messages = 0;    ///< whole ones, settled or not
  std::uint64_t body_bytes = 0;  ///< of those
  std::uint64_t marked_messages = 0;
  std::uint64_t delayed_messages = 0;  ///< whole ones
  std::uint64_t seen_ids = 0;          ///< of whole records
  std::uint64_t findings = 0;
  MetadataRecords metadata;  ///< whole ones
  StoredNumbers numbers;
};

using ReportFinding = std::function<void(const VerifyFinding&)>;

/// Calls `report` for each thing found wrong, in order of queue and page within each of: the files, metadata, index and pages, marks,
/// states, delayed messages, seen ids. One page is in memory at a time. Works beside a running broker, but then sees the moment of its
/// start and may meet files that broker removes; for a verdict stop it first. An error is returned only when the directory cannot be
/// opened.
[[nodiscard]] StorageResult<VerifySummary> verify(const std::string& directory, const ReportFinding& report);

/// The number of the process that has the directory open; nullopt when that is none but this one. Never in a process that has it open
/// itself: POSIX would take its lock away.
[[nodiscard]] std::optional<std::int64_t> user_of(const std::string& directory);

struct RepairOptions {
  std::string directory;
  bool dry_run = false;  ///< tells what would be found; nothing is changed
  /// Brings the records of metadata into order with what is stored; may add, change and drop records. What it drops of numbers goes:
  /// `numbers` that no record speaks of afterwards are dropped by the broker's next start. `damaged` are records that cannot be read, the
  /// octets as they lie there. Returns one sentence for each thing it did.
  std::function<std::vector<std::string>(MetadataRecords& whole, const MetadataRecords& damaged, const StoredNumbers& numbers)> mend;
};

struct RepairSummary {
  VerifySummary kept;              ///< what is in the directory now; `findings` are what was wrong before
  bool changed = false;            ///< the directory was written anew
  std::string originals;           ///< where the files are that were there before; nothing of them was changed
  std::vector<std::string> notes;  ///< what was done besides, a sentence each
};

/// Writes all that can be read into a new directory, checks that, and puts it in place of the old one, which stays beside it under another
/// name. Opens what can be opened: without the log's damaged parts, by another manifest, with RocksDB's own repair at last. When nothing
/// is wrong nothing is done. On an error the directory is as it was. kLocked: a broker has it open. kNoSpace: the copy has no room.
[[nodiscard]] StorageResult<RepairSummary> repair(const RepairOptions& options, const ReportFinding& report);

}  // namespace mq::store
