#include "store/manifest_tail.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string_view>
#include <system_error>

#include "store/checksum.hpp"
#include "store/little_endian.hpp"

namespace mq::store {
namespace {

// RocksDB's log format (its wiki, "Write Ahead Log File Format"): blocks of 32 KiB hold fragments, none of which crosses a block's end; a
// fragment is a masked CRC-32C of type and payload, the payload's length, the type, the payload. What does not fit a header is zero.
constexpr std::size_t kLogBlock = 32768;
constexpr std::size_t kHead = 7;
constexpr std::size_t kSector = 512;
enum Type : unsigned { kFull = 1, kFirst = 2, kMiddle = 3, kLast = 4 };

struct Fragment {
  std::size_t at = 0;
  std::size_t end = 0;
  unsigned type = 0;
  bool whole = false;
};

/// The fragment at `at` or behind the padding there; none at the end, and where the head names more than the block holds.
std::optional<Fragment> fragment_at(std::string_view log, std::size_t at) {
  if (kLogBlock - at % kLogBlock < kHead) at = (at / kLogBlock + 1) * kLogBlock;
  if (at + kHead > log.size()) return std::nullopt;
  const auto length = load_little_endian<std::uint16_t>(log.substr(at + 4));
  Fragment found{at, at + kHead + length, static_cast<unsigned char>(log[at + 6]), false};
  if (found.end > log.size() || found.end > (at / kLogBlock + 1) * kLogBlock) return std::nullopt;
  const bool known = found.type >= kFull && found.type <= kLast;
  found.whole = known && load_little_endian<std::uint32_t>(log.substr(at)) == masked_crc32c(log.substr(at + 6, std::size_t{1} + length));
  return found;
}

bool is_zero(std::string_view octets) {
  return std::all_of(octets.begin(), octets.end(), [](char octet) { return octet == 0; });
}

/// A sector of which everything that lies between the two is zero, eight octets at least.
bool lacks_a_sector(std::string_view log, std::size_t from, std::size_t to) {
  for (std::size_t at = from; at < to;) {
    const std::size_t stop = std::min(to, (at / kSector + 1) * kSector);
    if (stop - at >= 8 && is_zero(log.substr(at, stop - at))) return true;
    at = stop;
  }
  return false;
}

bool anything_whole_behind(std::string_view log, std::size_t at) {
  while (const std::optional<Fragment> next = fragment_at(log, at)) {
    if (next->whole) return true;
    at = next->end;
  }
  return false;
}

/// How much of the log to keep; nothing when it is to stay as it is.
std::optional<std::uint64_t> unfinished_at(std::string_view log) {
  std::size_t at = 0, record = 0;
  while (const std::optional<Fragment> next = fragment_at(log, at)) {
    if (next->type == kFull || next->type == kFirst) record = next->at;
    if (!next->whole) {
      if (next->type == 0) return std::nullopt;  // zeros from here on; RocksDB ends there too
      if (!lacks_a_sector(log, next->at, next->end) || anything_whole_behind(log, next->end)) return std::nullopt;
      return record;
    }
    at = next->end;
  }
  return std::nullopt;
}

std::string contents_of(const std::filesystem::path& path) {
  std::error_code none_there;
  if (!std::filesystem::is_regular_file(path, none_there)) return {};  // a stream throws on a directory
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

StorageError failed(const std::filesystem::path& path) {
  return {StorageError::Kind::kIo, "mending " + path.string() + ": " + std::generic_category().message(errno)};
}

}  // namespace

StorageResult<std::optional<std::uint64_t>> drop_unfinished_manifest_record(const std::string& directory) {
  std::string name = contents_of(std::filesystem::path(directory) / "CURRENT");
  while (!name.empty() && name.back() == '\n') name.pop_back();
  if (!name.starts_with("MANIFEST-")) return std::optional<std::uint64_t>();  // CURRENT may be damaged itself
  const std::filesystem::path manifest = std::filesystem::path(directory) / name;
  const std::optional<std::uint64_t> keep = unfinished_at(contents_of(manifest));
  if (!keep) return keep;
  const int file = ::open(manifest.c_str(), O_WRONLY | O_CLOEXEC);
  if (file < 0) return failed(manifest);
  const bool cut = ::ftruncate(file, static_cast<off_t>(*keep)) == 0 && ::fsync(file) == 0;
  const int error = errno;
  ::close(file);
  errno = error;
  if (!cut) return failed(manifest);
  return keep;
}

}  // namespace mq::store
