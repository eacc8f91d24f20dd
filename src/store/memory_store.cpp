#include "store/memory_store.hpp"

#include <algorithm>
#include <limits>
#include <set>
#include <utility>

#include "broker/message.hpp"
#include "mq/base/check.hpp"
#include "store/delayed_codec.hpp"
#include "store/page_codec.hpp"
#include "store/seen_codec.hpp"
#include "store/value_codec.hpp"

namespace mq::store {
namespace {

/// Begin and end of a queue's part of a map by PageKey.
template <class Map>
auto part_of(Map& map, QueueId queue) {
  return std::pair(map.lower_bound({queue, 0}), map.upper_bound({queue, std::numeric_limits<Offset>::max()}));
}

template <class Map>
void erase_part(Map& map, QueueId queue) {
  auto [begin, end] = part_of(map, queue);
  map.erase(begin, end);
}

}  // namespace

EncodedPage MemoryStore::encode_page(QueueId queue, std::span<const PageRecord> records, std::uint8_t priority_level,
                                     bool transient) const {
  return store::encode_page(queue, records, priority_level, transient);
}

StorageResult<> MemoryStore::commit(std::span<WriteSet* const> sets) {
  std::lock_guard lock(mutex_);
  for (const WriteSet* set : sets)
    for (const WriteSet::Operation& operation : set->operations) std::visit([this](const auto& row) { apply(row); }, operation);
  return {};
}

void MemoryStore::apply(const WriteSet::PutMetadata& put) { metadata_.insert_or_assign(put.key, put.value); }

void MemoryStore::apply(const WriteSet::DeleteMetadata& gone) { metadata_.erase(gone.key); }

void MemoryStore::apply(const EncodedPage& page) {
  bool fresh = pages_.try_emplace({page.queue, page.index.first}, Page{page.index, page.bytes}).second;
  MQ_CHECK(fresh);
}

void MemoryStore::apply(const WriteSet::AddMarks& added) {
  auto page = pages_.find({added.queue, added.page_first});
  if (page != pages_.end() && page->second.index.transient) return;  // nobody will ask for them
  if (added.marks.empty()) return;
  for (const Mark& mark : added.marks) MQ_CHECK(mark.offset >= added.page_first);
  std::vector<Mark>& marks = marks_[{added.queue, added.page_first}];
  marks.insert(marks.end(), added.marks.begin(), added.marks.end());
  normalize_marks(marks);
}

void MemoryStore::apply(const WriteSet::DropPage& drop) {
  pages_.erase({drop.queue, drop.page_first});
  if (drop.had_marks) marks_.erase({drop.queue, drop.page_first});
}

void MemoryStore::apply(const WriteSet::PutQueueState& put) { states_[put.queue] = put.state; }

void MemoryStore::apply(const WriteSet::DropQueue& drop) {
  erase_part(pages_, drop.queue);
  erase_part(marks_, drop.queue);
  states_.erase(drop.queue);
}

void MemoryStore::apply(const WriteSet::PutDelayed& put) {
  Delayed& book = delayed_[put.book];
  for (const DelayedRecord& record : *put.records) {
    std::string encoded;
    encode_delayed(record, encoded);
    const bool fresh = book.records.try_emplace(record.key, std::move(encoded)).second;
    MQ_CHECK(fresh);
    if (const std::string_view id = message_id_of(*record.message); !id.empty()) book.ids.emplace(id, record.key);
    count_put(book.state, record);
  }
}

void MemoryStore::apply(const WriteSet::DropDelayed& drop) {
  Delayed& book = delayed_[drop.book];
  for (const DelayedRecord& record : *drop.records) {
    book.records.erase(record.key);
    if (record.message) book.ids.erase({std::string(message_id_of(*record.message)), record.key});
    count_dropped(book.state, record);
  }
}

void MemoryStore::apply(const WriteSet::DropDelayedBook& drop) { delayed_.erase(drop.book); }

void MemoryStore::apply(const WriteSet::PutSeen& put) {
  const bool fresh = seen_.try_emplace({put.window, put.ids.front().sequence}, encode_seen(put.ids)).second;
  MQ_CHECK(fresh);
}

void MemoryStore::apply(const WriteSet::DropSeen& drop) { seen_.erase({drop.window, drop.first}); }

void MemoryStore::apply(const WriteSet::DropSeenWindow& drop) { erase_part(seen_, drop.window); }

StorageResult<RecoveredSeen> MemoryStore::recover_seen(SeenWindow window) {
  std::lock_guard lock(mutex_);
  RecoveredSeen recovered;
  auto [begin, end] = part_of(seen_, window);
  for (auto record = begin; record != end; ++record) {
    const bool whole = decode_seen(record->first.first, record->second, recovered.records.emplace_back());
    MQ_CHECK(whole);
  }
  return recovered;
}

StorageResult<std::vector<SeenWindow>> MemoryStore::stored_seen_windows() {
  std::lock_guard lock(mutex_);
  std::set<SeenWindow> windows;
  for (const auto& [key, record] : seen_) windows.insert(key.queue);
  return std::vector(windows.begin(), windows.end());
}

StorageResult<DelayedScan> MemoryStore::read_delayed(DelayedBook book, DelayedKey from, std::size_t max_records, std::uint64_t max_bytes) {
  std::lock_guard lock(mutex_);
  DelayedScan scan;
  auto known = delayed_.find(book);
  scan.complete = known == delayed_.end();
  if (scan.complete) return scan;
  std::uint64_t bytes = 0;
  auto at = known->second.records.lower_bound(from);
  for (; at != known->second.records.end() && scan.records.size() < max_records && bytes < max_bytes; ++at) {
    auto record = decode_delayed(at->first, at->second);
    MQ_CHECK(record.has_value());
    bytes += record->message->body_bytes();
    scan.records.push_back(std::move(*record));
  }
  scan.complete = at == known->second.records.end();
  return scan;
}

StorageResult<std::vector<DelayedRecord>> MemoryStore::find_delayed(DelayedBook book, std::string_view message_id) {
  std::lock_guard lock(mutex_);
  std::vector<DelayedRecord> found;
  auto known = delayed_.find(book);
  if (known == delayed_.end()) return found;
  const Delayed& delayed = known->second;
  for (auto at = delayed.ids.lower_bound({std::string(message_id), {}}); at != delayed.ids.end() && at->first == message_id; ++at)
    found.push_back(*decode_delayed(at->second, delayed.records.at(at->second)));
  return found;
}

StorageResult<DelayedState> MemoryStore::recover_delayed(DelayedBook book) {
  std::lock_guard lock(mutex_);
  auto known = delayed_.find(book);
  return known == delayed_.end() ? DelayedState{} : known->second.state;
}

StorageResult<std::vector<DelayedBook>> MemoryStore::stored_delayed_books() {
  std::lock_guard lock(mutex_);
  std::vector<DelayedBook> books;
  for (const auto& [book, delayed] : delayed_) books.push_back(book);
  return books;
}

StorageResult<std::vector<PageRecord>> MemoryStore::read_page(QueueId queue, Offset first, std::vector<PageRecord>* salvaged) {
  std::lock_guard lock(mutex_);
  PageKey key{queue, first};
  auto page = pages_.find(key);
  if (page == pages_.end()) return StorageError{StorageError::Kind::kNotFound, "there is no " + describe(key)};
  return decode_page(key, page->second.bytes, salvaged);
}

StorageResult<std::vector<Mark>> MemoryStore::read_marks(QueueId queue, Offset first) {
  std::lock_guard lock(mutex_);
  auto marks = marks_.find({queue, first});
  return marks == marks_.end() ? std::vector<Mark>() : marks->second;
}

StorageResult<> MemoryStore::scan_metadata(std::string_view prefix, const std::function<void(std::string_view, std::string_view)>& visit) {
  std::vector<std::pair<std::string, std::string>> found;  // visited without the lock, so that a visitor may use the store
  {
    std::lock_guard lock(mutex_);
    for (auto at = metadata_.lower_bound(prefix); at != metadata_.end() && at->first.starts_with(prefix); ++at) found.push_back(*at);
  }
  for (const auto& [key, value] : found) visit(key, value);
  return {};
}

StorageResult<RecoveredQueue> MemoryStore::recover_queue(QueueId queue) {
  std::lock_guard lock(mutex_);
  RecoveredQueue recovered;
  if (auto state = states_.find(queue); state != states_.end()) recovered.state = state->second;
  auto [begin, end] = part_of(pages_, queue);
  for (auto page = begin; page != end; ++page) {
    if (page->second.index.transient) continue;
    RecoveredPage& known = recovered.pages.emplace_back();
    known.index = page->second.index;
    if (auto marks = marks_.find(page->first); marks != marks_.end()) known.marks = marks->second;
  }
  return recovered;
}

StorageResult<std::vector<QueueId>> MemoryStore::stored_queues() {
  std::lock_guard lock(mutex_);
  std::set<QueueId> queues;
  for (const auto& [key, page] : pages_)
    if (!page.index.transient) queues.insert(key.queue);
  for (const auto& [key, marks] : marks_) queues.insert(key.queue);
  for (const auto& [queue, state] : states_) queues.insert(queue);
  return std::vector(queues.begin(), queues.end());
}

}  // namespace mq::store
