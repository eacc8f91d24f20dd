#include "apps/brokerbench/load.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <csignal>
#include <ctime>

#include "apps/brokerbench/connections.hpp"
#include "apps/brokerbench/consumer.hpp"
#include "apps/brokerbench/crew.hpp"
#include "apps/brokerbench/producer.hpp"
#include "apps/brokerbench/sampler.hpp"
#include "apps/brokerbench/topology.hpp"

namespace mq::bench {

namespace {

constexpr std::chrono::milliseconds kTick{5};    // how often main looks at the counters
constexpr std::uint64_t kQuietNs = 100'000'000;  // no delivery for so long: time to ask whether the queues are empty
constexpr std::uint64_t kDryNs = 2'000'000'000;  // no delivery for so long: there is none to come
constexpr double kShortestSampleShare = 0.25;    // of an interval; what is left at the end is no sample if shorter

volatile std::sig_atomic_t interrupted = 0;

void take_signals() {
  struct sigaction action {};
  action.sa_handler = [](int) { interrupted = 1; };
  action.sa_flags = static_cast<int>(SA_RESETHAND);  // who asks twice does not want to wait
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
}

int producers_of(const Options& o) { return o.work == Work::kIdle ? 1 : o.producers; }
int consumers_of(const Options& o) { return o.work == Work::kLoad || o.work == Work::kRpc ? o.consumers : 0; }

Schedule schedule_of(const Options& o) {
  double step_s = o.step_s > 0 ? o.step_s : o.rates.empty() ? 0 : o.seconds / static_cast<double>(o.rates.size());
  return {o.rates, step_s, o.warmup_s};
}

class Run {
 public:
  Run(const Options& options, Topology& topology, const Progress& progress)
      : options_(options), topology_(topology), progress_(progress), shared_(producers_of(options) + consumers_of(options)),
        producers_(producers_of(options)), consumers_(consumers_of(options)), sampler_(options_, producers_, consumers_, shared_.schedule) {
    shared_.schedule = schedule_of(options);
  }

  void work(Result& result) {
    start_workers();
    shared_.ready.wait();
    shared_.start_ns = now_ns();
    if (options_.warmup_s == 0) sampler_.begin(shared_.start_ns);
    shared_.go.count_down();
    wait_for_publishing();
    if (options_.work == Work::kIdle) hold();
    shared_.stop_publishing = true;
    producers_.join();
    if (options_.fill_first) sampler_.consuming_begins(now_ns());
    shared_.drain.count_down();
    wait_for_deliveries();
    if (!sampler_.has_begun()) sampler_.begin(now_ns());
    if (options_.work != Work::kIdle) take_last_sample();
    shared_.stop_consuming = true;
    consumers_.join();
    sampler_.finish(result);
    result.samples = std::move(samples_);
    gather(result);
  }

 private:
  void start_workers() {
    switch (options_.work) {
      case Work::kLoad:
      case Work::kRpc:
        consumers_.start<Consumer>(options_, shared_);
        producers_.start<Producer>(options_, shared_);
        break;
      case Work::kChurn: producers_.start<Churner>(options_, shared_); break;
      case Work::kIdle: producers_.start<Holder>(options_, shared_); break;
    }
  }

  void gather(Result& result) const {
    for (const WorkerResult& one : producers_.results) {
      result.was_blocked |= one.was_blocked;
      if (one.failure && !result.failure) result.failure = "a producer failed: " + *one.failure;
    }
    for (const WorkerResult& one : consumers_.results)
      if (one.failure && !result.failure) result.failure = "a consumer failed: " + *one.failure;
  }

  [[nodiscard]] bool should_end() const { return interrupted != 0 || producers_.has_failed() || consumers_.has_failed(); }
  [[nodiscard]] bool time_is_up(double seconds) const {
    return seconds > 0 && static_cast<double>(now_ns() - shared_.start_ns) >= seconds * 1e9;
  }
  /// When publishing ends, counted from the start; 0 = never.
  [[nodiscard]] double limit_s() const { return options_.seconds > 0 ? options_.warmup_s + options_.seconds : 0; }
  [[nodiscard]] std::uint64_t published() const { return producers_.sum(&Counters::messages); }

  void wait_for_publishing() {
    if (options_.producers == 0 && options_.work == Work::kLoad) return;
    std::uint64_t count = options_.work == Work::kIdle ? static_cast<std::uint64_t>(options_.connections) : options_.count;
    double limit = options_.work == Work::kIdle ? 0 : limit_s();
    while (!should_end() && !time_is_up(limit) && !(count != 0 && published() >= count)) tick();
  }

  /// Holds the connections for the time that was asked for, and looks at the broker while they are open.
  void hold() {
    std::uint64_t until = now_ns() + static_cast<std::uint64_t>(options_.seconds * 1e9);
    while (!should_end() && now_ns() < until) tick();
    take_sample();
  }

  /// Until everything published has come, or nothing comes any more. Without producers: until as many came as were asked for.
  void wait_for_deliveries() {
    if (consumers_.counters.empty() || options_.work == Work::kRpc) return;
    std::uint64_t wanted = options_.producers == 0 ? options_.count : published() * deliveries_per_message(options_);
    std::uint64_t seen = 0;
    std::uint64_t last_news_ns = now_ns();
    bool has_asked = false;
    while (!should_end() && now_ns() - last_news_ns < kDryNs) {
      std::uint64_t consumed = consumers_.sum(&Counters::messages);
      if (wanted != 0 && consumed >= wanted) return;
      if (options_.producers == 0 && time_is_up(limit_s())) return;
      if (consumed != seen) {
        last_news_ns = now_ns();
        has_asked = false;
      }
      seen = consumed;
      if (options_.producers != 0 && !has_asked && now_ns() - last_news_ns > kQuietNs) {
        has_asked = true;
        client::Outcome<std::uint64_t> ready = topology_.ready_messages();
        if (!ready.has_error() && *ready == 0) return;
      }
      tick();
    }
  }

  void tick() {
    std::this_thread::sleep_for(kTick);
    if (!sampler_.has_begun() && time_is_up(options_.warmup_s)) sampler_.begin(now_ns());
    if (sampler_.is_due(now_ns())) take_sample();
  }

  void take_sample() {
    last_sample_ns_ = now_ns();
    samples_.push_back(sampler_.take(last_sample_ns_));
    if (progress_) progress_(samples_.back());
  }

  void take_last_sample() {
    double left_s = static_cast<double>(now_ns() - last_sample_ns_) / 1e9;
    if (samples_.empty() || left_s > options_.interval_s * kShortestSampleShare) take_sample();
  }

  const Options& options_;
  Topology& topology_;
  const Progress& progress_;
  Shared shared_;
  Crew producers_;
  Crew consumers_;
  Sampler sampler_;
  std::vector<Sample> samples_;
  std::uint64_t last_sample_ns_ = 0;
};

}  // namespace

bool was_interrupted() { return interrupted != 0; }

Result run_load(const Options& options, const Progress& progress) {
  take_signals();
  Result result;
  result.options = options;
  result.machine = machine_text();
  result.started_at = fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)));
  Topology topology(options);
  client::Outcome<> declared = topology.declare();
  result.broker = topology.broker();
  if (declared.has_error()) {
    result.failure = declared.error().describe();
    static_cast<void>(topology.remove());
    return result;
  }
  Run(options, topology, progress).work(result);
  result.was_interrupted = was_interrupted();
  if (client::Outcome<> removed = topology.remove(); removed.has_error() && !result.failure)
    result.failure = "cannot delete the queues: " + removed.error().describe();
  return result;
}

}  // namespace mq::bench
