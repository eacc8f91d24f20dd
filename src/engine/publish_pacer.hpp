// The publish window's way back: what a queue has taken in gives its publishers room to go on. As a rule at once; but while consumers
// are at work and have fallen behind, publishers beyond kTransientPerMs or kPersistentPerMs wait for them, so that messages do not pile
// up, and are not written to disk, only because publishing is cheaper than delivering.
//
// Used on the queue's strand only.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <utility>

#include "engine/session_inbox.hpp"
#include "mq/base/clock.hpp"

namespace mq::engine {

class PublishPacer {
 public:
  /// A batch came in; so many of its messages have to be on disk.
  void took(InboxPtr from, std::uint64_t bytes, std::uint64_t messages, std::uint64_t persistent, UnixMillis now) {
    paid_until_ms_ = std::max(paid_until_ms_, static_cast<double>(now)) + static_cast<double>(messages - persistent) / kTransientPerMs +
                     static_cast<double>(persistent) / kPersistentPerMs;
    held_.push_back({std::move(from), bytes, static_cast<UnixMillis>(paid_until_ms_)});
  }
  /// Lets publishers go on: all of them, or while consumers are behind only those whose time has come.
  void release(bool consumers_behind, UnixMillis now) {
    while (!held_.empty() && (!consumers_behind || held_.front().until <= now)) {
      held_.front().from->window_return(held_.front().bytes);
      held_.pop_front();
    }
    if (held_.empty()) paid_until_ms_ = static_cast<double>(std::min<UnixMillis>(static_cast<UnixMillis>(paid_until_ms_), now));
  }
  /// When somebody's time comes; kNever when nobody waits.
  [[nodiscard]] UnixMillis next_release() const noexcept { return held_.empty() ? kNever : held_.front().until; }

 private:
  static constexpr double kTransientPerMs = 500;
  static constexpr double kPersistentPerMs = 100;
  struct Held {
    InboxPtr from;
    std::uint64_t bytes = 0;
    UnixMillis until = 0;
  };
  std::deque<Held> held_;
  double paid_until_ms_ = 0;
};

}  // namespace mq::engine
