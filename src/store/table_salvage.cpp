#include "store/table_salvage.hpp"

#include <filesystem>
#include <vector>

#include "store/keys.hpp"

namespace mq::store {
namespace {

/// The column's tables that may hold a key between these two; all of them without keys.
std::vector<std::string> tables_of(const Database& database, const std::string& directory, Column column,
                                   std::optional<std::string_view> key) {
  std::vector<rocksdb::LiveFileMetaData> files;
  database.db().GetLiveFilesMetaData(&files);
  std::vector<std::string> found;
  for (const rocksdb::LiveFileMetaData& file : files) {
    if (file.column_family_name != column_name(column)) continue;
    if (key && (*key < file.smallestkey || *key > file.largestkey)) continue;
    found.push_back(directory + "/" + std::filesystem::path(file.name).filename().string());
  }
  return found;
}

void take_newer(SalvagedEntry& newest, const std::string& file, const TableEntry& entry) {
  if (entry.sequence < newest.sequence) return;
  newest = {entry.sequence, entry.kind, {file, entry.value_offset, entry.value.size()}};
}

}  // namespace

SalvagedEntries entries_in_tables(const Database& database, const std::string& directory, Column column) {
  SalvagedEntries found;
  for (const std::string& file : tables_of(database, directory, column, std::nullopt)) {
    visit_table(file, [&](const TableEntry& entry) {
      if (entry.key.size() > kLongestKeyBytes && column != Column::kMetadata) return;  // damage
      take_newer(found[std::string(entry.key)], file, entry);
    });
  }
  return found;
}

std::optional<std::string> value_of(const SalvagedEntry& entry, const std::string& directory) {
  auto value = read_place(entry.value);
  if (!value || entry.kind == TableEntry::Kind::kValue) return value;
  if (entry.kind != TableEntry::Kind::kBlobReference) return std::nullopt;
  const auto reference = decode_blob_reference(*value);
  if (!reference) return std::nullopt;
  std::string number = std::to_string(reference->file_number);
  number.insert(0, number.size() < 6 ? 6 - number.size() : 0, '0');
  return read_place({directory + "/" + number + ".blob", reference->offset, reference->bytes});
}

std::optional<std::string> value_in_tables(const Database& database, const std::string& directory, Column column, std::string_view key) {
  SalvagedEntry newest;
  for (const std::string& file : tables_of(database, directory, column, key)) {
    visit_table(file, [&](const TableEntry& entry) {
      if (entry.key == key) take_newer(newest, file, entry);
    });
  }
  return newest.value.file.empty() ? std::nullopt : value_of(newest, directory);
}

}  // namespace mq::store
