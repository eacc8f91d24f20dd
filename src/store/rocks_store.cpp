#include "store/rocks_store.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "broker/message.hpp"
#include "store/delayed_codec.hpp"
#include "store/page_codec.hpp"
#include "store/rocks_batch.hpp"
#include "store/rocks_columns.hpp"
#include "store/rocks_errors.hpp"
#include "store/rocks_housekeeper.hpp"
#include "store/seen_codec.hpp"
#include "store/value_codec.hpp"

namespace mq::store {
namespace {

using Kind = StorageError::Kind;

rocksdb::Slice slice(std::string_view view) { return {view.data(), view.size()}; }

class RocksStore final : public Storage {
 public:
  RocksStore(Database database, const RocksOptions& options)
      : location_(options.directory), reclaim_bytes_(options.reclaim_bytes), database_(std::move(database)),
        pages_keeper_(database_.db(), database_[Column::kPages], options.reclaim_bytes),
        transient_keeper_(database_.db(), database_[Column::kTransientPages], options.reclaim_bytes) {}

  [[nodiscard]] EncodedPage encode_page(QueueId queue, std::span<const PageRecord> records, std::uint8_t priority_level,
                                        bool transient) const override {
    return store::encode_page(queue, records, priority_level, transient);
  }
  [[nodiscard]] StorageResult<> commit(std::span<WriteSet* const> sets) override;
  [[nodiscard]] StorageResult<std::vector<PageRecord>> read_page(QueueId queue, Offset first, std::vector<PageRecord>* salvaged) override;
  [[nodiscard]] StorageResult<std::vector<Mark>> read_marks(QueueId queue, Offset first) override;
  StorageResult<> scan_metadata(std::string_view prefix, const std::function<void(std::string_view, std::string_view)>& visit) override;
  [[nodiscard]] StorageResult<RecoveredQueue> recover_queue(QueueId queue) override;
  [[nodiscard]] StorageResult<std::vector<QueueId>> stored_queues() override;
  [[nodiscard]] StorageResult<DelayedScan> read_delayed(DelayedBook book, DelayedKey from, std::size_t max_records,
                                                        std::uint64_t max_bytes) override;
  [[nodiscard]] StorageResult<std::vector<DelayedRecord>> find_delayed(DelayedBook book, std::string_view message_id) override;
  [[nodiscard]] StorageResult<DelayedState> recover_delayed(DelayedBook book) override;
  [[nodiscard]] StorageResult<std::vector<DelayedBook>> stored_delayed_books() override;
  [[nodiscard]] StorageResult<RecoveredSeen> recover_seen(SeenWindow window) override;
  [[nodiscard]] StorageResult<std::vector<SeenWindow>> stored_seen_windows() override;
  [[nodiscard]] StorageResult<> sync() override;
  [[nodiscard]] const std::string& location() const noexcept override { return location_; }

 private:
  [[nodiscard]] StorageError fail_for_good(const rocksdb::Status& status, std::string_view doing);
  [[nodiscard]] StorageError reading_failed(const rocksdb::Status& status) const {
    return storage_error(status, "reading from " + location_);
  }
  [[nodiscard]] rocksdb::Status find_page(const rocksdb::ReadOptions& read, PageKey key, rocksdb::PinnableSlice& value) const;
  [[nodiscard]] std::unique_ptr<rocksdb::Iterator> iterate(Column column, const rocksdb::Slice* behind) const;
  [[nodiscard]] StorageResult<> recover_pages(QueueId queue, const rocksdb::Slice& behind, RecoveredQueue& recovered) const;
  [[nodiscard]] StorageResult<> recover_marks(QueueId queue, const rocksdb::Slice& behind, RecoveredQueue& recovered) const;
  [[nodiscard]] StorageResult<> collect_queues(Column column, std::set<QueueId>& queues) const;

