#include "engine/asio_scheduler.hpp"

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>

#include "mq/base/check.hpp"

namespace mq::engine {
namespace {

thread_local boost::asio::io_context* this_worker = nullptr;  // if this is a thread of the shared pool

unsigned thread_count(unsigned wanted) { return wanted != 0 ? wanted : std::max(1u, std::thread::hardware_concurrency()); }

void name_thread(std::thread& thread, std::string name) {
  name.resize(std::min<std::size_t>(name.size(), 15));  // what the kernel keeps
  pthread_setname_np(thread.native_handle(), name.c_str());
}

// A timer belongs to the thread on which its strand was when it was armed. If the strand has moved since, that thread only passes the
// news on, and the next arming makes a timer on the new thread.
class AsioTimer final : public Timer {
 public:
  AsioTimer(std::shared_ptr<AsioStrand> strand, const Scheduler& scheduler, std::function<void()> callback)
      : scheduler_(scheduler), state_(std::make_shared<State>(std::move(strand), std::move(callback))) {}
  ~AsioTimer() override { cancel(); }

  void arm(UnixMillis when) override {
    const Millis wait_ms = std::clamp<Millis>(when - scheduler_.now(), 0, kLongestWaitMs);
    const std::uint64_t arming = ++state_->arming;
    if (!state_->at_home()) {
      cancel();
      state_ = std::make_shared<State>(state_->strand, state_->callback);
      return arm(when);
    }
    state_->timer.expires_after(std::chrono::milliseconds(wait_ms));
    state_->timer.async_wait([state = state_, arming](const boost::system::error_code& stopped) {
      if (!stopped) fire(state, arming);
    });
  }
  void cancel() override {
    ++state_->arming;
    if (state_->timer.get_executor().running_in_this_thread()) state_->timer.cancel();
    else boost::asio::post(state_->timer.get_executor(), [state = state_] { state->timer.cancel(); });
  }

 private:
  // A wait this long ends early and its owner looks at the clock again; so a clock that is set forward does no lasting harm.
  static constexpr Millis kLongestWaitMs = 3600'000;

  struct State {
    State(std::shared_ptr<AsioStrand> strand_, std::function<void()> callback_)
        : strand(std::move(strand_)), timer(strand->executor()), callback(std::move(callback_)) {}
    [[nodiscard]] bool at_home() { return timer.get_executor() == strand->executor(); }
    const std::shared_ptr<AsioStrand> strand;
    boost::asio::basic_waitable_timer<std::chrono::steady_clock, boost::asio::wait_traits<std::chrono::steady_clock>, AsioExecutor> timer;
    const std::function<void()> callback;
    std::atomic<std::uint64_t> arming{0};
  };

  static void fire(const std::shared_ptr<State>& state, std::uint64_t arming) {
    if (arming != state->arming) return;
    const AsioExecutor home = state->strand->executor();
    if (home.running_in_this_thread()) state->callback();
    else boost::asio::post(home, [state, arming] { fire(state, arming); });
  }

  const Scheduler& scheduler_;
  std::shared_ptr<State> state_;
};

}  // namespace

AsioStrand::AsioStrand(boost::asio::io_context& context, std::shared_ptr<std::atomic<int>> sockets)
    : context_(&context), sockets_(std::move(sockets)) {
  if (sockets_) sockets_->fetch_add(1, std::memory_order_relaxed);
}

AsioStrand::~AsioStrand() {
  if (sockets_) sockets_->fetch_sub(1, std::memory_order_relaxed);
}

void AsioStrand::post(std::shared_ptr<Runnable> task) {
  boost::asio::post(executor(), [task = std::move(task)] { task->run(); });
}

void AsioStrand::move_to(const Strand& company) {
  context_.store(&static_cast<const AsioStrand&>(company).executor().context(), std::memory_order_release);
}

void AsioStrand::move_here() {
  if (this_worker != nullptr) context_.store(this_worker, std::memory_order_release);
}

AsioScheduler::Worker::Worker(std::string name, bool shared)
    : thread([this, shared] {
        if (shared) this_worker = &context;
        context.run();
      }) {
  name_thread(thread, std::move(name));
}

void AsioScheduler::Worker::stop() {
  context.stop();
  if (thread.joinable()) thread.join();
}

AsioScheduler::AsioScheduler(unsigned threads) {
  for (unsigned index = 0; index < thread_count(threads); ++index)
    workers_.push_back(std::make_unique<Worker>("worker-" + std::to_string(index), true));
}

AsioScheduler::~AsioScheduler() {
  stop();
  discard();
}

void AsioScheduler::stop() {
  for (auto& worker : workers_) worker->stop();
  for (auto& worker : blocking_) worker->stop();
}

void AsioScheduler::discard() {
  // It may own timers and sockets of other contexts, and may post to them once more when it goes: all of it goes before any context does.
  for (int round = 0; round < 2; ++round) {
    for (auto& worker : workers_) worker->context.shutdown();
    for (auto& worker : blocking_) worker->context.shutdown();
  }
}

std::shared_ptr<Strand> AsioScheduler::make_strand() {
  return std::make_shared<AsioStrand>(workers_[next_worker_.fetch_add(1, std::memory_order_relaxed) % workers_.size()]->context);
}

std::shared_ptr<AsioStrand> AsioScheduler::make_socket_strand() {
  auto least = std::min_element(workers_.begin(), workers_.end(),
                                [](const auto& one, const auto& other) { return *one->sockets < *other->sockets; });
  return std::make_shared<AsioStrand>((*least)->context, (*least)->sockets);
}

std::shared_ptr<Strand> AsioScheduler::make_blocking_strand(const std::string& name) {
  std::lock_guard lock(blocking_mutex_);
  return std::make_shared<AsioStrand>(blocking_.emplace_back(std::make_unique<Worker>(name, false))->context);
}

void AsioScheduler::on_every_thread(const std::function<void()>& task) {
  std::lock_guard lock(blocking_mutex_);
  for (const auto* threads : {&workers_, &blocking_})
    for (const auto& worker : *threads) boost::asio::post(worker->context, task);
}

std::unique_ptr<Timer> AsioScheduler::make_timer(std::shared_ptr<Strand> strand, std::function<void()> callback) {
  return std::make_unique<AsioTimer>(std::static_pointer_cast<AsioStrand>(std::move(strand)), *this, std::move(callback));
}

UnixMillis AsioScheduler::now() const {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

Millis AsioScheduler::monotonic_now() const {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// The system's own: names of reply queues and salts are made of it, and nobody may guess those from others they were told.
std::uint64_t AsioScheduler::random() {
  struct Supply {
    std::array<std::uint64_t, 32> numbers{};  // as many octets as the system gives at once
    std::size_t used = numbers.size();
  };
  thread_local Supply supply;
  if (supply.used == supply.numbers.size()) {
    MQ_CHECK(::getentropy(supply.numbers.data(), sizeof supply.numbers) == 0);
    supply.used = 0;
  }
  return supply.numbers[supply.used++];
}

}  // namespace mq::engine
