// Opening and closing: directories, columns, the format check.
#include <rocksdb/cache.h>
#include <rocksdb/env.h>

#include <filesystem>

#include "base/log.hpp"
#include "store/directory.hpp"
#include "store/manifest_tail.hpp"
#include "store/rocks_columns.hpp"
#include "store/rocks_errors.hpp"
#include "store/upgrade.hpp"

namespace mq::store {
namespace {

/// Whether there was something to mend. Under the lock that keeps other processes from the directory while it is open.
StorageResult<bool> mend_manifest(const std::string& directory) {
  rocksdb::Env* env = rocksdb::Env::Default();
  rocksdb::FileLock* lock = nullptr;
  if (rocksdb::Status locked = env->LockFile(directory + "/LOCK", &lock); !locked.ok())
    return storage_error(locked, "opening " + directory);
  const auto cut = drop_unfinished_manifest_record(directory);
  (void)env->UnlockFile(lock);
  if (!cut) return cut.error();
  if (*cut) log::warn("{}: the manifest ended in a record that was never written as a whole; it is dropped", directory);
  return cut->has_value();
}

bool is_known(const std::string& name) {
  for (std::size_t i = 0; i < kColumns; ++i)
    if (name == column_name(static_cast<Column>(i))) return true;
  return false;
}

/// Then it is no new directory, though it has no CURRENT: RocksDB would begin a database beside what is there. A manifest alone is what a
/// first start leaves that was killed in the middle.
bool holds_data(const std::string& directory) {
  std::error_code none_there;
  for (std::filesystem::directory_iterator at(directory, none_there), end; at != end; at.increment(none_there)) {
    const auto kind = at->path().extension();
    if (kind == ".sst" || kind == ".blob" || kind == ".log") return true;
  }
  return false;
}

}  // namespace

Database& Database::operator=(Database&& other) noexcept {
  if (this == &other) return *this;
  close();
  options_ = std::move(other.options_);
  cache_ = std::move(other.cache_);
  patience_ = std::move(other.patience_);
  environment_ = std::move(other.environment_);
  db_ = std::move(other.db_);
  handles_ = other.handles_;
  unknown_ = std::move(other.unknown_);
  return *this;
}

Database::~Database() { close(); }

void Database::close() noexcept {
  if (!db_) return;  // never opened, or moved from
  for (rocksdb::ColumnFamilyHandle* handle : handles_)
    if (handle != nullptr) (void)db_->DestroyColumnFamilyHandle(handle);
  for (rocksdb::ColumnFamilyHandle* handle : unknown_) (void)db_->DestroyColumnFamilyHandle(handle);
  handles_ = {};
  unknown_.clear();
  (void)db_->Close();
  db_.reset();
}

StorageResult<Database> Database::open(const RocksOptions& options, Mode mode) {
  if (mode == Mode::kWrite) {
    if (StorageResult<> made = make_directory(options.directory); !made) return made.error();
  }
  Database database;
  database.options_ = options;
  database.cache_ = rocksdb::NewLRUCache(options.block_cache_bytes, /*num_shard_bits=*/2);

  std::vector<std::string> names;
  rocksdb::Status listed = rocksdb::DB::ListColumnFamilies(database_options(options), options.directory, &names);
  if (listed.IsCorruption() && mode == Mode::kWrite) {
    StorageResult<bool> mended = mend_manifest(options.directory);
    if (!mended) return mended.error();
    if (*mended) listed = rocksdb::DB::ListColumnFamilies(database_options(options), options.directory, &names);
  }
  if (!listed.ok()) {
    bool fresh = !std::filesystem::exists(options.directory + "/CURRENT");
    if (!fresh || mode != Mode::kWrite) return storage_error(listed, "opening " + options.directory);
    if (holds_data(options.directory))
      return StorageError{StorageError::Kind::kCorrupt, "opening " + options.directory + ": the file CURRENT is missing"};
    names = {column_name(Column::kOwn)};
  }
  if (rocksdb::Status opened = database.open_existing(mode, names); !opened.ok())
    return storage_error(opened, "opening " + options.directory);
  if (StorageResult<> prepared = database.prepare(mode); !prepared) return prepared.error();
  return database;
}

rocksdb::Status Database::open_existing(Mode mode, const std::vector<std::string>& names) {
  std::vector<rocksdb::ColumnFamilyDescriptor> columns;
  for (const std::string& name : names) {
    rocksdb::ColumnFamilyOptions made;
    for (std::size_t i = 0; i < kColumns; ++i)
      if (name == column_name(static_cast<Column>(i))) made = column_options(static_cast<Column>(i), options_, cache_);
    columns.emplace_back(name, made);
  }
  rocksdb::DBOptions settings = database_options(options_);
  settings.create_if_missing = mode == Mode::kWrite;
  if (mode == Mode::kWrite) {
    environment_ = make_patient_environment(patience_);
    settings.env = environment_.get();
    settings.listeners.push_back(make_error_listener(patience_));
  }
  if (mode == Mode::kSalvage) {
    settings.paranoid_checks = false;
    settings.track_and_verify_wals_in_manifest = false;
    settings.wal_recovery_mode = rocksdb::WALRecoveryMode::kSkipAnyCorruptedRecords;
  }
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* opened = nullptr;
  rocksdb::Status status = mode == Mode::kWrite ? rocksdb::DB::Open(settings, options_.directory, columns, &handles, &opened)
                                                : rocksdb::DB::OpenForReadOnly(settings, options_.directory, columns, &handles, &opened);
  if (!status.ok()) return status;
  db_.reset(opened);
  for (rocksdb::ColumnFamilyHandle* handle : handles) {
    if (!is_known(handle->GetName())) unknown_.push_back(handle);
    for (std::size_t i = 0; i < kColumns; ++i)
      if (handle->GetName() == column_name(static_cast<Column>(i))) handles_[i] = handle;
  }
  return status;
}

/// RocksDB misses a page file only when a page in it is read.
StorageResult<> Database::check_blob_files() const {
  for (rocksdb::ColumnFamilyHandle* handle : handles_) {
    if (handle == nullptr) continue;
    rocksdb::ColumnFamilyMetaData column;
    db_->GetColumnFamilyMetaData(handle, &column);
    for (const rocksdb::BlobMetaData& blob : column.blob_files) {
      const std::string path = blob.blob_file_path + "/" + blob.blob_file_name;
      std::error_code error;
      const std::uintmax_t bytes = std::filesystem::file_size(path, error);
      if (error) return StorageError{StorageError::Kind::kCorrupt, "the file " + path + " with messages is missing: " + error.message()};
      if (bytes < blob.blob_file_size)
        return StorageError{StorageError::Kind::kCorrupt, "the file " + path + " with messages is cut short: " + std::to_string(bytes) +
                                                              " octets of " + std::to_string(blob.blob_file_size)};
    }
  }
  return {};
}

void Database::flush_soon(std::uint64_t least_bytes) {
  std::uint64_t gathered_bytes = 0, under_way = 0;
  if (!db_->GetAggregatedIntProperty(rocksdb::DB::Properties::kCurSizeAllMemTables, &gathered_bytes) || gathered_bytes < least_bytes)
    return;
  if (db_->GetAggregatedIntProperty(rocksdb::DB::Properties::kMemTableFlushPending, &under_way) && under_way != 0) return;
  rocksdb::FlushOptions options;
  options.wait = false;
  options.allow_write_stall = true;  // else it waits for better times
  if (const rocksdb::Status status = db_->Flush(options, columns()); !status.ok())
    log::warn("flushing what is buffered: {}", status.ToString());
}

StorageResult<> Database::prepare(Mode mode) {
  if (mode == Mode::kSalvage) return {};
  const std::string doing = "opening " + options_.directory;
  std::string record;
  rocksdb::ColumnFamilyHandle* own = (*this)[Column::kOwn];
  rocksdb::Status found = db_->Get({}, own, rocksdb::Slice(kFormatKey.data(), kFormatKey.size()), &record);
  if (!found.ok() && !found.IsNotFound()) return storage_error(found, doing);
  StorageResult<bool> data = has_data();
  if (!data) return data.error();
  StorageResult<bool> fresh = check_format(found.ok() ? std::optional<std::string_view>(record) : std::nullopt, *data, options_.directory);
  if (!fresh) return fresh.error();

  if (StorageResult<> checked = check_blob_files(); !checked) return checked;
  if (mode == Mode::kReadOnly) {
    for (std::size_t i = 0; i < kColumns; ++i) {
      auto column = static_cast<Column>(i);
      if (handles_[i] == nullptr && !may_be_missing(column))
        return StorageError{StorageError::Kind::kCorrupt, doing + ": column " + column_name(column) + " is missing"};
    }
    return {};
  }
  if (rocksdb::Status made = make_missing_columns(); !made.ok()) return storage_error(made, doing);
  if (*fresh) {
    rocksdb::WriteOptions synced;
    synced.sync = true;
    rocksdb::Status written = db_->Put(synced, own, rocksdb::Slice(kFormatKey.data(), kFormatKey.size()), encode_format(kFormatNumber));
    if (!written.ok()) return storage_error(written, doing);
  }
  return {};
}

/// A directory whose making was cut short has columns but nothing in them; that still counts as new.
StorageResult<bool> Database::has_data() const {
  std::vector<rocksdb::ColumnFamilyHandle*> all(handles_.begin(), handles_.end());
  all.insert(all.end(), unknown_.begin(), unknown_.end());
  for (rocksdb::ColumnFamilyHandle* handle : all) {
    if (handle == nullptr) continue;
    std::unique_ptr<rocksdb::Iterator> at(db_->NewIterator({}, handle));
    at->SeekToFirst();
    if (!at->status().ok()) return storage_error(at->status(), "opening " + options_.directory);
    if (at->Valid()) return true;
  }
  return false;
}

std::vector<rocksdb::ColumnFamilyHandle*> Database::columns() const { return {handles_.begin(), handles_.end()}; }

rocksdb::Status Database::make_missing_columns() {
  for (std::size_t i = 0; i < kColumns; ++i) {
    if (handles_[i] != nullptr) continue;
    auto column = static_cast<Column>(i);
    rocksdb::Status made = db_->CreateColumnFamily(column_options(column, options_, cache_), column_name(column), &handles_[i]);
    if (!made.ok()) return made;
  }
  return rocksdb::Status::OK();
}

rocksdb::Status Database::empty_column(Column column) {
  rocksdb::ColumnFamilyHandle*& handle = handles_[static_cast<std::size_t>(column)];
  rocksdb::Status dropped = db_->DropColumnFamily(handle);
  if (!dropped.ok()) return dropped;
  (void)db_->DestroyColumnFamilyHandle(handle);
  handle = nullptr;
  return make_missing_columns();
}

}  // namespace mq::store
