// The commands that go over the management API, spelled as rabbitmqctl's: one row each says what is asked for, what is sent where, and
// what of the answer is shown. A new command is a row.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "apps/brokerctl/http_client.hpp"

namespace mq::brokerctl {

/// What a command line gives a command, by name: positional words and the values of flags.
using Words = std::map<std::string, std::string, std::less<>>;

/// How much is said besides what was asked for, and how.
struct Manner {
  bool json = false;    ///< lists as JSON
  bool quiet = false;   ///< no line that says what is being done
  bool headers = true;  ///< a first line with the names of columns
};

struct Positional {
  std::string_view name;
  std::string_view help;
  bool required = true;
};

/// Flags beyond those of every command; bits.
enum CommandFlags : std::uint8_t {
  kNoFlags = 0,
  kTakesVHost = 1,    ///< -p, --vhost
  kTakesPolicy = 2,   ///< --priority, --apply-to
  kTakesGlobal = 4,   ///< --global
  kTakesSubject = 8,  ///< --user names whom it is about; who asks is --username
  kLists = 16,        ///< --formatter, --no-table-headers
  kTakesPause = 32,   ///< --publish, --all
};

struct ApiCommand {
  std::string_view name;
  std::string_view help;
  std::vector<Positional> positionals;
  std::uint8_t flags = kNoFlags;
  std::string_view heading;  ///< what is being done; `{name}` stands for that word
  int (*run)(const ApiCommand& command, const ApiTarget& target, const Words& words, const Manner& manner) = nullptr;
  std::string_view path{};                  ///< behind /api/, with `{name}` for words
  std::vector<std::string_view> columns{};  ///< of a list; those that hold objects are shown as JSON
  std::string_view heading_of_all{};        ///< the heading with --global
};

[[nodiscard]] std::span<const ApiCommand> api_commands();

/// Runs the command; returns the code the process ends with (ExitCode).
[[nodiscard]] int run_api_command(const ApiCommand& command, const ApiTarget& target, const Words& words, const Manner& manner);

}  // namespace mq::brokerctl
