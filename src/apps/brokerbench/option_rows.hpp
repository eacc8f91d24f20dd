// The options of a run, one row each.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "apps/brokerbench/options.hpp"

namespace mq::bench {

/// Adds them to `app`. Parsing then fills `options`; `save` is the name that --save gives.
void add_run_options(CLI::App& app, Options& options, std::string& save);

}  // namespace mq::bench
