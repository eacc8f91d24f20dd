#include "store/table_file.hpp"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <vector>

#include "mq/base/bytes.hpp"
#include "store/little_endian.hpp"
#include "store/varint.hpp"

namespace mq::store {
namespace {

constexpr std::uint64_t kMagic = 0x88e241b785f4cff7;
constexpr std::size_t kFooterBytes = 53;  // type of checksum, two handles in 40 octets, version, magic
constexpr std::size_t kHandlesBytes = 40;
constexpr std::size_t kBlockTrailerBytes = 5;  // compression, checksum
constexpr std::size_t kKeyTrailerBytes = 8;    // type and sequence
constexpr std::uint64_t kLargestBlockBytes = std::uint64_t{1} << 30;

struct Handle {
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
};

Handle read_handle(ByteReader& in) {
  const std::uint64_t offset = read_varint(in);
  return {offset, read_varint(in)};
}

class Table {
 public:
  explicit Table(const std::string& file) : path_(file) {
    std::error_code none_there;
    size_ = std::filesystem::file_size(file, none_there);
    if (none_there) size_ = 0;
  }

  void visit(const std::function<void(const TableEntry&)>& visit) const {
    const std::optional<Handle> index = find_index();
    if (!index) return;
    for (const Handle& block : blocks_of(*index))
      if (const auto octets = block_at(block)) visit_block(*octets, block.offset, visit);
  }

 private:
  [[nodiscard]] std::optional<Handle> find_index() const {
    if (size_ < kFooterBytes) return std::nullopt;
    const auto footer = read_place({path_, size_ - kFooterBytes, kFooterBytes});
    if (!footer || load_little_endian<std::uint64_t>(std::string_view(*footer).substr(kFooterBytes - 8)) != kMagic) return std::nullopt;
    const auto version = load_little_endian<std::uint32_t>(std::string_view(*footer).substr(kFooterBytes - 12));
    if (version < 4 || version > 5) return std::nullopt;
    ByteReader in(std::string_view(*footer).substr(1, kHandlesBytes));
    (void)read_handle(in);  // what is told of the table
    const Handle index = read_handle(in);
    return in.failed() ? std::nullopt : std::optional(index);
  }

  /// The octets of a block; nothing where it is compressed or does not lie in the file.
  [[nodiscard]] std::optional<std::string> block_at(const Handle& handle) const {
    if (handle.bytes > kLargestBlockBytes || handle.offset > size_ || handle.bytes + kBlockTrailerBytes > size_ - handle.offset)
      return std::nullopt;
    auto octets = read_place({path_, handle.offset, handle.bytes + 1});
    if (!octets || octets->back() != 0) return std::nullopt;
    octets->pop_back();
    return octets;
  }

  /// Where the entries of a block end, and the places in it where a key is written in full.
  static std::size_t end_of_entries(std::string_view block, std::vector<std::size_t>& full_keys) {
    full_keys.assign(1, 0);
    if (block.size() < 4) return 0;
    const auto count = load_little_endian<std::uint32_t>(block.substr(block.size() - 4));
    if (count == 0 || count > (block.size() - 4) / 4) return block.size() - 4;  // so the number is damaged
    const std::size_t end = block.size() - 4 - std::size_t{count} * 4;
    for (std::size_t i = 0; i < count; ++i) {
      const auto at = load_little_endian<std::uint32_t>(block.substr(end + i * 4));
      if (at > full_keys.back() && at < end) full_keys.push_back(at);
    }
    return end;
  }

  /// An index entry is the lengths of what its key shares with the one before and of the rest, the rest, the handle.
  [[nodiscard]] std::vector<Handle> blocks_of(const Handle& index) const {
    std::vector<Handle> blocks;
    const auto octets = block_at(index);
    if (!octets) return blocks;
    std::vector<std::size_t> full_keys;
    const std::size_t end = end_of_entries(*octets, full_keys);
    for (std::size_t i = 0; i < full_keys.size(); ++i) {
      const std::size_t stop = i + 1 < full_keys.size() ? full_keys[i + 1] : end;
      ByteReader in(std::string_view(*octets).substr(full_keys[i], stop - full_keys[i]));
      (void)read_varint(in);
      (void)in.bytes(read_varint(in));
      const Handle block = read_handle(in);
      if (!in.failed()) blocks.push_back(block);
    }
    return blocks;
  }

  static void visit_block(std::string_view block, std::uint64_t offset, const std::function<void(const TableEntry&)>& visit) {
    std::vector<std::size_t> full_keys;
    const std::size_t end = end_of_entries(block, full_keys);
    for (std::size_t i = 0; i < full_keys.size(); ++i) {
      const std::size_t stop = i + 1 < full_keys.size() ? full_keys[i + 1] : end;
      visit_entries(block, full_keys[i], stop, offset, visit);
    }
  }

  static void visit_entries(std::string_view block, std::size_t from, std::size_t stop, std::uint64_t offset,
                            const std::function<void(const TableEntry&)>& visit) {
    ByteReader in(block.substr(from, stop - from));
    std::string key;
    while (!in.empty()) {
      const std::uint64_t shared = read_varint(in);
      const std::uint64_t rest = read_varint(in);
      const std::uint64_t value_bytes = read_varint(in);
      if (in.failed() || shared > key.size() || rest > in.left() || value_bytes > in.left() - rest) return;
      key.resize(shared);
      key.append(in.bytes(rest));
      const std::size_t value_at = stop - in.left();
      const std::string_view value = in.bytes(value_bytes);
      if (key.size() < kKeyTrailerBytes) return;
      const auto trailer = load_little_endian<std::uint64_t>(std::string_view(key).substr(key.size() - kKeyTrailerBytes));
      TableEntry entry;
      entry.key = std::string_view(key).substr(0, key.size() - kKeyTrailerBytes);
      entry.sequence = trailer >> 8;
      entry.kind = kind_of(trailer & 0xFF);
      entry.value = value;
      entry.value_offset = offset + value_at;
      visit(entry);
    }
  }

  static TableEntry::Kind kind_of(std::uint64_t type) {
    switch (type) {
      case 0x1: return TableEntry::Kind::kValue;
      case 0x11: return TableEntry::Kind::kBlobReference;
      case 0x0:
      case 0x7: return TableEntry::Kind::kDeleted;
      default: return TableEntry::Kind::kOther;
    }
  }

  const std::string path_;
  std::uint64_t size_ = 0;
};

}  // namespace

std::optional<std::string> read_place(const FilePlace& place) {
  std::error_code none_there;
  const std::uint64_t size = std::filesystem::file_size(place.file, none_there);
  if (none_there || place.offset > size || place.bytes > size - place.offset) return std::nullopt;
  std::ifstream in(place.file, std::ios::binary);
  in.seekg(static_cast<std::streamoff>(place.offset));
  std::string octets(place.bytes, '\0');
  in.read(octets.data(), static_cast<std::streamsize>(octets.size()));
  return in ? std::optional(std::move(octets)) : std::nullopt;
}

void visit_table(const std::string& file, const std::function<void(const TableEntry&)>& visit) { Table(file).visit(visit); }

// One octet that says what it is (1: a blob without expiration), the three numbers, one octet for the compression.
std::optional<BlobReference> decode_blob_reference(std::string_view value) {
  ByteReader in(value);
  if (in.u8() != 1) return std::nullopt;
  BlobReference found;
  found.file_number = read_varint(in);
  found.offset = read_varint(in);
  found.bytes = read_varint(in);
  if (in.u8() != 0 || in.failed() || !in.empty()) return std::nullopt;
  return found;
}

}  // namespace mq::store
