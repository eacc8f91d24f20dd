// Results for people and for programs.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "apps/brokerbench/json.hpp"
#include "apps/brokerbench/result.hpp"

namespace mq::bench {

/// The summary at the end of a run.
[[nodiscard]] std::string report_text(const Result& result);

/// One JSON object; rates per second, durations in milliseconds. With `series` on many lines, with the options, the time series and the
/// distribution of latencies; else on one line.
[[nodiscard]] std::string report_json(const Result& result, bool series);

/// The time series: a line of names, then a line for each sample. Empty fields where there is nothing to tell.
[[nodiscard]] std::string report_csv(const Result& result);

/// A whole page: figures, plots and options; loads nothing from anywhere.
[[nodiscard]] std::string report_html(const Result& result);

/// A word as programs want it: `round trip` becomes `round_trip`.
[[nodiscard]] std::string key_of(std::string text);

/// What was asked for, as name and value, for reports.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> options_told(const Options& options);

}  // namespace mq::bench
