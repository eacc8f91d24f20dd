#include "support/manual_scheduler.hpp"

#include <algorithm>
#include <cstdint>

namespace mq::test {

class ManualScheduler::ManualStrand final : public Strand, public std::enable_shared_from_this<ManualStrand> {
 public:
  explicit ManualStrand(const std::shared_ptr<State>& state, std::string name = {}) : state_(state), name_(std::move(name)) {}

  void post(std::shared_ptr<Runnable> task) override {
    auto state = state_.lock();
    if (!state) return;
    if (tasks_.empty()) state->ready.push_back(shared_from_this());
    tasks_.emplace_back(state->next_post++, std::move(task));
  }
  [[nodiscard]] std::uint64_t oldest() const { return tasks_.front().first; }
  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  std::shared_ptr<Runnable> take() {
    auto task = std::move(tasks_.front().second);
    tasks_.pop_front();
    return task;
  }
  [[nodiscard]] bool empty() const noexcept { return tasks_.empty(); }
  void drop() { auto dropped = std::exchange(tasks_, {}); }

 private:
  std::weak_ptr<State> state_;
  std::string name_;  // of those that may block
  std::deque<std::pair<std::uint64_t, std::shared_ptr<Runnable>>> tasks_;
};

class ManualScheduler::ManualTimer final : public Timer {
 public:
  ManualTimer(const std::shared_ptr<State>& state, std::shared_ptr<Strand> strand, std::function<void()> callback)
      : state_(state), strand_(std::move(strand)), callback_(std::make_shared<std::function<void()>>(std::move(callback))) {}
  ~ManualTimer() override {
    cancel();
    *callback_ = nullptr;  // also for a run that is posted already
  }

  void arm(UnixMillis when) override {
    cancel();
    auto state = state_.lock();
    if (!state) return;
    armed_ = {when == kNever ? kNever : when - state->wall_ahead, state->next_arming++};
    state->timers.emplace(armed_, std::pair(strand_, callback_));
  }
  void cancel() override {
    if (auto state = state_.lock()) state->timers.erase(armed_);
  }

 private:
  std::weak_ptr<State> state_;
  std::shared_ptr<Strand> strand_;
  std::shared_ptr<std::function<void()>> callback_;
  std::pair<UnixMillis, std::uint64_t> armed_{kNever, UINT64_MAX};
};

namespace {

class Callback final : public Runnable {
 public:
  explicit Callback(std::shared_ptr<std::function<void()>> callback) : callback_(std::move(callback)) {}
  void run() override {
    if (*callback_) (*callback_)();
  }

 private:
  std::shared_ptr<std::function<void()>> callback_;
};

}  // namespace

ManualScheduler::ManualScheduler(std::uint64_t seed) : state_(std::make_shared<State>()), generator_(seed), by_lot_(seed != 0) {}

ManualScheduler::~ManualScheduler() { drop_everything(); }

std::shared_ptr<Strand> ManualScheduler::make_strand() { return std::make_shared<ManualStrand>(state_); }

std::shared_ptr<Strand> ManualScheduler::make_blocking_strand(const std::string& name) {
  return std::make_shared<ManualStrand>(state_, name);
}

std::unique_ptr<Timer> ManualScheduler::make_timer(std::shared_ptr<Strand> strand, std::function<void()> callback) {
  return std::make_unique<ManualTimer>(state_, std::move(strand), std::move(callback));
}

UnixMillis ManualScheduler::now() const { return state_->now + state_->wall_ahead; }

// A clock of its own, as on a machine that has been up for a while.
Millis ManualScheduler::monotonic_now() const { return state_->now - 1'600'000'000'000; }

std::uint64_t ManualScheduler::random() { return generator_(); }

std::size_t ManualScheduler::choose() {
  const auto& ready = state_->ready;
  const auto may_run = [this](const auto& strand) { return held_.empty() || !held_.contains(strand->name()); };
  if (by_lot_ && !ready.empty()) {
    const std::size_t first = generator_() % ready.size();
    for (std::size_t offset = 0; offset < ready.size(); ++offset)
      if (const std::size_t at = (first + offset) % ready.size(); may_run(ready[at])) return at;
    return SIZE_MAX;
  }
  std::size_t oldest = SIZE_MAX;
  for (std::size_t at = 0; at < ready.size(); ++at)
    if (may_run(ready[at]) && (oldest == SIZE_MAX || ready[at]->oldest() < ready[oldest]->oldest())) oldest = at;
  return oldest;
}

bool ManualScheduler::run_one() {
  auto& ready = state_->ready;
  const std::size_t chosen = choose();
  if (chosen == SIZE_MAX) return false;
  auto strand = ready[chosen];
  auto task = strand->take();
  if (strand->empty()) ready.erase(ready.begin() + static_cast<std::ptrdiff_t>(chosen));
  task->run();
  return true;
}

std::size_t ManualScheduler::run_until_idle() {
  std::size_t ran = 0;
  while (run_one()) ++ran;
  return ran;
}

bool ManualScheduler::post_due() {
  if (state_->timers.empty() || state_->timers.begin()->first.first > state_->now) return false;
  auto [strand, callback] = std::move(state_->timers.begin()->second);
  state_->timers.erase(state_->timers.begin());
  strand->post(std::make_shared<Callback>(std::move(callback)));
  return true;
}

void ManualScheduler::fire_due() {
  while (post_due()) run_until_idle();
}

void ManualScheduler::elapse(Millis by) {
  state_->now += by;
  while (post_due()) {}
}

void ManualScheduler::hold(const std::string& blocking_strands, bool held) {
  if (held) held_.insert(blocking_strands);
  else held_.erase(blocking_strands);
}

void ManualScheduler::advance(Millis by) {
  const UnixMillis until = state_->now + by;
  run_until_idle();
  fire_due();
  while (!state_->timers.empty() && state_->timers.begin()->first.first <= until) {
    state_->now = std::max(state_->now, state_->timers.begin()->first.first);
    fire_due();
  }
  state_->now = until;
}

UnixMillis ManualScheduler::next_timer() const {
  return state_->timers.empty() ? kNever : state_->timers.begin()->first.first + state_->wall_ahead;
}

void ManualScheduler::drop_everything() {
  held_.clear();
  // What a task holds may post or arm again when it is destroyed: once more until nothing is left.
  while (!state_->ready.empty() || !state_->timers.empty()) {
    auto ready = std::move(state_->ready);
    state_->ready.clear();
    auto timers = std::move(state_->timers);
    state_->timers.clear();
    for (auto& strand : ready) strand->drop();
  }
}

}  // namespace mq::test
