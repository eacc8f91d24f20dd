// Carries out commands: runs, prints, writes files.
#pragma once

#include "apps/brokerbench/command_line.hpp"

namespace mq::bench {

/// Returns the exit code: 0 done, 1 the broker refused or broke off, or a file could not be written, 130 a comparison was interrupted.
int carry_out(const Command& command);

}  // namespace mq::bench
