#include "server/config_values.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <span>
#include <type_traits>

namespace mq::server {
namespace {

struct Unit {
  std::string_view name;  // as written; compared without regard to case
  std::int64_t factor;
};

constexpr Unit kByteUnits[] = {
    {"TiB", 1LL << 40},    {"GiB", 1LL << 30}, {"MiB", 1LL << 20}, {"KiB", 1LL << 10}, {"TB", 1'000'000'000'000},
    {"GB", 1'000'000'000}, {"MB", 1'000'000},  {"kB", 1'000},      {"B", 1},
};
constexpr Unit kTimeUnits[] = {{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}};

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool same_word(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

/// A whole number and one of the units; no unit counts `plain_factor`.
std::optional<std::int64_t> parse_with_unit(std::string_view text, std::span<const Unit> units, std::int64_t plain_factor) {
  text = trim(text);
  std::int64_t number = 0;
  auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem != std::errc{}) return std::nullopt;
  std::string_view name = trim(text.substr(static_cast<std::size_t>(end - text.data())));
  std::int64_t factor = plain_factor;
  if (!name.empty()) {
    auto unit = std::find_if(units.begin(), units.end(), [name](const Unit& u) { return same_word(u.name, name); });
    if (unit == units.end()) return std::nullopt;
    factor = unit->factor;
  }
  std::int64_t product = 0;
  if (__builtin_mul_overflow(number, factor, &product)) return std::nullopt;
  return product;
}

std::string with_largest_unit(std::int64_t value, std::span<const Unit> units) {
  for (const Unit& unit : units) {
    if (value != 0 && value % unit.factor == 0) return fmt::format("{}{}", value / unit.factor, unit.name);
  }
  return std::to_string(value);
}

std::string number_text(const ConfigOption& option, std::int64_t value) {
  switch (option.kind) {
    case OptionKind::kBytes:
    case OptionKind::kWatermark: return with_largest_unit(value, kByteUnits);
    case OptionKind::kMilliseconds: return with_largest_unit(value, kTimeUnits);
    case OptionKind::kSeconds: return with_largest_unit(value * 1'000, kTimeUnits);
    default: return std::to_string(value);
  }
}

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') out.append(1, '\\').append(1, c);
    else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) out += fmt::format("\\u{:04X}", static_cast<unsigned char>(c));
    else out += c;
  }
  return out += '"';
}

std::string_view expectation(OptionKind kind) {
  switch (kind) {
    case OptionKind::kText: return "must be a text";
    case OptionKind::kTextList: return "must be a list of texts";
    case OptionKind::kBoolean: return "must be true or false";
    case OptionKind::kNumber: return "must be a whole number";
    case OptionKind::kBytes: return "must be a number of bytes, such as 4096 or \"64MiB\"";
    case OptionKind::kMilliseconds: return "must be a length of time, such as \"30s\" or a number of milliseconds";
    case OptionKind::kSeconds: return "must be a length of time in whole seconds, such as \"30s\" or 30";
    case OptionKind::kWatermark: return "must be a share between 0 and 1, or bytes, such as \"2GiB\"";
  }
  return "";
}

