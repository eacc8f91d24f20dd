#include "broker/seen_ids.hpp"

#include <algorithm>
#include <utility>

#include "mq/base/check.hpp"

namespace mq::broker {
namespace {

constexpr Millis kSweepEveryMs = 1000;          // ids in the middle are looked through so often, and not so often where
constexpr std::uint64_t kSweptIdsPerMs = 1000;  // there are many

}  // namespace

SeenIds::SeenIds() : index_(0, Hash{this}, Same{this}) {}

const SeenIds::Entry* SeenIds::at(std::uint64_t sequence) const noexcept {
  if (sequence < first_ || sequence >= next_) return nullptr;
  const Block& block = blocks_[static_cast<std::size_t>(sequence / kBlock - first_block_)];
  const std::size_t place = static_cast<std::size_t>(sequence % kBlock);
  return place < block.entries.size() ? &block.entries[place] : nullptr;
}

bool SeenIds::remembers(std::uint64_t sequence) const noexcept {
  const Entry* entry = at(sequence);
  return entry != nullptr && entry->until != 0;
}

std::optional<std::uint64_t> SeenIds::find(const IdHash& hash, UnixMillis now) const {
  const auto found = index_.find(hash);
  if (found == index_.end()) return std::nullopt;
  const std::uint64_t sequence = full(*found);
  if (static_cast<UnixMillis>(at(sequence)->until) <= now) return std::nullopt;
  return sequence;
}

// --- in ---

SeenIds::Block& SeenIds::block_for(std::uint64_t sequence) {
  const std::uint64_t number = sequence / kBlock;
  if (blocks_.empty()) first_block_ = number;
  while (first_block_ + blocks_.size() <= number) blocks_.emplace_back();
  return blocks_[static_cast<std::size_t>(number - first_block_)];
}

void SeenIds::put(const SeenId& id, bool on_disk) {
  MQ_CHECK(id.until > 0);
  if (blocks_.empty()) first_ = id.sequence;
  next_ = id.sequence + 1;
  Block& block = block_for(id.sequence);
  const std::size_t place = static_cast<std::size_t>(id.sequence % kBlock);
  if (block.entries.empty() && place == 0 && first_ + kBlock <= id.sequence) block.entries.reserve(kBlock);
  block.entries.resize(place);  // what is left out is gone
  Entry& entry = block.entries.emplace_back();
  entry.hash = id.hash;
  entry.until = static_cast<std::uint64_t>(id.until) & (~std::uint64_t{0} >> 1);
  entry.on_disk = on_disk ? 1 : 0;
  used_blocks_ += block.live++ == 0 ? 1 : 0;
  block.earliest = std::min(block.earliest, id.until);
  earliest_ = std::min(earliest_, id.until);
  index_.insert(static_cast<std::uint32_t>(id.sequence));
}

std::uint64_t SeenIds::enter(const IdHash& hash, UnixMillis until, bool on_disk) {
  if (const auto old = index_.find(hash); old != index_.end()) {  // its time has come
    const std::uint64_t sequence = full(*old);
    leave(sequence, *at(sequence));
  }
  const std::uint64_t sequence = next_;
  put({sequence, hash, until}, on_disk);
  return sequence;
}

void SeenIds::restore(const SeenId& id) {
  MQ_CHECK(id.sequence >= next_);
  if (const auto old = index_.find(id.hash); old != index_.end()) {
    const std::uint64_t sequence = full(*old);
    leave(sequence, *at(sequence));
  }
  put(id, true);
}

// --- out ---

void SeenIds::leave(std::uint64_t sequence, Entry& entry) {
  if (entry.until == 0) return;
  index_.erase(static_cast<std::uint32_t>(sequence));
  entry.until = 0;
  if (entry.on_disk != 0) left_.push_back(sequence);
  Block& block = blocks_[static_cast<std::size_t>(sequence / kBlock - first_block_)];
  if (--block.live != 0) return;
  --used_blocks_;
  block.earliest = kNever;
  if (sequence / kBlock != (next_ - 1) / kBlock) block.entries = {};  // the last one is still being filled
}

void SeenIds::take_back(std::uint64_t from) {
  from = std::max(from, first_);
  while (next_ > from) {
    const std::uint64_t last = next_ - 1;
    if (Entry* entry = at(last)) {
      leave(last, *entry);
      Block& block = blocks_[static_cast<std::size_t>(last / kBlock - first_block_)];
      if (!block.entries.empty()) block.entries.resize(static_cast<std::size_t>(last % kBlock));
    }
    --next_;
  }
}

void SeenIds::drop_front_blocks() {
  while (!blocks_.empty() && (first_block_ + 1) * kBlock <= first_) {
    blocks_.pop_front();
    ++first_block_;
  }
}

void SeenIds::trim(std::uint64_t max_ids, UnixMillis now) {
  while (first_ < next_) {
    const bool beyond = next_ - first_ > max_ids;
    Entry* entry = at(first_);
    if (!beyond && entry != nullptr && static_cast<UnixMillis>(entry->until) > now) break;
    if (entry != nullptr) leave(first_, *entry);
    ++first_;
    if (first_ % kBlock == 0) drop_front_blocks();
  }
  if (first_ == next_) {
    blocks_.clear();
    earliest_ = kNever;
  }
  if (earliest_ <= now && next_sweep_ <= now) sweep(now);
}

void SeenIds::sweep(UnixMillis now) {
  next_sweep_ = now + kSweepEveryMs + static_cast<Millis>((next_ - first_) / kSweptIdsPerMs);
  earliest_ = kNever;
  for (std::size_t number = 0; number < blocks_.size(); ++number) {
    Block& block = blocks_[number];
    if (block.earliest <= now) {
      UnixMillis earliest = kNever;
      const std::uint64_t block_first = (first_block_ + number) * kBlock;
      for (std::size_t place = 0; place < block.entries.size(); ++place) {
        Entry& entry = block.entries[place];
        if (entry.until == 0) continue;
        const auto until = static_cast<UnixMillis>(entry.until);
        if (until > now) earliest = std::min(earliest, until);
        else leave(block_first + place, entry);
      }
      block.earliest = earliest;
    }
    earliest_ = std::min(earliest_, block.earliest);
  }
}

void SeenIds::clear() {
  trim(0, 0);
  index_ = decltype(index_)(0, Hash{this}, Same{this});
}

void SeenIds::take_left(std::vector<std::uint64_t>& out) {
  out.insert(out.end(), left_.begin(), left_.end());
  left_.clear();
}

std::uint64_t SeenIds::memory_bytes() const noexcept {
  const std::uint64_t entries = used_blocks_ <= 1 && !blocks_.empty() ? blocks_.back().entries.capacity() : used_blocks_ * kBlock;
  return entries * sizeof(Entry) + blocks_.size() * sizeof(Block) + index_.bucket_count() * (sizeof(std::uint32_t) + 1);
}

}  // namespace mq::broker
