// The Scheduler on Boost.Asio: a pool of threads that runs strands, threads of their own for strands that may block, system clocks.
// The one file of the engine that knows Asio.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/strand.hpp>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "mq/ports/scheduler.hpp"

namespace mq::engine {

using AsioExecutor = boost::asio::strand<boost::asio::io_context::executor_type>;

class AsioStrand final : public Strand {
 public:
  explicit AsioStrand(boost::asio::io_context& context) : executor_(boost::asio::make_strand(context)) {}
  void post(std::shared_ptr<Runnable> task) override;
  /// For sockets and timers that belong to this strand.
  [[nodiscard]] const AsioExecutor& executor() const noexcept { return executor_; }

 private:
  AsioExecutor executor_;
};

class AsioScheduler final : public Scheduler {
 public:
  /// `threads` serve the strands; 0 = one per processor. They start at once.
  explicit AsioScheduler(unsigned threads);
  /// Stops and joins.
  ~AsioScheduler() override;

  std::shared_ptr<Strand> make_strand() override;
  std::shared_ptr<Strand> make_blocking_strand(const std::string& name) override;
  std::unique_ptr<Timer> make_timer(std::shared_ptr<Strand> strand, std::function<void()> callback) override;
  UnixMillis now() const override;
  Millis monotonic_now() const override;
  std::uint64_t random() override;

  /// Where sockets live; their handlers run on strands from make_strand().
  [[nodiscard]] boost::asio::io_context& context() noexcept { return context_; }
  /// Ends all threads after what they are doing now; nothing runs afterwards.
  void stop();

 private:
  using WorkGuard = boost::asio::executor_work_guard<boost::asio::io_context::executor_type>;
  struct BlockingThread {
    boost::asio::io_context context{1};
    WorkGuard guard{context.get_executor()};
    std::thread thread;
  };

  boost::asio::io_context context_;
  WorkGuard guard_;
  std::vector<std::thread> threads_;
  std::vector<std::unique_ptr<BlockingThread>> blocking_;
};

}  // namespace mq::engine
