// The same scenarios on two brokers in turns, and how the two relate.
#pragma once

#include <array>
#include <functional>
#include <string>
#include <vector>

#include "apps/brokerbench/command_line.hpp"
#include "apps/brokerbench/plot.hpp"
#include "apps/brokerbench/result.hpp"

namespace mq::bench {

/// The middle one of some values, and how far they spread.
struct Spread {
  double median = 0, lowest = 0, highest = 0;
};
/// All 0 without values.
[[nodiscard]] Spread spread_of(std::vector<double> values);

/// One figure of both brokers. Ratios are taken round by round, first broker to second: what the machine does to both in one round
/// cancels out.
struct ComparedFigure {
  std::string key, title, unit;
  bool more_is_better = true;
  bool is_headline = false;  ///< worth a line where there is room for few
  std::vector<double> a, b;  ///< round by round
  Spread spread_a, spread_b, ratio;

  /// How the first broker does; `kEven` when the rounds do not agree on who is ahead, or when there is less than a hundredth in it.
  [[nodiscard]] Verdict verdict() const;
};

struct ComparedScenario {
  Options options;
  std::vector<ComparedFigure> figures;
  std::array<std::optional<std::string>, 2> failures;  ///< the first of each broker; its round does not count
};

struct Comparison {
  std::array<Target, 2> targets;
  std::array<std::string, 2> brokers;  ///< product and version
  std::string machine, started_at;
  int rounds = 0;
  std::vector<ComparedScenario> scenarios;
  bool was_interrupted = false;

  [[nodiscard]] bool has_failed() const;
};

/// Relates results, round by round. Rounds in which either broker failed are left out.
[[nodiscard]] ComparedScenario relate(const std::vector<Result>& a, const std::vector<Result>& b);

/// Which broker (0 or 1) is first in a round: they take turns at that too, so that neither always meets the warmer machine.
[[nodiscard]] inline int first_in(int round) { return round % 2; }

/// Runs one turn; in programs run_load().
using Runner = std::function<Result(const Options&)>;
/// Told after each turn: which scenario, round and broker, and how it went.
using TurnProgress = std::function<void(const Options&, int round, const Target&, const Result&)>;

[[nodiscard]] Comparison compare(const Command& command, const Runner& run, const TurnProgress& progress);

// --- reports ---
[[nodiscard]] std::string compare_text(const Comparison& comparison);
[[nodiscard]] std::string compare_json(const Comparison& comparison);
[[nodiscard]] std::string compare_csv(const Comparison& comparison);
/// A document: machine, versions, and a table of the headline figures.
[[nodiscard]] std::string compare_markdown(const Comparison& comparison);
[[nodiscard]] std::string compare_html(const Comparison& comparison);
/// The ratios of the headline figures; a file of its own.
[[nodiscard]] std::string compare_svg(const Comparison& comparison);

}  // namespace mq::bench