  const std::string location_;
  const std::uint64_t reclaim_bytes_;
  Database database_;
  std::set<PageKey> transient_;                  // commit() alone looks at it
  std::map<DelayedBook, DelayedState> delayed_;  // the same
  std::optional<StorageError> failed_;           // what ended this store's writing
  Housekeeper pages_keeper_;
  Housekeeper transient_keeper_;
  std::optional<Housekeeper> delayed_keeper_;  // from the first drop on
};

StorageError RocksStore::fail_for_good(const rocksdb::Status& status, std::string_view doing) {
  failed_ = storage_error(status, doing);
  return *failed_;
}

std::size_t bytes_of_pages(std::span<WriteSet* const> sets) {
  std::size_t bytes = 4096;
  for (const WriteSet* set : sets) {
    for (const WriteSet::Operation& operation : set->operations) {
      const auto* page = std::get_if<EncodedPage>(&operation);
      if (page != nullptr && !page->index.transient) bytes += page->bytes.size() + 128;
    }
  }
  return bytes;
}

StorageResult<> RocksStore::commit(std::span<WriteSet* const> sets) {
  if (failed_) return *failed_;
  const std::string doing = "writing to " + location_;
  BatchBuilder batch(database_, transient_, delayed_, bytes_of_pages(sets));
  bool sync = false;
  for (const WriteSet* set : sets) {
    sync = sync || set->needs_sync;
    if (rocksdb::Status added = batch.add(*set); !added.ok()) return fail_for_good(added, doing);
  }
  if (rocksdb::Status finished = batch.finish(); !finished.ok()) return fail_for_good(finished, doing);
  // Transient pages go first and without the log: nothing that survives a crash speaks of them, so nothing need be atomic with them.
  if (batch.unlogged().Count() != 0) {
    rocksdb::WriteOptions unlogged;
    unlogged.disableWAL = true;
    if (rocksdb::Status written = database_.db().Write(unlogged, &batch.unlogged()); !written.ok()) return fail_for_good(written, doing);
  }
  if (batch.logged().Count() != 0) {
    rocksdb::WriteOptions logged;
    logged.sync = sync;
    if (rocksdb::Status written = database_.db().Write(logged, &batch.logged()); !written.ok()) return fail_for_good(written, doing);
  } else if (sync) {
    return this->sync();
  }
  pages_keeper_.dropped(batch.dropped_pages());
  transient_keeper_.dropped(batch.dropped_transient_pages());
  if (batch.dropped_range()) pages_keeper_.dropped_range();
  if (batch.dropped_delayed() != 0) {
    if (!delayed_keeper_) delayed_keeper_.emplace(database_.db(), database_[Column::kDelayed], reclaim_bytes_);
    delayed_keeper_->dropped(batch.dropped_delayed());
  }
  return {};
}

StorageResult<> RocksStore::sync() {
  if (failed_) return *failed_;
  rocksdb::Status synced = database_.db().SyncWAL();
  if (!synced.ok()) return fail_for_good(synced, "syncing " + location_);
  return {};
}

rocksdb::Status RocksStore::find_page(const rocksdb::ReadOptions& read, PageKey key, rocksdb::PinnableSlice& value) const {
  auto encoded = encode_key(key);
  rocksdb::Status found = database_.db().Get(read, database_[Column::kPages], slice(encoded.view()), &value);
  if (!found.IsNotFound()) return found;
  value.Reset();
  return database_.db().Get(read, database_[Column::kTransientPages], slice(encoded.view()), &value);
}

StorageResult<std::vector<PageRecord>> RocksStore::read_page(QueueId queue, Offset first, std::vector<PageRecord>* salvaged) {
  PageKey key{queue, first};
  rocksdb::ReadOptions read;
  read.fill_cache = false;  // a page is read about once
  read.verify_checksums =
      false;  // it has checksums of its own, of every record, and RocksDB's are slow where it is built for any processor
  rocksdb::PinnableSlice value;
  rocksdb::Status found = find_page(read, key, value);
  if (found.ok()) return decode_page(key, {value.data(), value.size()}, salvaged);
  if (found.IsNotFound()) return StorageError{Kind::kNotFound, "there is no " + describe(key) + " in " + location_};

  StorageError error = reading_failed(found);
  if (error.kind == Kind::kCorrupt && salvaged != nullptr) {
    // RocksDB refuses the block as a whole. The page's own checksums tell which of its records are still good.
    salvaged->clear();
    read.verify_checksums = false;
    value.Reset();
    if (find_page(read, key, value).ok()) {
      StorageResult<std::vector<PageRecord>> records = decode_page(key, {value.data(), value.size()}, salvaged);
      if (records) *salvaged = std::move(*records);
    }
  }
  return error;
}

StorageResult<std::vector<Mark>> RocksStore::read_marks(QueueId queue, Offset first) {
  PageKey key{queue, first};
  rocksdb::ReadOptions read;
  read.fill_cache = false;
  rocksdb::PinnableSlice value;
  rocksdb::Status found = database_.db().Get(read, database_[Column::kMarks], slice(encode_key(key).view()), &value);
  std::vector<Mark> marks;
  if (found.IsNotFound()) return marks;
  if (!found.ok()) return reading_failed(found);
  if (!decode_marks(first, {value.data(), value.size()}, marks))
    return StorageError{Kind::kCorrupt, "the marks of " + describe(key) + " are damaged"};
  return marks;
}

std::unique_ptr<rocksdb::Iterator> RocksStore::iterate(Column column, const rocksdb::Slice* behind) const {
  rocksdb::ReadOptions read;
  read.iterate_upper_bound = behind;
  return std::unique_ptr<rocksdb::Iterator>(database_.db().NewIterator(read, database_[column]));
}

StorageResult<> RocksStore::scan_metadata(std::string_view prefix, const std::function<void(std::string_view, std::string_view)>& visit) {
  std::string end = key_behind_prefix(prefix);
  rocksdb::Slice behind(end);
  auto at = iterate(Column::kMetadata, end.empty() ? nullptr : &behind);
  for (at->Seek(slice(prefix)); at->Valid(); at->Next()) visit(at->key().ToStringView(), at->value().ToStringView());
  if (!at->status().ok()) return reading_failed(at->status());
  return {};
}

StorageResult<RecoveredQueue> RocksStore::recover_queue(QueueId queue) {
  RecoveredQueue recovered;
  std::string value;
  rocksdb::Status found = database_.db().Get({}, database_[Column::kQueueState], slice(encode_key(queue).view()), &value);
  if (!found.ok() && !found.IsNotFound()) return reading_failed(found);
  if (found.ok() && !decode_state(value, recovered.state))
    return StorageError{Kind::kCorrupt, "the state of queue " + std::to_string(queue) + " is damaged"};

  std::string end = key_behind(queue);
  if (StorageResult<> pages = recover_pages(queue, end, recovered); !pages) return pages.error();
  if (StorageResult<> marks = recover_marks(queue, end, recovered); !marks) return marks.error();
  return recovered;
}

StorageResult<> RocksStore::recover_pages(QueueId queue, const rocksdb::Slice& behind, RecoveredQueue& recovered) const {
  auto at = iterate(Column::kIndex, &behind);
  for (at->Seek(slice(encode_key(PageKey{queue, 0}).view())); at->Valid(); at->Next()) {
    std::optional<PageKey> key = decode_page_key(at->key().ToStringView());
    RecoveredPage& page = recovered.pages.emplace_back();
    if (!key || !decode_index(key->first, at->value().ToStringView(), page.index))
      return StorageError{Kind::kCorrupt, "the index of " + describe(key.value_or(PageKey{queue, 0})) + " is damaged"};
  }
  if (!at->status().ok()) return reading_failed(at->status());
  return {};
}

/// Pages and marks both come in order of key, so one walk matches them.
StorageResult<> RocksStore::recover_marks(QueueId queue, const rocksdb::Slice& behind, RecoveredQueue& recovered) const {
  auto page = recovered.pages.begin();
  auto at = iterate(Column::kMarks, &behind);
  for (at->Seek(slice(encode_key(PageKey{queue, 0}).view())); at->Valid(); at->Next()) {
    std::optional<PageKey> key = decode_page_key(at->key().ToStringView());
    while (key && page != recovered.pages.end() && page->index.first < key->first) ++page;
    bool wanted = key && page != recovered.pages.end() && page->index.first == key->first;
    if (wanted && !decode_marks(key->first, at->value().ToStringView(), page->marks))
      return StorageError{Kind::kCorrupt, "the marks of " + describe(*key) + " are damaged"};
  }
  if (!at->status().ok()) return reading_failed(at->status());
  return {};
}

StorageResult<std::vector<QueueId>> RocksStore::stored_queues() {
  std::set<QueueId> queues;
  for (Column column : {Column::kIndex, Column::kMarks, Column::kQueueState})
    if (StorageResult<> collected = collect_queues(column, queues); !collected) return collected.error();
  return std::vector(queues.begin(), queues.end());
}

/// Leaps from queue to queue: what lies within one is not looked at.
StorageResult<> RocksStore::collect_queues(Column column, std::set<QueueId>& queues) const {
  auto at = iterate(column, nullptr);
  at->SeekToFirst();
  while (at->Valid()) {
    std::optional<QueueId> queue = decode_queue_key(at->key().ToStringView().substr(0, kQueueKeyBytes));
    if (!queue) return StorageError{Kind::kCorrupt, std::string("column ") + column_name(column) + " holds a key that is none"};
    queues.insert(*queue);
    at->Seek(key_behind(*queue));
  }
  if (!at->status().ok()) return reading_failed(at->status());
  return {};
}

StorageResult<DelayedScan> RocksStore::read_delayed(DelayedBook book, DelayedKey from, std::size_t max_records, std::uint64_t max_bytes) {
  DelayedScan scan;
  const std::string end = key_behind(book);
  rocksdb::Slice behind(end);
  rocksdb::ReadOptions read;
  read.iterate_upper_bound = &behind;
  read.fill_cache = false;        // read about once
  read.verify_checksums = false;  // each has its own
  std::unique_ptr<rocksdb::Iterator> at(database_.db().NewIterator(read, database_[Column::kDelayed]));
  std::uint64_t bytes = 0;
  at->Seek(slice(encode_delayed_key(book, from).view()));
  for (; at->Valid() && scan.records.size() < max_records && bytes < max_bytes; at->Next()) {
    const std::optional<DelayedKey> key = decode_delayed_key(at->key().ToStringView());
    if (!key) continue;
    if (auto record = decode_delayed(*key, at->value().ToStringView())) {
      bytes += record->message->body_bytes();
      scan.records.push_back(std::move(*record));
    } else {
      scan.damaged.push_back(*key);
    }
  }
  if (!at->status().ok()) return reading_failed(at->status());
  scan.complete = !at->Valid();
  return scan;
}

StorageResult<std::vector<DelayedRecord>> RocksStore::find_delayed(DelayedBook book, std::string_view message_id) {
  std::vector<DelayedRecord> found;
  const auto prefix = delayed_id_prefix(book, message_id);
  const std::string end = key_behind_prefix(prefix.view());
  rocksdb::Slice behind(end);
  auto at = iterate(Column::kDelayedIds, end.empty() ? nullptr : &behind);
  std::string value;
  for (at->Seek(slice(prefix.view())); at->Valid(); at->Next()) {
    const std::optional<DelayedKey> key = decode_delayed_id_key(at->key().ToStringView());
    if (!key) continue;
    rocksdb::Status got = database_.db().Get({}, database_[Column::kDelayed], slice(encode_delayed_key(book, *key).view()), &value);
    if (got.IsNotFound()) continue;  // dropped meanwhile
    if (!got.ok()) return reading_failed(got);
    auto record = decode_delayed(*key, value);
    if (record && message_id_of(*record->message) == message_id) found.push_back(std::move(*record));
  }
  if (!at->status().ok()) return reading_failed(at->status());
  return found;
}

/// Numbers that cannot be read are counted anew.
StorageResult<DelayedState> RocksStore::recover_delayed(DelayedBook book) {
  DelayedState state;
  std::string value;
  rocksdb::Status found = database_.db().Get({}, database_[Column::kDelayed], slice(encode_key(QueueId{book}).view()), &value);
  if (!found.ok() && !found.IsNotFound()) return reading_failed(found);
  if (found.IsNotFound() || !decode_delayed_state(value, state)) {
    state = {};
    const std::string end = key_behind(book);
    rocksdb::Slice behind(end);
    auto at = iterate(Column::kDelayed, &behind);
    for (at->Seek(slice(encode_delayed_key(book, {}).view())); at->Valid(); at->Next()) {
      const std::optional<DelayedKey> key = decode_delayed_key(at->key().ToStringView());
      auto record = key ? decode_delayed(*key, at->value().ToStringView()) : std::nullopt;
      if (record) count_put(state, *record);
      else if (key) ++state.count, state.next_sequence = std::max(state.next_sequence, key->sequence + 1);
    }
    if (!at->status().ok()) return reading_failed(at->status());
  }
  if (state.next_sequence != 0) delayed_[book] = state;
  return state;
}

StorageResult<std::vector<DelayedBook>> RocksStore::stored_delayed_books() {
  std::set<DelayedBook> books;
  if (StorageResult<> collected = collect_queues(Column::kDelayed, books); !collected) return collected.error();
  return std::vector(books.begin(), books.end());
}

StorageResult<RecoveredSeen> RocksStore::recover_seen(SeenWindow window) {
  RecoveredSeen recovered;
  const std::string end = key_behind(window);
  rocksdb::Slice behind(end);
  auto at = iterate(Column::kSeen, &behind);
  for (at->Seek(slice(encode_key(PageKey{window, 0}).view())); at->Valid(); at->Next()) {
    const std::optional<PageKey> key = decode_page_key(at->key().ToStringView());
    if (!key) continue;
    if (decode_seen(key->first, at->value().ToStringView(), recovered.records.emplace_back())) continue;
    recovered.records.pop_back();
    recovered.damaged.push_back(key->first);
  }
  if (!at->status().ok()) return reading_failed(at->status());
  return recovered;
}

StorageResult<std::vector<SeenWindow>> RocksStore::stored_seen_windows() {
  std::set<SeenWindow> windows;
  if (StorageResult<> collected = collect_queues(Column::kSeen, windows); !collected) return collected.error();
  return std::vector(windows.begin(), windows.end());
}

}  // namespace

StorageResult<std::unique_ptr<Storage>> open_rocks_store(const RocksOptions& options) {
  StorageResult<Database> database = Database::open(options, Database::Mode::kWrite);
  if (!database) return database.error();
  std::unique_ptr<rocksdb::Iterator> left(database->db().NewIterator({}, (*database)[Column::kTransientPages]));
  left->SeekToFirst();
  // A damaged leftover is dropped like a whole one.
  bool empty = !left->Valid() && left->status().ok();
  left.reset();
  if (!empty) {
    rocksdb::Status emptied = database->empty_column(Column::kTransientPages);
    if (!emptied.ok()) return storage_error(emptied, "opening " + options.directory);
  }
  return std::unique_ptr<Storage>(std::make_unique<RocksStore>(std::move(*database), options));
}

}  // namespace mq::store
