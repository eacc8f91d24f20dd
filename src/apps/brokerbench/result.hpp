// What a run has measured.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "apps/brokerbench/histogram.hpp"
#include "apps/brokerbench/options.hpp"
#include "apps/brokerbench/proc.hpp"

namespace mq::bench {

/// A few percentiles of a histogram; all 0 without records.
struct Percentiles {
  std::uint64_t count = 0;
  std::uint64_t p50_ns = 0, p95_ns = 0, p99_ns = 0, p999_ns = 0, max_ns = 0;
};
[[nodiscard]] Percentiles percentiles_of(const Histogram& histogram);

/// One step of the time series.
struct Sample {
  double at_s = 0;      ///< its end, counted from the start of what counts
  double length_s = 0;  ///< since the sample before
  std::uint64_t sent = 0, settled = 0, taken = 0;
  std::optional<std::uint64_t> backlog;  ///< sent and not taken yet, when each message's copies are known
  double asked_per_s = 0;                ///< the rate that was asked for; 0 = as fast as it goes
  Percentiles delivery, answer;
  std::optional<double> cpu_cores;         ///< of the broker
  std::optional<std::uint64_t> rss_bytes;  ///< of the broker

  [[nodiscard]] double per_s(std::uint64_t messages) const { return length_s > 0 ? static_cast<double>(messages) / length_s : 0; }
};

/// Warm-up is left out of all figures.
struct Result {
  Options options;
  std::string broker;      ///< its product and version, as it calls itself
  std::string machine;     ///< that the tool ran on
  std::string started_at;  ///< UTC, ISO 8601

  std::uint64_t sent = 0, settled = 0, taken = 0;  ///< messages, or connections; Options' WorkNames say what they are called
  std::uint64_t nacked = 0, returned = 0;
  double send_s = 0;    ///< from the start until the last was sent
  double settle_s = 0;  ///< until the last was answered
  double take_s = 0;    ///< until the last was delivered; with fill_first from when consumers began
  Histogram delivery;   ///< from publish, or when it was due, to delivery
  Histogram answer;     ///< from publish, or when it was due, to confirm, commit or reply; or of opening a connection
  std::vector<Sample> samples;
  std::optional<ProcessUse> before, after;  ///< of the broker
  bool was_blocked = false;
  bool was_interrupted = false;
  std::optional<std::string> failure;  ///< of the first worker that failed
};

/// What producers and the other side count, in the words of this run: `published`, `committed`, `consumed`.
struct Words {
  std::string sent, settled, taken;
  std::string answer;  ///< what the latency of producers is of: `confirm`, `commit`, `round trip`
  std::string thing;   ///< `message` or `connection`
};
[[nodiscard]] Words words_of(const Options& options);

/// A number that sums up one side of a run. Reports and comparisons walk the table of them.
struct Figure {
  const char* key;    ///< for programs
  const char* title;  ///< for people; {sent}, {settled}, {taken}, {answer} and {thing} stand for this run's words
  const char* unit;
  bool more_is_better;
  bool is_chief;                               ///< shown in large letters and compared first
  std::optional<double> (*of)(const Result&);  ///< nullopt when the run has none
};
[[nodiscard]] std::span<const Figure> figures();
/// Its title or key in the words of a run.
[[nodiscard]] std::string in_words(const char* text, const Words& words);
/// A figure for people: 3 to 4 significant digits, thousands set apart.
[[nodiscard]] std::string number_text(double value);

}  // namespace mq::bench
