#include "apps/brokerbench/commands.hpp"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>

#include "apps/brokerbench/compare.hpp"
#include "apps/brokerbench/load.hpp"
#include "apps/brokerbench/presets.hpp"
#include "apps/brokerbench/progress.hpp"
#include "apps/brokerbench/report.hpp"

namespace mq::bench {

namespace {

constexpr int kInterrupted = 130;  // as shells have it: half a comparison is none

int complain(const std::string& sentence) {
  std::fprintf(stderr, "brokerbench: %s\n", sentence.c_str());
  return 1;
}

/// Writes a file unless its name is empty; false when that fails, which is told.
bool write_file(const std::string& name, const std::string& text) {
  if (name.empty()) return true;
  std::ofstream out(name, std::ios::binary | std::ios::trunc);
  out << text << std::flush;
  return out.good() || complain("cannot write " + name) == 0;
}

/// The width of a terminal; 0 when it is none.
std::size_t columns_of(int fd) {
  winsize size{};
  if (::isatty(fd) == 0) return 0;
  return ::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col != 0 ? size.ws_col : 80;
}

int run(const Options& options) {
  ProgressDisplay display(options, columns_of(STDERR_FILENO));
  Progress progress;
  if (!options.quiet && !options.json) progress = [&display](const Sample& sample) { std::fputs(display.show(sample).c_str(), stderr); };
  Result result = run_load(options, progress);
  bool has_begun = result.sent + result.taken != 0;
  if (options.json) std::fputs(report_json(result, false).c_str(), stdout);
  else if (has_begun || !result.failure) std::fputs(report_text(result).c_str(), stdout);
  bool is_written = write_file(options.json_file, report_json(result, true)) && write_file(options.csv_file, report_csv(result)) &&
                    write_file(options.html_file, report_html(result));
  if (result.failure) return complain(*result.failure);
  return is_written ? 0 : 1;
}

/// One line after each turn: the chief figures of it.
void tell_turn(const Options& scenario, int round, const Target& target, const Result& result) {
  std::string line = fmt::format("round {}  {:<28} {:<16}", round + 1, scenario.preset, target.name);
  for (const Figure& figure : figures())
    if (std::optional<double> value = figure.is_chief ? figure.of(result) : std::nullopt)
      line += fmt::format("  {} {} {}", in_words(figure.title, words_of(result.options)), number_text(*value), figure.unit);
  if (result.failure) line += "  " + *result.failure;
  std::fprintf(stderr, "%s\n", line.c_str());
}

int run_compare(const Command& command) {
  const Options& options = command.scenarios.front();
  bool is_quiet = options.quiet || options.json;
  Comparison c = compare(
      command, [](const Options& turn) { return run_load(turn); }, is_quiet ? TurnProgress() : tell_turn);
  std::fputs((options.json ? compare_json(c) : compare_text(c)).c_str(), stdout);
  bool is_written = write_file(options.json_file, compare_json(c)) && write_file(options.csv_file, compare_csv(c)) &&
                    write_file(options.html_file, compare_html(c)) && write_file(command.markdown_file, compare_markdown(c)) &&
                    write_file(command.svg_file, compare_svg(c));
  for (const ComparedScenario& s : c.scenarios)
    for (std::size_t broker : {0, 1})
      if (s.failures[broker]) complain(c.targets[broker].name + ": " + *s.failures[broker]);
  if (c.was_interrupted) return kInterrupted;
  return is_written && !c.has_failed() ? 0 : 1;
}

}  // namespace

int carry_out(const Command& command) {
  switch (command.kind) {
    case Command::Kind::kRun: return run(command.scenarios.front());
    case Command::Kind::kPresets: std::fputs(presets_text().c_str(), stdout); return 0;
    case Command::Kind::kCompare: return run_compare(command);
  }
  return 2;
}

}  // namespace mq::bench
