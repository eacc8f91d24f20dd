// One value of a configuration: from a text or a TOML value into its field, and back into text.
#pragma once

#include <boost/system/result.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "mq/config.hpp"
#include "server/config_options.hpp"

namespace mq::server {

/// A value as it was written. A text may stand for numbers with units, whatever the source; numbers and booleans only as such in TOML.
using WrittenValue = std::variant<std::string, std::int64_t, double, bool, std::vector<std::string>>;

/// `64MiB`, `10kB`, `512` -> bytes. Units: B, kB MB GB TB (thousands), KiB MiB GiB TiB (1024s), in any case. nullopt: not a size, or too
/// large.
[[nodiscard]] std::optional<std::int64_t> parse_bytes(std::string_view text);
/// `500ms`, `30s`, `15m`, `12h`, `2d` -> milliseconds; a number without a unit counts `plain_unit_ms`. nullopt: not a length of time.
[[nodiscard]] std::optional<std::int64_t> parse_duration(std::string_view text, std::int64_t plain_unit_ms);

/// Puts the value into its field. Returns what is wrong with it, as a sentence without the key, or an empty text.
[[nodiscard]] std::string set_value(Config& config, const ConfigOption& option, const WrittenValue& value);
/// Reads what somebody typed for the option into its written form, then as set_value(): `true`, `a,b`, `0.6`, `5672`.
[[nodiscard]] std::string set_value_from_text(Config& config, const ConfigOption& option, std::string_view text);

/// The field's value as it is written in TOML, with the largest unit that leaves it whole.
[[nodiscard]] std::string value_as_toml(const Config& config, const ConfigOption& option);
/// `1..65535`, `info, warn, ...`: what the row allows; empty when anything goes.
[[nodiscard]] std::string bounds_text(const ConfigOption& option);

}  // namespace mq::server
