// How the broker's machine and its disk are, as the watch saw them last: what the management API tells.
#pragma once

#include <cstdint>
#include <string>

#include "mq/base/clock.hpp"

namespace mq::engine {

/// What the store can do: `slow` = commits take seconds; `full` = they wait for space; `failing` = it met an error after which it writes
/// no more, and the next commit ends the process.
enum class StoreState : std::uint8_t { kWell, kSlow, kFull, kFailing };

struct Health {
  bool low_on_memory = false;  ///< publishers wait
  bool low_on_disk = false;    ///< publishers wait
  std::uint64_t memory_bytes = 0, memory_limit_bytes = 0;
  std::uint64_t disk_free_bytes = 0, disk_free_limit_bytes = 0;
  StoreState store = StoreState::kWell;
  UnixMillis store_since = 0;  ///< that state
  std::string store_text;      ///< why; empty when it is well
};

}  // namespace mq::engine
