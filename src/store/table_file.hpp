// A RocksDB table file read by ourselves, without trusting a length in it.
//
// RocksDB either refuses a block whose checksum is wrong as a whole, or, told not to look at checksums, takes it apart as if it were right,
// and may end the process over it. Here every place is compared with the bounds of what it lies in, so any bytes may be read. Format:
// RocksDB's block-based tables, versions 4 and 5, as this store writes them.
#pragma once

#include <cstdint>
#include <fstream>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace mq::store {

struct FilePlace {
  std::string file;
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
};
/// The octets there; nothing where the file has less.
[[nodiscard]] std::optional<std::string> read_place(const FilePlace& place);

struct TableEntry {
  enum class Kind : std::uint8_t { kValue, kBlobReference, kDeleted, kOther };
  std::string_view key;
  std::uint64_t sequence = 0;  ///< of two entries of one key the higher is the newer
  Kind kind = Kind::kOther;
  std::string_view value;
  std::uint64_t value_offset = 0;  ///< in the file
};

/// Visits what can be told apart in the data blocks of the table, in the file's order; whether key and value are whole the caller has to
/// find out. Left out: compressed blocks, and what lies behind damage up to the next place where a key is written in full. Nothing is
/// visited where the file's end or index cannot be read.
void visit_table(const std::string& file, const std::function<void(const TableEntry&)>& visit);

struct BlobReference {
  std::uint64_t file_number = 0;
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
};
/// Nothing for a reference that is none, or to a compressed blob.
[[nodiscard]] std::optional<BlobReference> decode_blob_reference(std::string_view value);

}  // namespace mq::store
