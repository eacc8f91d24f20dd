// What a run shows while it goes on: a panel that stays in its place on a terminal, else a line per sample.
#pragma once

#include <string>
#include <vector>

#include "apps/brokerbench/result.hpp"

namespace mq::bench {

/// `▁▂▅█`: the last `width` values, the highest as a full block.
[[nodiscard]] std::string sparkline(const std::vector<double>& values, std::size_t width);

/// The first `columns` characters of UTF-8 text.
[[nodiscard]] std::string cut_to(const std::string& text, std::size_t columns);

/// Renders samples; prints nothing itself.
class ProgressDisplay {
 public:
  /// `columns` of the terminal; 0 = there is none.
  ProgressDisplay(const Options& options, std::size_t columns) : options_(options), words_(words_of(options)), columns_(columns) {}

  /// What to print for the next sample; on a terminal it takes the place of what was printed before.
  [[nodiscard]] std::string show(const Sample& sample);

 private:
  [[nodiscard]] std::string line(const Sample& sample) const;
  [[nodiscard]] std::vector<std::string> panel(const Sample& sample) const;

  const Options& options_;
  Words words_;
  std::size_t columns_;
  std::size_t shown_lines_ = 0;
  std::vector<double> sent_, taken_, latency_;
};

}  // namespace mq::bench
