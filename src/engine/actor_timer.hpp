// When an actor wants to run again: one timer, whose coming is an item in the actor's mailbox.
#pragma once

#include <memory>
#include <utility>

#include "engine/mailbox.hpp"
#include "mq/base/clock.hpp"
#include "mq/ports/scheduler.hpp"

namespace mq::engine {

/// Made when it is first needed. For use in the actor's turns only.
template <class Fired>
class ActorTimer {
 public:
  /// At the end of a turn: `actor` is to be put a Fired at `at`, and at no other time; kNever: not at all.
  template <class Item>
  void set(UnixMillis at, Actor<Item>& actor, const std::shared_ptr<Strand>& strand, Scheduler& scheduler) {
    if (at == at_) return;
    at_ = at;
    if (at == kNever) return timer_->cancel();
    if (!timer_)
      timer_ = scheduler.make_timer(strand, [weak = actor.weak_from_this()] {
        if (const auto found = weak.lock()) found->put(Fired{});
      });
    timer_->arm(at);
  }

  /// The item came.
  void fired() noexcept { at_ = kNever; }

 private:
  std::unique_ptr<Timer> timer_;
  UnixMillis at_ = kNever;
};

}  // namespace mq::engine
