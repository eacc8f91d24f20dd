// The window of ids that a queue or an exchange remembers: SeenIds, and what of it is on disk. Pure: told the time, builds WriteSets.
//
// Disk: the ids of one write are one record, written in the same write as their messages, so that either both are there or neither. A
// record goes when all of its ids have left; nothing is written twice.
// What is said of a message counts once its id, and so the message, is on disk: settled_below() tells how far that has come.
//
// Ownership: belongs to a queue, or to the actor that has an exchange's window; used on its strand only.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <optional>
#include <vector>

#include "broker/seen_ids.hpp"
#include "mq/base/deque.hpp"
#include "mq/ports/storage.hpp"

namespace mq::broker {

class IdWindow {
 public:
  /// `writes_under_way`: so many calls of written() are for writes that began before there was this window.
  explicit IdWindow(SeenWindow window, std::size_t writes_under_way = 0) : window_(window), foreign_writes_(writes_under_way) {}

  // --- bounds ---
  /// How many ids are remembered at the most; ids beyond leave with the next trim().
  void set_max_ids(std::uint64_t max_ids) noexcept { max_ids_ = max_ids; }
  /// Nothing is remembered any more, in memory or on disk. The window may be used again.
  void forget_all();
  /// What a start finds; before anything enters.
  void restore(const RecoveredSeen& recovered);
  /// Lets go of what is beyond the bounds.
  void trim(UnixMillis now);
  [[nodiscard]] UnixMillis next_expiry() const noexcept { return seen_.next_expiry(); }

  // --- ids ---
  [[nodiscard]] std::optional<std::uint64_t> find(const IdHash& hash, UnixMillis now) const { return seen_.find(hash, now); }
  enum class Keep : std::uint8_t {
    kMemory,   ///< its message is lost with the process, and so is the id
    kUnnoted,  ///< the id is not to be on disk, but its message is: confirms wait for that
    kDisk,
  };
  /// An id that find() does not know, with the place of its message. Returns its sequence.
  std::uint64_t enter(const IdHash& hash, UnixMillis until, Keep keep, Offset offset);
  /// The sequence of the next id.
  [[nodiscard]] std::uint64_t next() const noexcept { return seen_.next(); }

  // --- what is on disk ---
  /// All ids with a smaller sequence are on disk, as far as they are to be there.
  [[nodiscard]] std::uint64_t settled_below() const noexcept;
  /// The same once the writes that collect() was called for are done.
  [[nodiscard]] std::uint64_t collected_below() const noexcept;
  /// Whether collect() with that bound would do something.
  [[nodiscard]] bool dirty(Offset below) const noexcept;
  /// What is to be written together with the messages whose offsets are below that. Followed by one written() each, in order.
  void collect(Offset below, WriteSet& out);
  void written();

  // --- atomic commits ---
  /// The ids that entered from sequence `first` on are part of an atomic commit, whose name is the caller's.
  void collect_joint(std::uint64_t first, std::uint64_t name, WriteSet& out);
  /// That commit is done; no matter if there was none of the name.
  void joint_done(std::uint64_t name);
  /// All ids of atomic commits with a smaller sequence are on disk.
  [[nodiscard]] std::uint64_t joined_below() const noexcept;
  /// The ids from there on never entered, and what collect_joint() made of them is not written.
  void take_back(std::uint64_t first);
  /// Nobody waits for the disk any more: the queue is gone.
  void abandon();

  [[nodiscard]] std::size_t size() const noexcept { return seen_.size(); }
  [[nodiscard]] bool has_records() const noexcept { return !records_.empty() || drop_window_; }
  [[nodiscard]] std::uint64_t memory_bytes() const noexcept { return seen_.memory_bytes() + records_.size() * sizeof(Record); }

 private:
  static constexpr std::uint64_t kNone = UINT64_MAX;

  /// An id whose message is still to be written.
  struct Pending {
    SeenId id;
    Offset offset = 0;
    bool on_disk = false;
  };
  struct Record {
    std::uint64_t first = 0;
    std::uint32_t span = 0;  // its last sequence is so much higher
    std::uint32_t live = 0;
  };

  void put_record(std::vector<SeenId> ids, WriteSet& out);
  void let_go();

  const SeenWindow window_;
  SeenIds seen_;
  std::uint64_t max_ids_ = 0;
  Deque<Pending> pending_;                                          // in order of sequence
  Deque<std::uint64_t> writing_;                                    // per write under way its first sequence, or kNone
  boost::unordered_flat_map<std::uint64_t, std::uint64_t> joints_;  // by name: the first sequence
  std::size_t foreign_writes_;
  Deque<Record> records_;  // in order; those without a live id go with the first
  std::vector<std::uint64_t> drops_;
  std::vector<std::uint64_t> left_;
  bool drop_window_ = false;
  bool drop_after_joints_ = false;  // what atomic commits under way still write is to be dropped too
};

}  // namespace mq::broker
