// The command line: which command, and its options.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "apps/brokerbench/options.hpp"

namespace mq::bench {

/// A broker to compare, as NAME=URI.
struct Target {
  std::string name;
  std::string uri;
};

struct Command {
  enum class Kind : std::uint8_t { kRun, kCompare, kPresets };
  Kind kind = Kind::kRun;
  /// What to run: one for `run`; for `compare` one for each preset that is asked for.
  std::vector<Options> scenarios;

  // --- compare only ---
  std::vector<Target> targets;  ///< two
  int rounds = 3;
  std::string markdown_file, svg_file;
};

/// A command, or the text to end with: help on stdout when `exit_code` is 0, else a complaint on stderr.
struct CommandLine {
  std::optional<Command> command;
  int exit_code = 0;
  std::string text;
};

/// `arguments` without the program's name. Reads no file and prints nothing.
[[nodiscard]] CommandLine parse_command_line(const std::vector<std::string>& arguments);

}  // namespace mq::bench
