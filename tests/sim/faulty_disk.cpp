#include "sim/faulty_disk.hpp"

#include <algorithm>
#include <utility>

#include "broker/message.hpp"
#include "mq/base/check.hpp"
#include "store/page_codec.hpp"

namespace mq::sim {
namespace {

std::vector<WriteSet*> pointers_to(std::vector<WriteSet>& sets) {
  std::vector<WriteSet*> pointers;
  for (WriteSet& set : sets) pointers.push_back(&set);
  return pointers;
}

bool takes_space(const WriteSet& set) {
  return std::any_of(set.operations.begin(), set.operations.end(), [](const WriteSet::Operation& operation) {
    return std::holds_alternative<EncodedPage>(operation) || std::holds_alternative<WriteSet::PutDelayed>(operation);
  });
}

}  // namespace

StorageResult<> FaultyDisk::commit(std::span<WriteSet* const> sets) {
  if (full_ && std::any_of(sets.begin(), sets.end(), [](const WriteSet* set) { return takes_space(*set); })) {
    ++faults_.commits_without_space;
    return StorageError{StorageError::Kind::kNoSpace, "no space left on the simulated disk"};
  }
  const std::optional<Failure> failure = std::exchange(failure_, std::nullopt);
  if (failure == Failure::kBeforeWriting) {
    ++faults_.failed_commits;
    return StorageError{StorageError::Kind::kIo, "the simulated disk did not write"};
  }
  Write& write = journal_.emplace_back();
  for (const WriteSet* set : sets) write.push_back(*set);
  if (failure == Failure::kBeforeSyncing) {
    ++faults_.failed_commits;
    return StorageError{StorageError::Kind::kIo, "the simulated disk did not sync"};
  }
  if (std::any_of(sets.begin(), sets.end(), [](const WriteSet* set) { return set->needs_sync; })) synced_ = journal_.size();
  return seen_->commit(sets);
}

StorageResult<> FaultyDisk::sync() {
  synced_ = journal_.size();
  return {};
}

void FaultyDisk::lose_power(Random& random) {
  const std::size_t unsure = journal_.size() - synced_;
  const std::size_t lost = random.chance(50) ? unsure : random.below(unsure + 1);
  faults_.lost_writes += lost;
  if (lost != 0) ++faults_.crashes_that_lost_writes;
  journal_.resize(journal_.size() - lost);
  restart();
}

std::vector<std::string> FaultyDisk::damage_a_page(Random& random) {
  std::vector<EncodedPage*> pages;
  for (Write& write : journal_)
    for (WriteSet& set : write)
      for (WriteSet::Operation& operation : set.operations)
        if (auto* page = std::get_if<EncodedPage>(&operation); page != nullptr && !page->index.transient) pages.push_back(page);
  if (pages.empty()) return {};
  EncodedPage& page = *pages[pages.size() - 1 - random.below(std::min<std::size_t>(pages.size(), 20))];  // older ones may be gone
  if (!damaged_.emplace(page.queue, page.index.first).second) return {};
  const store::PageKey key{page.queue, page.index.first};
  const auto before = store::decode_page(key, page.bytes, nullptr);
  MQ_CHECK(before.has_value());
  page.bytes[random.below(page.bytes.size())] ^= static_cast<char>(1 << random.below(8));
  std::vector<PageRecord> left;
  const auto after = store::decode_page(key, page.bytes, &left);
  ++faults_.damaged_pages;
  if (after) left = *after;  // it was in something that stands twice
  std::vector<std::string> lost;
  for (const PageRecord& record : *before) {
    const bool is_left = std::any_of(left.begin(), left.end(), [&](const PageRecord& each) {
      return each.offset == record.offset && each.message->body() == record.message->body();
    });
    if (!is_left) lost.emplace_back(record.message->body());
  }
  MQ_CHECK(lost.size() <= 1 && left.size() + lost.size() == before->size());
  return lost;
}

void FaultyDisk::restart() {
  synced_ = journal_.size();
  replay();
}

void FaultyDisk::replay() {
  seen_ = std::make_unique<store::MemoryStore>();
  for (Write& write : journal_) {
    for (WriteSet& set : write)  // spilled to save memory: forgotten at a start
      std::erase_if(set.operations, [](const WriteSet::Operation& operation) {
        const auto* page = std::get_if<EncodedPage>(&operation);
        return page != nullptr && page->index.transient;
      });
    Write copy = write;
    const auto applied = seen_->commit(pointers_to(copy));
    MQ_CHECK(applied.has_value());
  }
}

bool FaultyDisk::read_fails() {
  if (failing_reads_ == 0) return false;
  --failing_reads_;
  ++faults_.failed_reads;
  return true;
}

namespace {

StorageError unreadable() { return {StorageError::Kind::kIo, "the simulated disk did not read"}; }

}  // namespace

StorageResult<std::vector<PageRecord>> FaultyDisk::read_page(QueueId queue, Offset first, std::vector<PageRecord>* salvaged) {
  if (read_fails()) return unreadable();
  return seen_->read_page(queue, first, salvaged);
}

StorageResult<std::vector<Mark>> FaultyDisk::read_marks(QueueId queue, Offset first) {
  if (read_fails()) return unreadable();
  return seen_->read_marks(queue, first);
}

StorageResult<DelayedScan> FaultyDisk::read_delayed(DelayedBook book, DelayedKey from, std::size_t max_records, std::uint64_t max_bytes) {
  if (read_fails()) return unreadable();
  return seen_->read_delayed(book, from, max_records, max_bytes);
}

StorageResult<std::vector<DelayedRecord>> FaultyDisk::find_delayed(DelayedBook book, std::string_view message_id) {
  if (read_fails()) return unreadable();
  return seen_->find_delayed(book, message_id);
}

}  // namespace mq::sim
