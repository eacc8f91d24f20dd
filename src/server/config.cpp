#include "mq/config.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <tuple>

#include "server/config_options.hpp"
#include "server/config_values.hpp"

namespace mq {
namespace {

using server::ConfigOption;

bool is_section(std::string_view name) {
  for (const auto& section : server::config_sections()) {
    if (section.name == name) return true;
  }
  return false;
}

/// Fills a Config from one parsed file; gathers all that is wrong with it.
class Loader {
 public:
  Loader(Config& config, const std::string& source) : config_(config), source_(source) {}

  void load(const toml::table& root) {
    for (const auto& [key, node] : root) {
      const toml::table* table = node.as_table();
      if (table != nullptr && is_section(key.str())) load_section(key.str(), *table);
      else report(key.source(), unknown_text(key.str(), table != nullptr));
    }
  }
  [[nodiscard]] ConfigErrors take_errors() { return std::move(errors_); }

 private:
  void load_section(std::string_view section, const toml::table& table) {
    for (const auto& [name, node] : table) {
      std::string key = fmt::format("{}.{}", section, name.str());
      const ConfigOption* option = server::find_option(key);
      if (option == nullptr) report(name.source(), unknown_text(key, false));
      else load_value(*option, node);
    }
  }

  void load_value(const ConfigOption& option, const toml::node& node) {
    auto value = written_value(node);
    std::string problem = value ? server::set_value(config_, option, *value) : "cannot be a value of this kind";
    if (!problem.empty()) report(node.source(), fmt::format("{} {}", option.key, problem));
  }

  static std::optional<server::WrittenValue> written_value(const toml::node& node) {
    if (auto text = node.value_exact<std::string>()) return *text;
    if (auto number = node.value_exact<std::int64_t>()) return *number;
    if (auto fraction = node.value_exact<double>()) return *fraction;
    if (auto boolean = node.value_exact<bool>()) return *boolean;
    const toml::array* array = node.as_array();
    if (array == nullptr) return std::nullopt;
    std::vector<std::string> texts;
    for (const toml::node& element : *array) {
      auto text = element.value_exact<std::string>();
      if (!text) return std::nullopt;
      texts.push_back(*text);
    }
    return texts;
  }

  static std::string unknown_text(std::string_view key, bool is_table) {
    std::string_view nearest = server::nearest_key(key);
    if (!is_table) return fmt::format("unknown key '{}'; the nearest known key is '{}'", key, nearest);
    return fmt::format("unknown section '{}'; the sections are {}", key, section_names());
  }

  static std::string section_names() {
    std::string names;
    for (const auto& section : server::config_sections()) names.append(names.empty() ? "" : ", ").append(section.name);
    return names;
  }

  void report(const toml::source_region& where, std::string text) {
    errors_.push_back({source_, where.begin.line, where.begin.column, std::move(text)});
  }

