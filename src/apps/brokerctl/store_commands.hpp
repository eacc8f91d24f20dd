// `brokerctl store ...`: what is done to a data directory while no broker uses it.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

namespace mq::brokerctl {

/// Part of the contract with scripts: meanings do not change.
enum StoreExitCode : int {
  kStoreFine = 0,     ///< nothing is wrong; after repair and restore: any more
  kStoreDamaged = 1,  ///< something is damaged
  kStoreUnknown = 2,  ///< nobody can tell: a broker has the directory open, it is not there, it is of another version, it cannot be read
};

/// Adds the subcommands; `chosen` becomes what to run when one of them is named.
void add_store_commands(CLI::App& app, std::function<int()>& chosen);

}  // namespace mq::brokerctl
