#include "store/rocks_store.hpp"

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <utility>

#include "base/log.hpp"
#include "broker/message.hpp"
#include "store/ballast.hpp"
#include "store/delayed_codec.hpp"
#include "store/page_codec.hpp"
#include "store/rocks_batch.hpp"
#include "store/rocks_checkpoint.hpp"
#include "store/rocks_columns.hpp"
#include "store/rocks_errors.hpp"
#include "store/rocks_housekeeper.hpp"
#include "store/rocks_log.hpp"
#include "store/rocks_recovery.hpp"
#include "store/seen_codec.hpp"
#include "store/table_salvage.hpp"
#include "store/value_codec.hpp"

namespace mq::store {
namespace {

using Kind = StorageError::Kind;

constexpr std::uint64_t kSpaceBesideMessages = std::uint64_t{1} << 20;  // for what a commit writes beside them
constexpr std::uint64_t kWorthFlushingBytes = std::uint64_t{8} << 20;

rocksdb::Slice slice(std::string_view view) { return {view.data(), view.size()}; }

class RocksStore final : public Storage, public DiskCare {
 public:
  RocksStore(Database database, std::shared_ptr<Ballast> ballast, const RocksOptions& options)
      : location_(options.directory), on_damage_(options.on_damage), reclaim_bytes_(options.reclaim_bytes), free_bytes_(options.free_bytes),
        ballast_(std::move(ballast)), database_(std::move(database)),
        pages_keeper_(database_.db(), database_[Column::kPages], options.reclaim_bytes, database_.columns()),
        transient_keeper_(database_.db(), database_[Column::kTransientPages], options.reclaim_bytes) {
    database_.patience().begin([ballast = ballast_] { return ballast->drop(); });
    ballast_->take(free_bytes());
  }
  ~RocksStore() override { database_.patience().give_up(); }

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
  [[nodiscard]] StorageResult<CheckpointSummary> checkpoint(const std::string& directory) {
    return make_checkpoint(database_.db(), directory);
  }
  [[nodiscard]] StorageResult<std::vector<SeenWindow>> stored_seen_windows() override;
  [[nodiscard]] StorageResult<> sync() override;
  [[nodiscard]] std::optional<StorageError> trouble() const override;
  void save_space() override;
  void save_memory() override;
  void give_up() override { database_.patience().give_up(); }
  [[nodiscard]] const std::string& location() const noexcept override { return location_; }

 private:
  [[nodiscard]] std::uint64_t free_bytes() const { return free_bytes_ ? free_bytes_() : free_space(location_); }
  [[nodiscard]] StorageResult<> look_for_space(std::uint64_t message_bytes);
  [[nodiscard]] StorageError fail_for_good(const rocksdb::Status& status, std::string_view doing);
  [[nodiscard]] StorageError reading_failed(const rocksdb::Status& status) const {
    return storage_error(status, "reading from " + location_);
  }
  [[nodiscard]] std::unique_ptr<rocksdb::Iterator> iterate(Column column, const rocksdb::Slice* behind) const;
  [[nodiscard]] StorageResult<> collect_queues(Column column, std::set<QueueId>& queues) const;

