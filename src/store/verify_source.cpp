#include "store/verify_source.hpp"

#include <rocksdb/sst_file_reader.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <unordered_set>

#include "mq/base/bytes.hpp"
#include "store/rocks_errors.hpp"
#include "store/rocks_log.hpp"
#include "store/upgrade.hpp"

namespace mq::store {
namespace {

namespace fs = std::filesystem;

rocksdb::Slice slice(std::string_view view) { return {view.data(), view.size()}; }

RocksOptions options_of(const std::string& directory) {
  RocksOptions options;
  options.directory = directory;
  return options;
}

/// The first 16 octets of a key as a number, to step through keys that nobody knows.
__extension__ using Wide = unsigned __int128;
Wide number_of(std::string_view key) {
  Wide number = 0;
  for (std::size_t i = 0; i < sizeof(Wide); ++i) number = number << 8 | (i < key.size() ? static_cast<unsigned char>(key[i]) : 0);
  return number;
}
std::string key_of(Wide number) {
  std::string key(sizeof(Wide), '\0');
  for (std::size_t i = key.size(); i-- > 0; number >>= 8) key[i] = static_cast<char>(number & 0xFF);
  return key;
}

/// Brings the iterator to where it can be read again behind `last`, over a block that cannot. False when nothing more can be read.
bool step_over(rocksdb::Iterator& at, const std::string& last) {
  const Wide begin = number_of(last);
  auto readable_from = [&at](Wide number) {
    at.Seek(key_of(number));
    return at.status().ok();
  };
  Wide bad = begin;
  Wide step = 1;
  for (; !readable_from(bad + step); step <<= 1) {
    if (step >> 127 != 0 || bad + step < begin) return false;
  }
  Wide good = begin + step;
  while (good - bad > 1) {
    const Wide middle = bad + (good - bad) / 2;
    (readable_from(middle) ? good : bad) = middle;
  }
  return readable_from(good) && at.Valid();
}

}  // namespace

StorageResult<std::unique_ptr<WorkingCopy>> WorkingCopy::make(const std::string& directory, const std::string& path) {
  auto failed = [&](const std::error_code& error) {
    auto kind = error == std::errc::no_space_on_device ? StorageError::Kind::kNoSpace : StorageError::Kind::kIo;
    return StorageError{kind, "copying what lies in " + directory + " to " + path + ": " + error.message()};
  };
  std::error_code error;
  fs::remove_all(path, error);
  fs::create_directory(path, error);
  if (error) return failed(error);
  fs::permissions(path, fs::perms::owner_all, error);
  std::unique_ptr<WorkingCopy> copy(new WorkingCopy(path));
  for (const auto& entry : fs::directory_iterator(directory, error)) {
    std::error_code of_file;
    if (!entry.is_regular_file(of_file) || entry.path().filename() == "LOCK" || entry.path().filename() == "ballast") continue;
    const fs::path target = fs::path(path) / entry.path().filename();
    const bool fixed = entry.path().extension() == ".sst" || entry.path().extension() == ".blob";
    if (fixed) fs::create_hard_link(entry.path(), target, of_file);
    if (!fixed || of_file) fs::copy_file(entry.path(), target, of_file);
    if (of_file && of_file != std::errc::no_such_file_or_directory) return failed(of_file);
  }
  if (error) return failed(error);
  return copy;
}

WorkingCopy::~WorkingCopy() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

StorageResult<Source> Source::open(const std::string& directory, std::vector<std::string>& problems) {
  std::error_code error;
  if (!fs::is_directory(directory, error)) return StorageError{StorageError::Kind::kNotFound, "there is no directory " + directory};
  const std::optional<LogDamage> log = find_log_damage(directory);
  if (log) problems.push_back(log->describe() + (log->was_synced ? "; they were synced" : "; nothing says that they were synced"));

  Source source;
  source.directory_ = directory;
  StorageResult<Database> opened = Database::open(options_of(directory), Database::Mode::kReadOnly);
  if (opened && !log) {
    source.database_ = std::move(*opened);
    return source;
  }
  if (!opened && (opened.error().kind == StorageError::Kind::kVersion || opened.error().kind == StorageError::Kind::kLocked))
    return opened.error();
  if (!opened) problems.push_back("the directory does not open: " + opened.error().text);
  opened = StorageError{};  // closes it
  if (StorageResult<> done = source.open_copy(directory, problems); !done) return done.error();
  if (StorageResult<> checked = source.check_format(directory, problems); !checked) return checked.error();
  return source;
}

StorageResult<> Source::open_copy(const std::string& directory, std::vector<std::string>& problems) {
  auto copy = WorkingCopy::make(directory, fs::path(directory).lexically_normal().string() + ".repair-work");
  if (!copy) return copy.error();
  copy_ = std::move(*copy);
  const std::string& path = copy_->path();
  directory_ = path;
  if (point_to_newest_manifest(path)) problems.push_back("the file CURRENT does not name a manifest; the newest one was taken");
  leave_out_damaged_writes(path);
  StorageResult<Database> opened = Database::open(options_of(path), Database::Mode::kSalvage);
  std::string missing;
  if (opened) {
    database_ = std::move(*opened);
    missing = missing_file();
    if (missing.empty()) return {};
    database_ = Database();
  }
  problems.push_back((missing.empty() ? opened.error().text : "the file " + missing + " cannot be opened") +
                     "; RocksDB's own repair was run on a copy");
  if (rocksdb::Status repaired = repair_files(path, problems); !repaired.ok())
    return storage_error(repaired, "repairing a copy of " + directory);
  opened = Database::open(options_of(path), Database::Mode::kSalvage);
  if (!opened) return opened.error();
  database_ = std::move(*opened);
  repaired_ = true;
  open_lost_tables();
  return {};
}

/// Of a directory that opened normally this was checked then.
StorageResult<> Source::check_format(const std::string& directory, std::vector<std::string>& problems) const {
  std::string record;
  const rocksdb::Status found = get(Column::kOwn, kFormatKey, record);
  if (database_[Column::kMetadata] == nullptr && database_[Column::kPages] == nullptr)
    return StorageError{StorageError::Kind::kCorrupt, directory + " holds none of brokerd's columns that can be read"};
  StorageResult<bool> known = StorageError{StorageError::Kind::kCorrupt, ""};
  if (found.ok()) known = store::check_format(record, true, directory);
  if (!known && known.error().kind == StorageError::Kind::kVersion) return known.error();
  if (!known) problems.emplace_back("the format number cannot be read; it is taken to be " + std::to_string(kFormatNumber));
  return {};
}

/// The first table that is not there or cannot be opened; RocksDB then cannot read the column it belongs to at all.
std::string Source::missing_file() const {
  std::vector<rocksdb::LiveFileMetaData> files;
  database_.db().GetLiveFilesMetaData(&files);
  for (const rocksdb::LiveFileMetaData& file : files) {
    rocksdb::SstFileReader reader{rocksdb::Options()};
    std::string path = copy_->path() + "/" + fs::path(file.name).filename().string();
    std::error_code error;
    if (fs::file_size(path, error) != file.size || error || !reader.Open(path).ok()) return path;
  }
  return {};
}

void Source::open_lost_tables() {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(copy_->path() + "/lost", error)) {
    if (entry.path().extension() != ".sst") continue;
    rocksdb::SstFileReader probe{rocksdb::Options()};
    if (!probe.Open(entry.path().string()).ok()) continue;
    const std::string name = probe.GetTableProperties()->column_family_name;
    for (Column column : {Column::kMetadata, Column::kPages, Column::kDelayed})  // whose values tell their keys
      if (name == column_name(column)) lost_tables_.push_back({column, entry.path().string()});
  }
}

