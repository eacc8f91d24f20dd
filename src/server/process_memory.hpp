// What this process has taken of the machine's memory, and how it gives back what it does not use.
//
// The allocator keeps freed memory for what is needed next, some of it for good once nothing happens any more. While memory is short that
// would keep publishers blocked for the sake of nothing: then it goes back at once, at the price of asking for it again.
#pragma once

#include <cstdint>
#include <functional>

#include "engine/asio_scheduler.hpp"

namespace mq::server {

/// Memory of this machine, or of the control group this process lives in if that has less.
[[nodiscard]] std::uint64_t total_memory_bytes();

struct ProcessMemory {
  std::function<std::uint64_t()> resident_bytes;
  /// Whether freed memory goes back at once, now and from now on. Told again as long as it is short. Returns at once.
  std::function<void(bool is_short)> spare;
};

/// That of this process, whose threads are the scheduler's.
[[nodiscard]] ProcessMemory process_memory(engine::AsioScheduler& scheduler);

}  // namespace mq::server