  Config& config_;
  const std::string& source_;
  ConfigErrors errors_;
};

void sort_by_place(ConfigErrors& errors) {
  std::stable_sort(errors.begin(), errors.end(),
                   [](const ConfigError& a, const ConfigError& b) { return std::tie(a.line, a.column) < std::tie(b.line, b.column); });
}

bool is_address(const std::string& text) {
  in6_addr address;
  return inet_pton(AF_INET, text.c_str(), &address) == 1 || inet_pton(AF_INET6, text.c_str(), &address) == 1;
}

/// Rules that no single row can state: whether they hold, and what to say when not.
struct Rule {
  bool (*holds)(const Config& config);
  std::string_view otherwise;
};
constexpr Rule kRules[] = {
    {[](const Config& c) { return is_address(c.bind); }, "amqp.bind must be an IPv4 or IPv6 address"},
    {[](const Config& c) { return c.management_bind.empty() || is_address(c.management_bind); },
     "management.bind must be an IPv4 or IPv6 address, or empty"},
    {[](const Config& c) { return c.tls_bind.empty() || is_address(c.tls_bind); }, "tls.bind must be an IPv4 or IPv6 address, or empty"},
    {[](const Config& c) { return c.tls_certificate.empty() == c.tls_key.empty(); },
     "tls.certificate and tls.key go together: one is there without the other"},
    {[](const Config& c) { return c.tls_verify == "none" || !c.tls_ca.empty(); },
     "tls.verify wants certificates of clients, but tls.ca does not say who may sign them"},
    {[](const Config& c) { return !c.tls_only || !c.tls_certificate.empty(); }, "tls.only needs tls.certificate and tls.key"},
    {[](const Config& c) { return !c.data_dir.empty(); }, "server.data_dir must not be empty"},
    {[](const Config& c) { return c.initial_frame_max_bytes <= c.frame_max_bytes; },
     "amqp.initial_frame_max must not be larger than amqp.frame_max"},
    {[](const Config& c) { return c.queue_resident_bytes <= c.total_resident_bytes; },
     "flow.queue_resident must not be larger than flow.total_resident"},
    {[](const Config& c) { return !c.default_user.empty() && !c.default_vhost.empty(); },
     "auth.default_user and auth.default_vhost must not be empty"},
};

}  // namespace

std::string ConfigError::to_string() const {
  if (line == 0) return fmt::format("{}: {}", source, text);
  return fmt::format("{}:{}:{}: {}", source, line, column, text);
}

void throw_exception_from_error(const ConfigErrors& errors, const boost::source_location&) {
  throw std::runtime_error(errors.empty() ? std::string("bad configuration") : errors.front().to_string());
}

Config default_config() {
  Config config;
  const char* state = std::getenv("STATE_DIRECTORY");
  if (state != nullptr && *state != '\0') config.data_dir = std::string_view(state).substr(0, std::string_view(state).find(':'));
  return config;
}

ConfigResult<Config> load_config(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::string text(std::istreambuf_iterator<char>(in), {});
  if (!in.good() && !in.eof()) return ConfigErrors{{path, 0, 0, "cannot be read"}};
  return parse_config(text, path);
}

ConfigResult<Config> parse_config(std::string_view text, const std::string& source) {
  Config config = default_config();
  Loader loader(config, source);
  try {
    loader.load(toml::parse(text));
  } catch (const toml::parse_error& problem) {
    const auto& at = problem.source().begin;
    return ConfigErrors{{source, at.line, at.column, std::string(problem.description())}};
  }
  ConfigErrors errors = loader.take_errors();
  sort_by_place(errors);
  if (!errors.empty()) return errors;
  if (auto checked = check_config(config); !checked) {
    for (ConfigError& error : checked.error()) errors.push_back({source, 0, 0, error.text});
    return errors;
  }
  return config;
}

ConfigResult<> apply_override(Config& config, std::string_view key, std::string_view text) {
  const ConfigOption* option = server::find_option(key);
  std::string problem;
  if (option == nullptr) problem = fmt::format("unknown key '{}'; the nearest known key is '{}'", key, server::nearest_key(key));
  else if (option->secret) problem = fmt::format("{} would be seen by all who can list processes; use {}_file", key, key);
  else if (std::string wrong = server::set_value_from_text(config, *option, text); !wrong.empty())
    problem = fmt::format("{} {}", key, wrong);
  if (!problem.empty()) return ConfigErrors{{"command line", 0, 0, problem}};
  return {};
}

ConfigResult<> check_config(const Config& config) {
  ConfigErrors errors;
  for (const Rule& rule : kRules) {
    if (!rule.holds(config)) errors.push_back({"configuration", 0, 0, std::string(rule.otherwise)});
  }
  if (!errors.empty()) return errors;
  return {};
}

std::vector<ConfigChange> config_changes(const Config& from, const Config& to) {
  std::vector<ConfigChange> changes;
  for (const ConfigOption& option : server::config_options()) {
    std::string before = server::value_as_toml(from, option);
    std::string after = server::value_as_toml(to, option);
    if (before == after) continue;
    if (option.secret) before = after = "***";
    changes.push_back({option.key, std::move(before), std::move(after), option.reloadable});
  }
  return changes;
}

std::vector<ConfigChange> reload_config(Config& running, const Config& fresh) {
  auto changes = config_changes(running, fresh);
  for (const ConfigChange& change : changes) {
    if (!change.reloadable) continue;
    std::visit([&](auto field) { running.*field = fresh.*field; }, server::find_option(change.key)->field);
  }
  return changes;
}

}  // namespace mq
