// When messages are due. A rate is a promise of instants: message n should leave at one moment and no other, and what keeps it from
// leaving then - a slow broker, a full socket, a closed window - counts as latency. A tool that only notes when it did send hides just
// the delays one wants to see ("coordinated omission").
//
// Nothing here has a clock; times are arguments.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

namespace mq::bench {

/// Messages per second in steps; the last step has no end.
class Schedule {
 public:
  Schedule() = default;
  /// Each rate is above zero and holds for `step_s` seconds, the first for `first_extra_s` more.
  Schedule(std::vector<double> rates_per_s, double step_s, double first_extra_s = 0)
      : rates_(std::move(rates_per_s)), step_s_(step_s), first_extra_s_(first_extra_s) {}

  [[nodiscard]] bool is_paced() const noexcept { return !rates_.empty(); }

  /// How many messages should have left `seconds` after the start, as a number with a fraction.
  [[nodiscard]] double messages_at(double seconds) const noexcept {
    double messages = 0;
    for (std::size_t i = 0; i < rates_.size() && seconds > 0; ++i) {
      double span = i + 1 == rates_.size() ? seconds : std::min(seconds, length(i));
      messages += span * rates_[i];
      seconds -= span;
    }
    return messages;
  }

  /// The second after the start when message number `message` (from 0) is due.
  [[nodiscard]] double time_of(double message) const noexcept {
    double seconds = 0;
    for (std::size_t i = 0;; ++i) {
      double whole = length(i) * rates_[i];
      if (i + 1 == rates_.size() || message <= whole) return seconds + message / rates_[i];
      message -= whole;
      seconds += length(i);
    }
  }

  /// The rate that is asked for `seconds` after the start; 0 without a rate.
  [[nodiscard]] double rate_at(double seconds) const noexcept {
    for (std::size_t i = 0; i < rates_.size(); ++i) {
      if (i + 1 == rates_.size() || seconds < length(i)) return rates_[i];
      seconds -= length(i);
    }
    return 0;
  }

 private:
  [[nodiscard]] double length(std::size_t step) const noexcept { return step_s_ + (step == 0 ? first_extra_s_ : 0); }

  std::vector<double> rates_;
  double step_s_ = 0;
  double first_extra_s_ = 0;
};

/// One worker's share of a schedule: of every `workers` messages one is its own, so that together they leave evenly.
class Pacer {
 public:
  Pacer() = default;
  Pacer(const Schedule& schedule, std::uint64_t start_ns, int index, int workers)
      : schedule_(schedule), start_ns_(start_ns), index_(index), workers_(workers) {}

  [[nodiscard]] bool is_paced() const noexcept { return schedule_.is_paced(); }

  /// How many of its messages should have left by `now_ns`.
  [[nodiscard]] std::uint64_t due(std::uint64_t now_ns) const noexcept {
    if (now_ns < start_ns_) return 0;
    double all = schedule_.messages_at(static_cast<double>(now_ns - start_ns_) / 1e9);
    return all < index_ ? 0 : static_cast<std::uint64_t>(std::floor((all - index_) / workers_)) + 1;
  }

  /// The moment its message number `message` (from 0) is due.
  [[nodiscard]] std::uint64_t due_ns(std::uint64_t message) const noexcept {
    double seconds = schedule_.time_of(static_cast<double>(message) * workers_ + index_);
    return start_ns_ + static_cast<std::uint64_t>(std::llround(seconds * 1e9));
  }

 private:
  Schedule schedule_;
  std::uint64_t start_ns_ = 0;
  int index_ = 0;
  int workers_ = 1;
};

}  // namespace mq::bench
