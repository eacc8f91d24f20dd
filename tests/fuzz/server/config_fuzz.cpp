// A configuration file, and values typed on the command line. A text is refused with places in it, or becomes a configuration that keeps
// every bound; each value that was taken is written so that it reads as the same again.
#include "mq/config.hpp"

#include "fuzz.hpp"
#include "mq/amqp/utf8.hpp"
#include "server/config_options.hpp"
#include "server/config_values.hpp"
#include "support/input.hpp"

using namespace mq;

namespace {

void errors_make_sense(const ConfigErrors& errors) {
  FUZZ_CLAIM(!errors.empty());
  for (const ConfigError& error : errors) FUZZ_CLAIM(!error.text.empty() && !error.to_string().empty());
}

/// Every value of it as a file.
std::string written(const Config& config) {
  std::string text, section;
  for (const auto& option : server::config_options()) {
    const std::string key(option.key);
    const std::string in = key.substr(0, key.find('.'));
    if (in != section) text += "[" + (section = in) + "]\n";
    text += key.substr(in.size() + 1) + " = " + server::value_as_toml(config, option) + "\n";
  }
  return text;
}

void reads_file(std::string_view text) {
  const auto config = parse_config(text, "file");
  if (!config) return errors_make_sense(config.error());
  FUZZ_CLAIM(check_config(*config).has_value());
  const auto again = parse_config(written(*config), "again");
  FUZZ_CLAIM(again && config_changes(*config, *again).empty());
  Config running;
  static_cast<void>(reload_config(running, *config));
}

void takes_override(std::string_view key, std::string_view text) {
  Config config;
  const auto set = apply_override(config, key, text);
  if (!set) return errors_make_sense(set.error());
  const server::ConfigOption* option = server::find_option(key);
  FUZZ_CLAIM(option != nullptr);
  if (!amqp::is_valid_utf8(text)) return;  // the name of a file may be any bytes, but not in a TOML file
  const std::string shown = server::value_as_toml(config, *option);
  const std::string_view in = option->key.substr(0, option->key.find('.'));
  const auto again = parse_config("[" + std::string(in) + "]\n" + std::string(option->key.substr(in.size() + 1)) + " = " + shown, "again");
  if (again) FUZZ_CLAIM(server::value_as_toml(*again, *option) == shown);
  else FUZZ_CLAIM(!check_config(config));  // it contradicts others; by itself it is as it should be
}

}  // namespace

FUZZ_TARGET(bytes) {
  fuzz::Input input(bytes);
  const std::uint8_t how = input.u8();
  if (how >= 128) return reads_file(input.rest());
  static_cast<void>(server::parse_bytes(bytes));
  static_cast<void>(server::parse_duration(bytes, 1000));
  const auto options = server::config_options();
  if (how == 127) {
    const std::string_view key = input.text();
    return takes_override(key, input.rest());
  }
  takes_override(options[how % options.size()].key, input.rest());
}
