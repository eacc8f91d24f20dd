// A summary for people, or for programs.
#pragma once

#include <string>

#include "apps/brokerbench/load.hpp"

namespace mq::bench {

[[nodiscard]] std::string report_text(const Options& options, const Summary& summary);
/// One line with one JSON object; durations in milliseconds.
[[nodiscard]] std::string report_json(const Options& options, const Summary& summary);

}  // namespace mq::bench
