// One run: topology, workers, waiting, gathering.
#pragma once

#include <functional>

#include "apps/brokerbench/result.hpp"

namespace mq::bench {

/// Told each sample while a run goes on; on the thread that called run_load().
using Progress = std::function<void(const Sample&)>;

/// Runs what the options ask for. A broker that refuses or cannot be reached is a failure in the result, not an exception. SIGINT and
/// SIGTERM end the run early and well; a second one ends the program.
[[nodiscard]] Result run_load(const Options& options, const Progress& progress = {});

/// True once SIGINT or SIGTERM has come.
[[nodiscard]] bool was_interrupted();

}  // namespace mq::bench
