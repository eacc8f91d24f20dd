// The version of a data directory, and whether this broker may use it.
//
// A directory has one format number, written when it is made. It changes only when values of the old form can no longer be read as they
// are; then check_format() is where the steps from each older number to the next one are called.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "mq/ports/storage.hpp"

namespace mq::store {

inline constexpr std::uint32_t kFormatNumber = 1;
/// Where the record lies in the store's own column.
inline constexpr std::string_view kFormatKey = "format";

[[nodiscard]] std::string encode_format(std::uint32_t number);

/// `record` is what lies under kFormatKey, `has_data` whether anything else does. True: the directory is new and the record is still to
/// be written. kVersion: it was written in a form this broker does not know, or by something else; kCorrupt: the record cannot be read.
[[nodiscard]] StorageResult<bool> check_format(std::optional<std::string_view> record, bool has_data, std::string_view directory);

}  // namespace mq::store
