// Workers of one kind: their threads, counters and results.
#pragma once

#include <sys/prctl.h>

#include <algorithm>
#include <deque>
#include <thread>
#include <vector>

#include "apps/brokerbench/options.hpp"
#include "apps/brokerbench/shared.hpp"

namespace mq::bench {

struct Crew {
  explicit Crew(int size) : counters(static_cast<std::size_t>(size)), results(static_cast<std::size_t>(size)) {}

  std::deque<Counters> counters;
  std::deque<WorkerResult> results;
  std::vector<std::jthread> threads;

  template <class Worker>
  void start(const Options& options, Shared& shared) {
    constexpr unsigned long kTimerSlackNs = 1000;  // of waiting for the moment a message is due; 50 us is what one gets otherwise
    for (std::size_t i = 0; i < counters.size(); ++i)
      threads.emplace_back([this, i, &options, &shared] {
        ::prctl(PR_SET_TIMERSLACK, kTimerSlackNs);
        Worker(options, shared, counters[i], results[i], static_cast<int>(i)).run();
      });
  }
  void join() { threads.clear(); }

  [[nodiscard]] std::uint64_t sum(std::atomic<std::uint64_t> Counters::*counter) const {
    std::uint64_t total = 0;
    for (const Counters& one : counters) total += (one.*counter).load(std::memory_order_relaxed);
    return total;
  }
  [[nodiscard]] std::uint64_t latest(std::atomic<std::uint64_t> Counters::*counter) const {
    std::uint64_t last = 0;
    for (const Counters& one : counters) last = std::max(last, (one.*counter).load(std::memory_order_relaxed));
    return last;
  }
  [[nodiscard]] Histogram latency() const {
    Histogram total;
    for (const Counters& one : counters) one.latency.add_to(total);
    return total;
  }
  [[nodiscard]] bool has_failed() const {
    return std::ranges::any_of(counters, [](const Counters& one) { return one.failed.load(); });
  }
};

}  // namespace mq::bench