  const std::string location_;
  const std::function<void(const RecoveryDamage&)> on_damage_;
  const std::uint64_t reclaim_bytes_;
  const std::function<std::uint64_t()> free_bytes_;
  const std::shared_ptr<Ballast> ballast_;
  Database database_;
  std::set<PageKey> transient_;                  // commit() alone looks at it
  std::map<DelayedBook, DelayedState> delayed_;  // the same
  std::uint64_t synced_to_ = 0;                  // RocksDB's number of what was synced last: a later write tells it to the log
  std::optional<StorageError> failed_;           // what ended this store's writing
  mutable std::mutex refused_mutex_;
  std::optional<StorageError> refused_;  // the last commit did not fit
  Housekeeper pages_keeper_;
  Housekeeper transient_keeper_;
  std::optional<Housekeeper> delayed_keeper_;  // from the first drop on
  std::atomic<Housekeeper*> delayed_keeper_at_{nullptr};
};

StorageError RocksStore::fail_for_good(const rocksdb::Status& status, std::string_view doing) {
  failed_ = storage_error(status, doing);
  // What lacked space has waited for it. This was a sync, or waiting is over: whether the commit is on disk is unknown.
  if (failed_->kind == Kind::kNoSpace) failed_->kind = Kind::kIo;
  return *failed_;
}

/// Octets of messages.
std::uint64_t bytes_of_messages(std::span<WriteSet* const> sets) {
  std::uint64_t bytes = 0;
  for (const WriteSet* set : sets) {
    for (const WriteSet::Operation& operation : set->operations) {
      if (const auto* page = std::get_if<EncodedPage>(&operation)) bytes += page->bytes.size() + 128;
      else if (const auto* delayed = std::get_if<WriteSet::PutDelayed>(&operation))
        for (const DelayedRecord& record : *delayed->records) bytes += record.message->body_bytes() + 256;
    }
  }
  return bytes;
}

StorageResult<> RocksStore::look_for_space(std::uint64_t message_bytes) {
  if (message_bytes == 0) return {};  // it may be what gives space back
  const std::uint64_t wanted = message_bytes + kSpaceBesideMessages;
  std::uint64_t free = free_bytes();
  if (free < wanted && ballast_->drop()) free = free_bytes();
  ballast_->take(free);
  std::lock_guard lock(refused_mutex_);
  refused_.reset();
  if (free < wanted)
    refused_ = StorageError{Kind::kNoSpace, "writing to " + location_ + ": " + std::to_string(free) + " bytes are free, and " +
                                                std::to_string(wanted) + " are needed"};
  if (refused_) return *refused_;
  return {};
}

std::optional<StorageError> RocksStore::trouble() const {
  if (auto trouble = database_.patience().trouble()) return trouble;
  std::lock_guard lock(refused_mutex_);
  return refused_;
}

void RocksStore::save_space() {
  pages_keeper_.hurry();
  transient_keeper_.hurry();
  if (Housekeeper* delayed = delayed_keeper_at_) delayed->hurry();
}

void RocksStore::save_memory() { database_.flush_soon(kWorthFlushingBytes); }

StorageResult<> RocksStore::commit(std::span<WriteSet* const> sets) {
  if (failed_) return *failed_;
  const std::string doing = "writing to " + location_;
  const std::uint64_t message_bytes = bytes_of_messages(sets);
  // Before anything is touched: a commit that did not fit is tried again as it is.
  if (auto space = look_for_space(message_bytes); !space) return space;
  BatchBuilder batch(database_, transient_, delayed_, message_bytes + 4096);
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
    note_synced(batch.logged(), synced_to_);
    if (rocksdb::Status written = database_.db().Write(logged, &batch.logged()); !written.ok()) return fail_for_good(written, doing);
    if (sync) synced_to_ = database_.db().GetLatestSequenceNumber();
  } else if (sync) {
    return this->sync();
  }
  pages_keeper_.dropped(batch.dropped_pages());
  transient_keeper_.dropped(batch.dropped_transient_pages());
  if (batch.dropped_range()) pages_keeper_.dropped_range();
  if (batch.dropped_delayed() != 0) {
    if (!delayed_keeper_) delayed_keeper_at_ = &delayed_keeper_.emplace(database_.db(), database_[Column::kDelayed], reclaim_bytes_);
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

StorageResult<std::vector<PageRecord>> RocksStore::read_page(QueueId queue, Offset first, std::vector<PageRecord>* salvaged) {
  const PageKey key{queue, first};
  const auto encoded = encode_key(key);
  rocksdb::PinnableSlice value;
  rocksdb::Status found = read_even_damaged(database_, Column::kPages, encoded.view(), value);
  if (found.IsNotFound()) {
    value.Reset();
    found = read_even_damaged(database_, Column::kTransientPages, encoded.view(), value);
  }
  if (found.ok()) return decode_page(key, {value.data(), value.size()}, salvaged);
  if (found.IsNotFound()) return StorageError{Kind::kNotFound, "there is no " + describe(key) + " in " + location_};
  if (found.IsCorruption() && salvaged != nullptr) {
    if (const auto octets = value_in_tables(database_, location_, Column::kPages, encoded.view())) {
      auto records = decode_page(key, *octets, salvaged);
      if (records) *salvaged = std::move(*records);
    }
  }
  return reading_failed(found);
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
  (void)decode_marks(first, {value.data(), value.size()}, marks);  // of damaged ones what is sure; recovery has told of them
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
  for (at->Seek(slice(prefix)); at->Valid(); at->Next()) {
    const std::string_view key = at->key().ToStringView();
    visit(key, decode_metadata(key, at->value().ToStringView()).value_or(std::string_view()));
  }
  if (!at->status().ok()) return reading_failed(at->status());
  return {};
}

StorageResult<RecoveredQueue> RocksStore::recover_queue(QueueId queue) { return store::recover_queue(database_, queue, on_damage_); }

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
    if (queue) queues.insert(*queue), at->Seek(key_behind(*queue));
    else at->Next();  // a key that is none; verify() tells of it
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
  read.fill_cache = false;  // read about once
  std::unique_ptr<rocksdb::Iterator> at(database_.db().NewIterator(read, database_[Column::kDelayed]));
  std::uint64_t bytes = 0;
  std::string next(encode_delayed_key(book, from).view());
  const auto take = [&](const rocksdb::Iterator& found) {
    next.assign(found.key().data(), found.key().size()).push_back('\0');
    const std::optional<DelayedKey> key = decode_delayed_key(found.key().ToStringView());
    if (!key) return;
    if (auto record = decode_delayed(*key, found.value().ToStringView())) {
      bytes += record->message->body_bytes();
      scan.records.push_back(std::move(*record));
    } else {
      scan.damaged.push_back(*key);
    }
  };
  const auto room = [&] { return scan.records.size() < max_records && bytes < max_bytes; };
  at->Seek(slice(next));
  while (true) {
    for (; at->Valid() && room(); at->Next()) take(*at);
    if (!only_a_blob_is_damaged(at->status())) break;
    // The one record whose blob it is: the table that refers to it was just read, and is whole.
    read.verify_checksums = false;
    std::unique_ptr<rocksdb::Iterator> damaged(database_.db().NewIterator(read, database_[Column::kDelayed]));
    damaged->Seek(slice(next));
    if (!damaged->Valid()) break;
    take(*damaged);
    at->Seek(slice(next));
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
    if (found.ok() && on_damage_) on_damage_({RecoveryDamage::What::kBook, book, 0, 0});
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

/// Opening writes what the log holds into files. It is not begun where that does not fit: RocksDB may end the process in the middle of it.
StorageResult<> find_room_to_open(const RocksOptions& options, Ballast& ballast) {
  namespace fs = std::filesystem;
  std::error_code none_there;
  std::uint64_t wanted = kSpaceBesideMessages;
  for (fs::directory_iterator at(options.directory, none_there), end; at != end; at.increment(none_there)) {
    std::error_code gone;
    const std::uint64_t bytes = at->path().extension() == ".log" ? at->file_size(gone) : 0;
    if (!gone) wanted += bytes;
  }
  if (none_there) return {};  // it is to be made
  const auto free = [&] { return options.free_bytes ? options.free_bytes() : free_space(options.directory); };
  if (free() >= wanted || (ballast.drop() && free() >= wanted)) return {};
  return StorageError{Kind::kNoSpace, "opening " + options.directory + ": " + std::to_string(free()) + " bytes are free on the disk, and " +
                                          std::to_string(wanted) + " are needed"};
}

}  // namespace

StorageResult<std::unique_ptr<Storage>> open_rocks_store(const RocksOptions& options) {
  if (const std::optional<LogDamage> damage = find_log_damage(options.directory)) {
    if (damage->was_synced) return StorageError{Kind::kCorrupt, damage->describe() + "; they were synced and would be lost"};
    log::error("{}; they were not synced before the last stop, as far as the log tells, and are left out", damage->describe());
  }
  auto ballast = std::make_shared<Ballast>(options.directory, options.ballast_bytes);
  if (StorageResult<> room = find_room_to_open(options, *ballast); !room) return room.error();
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
  return std::unique_ptr<Storage>(std::make_unique<RocksStore>(std::move(*database), std::move(ballast), options));
}

DiskCare* disk_care_of(Storage& storage) noexcept { return dynamic_cast<RocksStore*>(&storage); }

StorageResult<CheckpointSummary> checkpoint(Storage& store, const std::string& directory) {
  auto* on_disk = dynamic_cast<RocksStore*>(&store);
  if (on_disk != nullptr) return on_disk->checkpoint(directory);
  return StorageError{Kind::kNotFound, "the messages are kept in memory alone: there is nothing to copy"};
}

}  // namespace mq::store
