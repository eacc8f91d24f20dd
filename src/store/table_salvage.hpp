// What the tables of a column hold under keys that RocksDB cannot read any more, and the values there.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "store/rocks_columns.hpp"
#include "store/table_file.hpp"

namespace mq::store {

/// The newest that lies in the tables under a key, whole or not.
struct SalvagedEntry {
  std::uint64_t sequence = 0;
  TableEntry::Kind kind = TableEntry::Kind::kOther;
  FilePlace value;
};
using SalvagedEntries = std::map<std::string, SalvagedEntry, std::less<>>;

/// All keys of the column; `directory` is where its files are.
[[nodiscard]] SalvagedEntries entries_in_tables(const Database& database, const std::string& directory, Column column);

/// The octets of the value, from the table or from the blob file it names; nothing when they are not there or were dropped.
[[nodiscard]] std::optional<std::string> value_of(const SalvagedEntry& entry, const std::string& directory);

/// The value of one key.
[[nodiscard]] std::optional<std::string> value_in_tables(const Database& database, const std::string& directory, Column column,
                                                         std::string_view key);

}  // namespace mq::store
