#include "store/upgrade.hpp"

#include "mq/base/bytes.hpp"
#include "store/checksum.hpp"

namespace mq::store {

std::string encode_format(std::uint32_t number) {
  std::string value;
  ByteWriter out(value);
  out.u32(number).u32(checksum(value));
  return value;
}

StorageResult<bool> check_format(std::optional<std::string_view> record, bool has_data, std::string_view directory) {
  using Kind = StorageError::Kind;
  std::string where(directory);
  if (!record) {
    if (!has_data) return true;
    return StorageError{Kind::kVersion, where + " holds data without a format number: it was not written by brokerd"};
  }
  ByteReader in(*record);
  std::uint32_t number = in.u32();
  bool whole = in.u32() == checksum(record->substr(0, 4)) && !in.failed() && in.empty();
  if (!whole) return StorageError{Kind::kCorrupt, where + ": the format number is damaged"};
  if (number == kFormatNumber) return false;
  return StorageError{Kind::kVersion, where + " has format " + std::to_string(number) + ", this brokerd reads format " +
                                          std::to_string(kFormatNumber) +
                                          (number > kFormatNumber ? ": it was written by a newer one" : "")};
}

}  // namespace mq::store
