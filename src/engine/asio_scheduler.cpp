#include "engine/asio_scheduler.hpp"

#include <pthread.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <random>

namespace mq::engine {
namespace {

unsigned thread_count(unsigned wanted) { return wanted != 0 ? wanted : std::max(1u, std::thread::hardware_concurrency()); }

void name_thread(std::thread& thread, std::string name) {
  name.resize(std::min<std::size_t>(name.size(), 15));  // what the kernel keeps
  pthread_setname_np(thread.native_handle(), name.c_str());
}

class AsioTimer final : public Timer {
 public:
  AsioTimer(std::shared_ptr<AsioStrand> strand, const Scheduler& scheduler, std::function<void()> callback)
      : strand_(std::move(strand)), scheduler_(scheduler), state_(std::make_shared<State>(strand_->executor(), std::move(callback))) {}
  ~AsioTimer() override {
    state_->callback = nullptr;
    state_->timer.cancel();
  }

  void arm(UnixMillis when) override {
    const Millis wait_ms = std::clamp<Millis>(when - scheduler_.now(), 0, kLongestWaitMs);
    const std::uint64_t arming = ++state_->arming;
    state_->timer.expires_after(std::chrono::milliseconds(wait_ms));
    state_->timer.async_wait([state = state_, arming](const boost::system::error_code& stopped) {
      if (!stopped && arming == state->arming && state->callback) state->callback();
    });
  }
  void cancel() override {
    ++state_->arming;
    state_->timer.cancel();
  }

 private:
  // A wait this long ends early and its owner looks at the clock again; so a clock that is set forward does no lasting harm.
  static constexpr Millis kLongestWaitMs = 3600'000;

  struct State {
    State(const AsioExecutor& executor, std::function<void()> callback_) : timer(executor), callback(std::move(callback_)) {}
    boost::asio::steady_timer timer;
    std::function<void()> callback;
    std::uint64_t arming = 0;
  };
  std::shared_ptr<AsioStrand> strand_;
  const Scheduler& scheduler_;
  std::shared_ptr<State> state_;
};

}  // namespace

AsioStrand::AsioStrand(boost::asio::io_context& context, std::shared_ptr<std::atomic<int>> sockets)
    : executor_(context.get_executor()), sockets_(std::move(sockets)) {
  if (sockets_) sockets_->fetch_add(1, std::memory_order_relaxed);
}

AsioStrand::~AsioStrand() {
  if (sockets_) sockets_->fetch_sub(1, std::memory_order_relaxed);
}

void AsioStrand::post(std::shared_ptr<Runnable> task) {
  boost::asio::post(executor_, [task = std::move(task)] { task->run(); });
}

AsioScheduler::Worker::Worker(std::string name) : thread([this] { context.run(); }) { name_thread(thread, std::move(name)); }

void AsioScheduler::Worker::stop() {
  context.stop();
  if (thread.joinable()) thread.join();
}

AsioScheduler::AsioScheduler(unsigned threads) {
  for (unsigned index = 0; index < thread_count(threads); ++index) workers_.push_back(std::make_unique<Worker>("worker-" + std::to_string(index)));
}

AsioScheduler::~AsioScheduler() {
  stop();
  // What was posted and never ran may own timers and sockets of other contexts: all of it goes before any context does.
  for (auto& worker : workers_) worker->context.shutdown();
  for (auto& worker : blocking_) worker->context.shutdown();
}

void AsioScheduler::stop() {
  for (auto& worker : workers_) worker->stop();
  for (auto& worker : blocking_) worker->stop();
}

std::shared_ptr<Strand> AsioScheduler::make_strand() {
  return std::make_shared<AsioStrand>(workers_[next_worker_.fetch_add(1, std::memory_order_relaxed) % workers_.size()]->context);
}

std::shared_ptr<AsioStrand> AsioScheduler::make_socket_strand() {
  auto least = std::min_element(workers_.begin(), workers_.end(), [](const auto& one, const auto& other) { return *one->sockets < *other->sockets; });
  return std::make_shared<AsioStrand>((*least)->context, (*least)->sockets);
}

std::shared_ptr<Strand> AsioScheduler::make_blocking_strand(const std::string& name) {
  return std::make_shared<AsioStrand>(blocking_.emplace_back(std::make_unique<Worker>(name))->context);
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

std::uint64_t AsioScheduler::random() {
  thread_local std::mt19937_64 generator(std::random_device{}());
  return generator();
}

}  // namespace mq::engine
