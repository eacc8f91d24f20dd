// The publish window's way back: what a queue has taken in gives its publishers room to go on. As a rule at once; but while consumers
// are at work and have fallen behind, publishers share a budget, so that messages do not pile up, and are not written to disk, only
// because publishing is cheaper than delivering. Moments are the steady clock's.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <utility>

#include "engine/session_inbox.hpp"
#include "mq/base/clock.hpp"
#include "mq/base/deque.hpp"

namespace mq::engine {

/// What all queues whose consumers are behind may take in: per thread 250 messages a millisecond, or 50 that must be written, or 400 kB
/// of bodies. Any thread.
class PublishBudget {
 public:
  explicit PublishBudget(unsigned threads = 2) : threads_(std::max(1u, threads)) {}

  /// Takes so much out of it and tells when that is paid for; never more than kLongestWaitMs from now.
  Millis spend(std::uint64_t messages, std::uint64_t persistent, std::uint64_t bytes, Millis now) noexcept {
    const std::uint64_t all_us = (messages - persistent) * kTransientUs + persistent * kPersistentUs + bytes / kBytesPerUs;
    const auto cost_us = static_cast<std::int64_t>(all_us / threads_);
    const std::int64_t now_us = now * 1000;
    std::int64_t known = paid_until_us_.load(std::memory_order_relaxed);
    std::int64_t paid_us = 0;
    do paid_us = std::min(std::max(known, now_us) + cost_us, now_us + kLongestWaitMs * 1000);
    while (!paid_until_us_.compare_exchange_weak(known, paid_us, std::memory_order_relaxed));
    return paid_us / 1000;
  }

 private:
  static constexpr Millis kLongestWaitMs = 20;
  static constexpr std::uint64_t kTransientUs = 4;
  static constexpr std::uint64_t kPersistentUs = 20;
  static constexpr std::uint64_t kBytesPerUs = 400;
  const unsigned threads_;
  std::atomic<std::int64_t> paid_until_us_{0};
};

/// The publishers of one queue. Used on its strand only.
class PublishPacer {
 public:
  explicit PublishPacer(PublishBudget& budget) : budget_(budget) {}

  /// A batch came in; so many of its messages have to be on disk.
  void took(InboxPtr from, std::uint64_t bytes, std::uint64_t messages, std::uint64_t persistent, Millis now) {
    if (behind_) paid_until_ = budget_.spend(messages, persistent, bytes, now);
    held_.push_back({std::move(from), bytes, paid_until_});
  }
  void consumers_are_behind(bool behind) noexcept {
    behind_ = behind;
    if (!behind) paid_until_ = 0;
  }
  [[nodiscard]] bool wait_for_consumers() const noexcept { return behind_; }
  /// Lets publishers go on: all of them, or while consumers are behind those whose time has come.
  void release(Millis now) {
    while (!held_.empty() && (!behind_ || held_.front().until <= now)) {
      held_.front().from->window_return(held_.front().bytes);
      held_.pop_front();
    }
  }
  /// Writing for them has time until then.
  [[nodiscard]] bool must_wait(Millis now) const noexcept { return behind_ && paid_until_ > now; }
  [[nodiscard]] Millis paid_until() const noexcept { return paid_until_; }
  /// When somebody's time comes; kNever when nobody waits.
  [[nodiscard]] Millis next_release() const noexcept { return held_.empty() || !behind_ ? kNever : held_.front().until; }

 private:
  struct Held {
    InboxPtr from;
    std::uint64_t bytes = 0;
    Millis until = 0;
  };
  PublishBudget& budget_;
  Deque<Held> held_;
  Millis paid_until_ = 0;
  bool behind_ = false;
};

}  // namespace mq::engine
