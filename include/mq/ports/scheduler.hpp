// The Scheduler port: strands, timers and the clock. Implementations: engine/asio_scheduler (a pool of threads) and the simulator's
// (one thread, seeded order, a clock that is moved).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "mq/base/clock.hpp"

namespace mq {

/// Something that can be run on a strand. Shared, so that what is scheduled stays alive until it ran.
class Runnable {
 public:
  virtual ~Runnable() = default;
  virtual void run() = 0;
};

/// Runs what is posted to it one at a time, in order. Never inside post() itself.
class Strand {
 public:
  virtual ~Strand() = default;
  /// Any thread. One call of `task->run()` per post.
  virtual void post(std::shared_ptr<Runnable> task) = 0;
  /// A hint: what is posted from now on had better run on the thread on which `company` runs. Only while nothing is posted to this
  /// strand and nothing runs on it, or as the last thing its only task does to what the strand protects.
  virtual void move_to(const Strand& company) { static_cast<void>(company); }
  /// The same for the thread that calls, if it is one of the shared pool.
  virtual void move_here() {}
};

/// One pending wake-up on a strand; re-arming replaces it. Used only from its strand.
class Timer {
 public:
  virtual ~Timer() = default;
  /// Runs the callback on the strand at `when` or soon after (at once if that is past). Replaces an earlier arming.
  virtual void arm(UnixMillis when) = 0;
  virtual void cancel() = 0;
};

class Scheduler {
 public:
  virtual ~Scheduler() = default;

  /// A strand on the shared pool of threads.
  [[nodiscard]] virtual std::shared_ptr<Strand> make_strand() = 0;
  /// A strand whose tasks may block (disk). It has a thread of its own.
  [[nodiscard]] virtual std::shared_ptr<Strand> make_blocking_strand(const std::string& name) = 0;
  /// `callback` runs on `strand`. It is not called after the Timer is destroyed on that strand.
  [[nodiscard]] virtual std::unique_ptr<Timer> make_timer(std::shared_ptr<Strand> strand, std::function<void()> callback) = 0;

  [[nodiscard]] virtual UnixMillis now() const = 0;
  /// A counter of milliseconds that never steps back, for intervals (heartbeats, timeouts).
  [[nodiscard]] virtual Millis monotonic_now() const = 0;
  /// Chance, from the seed in the simulator.
  [[nodiscard]] virtual std::uint64_t random() = 0;
};

}  // namespace mq
