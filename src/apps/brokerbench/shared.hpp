// What the threads of a run share: switches that main turns, counters that workers publish.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <latch>
#include <optional>
#include <string>

#include "apps/brokerbench/histogram.hpp"

namespace mq::bench {

/// Nanoseconds of the clock that stamps messages; all processes of one machine agree on it.
[[nodiscard]] inline std::uint64_t now_ns() noexcept {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch()).count());
}

/// Written by one worker, read by main at any time.
struct alignas(64) Counters {
  std::atomic<std::uint64_t> messages{0};  ///< published or consumed
  std::atomic<std::uint64_t> acked{0};     ///< confirms that came
  std::atomic<std::uint64_t> nacked{0};
  std::atomic<std::uint64_t> last_message_ns{0};
  std::atomic<std::uint64_t> last_confirm_ns{0};
  std::atomic<bool> failed{false};

  /// Adds without a locked instruction: there is one writer.
  static void add(std::atomic<std::uint64_t>& counter, std::uint64_t more) noexcept {
    counter.store(counter.load(std::memory_order_relaxed) + more, std::memory_order_relaxed);
  }
};

/// What a worker leaves behind when its thread has ended.
struct WorkerResult {
  Histogram latency;  ///< producers: publish to confirm; consumers: publish to delivery
  std::optional<std::string> failure;
  bool was_blocked = false;  ///< the broker asked this producer to pause
};

struct Shared {
  Shared(int producers, int consumers) : ready(producers + consumers), go(1) {}

  std::latch ready;            ///< counted down by each worker once it has connected, or failed to
  std::latch go;               ///< opens when all are ready; `start_ns` is set by then
  std::uint64_t start_ns = 0;  ///< when publishing started; written before `go` opens
  const std::uint64_t made_ns = now_ns();
  std::atomic<bool> stop_publishing{false};
  std::atomic<bool> stop_consuming{false};
  std::atomic<std::uint64_t> tickets{0};  ///< messages that producers have set out to publish, when they are counted
};

}  // namespace mq::bench
