// One run: topology, workers, waiting, gathering.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "apps/brokerbench/histogram.hpp"
#include "apps/brokerbench/options.hpp"

namespace mq::bench {

struct Summary {
  std::uint64_t published = 0;
  std::uint64_t consumed = 0;
  std::uint64_t confirmed = 0;
  std::uint64_t nacked = 0;
  double publish_seconds = 0;  ///< from the start until the last publish
  double consume_seconds = 0;  ///< until the last delivery
  double confirm_seconds = 0;  ///< until the last confirm
  Histogram delivery;
  Histogram confirm;
  bool was_blocked = false;
  std::optional<std::string> failure;  ///< of the first worker that failed
};

/// Runs what the options ask for. A broker that refuses or cannot be reached is a failure in the summary, not an exception.
[[nodiscard]] Summary run_load(const Options& options);

}  // namespace mq::bench
