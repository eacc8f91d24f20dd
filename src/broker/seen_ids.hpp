// The ids that entered last, in order, to be asked for by hash: the memory of deduplication. Bounded by count, each id by a time of its
// own. 24 bytes an id, and about eight for finding it. Pure: told the time.
//
// Each id that enters has the next sequence. Ids leave from the old end, beyond the bound or when their time has come; those in between
// whose time has come count until then, but are not found any more, and their memory goes in blocks.
//
// Ownership: belongs to one IdWindow, used on its strand only.
#pragma once

#include <algorithm>
#include <boost/unordered/unordered_flat_set.hpp>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "mq/base/clock.hpp"
#include "mq/base/deque.hpp"
#include "mq/ports/storage.hpp"

namespace mq::broker {

class SeenIds {
 public:
  SeenIds();
  SeenIds(const SeenIds&) = delete;
  SeenIds& operator=(const SeenIds&) = delete;

  /// The sequence of that id if it is remembered at `now`.
  [[nodiscard]] std::optional<std::uint64_t> find(const IdHash& hash, UnixMillis now) const;
  /// An id that find() does not know; returns its sequence. `on_disk`: to be told by take_left() when it leaves.
  std::uint64_t enter(const IdHash& hash, UnixMillis until, bool on_disk);
  /// The same with a sequence given, not below next().
  void restore(const SeenId& id);
  /// Takes back the last ids, from that sequence on, as if they had never entered.
  void take_back(std::uint64_t from);
  /// Forgets what is beyond the last `max_ids`, and what is forgotten by its time.
  void trim(std::uint64_t max_ids, UnixMillis now);
  /// Forgets everything; sequences go on.
  void clear();

  /// The sequence of the next id that enters.
  [[nodiscard]] std::uint64_t next() const noexcept { return next_; }
  [[nodiscard]] bool remembers(std::uint64_t sequence) const noexcept;
  /// When trim() should be called at the latest; kNever when no id has a time.
  [[nodiscard]] UnixMillis next_expiry() const noexcept { return earliest_ == kNever ? kNever : std::max(earliest_, next_sweep_); }
  [[nodiscard]] std::size_t size() const noexcept { return index_.size(); }
  [[nodiscard]] std::uint64_t memory_bytes() const noexcept;
  /// Appends the sequences of ids on disk that left since the last call.
  void take_left(std::vector<std::uint64_t>& out);

 private:
  static constexpr std::uint64_t kBlock = 512;

  struct Entry {
    IdHash hash;
    std::uint64_t until : 63 = 0;  // 0 = gone
    std::uint64_t on_disk : 1 = 0;
  };
  /// Neighbouring sequences; without memory when all of them are gone.
  struct Block {
    std::vector<Entry> entries;
    std::uint32_t live = 0;
    UnixMillis earliest = kNever;  // no id of it is forgotten before
  };
  struct Hash {
    using is_transparent = void;
    using is_avalanching = void;
    const SeenIds* of;
    std::size_t operator()(const IdHash& hash) const noexcept { return hash.low; }
    std::size_t operator()(std::uint32_t short_sequence) const noexcept { return of->at(of->full(short_sequence))->hash.low; }
  };
  struct Same {
    using is_transparent = void;
    const SeenIds* of;
    bool operator()(std::uint32_t a, std::uint32_t b) const noexcept { return a == b; }
    bool operator()(const IdHash& a, std::uint32_t b) const noexcept { return of->at(of->full(b))->hash == a; }
    bool operator()(std::uint32_t a, const IdHash& b) const noexcept { return of->at(of->full(a))->hash == b; }
  };

  /// Fewer ids than 2^32 are remembered, so half of a sequence tells which one is meant.
  [[nodiscard]] std::uint64_t full(std::uint32_t short_sequence) const noexcept {
    return first_ + static_cast<std::uint32_t>(short_sequence - static_cast<std::uint32_t>(first_));
  }
  [[nodiscard]] const Entry* at(std::uint64_t sequence) const noexcept;
  [[nodiscard]] Entry* at(std::uint64_t sequence) noexcept { return const_cast<Entry*>(std::as_const(*this).at(sequence)); }
  Block& block_for(std::uint64_t sequence);
  void put(const SeenId& id, bool on_disk);
  void leave(std::uint64_t sequence, Entry& entry);
  void drop_front_blocks();
  void sweep(UnixMillis now);

  Deque<Block> blocks_;            // from that of first_ on
  std::uint64_t first_block_ = 0;  // the number of the first of blocks_
  std::uint64_t first_ = 1;        // nothing below is remembered
  std::uint64_t next_ = 1;
  std::uint64_t used_blocks_ = 0;
  UnixMillis earliest_ = kNever;  // no id is forgotten before
  UnixMillis next_sweep_ = 0;
  boost::unordered_flat_set<std::uint32_t, Hash, Same> index_;
  std::vector<std::uint64_t> left_;
};

}  // namespace mq::broker
