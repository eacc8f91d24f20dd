#include "apps/brokerbench/load.hpp"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <deque>
#include <thread>
#include <vector>

#include "apps/brokerbench/consumer.hpp"
#include "apps/brokerbench/producer.hpp"
#include "apps/brokerbench/topology.hpp"

namespace mq::bench {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds kTick{5};  // how often main looks at the counters
constexpr std::uint64_t kSecondNs = 1'000'000'000;
constexpr std::uint64_t kDryNs = 2 * kSecondNs;  // no delivery for so long = the queues are empty

volatile std::sig_atomic_t interrupted = 0;

/// One kind of worker: its threads, counters and results.
struct Crew {
  explicit Crew(int size) : counters(static_cast<std::size_t>(size)), results(static_cast<std::size_t>(size)) {}

  std::deque<Counters> counters;
  std::deque<WorkerResult> results;
  std::vector<std::jthread> threads;

  template <class Worker>
  void start(const Options& options, Shared& shared) {
    for (std::size_t i = 0; i < counters.size(); ++i)
      threads.emplace_back([this, i, &options, &shared] { Worker(options, shared, counters[i], results[i], static_cast<int>(i)).run(); });
  }
  void join() { threads.clear(); }

  [[nodiscard]] std::uint64_t sum(std::atomic<std::uint64_t> Counters::*counter) const {
    std::uint64_t total = 0;
    for (const Counters& one : counters) total += (one.*counter).load(std::memory_order_relaxed);
    return total;
  }
  [[nodiscard]] std::uint64_t latest(std::atomic<std::uint64_t> Counters::*counter) const {
    std::uint64_t last = 0;
    for (const Counters& one : counters) last = std::max(last, (one.*counter).load(std::memory_order_relaxed));
    return last;
  }
  [[nodiscard]] bool has_failed() const {
    return std::ranges::any_of(counters, [](const Counters& one) { return one.failed.load(); });
  }
};

class Run {
 public:
  explicit Run(const Options& options)
      : options_(options), shared_(options.producers, options.consumers), producers_(options.producers), consumers_(options.consumers) {}

  void work() {
    consumers_.start<Consumer>(options_, shared_);
    producers_.start<Producer>(options_, shared_);
    shared_.ready.wait();
    shared_.start_ns = now_ns();
    shared_.go.count_down();
    wait_for_publishing();
    shared_.stop_publishing = true;
    producers_.join();
    wait_for_deliveries();
    shared_.stop_consuming = true;
    consumers_.join();
  }

  [[nodiscard]] Summary summary() const {
    Summary s;
    s.published = producers_.sum(&Counters::messages);
    s.consumed = consumers_.sum(&Counters::messages);
    s.confirmed = producers_.sum(&Counters::acked);
    s.nacked = producers_.sum(&Counters::nacked);
    s.publish_seconds = seconds_until(producers_.latest(&Counters::last_message_ns));
    s.consume_seconds = seconds_until(consumers_.latest(&Counters::last_message_ns));
    s.confirm_seconds = seconds_until(producers_.latest(&Counters::last_confirm_ns));
    for (const WorkerResult& one : producers_.results) {
      s.confirm.merge(one.latency);
      s.was_blocked |= one.was_blocked;
      if (one.failure && !s.failure) s.failure = "a producer failed: " + *one.failure;
    }
    for (const WorkerResult& one : consumers_.results) {
      s.delivery.merge(one.latency);
      if (one.failure && !s.failure) s.failure = "a consumer failed: " + *one.failure;
    }
    return s;
  }

 private:
  [[nodiscard]] double seconds_until(std::uint64_t ns) const {
    return ns > shared_.start_ns ? static_cast<double>(ns - shared_.start_ns) / 1e9 : 0;
  }
  [[nodiscard]] bool should_end() const { return interrupted != 0 || producers_.has_failed() || consumers_.has_failed(); }
  [[nodiscard]] bool time_is_up() const {
    return options_.seconds > 0 && static_cast<double>(now_ns() - shared_.start_ns) >= options_.seconds * 1e9;
  }

  void wait_for_publishing() {
    if (options_.producers == 0) return;
    while (!should_end() && !time_is_up() && !(options_.count != 0 && producers_.sum(&Counters::messages) >= options_.count)) tick();
  }

  /// Until everything published has come, or nothing comes any more. Without producers: until as many came as were asked for.
  void wait_for_deliveries() {
    if (options_.consumers == 0) return;
    bool knows_total = options_.producers != 0 && options_.exchange.empty();
    std::uint64_t wanted = knows_total ? producers_.sum(&Counters::messages) : options_.producers == 0 ? options_.count : 0;
    std::uint64_t seen = 0;
    std::uint64_t last_news_ns = now_ns();
    while (!should_end() && now_ns() - last_news_ns < kDryNs) {
      std::uint64_t consumed = consumers_.sum(&Counters::messages);
      if (wanted != 0 && consumed >= wanted) return;
      if (options_.producers == 0 && time_is_up()) return;
      if (consumed != seen) last_news_ns = now_ns();
      seen = consumed;
      tick();
    }
  }

  void tick() {
    std::this_thread::sleep_for(kTick);
    std::uint64_t now = now_ns();
    if (options_.quiet || options_.json || now < next_line_ns_) return;
    std::uint64_t published = producers_.sum(&Counters::messages);
    std::uint64_t consumed = consumers_.sum(&Counters::messages);
    if (next_line_ns_ != 0)
      std::fprintf(stderr, "%4.0f s  published %9llu/s  consumed %9llu/s\n", static_cast<double>(now - shared_.start_ns) / 1e9,
                   static_cast<unsigned long long>(published - line_published_),
                   static_cast<unsigned long long>(consumed - line_consumed_));
    line_published_ = published;
    line_consumed_ = consumed;
    next_line_ns_ = now + kSecondNs;
  }

  const Options& options_;
  Shared shared_;
  Crew producers_;
  Crew consumers_;
  std::uint64_t next_line_ns_ = 0;
  std::uint64_t line_published_ = 0;
  std::uint64_t line_consumed_ = 0;
};

}  // namespace

Summary run_load(const Options& options) {
  std::signal(SIGINT, [](int) { interrupted = 1; });
  Summary summary;
  Topology topology(options);
  if (client::Outcome<> declared = topology.declare(); declared.has_error()) {
    summary.failure = declared.error().describe();
    static_cast<void>(topology.remove());
    return summary;
  }
  {
    Run run(options);
    run.work();
    summary = run.summary();
  }
  if (client::Outcome<> removed = topology.remove(); removed.has_error() && !summary.failure)
    summary.failure = "cannot delete the queues: " + removed.error().describe();
  return summary;
}

}  // namespace mq::bench
