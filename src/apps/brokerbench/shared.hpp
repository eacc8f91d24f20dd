// What the threads of a run share: switches that main turns, counters that workers publish.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <latch>
#include <optional>
#include <string>

#include "apps/brokerbench/histogram.hpp"
#include "apps/brokerbench/pacing.hpp"

namespace mq::bench {

/// Nanoseconds of the clock that stamps messages; all processes of one machine agree on it.
[[nodiscard]] inline std::uint64_t now_ns() noexcept {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch()).count());
}

/// Written by one worker, read by main at any time.
struct alignas(64) Counters {
  std::atomic<std::uint64_t> messages{0};  ///< published, requested, opened, or consumed
  std::atomic<std::uint64_t> settled{0};   ///< confirmed, committed, replied or closed
  std::atomic<std::uint64_t> nacked{0};    ///< of those settled: refused
  std::atomic<std::uint64_t> returned{0};  ///< mandatory messages that reached no queue
  std::atomic<std::uint64_t> last_message_ns{0};
  std::atomic<std::uint64_t> last_settled_ns{0};
  std::atomic<bool> failed{false};
  LiveHistogram latency;  ///< producers: until settled; consumers: until delivered

  /// Adds without a locked instruction: there is one writer.
  static void add(std::atomic<std::uint64_t>& counter, std::uint64_t more) noexcept {
    counter.store(counter.load(std::memory_order_relaxed) + more, std::memory_order_relaxed);
  }
};

/// What a worker leaves behind when its thread has ended.
struct WorkerResult {
  std::optional<std::string> failure;
  bool was_blocked = false;  ///< the broker asked this producer to pause
};

struct Shared {
  explicit Shared(int workers) : ready(workers), go(1), drain(1) {}

  std::latch ready;            ///< counted down by each worker once it has connected, or failed to
  std::latch go;               ///< opens when all are ready; `start_ns` is set by then
  std::latch drain;            ///< opens when consumers shall subscribe that wait for the queues to be full
  Schedule schedule;           ///< of all producers together
  std::uint64_t start_ns = 0;  ///< when publishing started; written before `go` opens
  const std::uint64_t made_ns = now_ns();
  std::atomic<bool> stop_publishing{false};
  std::atomic<bool> stop_consuming{false};
  std::atomic<std::uint64_t> tickets{0};  ///< messages that producers have set out to publish, when they are counted
};

}  // namespace mq::bench
