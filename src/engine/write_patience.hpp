// When a queue writes what is new. Where consumers settle messages within a few milliseconds, writing waits that long for them: what is
// settled by then never goes to disk, and its publisher is told so as soon. Everywhere else it is written at once.
//
// Moments are the steady clock's. Used on the queue's strand only.
#pragma once

#include <cstdint>

#include "broker/queue/message_log.hpp"
#include "mq/base/clock.hpp"

namespace mq::engine {

class WritePatience {
 public:
  static constexpr Offset kEverything = broker::MessageLog::kEverything;

  /// What is to be written now: messages below the offset given back. `publish_mark` is the queue's end now; `live` how many messages
  /// it holds, waiting or out; `settled_per_ms` the pace of its consumers.
  [[nodiscard]] Offset ripe_below(Millis now, Offset publish_mark, std::uint64_t live, double settled_per_ms) noexcept {
    if (static_cast<double>(live) > settled_per_ms * kPatienceMs) {
      ripe_ = ripening_ = 0;
      look_at_ = 0;
      return kEverything;
    }
    if (now >= look_at_) {
      ripe_ = ripening_;
      ripening_ = publish_mark;
      look_at_ = now + kRipeningMs;
    }
    return ripe_;
  }
  /// When to ask again if nothing else happens.
  [[nodiscard]] Millis look_at() const noexcept { return look_at_; }

 private:
  static constexpr double kPatienceMs = 4;
  static constexpr Millis kRipeningMs = 2;
  Offset ripe_ = 0;      // had its time
  Offset ripening_ = 0;  // has its time until look_at_
  Millis look_at_ = 0;
};

}  // namespace mq::engine
