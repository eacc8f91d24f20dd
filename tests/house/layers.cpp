#include "house/layers.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <optional>
#include <regex>
#include <sstream>
#include <string_view>
#include <tuple>

namespace mq::house {
namespace {

namespace fs = std::filesystem;

/// A layer, and what it may include besides its own files: other layers, or single headers of them (`broker/message`).
struct Layer {
  std::string_view name;
  std::vector<std::string_view> may_include;
};

const std::vector<Layer>& layers() {
  static const std::vector<Layer> table{
      {"base", {}},
      {"amqp", {"base"}},
      {"ports", {"base", "amqp"}},
      {"client", {"base", "amqp"}},
      {"broker", {"base", "amqp", "ports"}},
      {"engine", {"base", "amqp", "ports", "broker"}},
      {"session", {"base", "amqp", "ports", "broker", "engine"}},
      {"store", {"base", "amqp", "ports", "broker/message"}},
      {"net", {"base", "amqp", "ports", "broker", "engine", "session"}},
      {"http", {"base", "amqp", "ports", "broker", "engine/broker", "engine/delayed", "engine/asio_scheduler", "net"}},
      // The embedding facade wires everything below it.
      {"server", {"base", "amqp", "ports", "broker", "engine", "session", "store", "net", "http"}},
      {"apps", {"base", "amqp", "ports", "client", "server"}},
  };
  return table;
}

/// A library, known by how its includes begin, and the folders or files (without ending) that may touch it.
struct Library {
  std::string_view prefix;
  std::vector<std::string_view> may_touch;
};

const std::vector<Library>& libraries() {
  static const std::vector<Library> table{
      {"boost/asio", {"src/engine/asio_scheduler", "src/net/", "src/http/", "src/apps/brokerctl/"}},
      {"boost/beast", {"src/http/", "src/apps/brokerctl/"}},
      {"boost/json", {"src/http/", "src/apps/brokerctl/"}},
      {"boost/", {""}},  // small header-only parts: result, unordered, intrusive_ptr
      {"fmt/", {""}},
      {"spdlog/", {"src/base/log.cpp"}},
      {"re2/", {"src/broker/", "src/http/"}},
      {"openssl/", {"src/broker/", "src/net/", "src/http/"}},
      {"rocksdb/", {"src/store/"}},
      {"xxhash", {"src/store/"}},
      {"toml++/", {"src/server/"}},
      {"CLI/", {"src/apps/"}},
      {"systemd/", {"src/server/", "src/apps/"}},
  };
  return table;
}

/// The rules are pure: they have no thread, lock, clock, disk or socket of their own, and so nothing of these.
constexpr std::string_view kPureLayers[] = {"amqp", "ports", "broker", "session"};
constexpr std::string_view kImpureHeaders[] = {"thread",     "mutex",  "shared_mutex", "condition_variable", "fstream",
                                               "filesystem", "future", "sys/socket.h", "unistd.h",           "time.h"};

template <class Range>
bool contains(const Range& range, std::string_view text) {
  return std::find(std::begin(range), std::end(range), text) != std::end(range);
}

bool starts_with_any(std::string_view text, const std::vector<std::string_view>& beginnings) {
  return std::any_of(beginnings.begin(), beginnings.end(), [text](std::string_view beginning) { return text.starts_with(beginning); });
}

const Library* library_of(std::string_view header) {
  auto found = std::find_if(libraries().begin(), libraries().end(), [header](const Library& l) { return header.starts_with(l.prefix); });
  return found == libraries().end() ? nullptr : &*found;
}

/// The layer a file belongs to, by its path relative to the tree; empty when to none.
std::string_view layer_of(std::string_view path) {
  for (std::string_view root : {"src/", "include/mq/"}) {
    if (!path.starts_with(root)) continue;
    std::string_view rest = path.substr(root.size());
    std::size_t slash = rest.find('/');
    if (slash != std::string_view::npos) return rest.substr(0, slash);
    return root == "include/mq/" ? "server" : "";  // mq/config.hpp, mq/server.hpp: the embedding facade
  }
  return {};
}

/// Where in the tree a quoted include lies.
std::optional<std::string> resolve(const fs::path& tree, const fs::path& from, const std::string& header) {
  for (const fs::path& candidate : {fs::path("src") / header, fs::path("include") / header, from.parent_path() / header}) {
    if (fs::exists(tree / candidate)) return candidate.lexically_normal().generic_string();
  }
  return std::nullopt;
}

const Layer* find_layer(std::string_view name) {
  auto found = std::find_if(layers().begin(), layers().end(), [name](const Layer& layer) { return layer.name == name; });
  return found == layers().end() ? nullptr : &*found;
}

/// `broker/message.hpp` of `src/broker/message.hpp`.
std::string_view below_root(std::string_view path) { return path.substr(path.starts_with("src/") ? 4 : 11); }

/// A header that says which program it belongs to is its own layer: apps share nothing with each other.
bool same_program(std::string_view a, std::string_view b) {
  auto program = [](std::string_view path) { return path.substr(0, path.find('/', std::string_view("src/apps/").size())); };
  return program(a) == program(b);
}

std::string include_problem(const std::string& from, const std::string& target) {
  std::string_view from_layer = layer_of(from);
  std::string_view target_layer = layer_of(target);
  const Layer* layer = find_layer(from_layer);
  if (layer == nullptr) return "lies in no layer of the table";
  if (target_layer == from_layer) {
    if (from_layer == "apps" && !same_program(from, target)) return "includes " + target + " of another program";
    return {};
  }
  bool allowed = std::any_of(layer->may_include.begin(), layer->may_include.end(), [&](std::string_view entry) {
    if (entry.find('/') == std::string_view::npos) return entry == target_layer;
    std::string_view name = below_root(target);
    return name.substr(0, name.rfind('.')) == entry;
  });
  if (allowed) return {};
  return std::string(from_layer) + " may not include " + target;
}

std::string library_problem(const std::string& from, const std::string& header) {
  const Library* library = library_of(header);
  bool forbidden = library != nullptr && !starts_with_any(from, library->may_touch);
  bool impure = contains(kPureLayers, layer_of(from)) && contains(kImpureHeaders, header);
  return forbidden || impure ? "may not touch <" + header + ">" : std::string{};
}

}  // namespace

std::string Offence::to_string() const { return file + ":" + std::to_string(line) + ": " + text; }

std::string read_text(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<fs::path> files_below(const fs::path& tree, const std::string& folder, const std::vector<std::string>& endings) {
  std::vector<fs::path> files;
  if (!fs::is_directory(tree / folder)) return files;
  for (const auto& entry : fs::recursive_directory_iterator(tree / folder)) {
    std::string ending = entry.path().extension().string();
    bool wanted = endings.empty() || std::find(endings.begin(), endings.end(), ending) != endings.end();
    if (entry.is_regular_file() && wanted) files.push_back(fs::relative(entry.path(), tree));
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::vector<Offence> layering_offences(const fs::path& tree) {
  static const std::regex include_line(R"(^\s*#\s*include\s*([<"])([^>"]+)[>"])");
  std::vector<Offence> offences;
  auto files = files_below(tree, "include/mq", {".hpp"});
  auto sources = files_below(tree, "src", {".hpp", ".cpp"});
  files.insert(files.end(), sources.begin(), sources.end());
  for (const fs::path& path : files) {
    std::string from = path.generic_string();
    std::istringstream text(read_text(tree / path));
    std::string line;
    std::smatch match;
    for (int number = 1; std::getline(text, line); ++number) {
      if (!std::regex_search(line, match, include_line)) continue;
      std::string header = match[2];
      auto target = resolve(tree, path, header);
      std::string problem;
      if (target) problem = include_problem(from, *target);
      else if (match[1] == "\"") problem = "includes \"" + header + "\", which is nowhere in the tree";
      else problem = library_problem(from, header);
      if (!problem.empty()) offences.push_back({from, number, problem});
    }
  }
  return offences;
}

}  // namespace mq::house
