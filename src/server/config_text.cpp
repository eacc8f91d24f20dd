// Prose made from the table of options: config/brokerd.toml and the help of the command line.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <iterator>
#include <limits>
#include <string>
#include <string_view>

#include "mq/config.hpp"
#include "server/config_options.hpp"
#include "server/config_values.hpp"

namespace mq {
namespace {

constexpr std::size_t kWidth = 100;

constexpr std::string_view kIntroduction =
    "# The configuration of brokerd. Every key is here, commented out, with its default: a file without a single line set is a good one.\n"
    "# Sizes take units (\"64MiB\", \"10MB\"), lengths of time too (\"500ms\", \"30s\", \"5m\", \"12h\"); both may be plain numbers.\n"
    "# Any key can be set on the command line as well: --set amqp.port=5673. `brokerd --check-config` checks a file and stops.\n"
    "# Keys marked (reload) are taken over by a running broker on SIGHUP, the others at the next start.\n";

/// Breaks at blanks; every line begins with `lead`.
std::string wrapped(std::string_view text, std::string_view lead) {
  std::string out;
  while (!text.empty()) {
    std::size_t room = kWidth - lead.size();
    std::size_t end = text.size() <= room ? text.size() : text.rfind(' ', room);
    if (end == std::string_view::npos) end = std::min(text.find(' '), text.size());
    out.append(lead).append(text.substr(0, end)).append("\n");
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

/// Whether the bounds tell more than the help and the size of the field do.
bool bounds_tell(const server::ConfigOption& option) {
  constexpr std::int64_t kNatural[] = {std::numeric_limits<std::uint16_t>::max(), std::numeric_limits<std::int32_t>::max(),
                                       std::numeric_limits<std::uint32_t>::max(), std::numeric_limits<std::int64_t>::max()};
  bool open_above = std::find(std::begin(kNatural), std::end(kNatural), option.highest) != std::end(kNatural);
  return option.lowest > 0 || !open_above || !option.choices.empty();
}

std::string description(const server::ConfigOption& option) {
  std::string text(option.help);
  if (std::string bounds = server::bounds_text(option); bounds_tell(option) && !bounds.empty()) text.append("; ").append(bounds);
  text.front() = static_cast<char>(std::toupper(static_cast<unsigned char>(text.front())));
  text.append(".");
  if (option.kind == server::OptionKind::kMilliseconds) text.append(" A plain number counts milliseconds.");
  if (option.kind == server::OptionKind::kSeconds) text.append(" A plain number counts seconds.");
  if (option.reloadable) text.append(" (reload)");
  return text;
}

bool is_in(const server::ConfigOption& option, const server::ConfigSection& section) {
  return option.key.substr(0, option.key.find('.')) == section.name;
}

std::string_view name_in_section(const server::ConfigOption& option) { return option.key.substr(option.key.find('.') + 1); }

}  // namespace

std::string config_file_text() {
  const Config defaults;
  std::string text(kIntroduction);
  for (const auto& section : server::config_sections()) {
    text += fmt::format("\n# {}\n[{}]\n", section.help, section.name);
    for (const auto& option : server::config_options()) {
      if (!is_in(option, section)) continue;
      text += "\n" + wrapped(description(option), "# ");
      text += fmt::format("#{} = {}\n", name_in_section(option), server::value_as_toml(defaults, option));
    }
  }
  return text;
}

std::string config_help_text() {
  const Config defaults;
  std::string text;
  for (const auto& option : server::config_options()) {
    text += fmt::format("  {} = {}\n", option.key, server::value_as_toml(defaults, option));
    text += wrapped(description(option), "      ");
  }
  return text;
}

}  // namespace mq
