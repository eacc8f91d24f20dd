// The last resort: a directory whose manifest cannot be read, made openable from its single files.
#include <rocksdb/sst_file_reader.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>

#include "store/little_endian.hpp"
#include "store/rocks_errors.hpp"
#include "store/verify_source.hpp"

namespace mq::store {
namespace {

namespace fs = std::filesystem;

/// Which columns the tables of a directory are of, by the numbers that the log knows them under.
struct KnownColumns {
  std::set<std::string> names;
  std::set<std::uint64_t> ids;
  std::uint64_t last_file = 0;
};

KnownColumns columns_of_tables(const std::string& directory) {
  KnownColumns known;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(directory, error)) {
    const std::string stem = entry.path().stem().string();
    if (std::all_of(stem.begin(), stem.end(), [](unsigned char c) { return c >= '0' && c <= '9'; }) && !stem.empty() && stem.size() < 19)
      known.last_file = std::max<std::uint64_t>(known.last_file, std::stoull(stem));
    if (entry.path().extension() != ".sst") continue;
    rocksdb::SstFileReader reader{rocksdb::Options()};
    if (!reader.Open(entry.path().string()).ok()) continue;
    known.names.insert(reader.GetTableProperties()->column_family_name);
    known.ids.insert(reader.GetTableProperties()->column_family_id);
  }
  return known;
}

/// RocksDB's repair learns of columns from tables alone, and drops what the log holds for others. So columns that have no table yet are
/// given one, made elsewhere: columns are made in the order of the enumeration, so their numbers are known unless an older brokerd made
/// fewer.
rocksdb::Status add_tables_for_missing_columns(const std::string& directory) {
  const std::string elsewhere = directory + "/columns";
  KnownColumns known = columns_of_tables(directory);
  RocksOptions options;
  options.directory = elsewhere;
  {
    StorageResult<Database> made = Database::open(options, Database::Mode::kWrite);
    if (!made) return rocksdb::Status::IOError(made.error().text);
    for (std::size_t i = 0; i < kColumns; ++i) {
      rocksdb::ColumnFamilyHandle* handle = (*made)[static_cast<Column>(i)];
      if (static_cast<Column>(i) == Column::kOwn) continue;  // RocksDB knows that one anyway
      if (known.names.contains(handle->GetName()) || known.ids.contains(handle->GetID())) continue;
      rocksdb::Status put = made->db().Put({}, handle, "~", "");  // no key of ours
      if (put.ok()) put = made->db().Flush({}, handle);
      if (!put.ok()) return put;
    }
  }
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(elsewhere, error)) {
    rocksdb::SstFileReader reader{rocksdb::Options()};
    if (entry.path().extension() != ".sst" || !reader.Open(entry.path().string()).ok()) continue;
    if (known.names.contains(reader.GetTableProperties()->column_family_name)) continue;
    std::string number = std::to_string(++known.last_file);
    number.insert(0, number.size() < 6 ? 6 - number.size() : 0, '0');
    fs::rename(entry.path(), fs::path(directory) / (number + ".sst"), error);
  }
  fs::remove_all(elsewhere, error);
  return rocksdb::Status::OK();
}

}  // namespace

bool point_to_newest_manifest(const std::string& directory) {
  std::error_code error;
  std::string named;
  std::ifstream(directory + "/CURRENT") >> named;
  if (named.starts_with("MANIFEST-") && fs::is_regular_file(directory + "/" + named, error)) return false;
  std::string newest;
  for (const auto& entry : fs::directory_iterator(directory, error)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("MANIFEST-") && (name.size() > newest.size() || (name.size() == newest.size() && name > newest))) newest = name;
  }
  if (newest.empty()) return false;
  std::ofstream(directory + "/CURRENT", std::ios::binary | std::ios::trunc) << newest << '\n';
  return true;
}

rocksdb::Status repair_files(const std::string& directory, std::vector<std::string>& problems) {
  if (rocksdb::Status added = add_tables_for_missing_columns(directory); !added.ok()) return added;
  RocksOptions options;
  options.directory = directory;
  rocksdb::DBOptions settings = database_options(options);
  settings.track_and_verify_wals_in_manifest = false;
  std::vector<rocksdb::ColumnFamilyDescriptor> columns;
  for (std::size_t i = 0; i < kColumns; ++i) {
    const auto column = static_cast<Column>(i);
    columns.emplace_back(column_name(column), column_options(column, options, nullptr));
  }
  rocksdb::Status repaired = rocksdb::RepairDB(directory, settings, columns, rocksdb::ColumnFamilyOptions());
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(directory + "/lost", error))
    if (entry.path().extension() == ".sst")  // logs end there too when they were read
      problems.push_back("the file " + entry.path().filename().string() + " is damaged");
  return repaired;
}

// RocksDB's blob files, version 1: a head of 30 octets, then per blob a head of 32 (length of the key, length of the blob, expiration, two
// checksums), the key, the blob. Little-endian. What lies there is checked by the page's own checksums, so theirs are not looked at.
Blobs find_blobs(const std::string& directory) {
  constexpr std::size_t kFileHeadBytes = 30;
  constexpr std::size_t kBlobHeadBytes = 32;
  Blobs found;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(directory, error)) {
    if (entry.path().extension() != ".blob") continue;
    const std::uint64_t size = entry.file_size(error);
    std::ifstream in(entry.path(), std::ios::binary);
    char head[kBlobHeadBytes];
    std::string key;
    for (std::uint64_t at = kFileHeadBytes; at + kBlobHeadBytes < size;) {
      in.seekg(static_cast<std::streamoff>(at));
      if (!in.read(head, sizeof head)) break;
      const auto key_bytes = load_little_endian<std::uint64_t>({head, sizeof head});
      const auto bytes = load_little_endian<std::uint64_t>({head + 8, sizeof head - 8});
      if (key_bytes > size || bytes > size || at + kBlobHeadBytes + key_bytes + bytes > size) break;
      key.resize(std::min<std::size_t>(key_bytes, kLongestKeyBytes));
      if (key_bytes == key.size() && in.read(key.data(), static_cast<std::streamsize>(key.size())))
        found[key] = {entry.path().string(), at + kBlobHeadBytes + key_bytes, bytes};
      at += kBlobHeadBytes + key_bytes + bytes;
    }
  }
  return found;
}

}  // namespace mq::store
