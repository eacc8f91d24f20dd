#include "apps/brokerbench/compare.hpp"

#include <algorithm>
#include <cmath>

#include "apps/brokerbench/report.hpp"
#include "apps/brokerbench/uri.hpp"

namespace mq::bench {

namespace {

/// Of the rates the one at the end of the way says enough; filling and draining are two things.
bool is_headline(const Figure& figure, const Result& r) {
  if (!figure.is_chief) return false;
  std::string_view key = figure.key;
  if (key == "broker_kib_per_connection") return false;  // the rounds after the first find the room of the first
  if (key == "{sent}_per_s") return r.settled == 0 && r.taken == 0;
  if (key == "{settled}_per_s") return r.taken == 0 || r.options.fill_first;
  return true;
}

ComparedFigure relate(const Figure& figure, const std::vector<const Result*>& a, const std::vector<const Result*>& b) {
  Words words = words_of(a.front()->options);
  ComparedFigure compared{.key = key_of(in_words(figure.key, words)),
                          .title = in_words(figure.title, words),
                          .unit = figure.unit,
                          .more_is_better = figure.more_is_better,
                          .is_headline = is_headline(figure, *a.front())};
  std::vector<double> ratios;
  for (std::size_t round = 0; round < a.size(); ++round) {
    std::optional<double> of_a = figure.of(*a[round]);
    std::optional<double> of_b = figure.of(*b[round]);
    if (!of_a || !of_b || *of_b <= 0) continue;
    compared.a.push_back(*of_a);
    compared.b.push_back(*of_b);
    ratios.push_back(*of_a / *of_b);
  }
  compared.spread_a = spread_of(compared.a);
  compared.spread_b = spread_of(compared.b);
  compared.ratio = spread_of(std::move(ratios));
  return compared;
}

/// The options of one turn: those of the scenario, at that broker.
Options turn_options(const Command& command, const Options& scenario, std::size_t broker) {
  Options options = scenario;
  static_cast<void>(apply_uri(command.targets[broker].uri, options.connect));  // checked when the command line was
  options.broker_pids.clear();
  if (scenario.broker_pids.size() == 2) options.broker_pids = {scenario.broker_pids[broker]};
  return options;
}

}  // namespace

Spread spread_of(std::vector<double> values) {
  if (values.empty()) return {};
  std::ranges::sort(values);
  std::size_t middle = values.size() / 2;
  double median = values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
  return {median, values.front(), values.back()};
}

Verdict ComparedFigure::verdict() const {
  constexpr double kHundredth = 0.01;
  bool is_even = (ratio.lowest <= 1 && ratio.highest >= 1) || std::abs(ratio.median - 1) < kHundredth;
  if (is_even) return Verdict::kEven;
  return more_is_better == (ratio.median > 1) ? Verdict::kGood : Verdict::kBad;
}

bool Comparison::has_failed() const {
  return std::ranges::any_of(scenarios, [](const ComparedScenario& s) { return s.failures[0] || s.failures[1]; });
}

ComparedScenario relate(const std::vector<Result>& a, const std::vector<Result>& b) {
  ComparedScenario scenario;
  std::vector<const Result*> good_a;
  std::vector<const Result*> good_b;
  for (std::size_t round = 0; round < std::min(a.size(), b.size()); ++round) {
    if (a[round].failure && !scenario.failures[0]) scenario.failures[0] = a[round].failure;
    if (b[round].failure && !scenario.failures[1]) scenario.failures[1] = b[round].failure;
    if (a[round].failure || b[round].failure) continue;
    good_a.push_back(&a[round]);
    good_b.push_back(&b[round]);
  }
  if (good_a.empty()) return scenario;
  for (const Figure& figure : figures()) {
    ComparedFigure compared = relate(figure, good_a, good_b);
    if (!compared.a.empty()) scenario.figures.push_back(std::move(compared));
  }
  return scenario;
}

Comparison compare(const Command& command, const Runner& run, const TurnProgress& progress) {
  Comparison comparison{.targets = {command.targets[0], command.targets[1]}, .rounds = command.rounds};
  for (const Options& scenario : command.scenarios) {
    std::array<std::vector<Result>, 2> results;
    for (int round = 0; round < command.rounds && !comparison.was_interrupted; ++round) {
      for (int turn = 0; turn < 2 && !comparison.was_interrupted; ++turn) {
        auto broker = static_cast<std::size_t>((first_in(round) + turn) % 2);
        Result result = run(turn_options(command, scenario, broker));
        comparison.was_interrupted = result.was_interrupted;
        if (!result.broker.empty()) comparison.brokers[broker] = result.broker;
        if (comparison.started_at.empty()) comparison.started_at = result.started_at;
        comparison.machine = result.machine;
        if (progress) progress(scenario, round, command.targets[broker], result);
        if (!comparison.was_interrupted) results[broker].push_back(std::move(result));  // a turn cut short says nothing
      }
    }
    comparison.scenarios.push_back(relate(results[0], results[1]));
    comparison.scenarios.back().options = scenario;
    if (comparison.was_interrupted) break;
  }
  return comparison;
}

}  // namespace mq::bench