bool Source::scan(Column column, const Visit& visit, std::vector<std::string>& problems) const {
  rocksdb::ReadOptions read;
  read.fill_cache = false;
  std::unique_ptr<rocksdb::Iterator> at(database_.db().NewIterator(read, database_[column]));
  std::string last;
  bool whole = true;
  at->SeekToFirst();
  while (true) {
    for (; at->Valid(); at->Next()) {
      last.assign(at->key().data(), at->key().size());
      visit(last, at->value().ToStringView(), true);
    }
    if (at->status().ok()) return whole;
    whole = false;
    problems.push_back(std::string("a part of column ") + column_name(column) + " cannot be read: " + at->status().ToString());
    if (!step_over(*at, last)) return false;
  }
}

void Source::each(Column column, const Visit& visit, std::vector<std::string>& problems) const {
  std::unordered_set<std::string> seen;
  bool whole = true;
  if (database_[column] != nullptr) {
    whole = scan(
        column,
        [&](std::string_view key, std::string_view value, bool checked) {
          if (repaired_) seen.emplace(key);
          visit(key, value, checked);
        },
        problems);
  }
  auto only_new = [&](std::string_view key, std::string_view value, bool) {
    if (seen.emplace(key).second) visit(key, value, false);
  };
  if (!whole) visit_damaged(column, only_new);
  if (!repaired_) return;
  visit_lost_tables(column, only_new);
  visit_blobs(column, only_new);
}