/// The number in the field's unit; nullopt when the value is of another kind.
std::optional<std::int64_t> as_number(OptionKind kind, const WrittenValue& value) {
  if (const auto* number = std::get_if<std::int64_t>(&value)) return *number;
  const auto* text = std::get_if<std::string>(&value);
  if (text == nullptr) return std::nullopt;
  switch (kind) {
    case OptionKind::kBytes:
    case OptionKind::kWatermark: return parse_bytes(*text);
    case OptionKind::kMilliseconds: return parse_duration(*text, 1);
    case OptionKind::kSeconds: {
      auto milliseconds = parse_duration(*text, 1'000);
      if (!milliseconds || *milliseconds % 1'000 != 0) return std::nullopt;
      return *milliseconds / 1'000;
    }
    default: return std::nullopt;
  }
}

std::string set_number(Config& config, const ConfigOption& option, const WrittenValue& value) {
  auto number = as_number(option.kind, value);
  if (!number) return std::string(expectation(option.kind));
  if (*number < option.lowest || *number > option.highest) {
    return fmt::format("must be {}, not {}", bounds_text(option), number_text(option, *number));
  }
  std::visit(
      [&](auto field) {
        using Field = std::remove_reference_t<decltype(config.*field)>;
        if constexpr (std::is_integral_v<Field> && !std::is_same_v<Field, bool>) config.*field = static_cast<Field>(*number);
      },
      option.field);
  return {};
}

std::string set_text(Config& config, const ConfigOption& option, const WrittenValue& value) {
  const auto* text = std::get_if<std::string>(&value);
  if (text == nullptr) return std::string(expectation(option.kind));
  bool allowed = option.choices.empty() || std::find(option.choices.begin(), option.choices.end(), *text) != option.choices.end();
  if (!allowed) return fmt::format("must be {}, not '{}'", bounds_text(option), *text);
  config.*std::get<std::string Config::*>(option.field) = *text;
  return {};
}

std::string set_list(Config& config, const ConfigOption& option, const WrittenValue& value) {
  const auto* list = std::get_if<std::vector<std::string>>(&value);
  if (list == nullptr) return std::string(expectation(option.kind));
  config.*std::get<std::vector<std::string> Config::*>(option.field) = *list;
  return {};
}

std::string set_boolean(Config& config, const ConfigOption& option, const WrittenValue& value) {
  const auto* boolean = std::get_if<bool>(&value);
  if (boolean == nullptr) return std::string(expectation(option.kind));
  config.*std::get<bool Config::*>(option.field) = *boolean;
  return {};
}

std::string set_watermark(Config& config, const ConfigOption& option, const WrittenValue& value) {
  MemoryWatermark& watermark = config.*std::get<MemoryWatermark Config::*>(option.field);
  double fraction = 0;
  if (const auto* share = std::get_if<double>(&value)) fraction = *share;
  else if (value == WrittenValue(std::int64_t{1})) fraction = 1;
  if (fraction > 0 && fraction <= 1) {
    watermark = {.fraction = fraction, .bytes = 0};
    return {};
  }
  auto bytes = as_number(option.kind, value);
  if (!bytes) return std::string(expectation(option.kind));
  if (*bytes < option.lowest) return fmt::format("must be a share between 0 and 1, or {}", bounds_text(option));
  watermark = {.fraction = MemoryWatermark{}.fraction, .bytes = static_cast<std::uint64_t>(*bytes)};
  return {};
}

std::vector<std::string> split_list(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    std::size_t comma = std::min(text.find(','), text.size());
    std::string_view part = trim(text.substr(0, comma));
    if (!part.empty()) parts.emplace_back(part);
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return parts;
}

std::optional<double> parse_fraction(std::string_view text) {
  double number = 0;
  auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace

std::optional<std::int64_t> parse_bytes(std::string_view text) { return parse_with_unit(text, kByteUnits, 1); }

std::optional<std::int64_t> parse_duration(std::string_view text, std::int64_t plain_unit_ms) {
  return parse_with_unit(text, kTimeUnits, plain_unit_ms);
}

std::string set_value(Config& config, const ConfigOption& option, const WrittenValue& value) {
  switch (option.kind) {
    case OptionKind::kText: return set_text(config, option, value);
    case OptionKind::kTextList: return set_list(config, option, value);
    case OptionKind::kBoolean: return set_boolean(config, option, value);
    case OptionKind::kWatermark: return set_watermark(config, option, value);
    default: return set_number(config, option, value);
  }
}

std::string set_value_from_text(Config& config, const ConfigOption& option, std::string_view text) {
  switch (option.kind) {
    case OptionKind::kTextList: return set_list(config, option, split_list(text));
    case OptionKind::kBoolean:
      if (text != "true" && text != "false") return std::string(expectation(option.kind));
      return set_boolean(config, option, text == "true");
    case OptionKind::kNumber: {
      auto number = parse_with_unit(text, {}, 1);
      if (!number) return std::string(expectation(option.kind));
      return set_number(config, option, *number);
    }
    case OptionKind::kWatermark:
      if (auto share = parse_fraction(text); share && *share <= 1) return set_watermark(config, option, *share);
      return set_watermark(config, option, std::string(text));
    default: return set_value(config, option, std::string(text));
  }
}

std::string value_as_toml(const Config& config, const ConfigOption& option) {
  return std::visit(
      [&](auto field) -> std::string {
        const auto& value = config.*field;
        using Field = std::remove_cvref_t<decltype(value)>;
        if constexpr (std::is_same_v<Field, std::string>) return quoted(value);
        else if constexpr (std::is_same_v<Field, bool>) return value ? "true" : "false";
        else if constexpr (std::is_same_v<Field, std::vector<std::string>>) {
          std::string list = "[";
          for (const std::string& text : value) list += (list.size() > 1 ? ", " : "") + quoted(text);
          return list += "]";
        } else if constexpr (std::is_same_v<Field, MemoryWatermark>) {
          if (value.bytes == 0) return fmt::format("{}", value.fraction);
          return quoted(with_largest_unit(static_cast<std::int64_t>(value.bytes), kByteUnits));
        } else {
          std::string number = number_text(option, static_cast<std::int64_t>(value));
          bool has_unit = number.find_first_not_of("-0123456789") != std::string::npos;
          return has_unit ? quoted(number) : number;
        }
      },
      option.field);
}

std::string bounds_text(const ConfigOption& option) {
  if (!option.choices.empty()) return fmt::format("one of {}", fmt::join(option.choices, ", "));
  if (option.kind == OptionKind::kText || option.kind == OptionKind::kTextList || option.kind == OptionKind::kBoolean) return {};
  std::string lowest = number_text(option, option.lowest);
  if (option.highest == std::numeric_limits<std::int64_t>::max()) return fmt::format("at least {}", lowest);
  return fmt::format("between {} and {}", lowest, number_text(option, option.highest));
}

}  // namespace mq::server
