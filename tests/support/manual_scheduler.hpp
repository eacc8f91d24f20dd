// A Scheduler on one thread: nothing runs until it is told to, the clock moves by hand, chance comes from a seed.
//
// Each strand keeps the order of its own tasks. Which strand is next is decided either by the order of posting, or with a seed by lot:
// that is every interleaving that threads could bring about, one at a time, and the same one again for the same seed.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "mq/ports/scheduler.hpp"

namespace mq::test {

/// Used on one thread. Strands and timers may outlive it as long as nothing is posted or armed any more.
class ManualScheduler final : public Scheduler {
 public:
  /// `seed` 0: strands take turns in the order in which tasks were posted. Otherwise the next strand is drawn.
  explicit ManualScheduler(std::uint64_t seed = 0);
  ~ManualScheduler() override;

  std::shared_ptr<Strand> make_strand() override;
  std::shared_ptr<Strand> make_blocking_strand(const std::string& name) override;
  std::unique_ptr<Timer> make_timer(std::shared_ptr<Strand> strand, std::function<void()> callback) override;
  UnixMillis now() const override;
  Millis monotonic_now() const override;
  std::uint64_t random() override;

  /// Runs one task; false when there is none.
  bool run_one();
  /// Runs tasks until there is none, and returns how many it were. Timers do not run by this: the clock stands still.
  std::size_t run_until_idle();
  /// Moves the clock forward; timers that come due on the way run at their own time and in order, with all that follows from them.
  void advance(Millis by);
  /// Moves the clock and does nothing else: what came due is posted, to run among what else there is.
  void elapse(Millis by);
  /// Strands that may block, of that name, do not run until they may again: a slow disk.
  void hold(const std::string& blocking_strands, bool held);
  /// What is drawn from here on is drawn from this seed.
  void reseed(std::uint64_t seed) { generator_.seed(seed); }
  /// Sets the wall clock forward or back, as an operator would: time does not pass, and timers run when they would have run.
  void set_clock(Millis by) { state_->wall_ahead += by; }
  /// When the next timer comes due; kNever when none is armed.
  [[nodiscard]] UnixMillis next_timer() const;
  /// Nothing is posted, not even to strands that are held.
  [[nodiscard]] bool idle() const noexcept { return state_->ready.empty(); }
  /// A crash: what was posted or armed never happens.
  void drop_everything();

 private:
  class ManualStrand;
  class ManualTimer;
  struct State {  // shared with strands and timers, so that they need not know whether the scheduler is still there
    std::uint64_t next_post = 0;
    std::uint64_t next_arming = 0;
    UnixMillis now = 1'700'000'000'000;                // never steps back
    Millis wall_ahead = 0;                             // of `now`
    std::vector<std::shared_ptr<ManualStrand>> ready;  // strands with tasks
    std::map<std::pair<UnixMillis, std::uint64_t>, std::pair<std::shared_ptr<Strand>, std::shared_ptr<std::function<void()>>>> timers;
  };
  [[nodiscard]] std::size_t choose();  // SIZE_MAX: none may run
  bool post_due();                     // the next timer that came due
  void fire_due();

  std::shared_ptr<State> state_;
  std::mt19937_64 generator_;
  bool by_lot_;
  std::set<std::string> held_;
};

}  // namespace mq::test