/// What the database would say under these keys is known from whatever stands above the damage: nothing, if it was dropped there.
void Source::visit_damaged(Column column, const Visit& visit) const {
  std::string value;
  for (const auto& [key, entry] : entries_of(column)) {
    if (!get(column, key, value).IsCorruption()) continue;
    if (const auto octets = value_of(entry, directory_)) visit(key, *octets, false);
  }
}

const SalvagedEntries& Source::entries_of(Column column) const {
  const auto [at, added] = entries_.try_emplace(column);
  if (added) at->second = entries_in_tables(database_, directory_, column);
  return at->second;
}

void Source::visit_lost_tables(Column column, const Visit& visit) const {
  for (const LostTable& table : lost_tables_) {
    if (table.column != column) continue;
    visit_table(table.file, [&](const TableEntry& found) {
      const SalvagedEntry entry{found.sequence, found.kind, {table.file, found.value_offset, found.value.size()}};
      if (const auto octets = value_of(entry, directory_)) visit(found.key, *octets, false);
    });
  }
}

void Source::visit_blobs(Column column, const Visit& visit) const {
  const std::size_t key_bytes = column == Column::kPages ? kPageKeyBytes : column == Column::kDelayed ? kPageKeyBytes + 8 : 0;
  std::string value;
  for (const auto& [key, place] : blobs()) {
    if (key.size() != key_bytes) continue;
    const rocksdb::Status found = get(column, key, value);
    if (found.ok() || found.IsNotFound()) continue;  // seen already, or dropped
    if (const auto bytes = blob(key)) visit(key, *bytes, false);
  }
}

const Blobs& Source::blobs() const {
  if (!blobs_) blobs_ = find_blobs(directory_);
  return *blobs_;
}

std::optional<std::string> Source::blob(std::string_view key) const {
  const auto place = blobs().find(key);
  return place == blobs().end() ? std::nullopt : read_place(place->second);
}

rocksdb::Status Source::get(Column column, std::string_view key, std::string& value) const {
  if (database_[column] == nullptr) return rocksdb::Status::NotFound();
  rocksdb::ReadOptions read;
  read.fill_cache = false;
  return database_.db().Get(read, database_[column], slice(key), &value);
}

std::optional<std::string> Source::page(PageKey key, std::string& wrong) const {
  wrong.clear();
  std::string value;
  const auto encoded = encode_key(key);
  rocksdb::Status found = get(Column::kPages, encoded.view(), value);
  if (found.ok()) return value;
  if (found.IsNotFound() && !repaired_) return std::nullopt;
  if (!found.IsNotFound()) {
    wrong = found.ToString();
    const auto entry = entries_of(Column::kPages).find(encoded.view());
    if (entry != entries_of(Column::kPages).end())
      if (auto octets = value_of(entry->second, directory_)) return octets;
  }
  return blob(encoded.view());
}

}  // namespace mq::store
