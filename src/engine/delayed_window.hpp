// Which delayed messages of a book are in memory: those that are due next, up to a bound; of the others only their number is known.
// Everything here is on disk; what is on its way there is not here yet.
//
// Keys below `horizon()` are all in memory (or leaving); keys from there on lie on disk alone and are read back, in order, when those
// before them have gone. Reading runs beside what comes and goes meanwhile; loaded() sorts that out. Pure; used on one strand.
#pragma once

#include <boost/unordered/unordered_flat_set.hpp>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "broker/message.hpp"
#include "mq/ports/storage.hpp"

namespace mq::engine {

struct DelayedKeyHash {
  std::size_t operator()(const DelayedKey& key) const noexcept {
    return std::hash<std::uint64_t>{}(static_cast<std::uint64_t>(key.due) * 0x9E3779B97F4A7C15ULL + key.sequence);
  }
};

class DelayedWindow {
 public:
  struct Limits {
    std::size_t messages = 16 * 1024;
    std::uint64_t bytes = 8 << 20;  ///< of memory; one message may exceed it
  };
  /// What to ask the store for.
  struct Load {
    DelayedKey from;
    std::size_t max_messages = 0;
    std::uint64_t max_bytes = 0;
  };

  explicit DelayedWindow(Limits limits) : limits_(limits) {}

  /// So many are on disk, and nothing of them is in memory. Before anything else.
  void restore(std::uint64_t messages);

  /// A message that is on disk now.
  void add(const DelayedRecord& record);
  /// When the next one is due, as far as is known; kNever when nothing is in memory.
  [[nodiscard]] UnixMillis next_due() const noexcept { return near_.empty() ? kNever : near_.begin()->first.due; }
  /// The next one if it is due; it is leaving from here on.
  [[nodiscard]] std::optional<DelayedRecord> take_due(UnixMillis now);
  /// A message that somebody read from disk is to leave; false when it is not here any more, or leaving already.
  [[nodiscard]] bool take(DelayedKey key);
  /// One that was leaving is off the disk.
  void gone(DelayedKey key);

  /// True when more should be read back; then start_load() and, when that is read, loaded().
  [[nodiscard]] bool wants_load() const noexcept;
  /// `safe_below`: messages with lower sequences are on disk and were added; about others the reading may come too early.
  [[nodiscard]] Load start_load(std::uint64_t safe_below);
  struct Losses {
    std::vector<DelayedKey> damaged;  ///< to be dropped: they cannot be read any more
    std::uint64_t missing = 0;        ///< counted, but not there
  };
  /// What the disk lost of it; nothing, as a rule.
  Losses loaded(const DelayedScan& scan);
  /// The reading failed; wants_load() is true again.
  void load_failed() noexcept { loading_ = false; }

  [[nodiscard]] DelayedKey horizon() const noexcept { return horizon_; }
  [[nodiscard]] std::size_t in_memory() const noexcept { return near_.size(); }
  [[nodiscard]] std::uint64_t memory_bytes() const noexcept { return bytes_; }
  /// Waiting ones, those that are leaving not included.
  [[nodiscard]] std::uint64_t waiting() const noexcept { return near_.size() + far_; }

 private:
  struct Near {
    broker::MessagePtr message;
    UnixMillis accepted_at = 0;
  };
  static std::uint64_t cost(const broker::MessagePtr& message) noexcept { return message->memory_bytes() + sizeof(Near) + 64; }
  void insert(const DelayedRecord& record);
  void trim();
  [[nodiscard]] bool is_leaving(DelayedKey key) const { return leaving_.contains(key) || left_meanwhile_.contains(key); }

  const Limits limits_;
  std::map<DelayedKey, Near> near_;
  std::uint64_t bytes_ = 0;  // of near_
  DelayedKey horizon_ = kBehindAllDelayed;
  std::uint64_t far_ = 0;  // messages from the horizon on
  boost::unordered_flat_set<DelayedKey, DelayedKeyHash> leaving_;

  bool loading_ = false;
  DelayedKey load_from_;
  std::uint64_t safe_below_ = 0;
  DelayedKey missed_ = kBehindAllDelayed;  // the lowest key that went to the far side while a load was under way
  boost::unordered_flat_set<DelayedKey, DelayedKeyHash> left_meanwhile_;
};

}  // namespace mq::engine
