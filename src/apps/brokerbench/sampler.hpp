// Turns counters that only grow into a time series and totals, warm-up left out.
#pragma once

#include <cstdint>
#include <optional>

#include "apps/brokerbench/crew.hpp"
#include "apps/brokerbench/result.hpp"

namespace mq::bench {

/// How many deliveries each message makes; 0 = nobody can tell beforehand.
[[nodiscard]] std::uint64_t deliveries_per_message(const Options& options);

/// Looks at the counters of the workers while they work. The times it is told come from the clock of now_ns().
class Sampler {
 public:
  Sampler(const Options& options, const Crew& producers, const Crew& consumers, const Schedule& schedule);

  /// What happened so far does not count: warm-up is over.
  void begin(std::uint64_t now_ns);
  [[nodiscard]] bool has_begun() const noexcept { return begun_ns_ != 0; }
  /// True when the next sample is due.
  [[nodiscard]] bool is_due(std::uint64_t now_ns) const noexcept { return has_begun() && now_ns >= next_ns_; }
  /// What happened since the last sample.
  Sample take(std::uint64_t now_ns);
  /// Consumers began now: what they take is counted from here.
  void consuming_begins(std::uint64_t now_ns) noexcept { consume_begun_ns_ = now_ns; }
  /// The totals. To be called when workers have ended.
  void finish(Result& result) const;

 private:
  struct State {
    std::uint64_t sent = 0, settled = 0, taken = 0, nacked = 0, returned = 0;
    Histogram delivery, answer;
    std::optional<ProcessUse> broker;
    std::uint64_t at_ns = 0;
  };
  [[nodiscard]] State look(std::uint64_t now_ns) const;
  [[nodiscard]] std::optional<std::uint64_t> backlog(const State& now) const;

  const Options& options_;
  const Crew& producers_;
  const Crew& consumers_;
  const Schedule& schedule_;
  std::uint64_t interval_ns_;
  std::uint64_t begun_ns_ = 0;
  std::uint64_t consume_begun_ns_ = 0;
  std::uint64_t next_ns_ = 0;
  State base_;
  State last_;
};

}  // namespace mq::bench
