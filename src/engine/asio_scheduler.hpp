// The Scheduler on Boost.Asio: a pool of threads that runs strands, threads of their own for strands that may block, system clocks.
// The one file of the engine that knows Asio.
#pragma once

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "mq/ports/scheduler.hpp"

namespace mq::engine {

/// Each thread has an io_context of its own: whatever runs on one executor runs on one thread, one at a time.
using AsioExecutor = boost::asio::io_context::executor_type;

class AsioStrand final : public Strand {
 public:
  /// `sockets`, if given, counts this strand as long as it lives.
  explicit AsioStrand(boost::asio::io_context& context, std::shared_ptr<std::atomic<int>> sockets = nullptr);
  ~AsioStrand() override;
  void post(std::shared_ptr<Runnable> task) override;
  void move_to(const Strand& company) override;
  void move_here() override;
  /// For sockets and timers that belong to this strand, as long as it is not moved.
  [[nodiscard]] AsioExecutor executor() const noexcept { return context_.load(std::memory_order_acquire)->get_executor(); }

 private:
  std::atomic<boost::asio::io_context*> context_;
  std::shared_ptr<std::atomic<int>> sockets_;
};

class AsioScheduler final : public Scheduler {
 public:
  /// `threads` serve the strands; 0 = one per processor. They start at once.
  explicit AsioScheduler(unsigned threads);
  /// Stops, and discards.
  ~AsioScheduler() override;

  std::shared_ptr<Strand> make_strand() override;
  /// A strand for a socket, on the thread that has the fewest of them.
  std::shared_ptr<AsioStrand> make_socket_strand();
  std::shared_ptr<Strand> make_blocking_strand(const std::string& name) override;
  std::unique_ptr<Timer> make_timer(std::shared_ptr<Strand> strand, std::function<void()> callback) override;
  UnixMillis now() const override;
  Millis monotonic_now() const override;
  std::uint64_t random() override;

  /// Has each thread do this once, when its turn comes.
  void on_every_thread(const std::function<void()>& task);
  /// Ends all threads after what they are doing now; nothing runs afterwards.
  void stop();
  /// After stop(): lets go of all that was posted and never ran, and of all that waits for sockets and timers.
  void discard();

 private:
  using WorkGuard = boost::asio::executor_work_guard<boost::asio::io_context::executor_type>;
  struct Context : boost::asio::io_context {
    using boost::asio::execution_context::shutdown;
    using boost::asio::io_context::io_context;
  };
  struct Worker {
    Worker(std::string name, bool shared);
    void stop();
    Context context{1};
    WorkGuard guard{context.get_executor()};
    std::shared_ptr<std::atomic<int>> sockets = std::make_shared<std::atomic<int>>(0);
    std::thread thread;
  };

  std::vector<std::unique_ptr<Worker>> workers_;
  std::mutex blocking_mutex_;
  std::vector<std::unique_ptr<Worker>> blocking_;
  std::atomic<unsigned> next_worker_{0};
};

}  // namespace mq::engine
