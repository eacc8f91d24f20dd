// The table of options: one row per key. Loading, checking, help, reloading and config/brokerd.toml all walk it.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "mq/config.hpp"

namespace mq::server {

/// How a value is written. Numbers of bytes take units (`64MiB`), lengths of time too (`30s`); both may be plain numbers.
enum class OptionKind : std::uint8_t { kText, kTextList, kBoolean, kNumber, kBytes, kMilliseconds, kSeconds, kWatermark };

/// Where the value lives in a Config.
using OptionField = std::variant<std::string Config::*, std::vector<std::string> Config::*, bool Config::*, std::uint16_t Config::*,
                                 std::int32_t Config::*, std::uint32_t Config::*, std::uint64_t Config::*, MemoryWatermark Config::*>;

struct ConfigOption {
  std::string_view key;  ///< `section.name`
  OptionKind kind = OptionKind::kText;
  OptionField field;
  std::int64_t lowest = 0;  ///< of numbers, in the field's unit
  std::int64_t highest = std::numeric_limits<std::int64_t>::max();
  bool reloadable = false;                      ///< a running broker can take a new value over
  std::string_view help;                        ///< sentences; starts small, ends without a full stop
  std::span<const std::string_view> choices{};  ///< of texts; empty = any
  bool secret = false;                          ///< never shown
};

/// A group of options, `[section]` in the file.
struct ConfigSection {
  std::string_view name;
  std::string_view help;
};

[[nodiscard]] std::span<const ConfigSection> config_sections();
/// All rows, those of one section together, in the order of the sections.
[[nodiscard]] std::span<const ConfigOption> config_options();
/// The row of that key, or null.
[[nodiscard]] const ConfigOption* find_option(std::string_view key) noexcept;
/// The key that looks most like `key`. A last part that is right in another section counts as near.
[[nodiscard]] std::string_view nearest_key(std::string_view key);

}  // namespace mq::server
