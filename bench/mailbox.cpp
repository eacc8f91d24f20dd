// The mailbox between strands: what it costs to put an item in and take it out, on one thread, and from one thread to another.
#include <benchmark/benchmark.h>

#include <atomic>
#include <cstdint>
#include <thread>

#include "engine/mailbox.hpp"

namespace mq::engine {
namespace {

void put_and_drain(benchmark::State& state) {
  const auto batch = static_cast<std::uint64_t>(state.range(0));
  Mailbox<std::uint64_t> mailbox;
  std::uint64_t sum = 0;
  for (auto _ : state) {
    for (std::uint64_t item = 1; item <= batch; ++item) benchmark::DoNotOptimize(mailbox.put(item));
    mailbox.drain([&](std::uint64_t item) { sum += item; });
  }
  if (sum != static_cast<std::uint64_t>(state.iterations()) * batch * (batch + 1) / 2) state.SkipWithError("every item must come out");
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

// A thread that puts as many items as it is told to. Both sides spin: how long a sleeping thread takes to wake is not the mailbox's doing.
class Producer {
 public:
  explicit Producer(Mailbox<std::uint64_t>& mailbox) : mailbox_(mailbox), thread_([this] { run(); }) {}
  ~Producer() {
    wanted_.store(kStop, std::memory_order_release);
    thread_.join();
  }
  Producer(const Producer&) = delete;
  Producer& operator=(const Producer&) = delete;

  /// From now on so many items shall have been put, counted from the beginning.
  void put_up_to(std::uint64_t items) { wanted_.store(items, std::memory_order_release); }
  /// How often an item met an empty mailbox and a reader asleep: so often would it have been woken.
  [[nodiscard]] std::uint64_t wakes() const { return wakes_.load(); }

 private:
  static constexpr std::uint64_t kStop = UINT64_MAX;

  void run() {
    std::uint64_t put = 0, wakes = 0;
    for (;;) {
      const std::uint64_t wanted = wanted_.load(std::memory_order_acquire);
      if (wanted == kStop) return;
      while (put < wanted) wakes += mailbox_.put(++put) ? 1 : 0;
      wakes_.store(wakes, std::memory_order_relaxed);
    }
  }

  Mailbox<std::uint64_t>& mailbox_;
  std::atomic<std::uint64_t> wanted_{0};
  std::atomic<std::uint64_t> wakes_{0};
  std::thread thread_;
};

// Takes what is there and is asleep again: as a session's inbox is read.
struct Dozing {
  template <class Handle>
  static void read(Mailbox<std::uint64_t>& mailbox, Handle&& handle) {
    mailbox.drain(handle);
  }
};
// Says that it is at work, takes what is there, and sleeps only if nothing came meanwhile: as an actor reads.
struct Awake {
  template <class Handle>
  static void read(Mailbox<std::uint64_t>& mailbox, Handle&& handle) {
    do mailbox.drain_awake(handle);
    while (!mailbox.rest());
  }
};

// In bursts of so many items: 1 is the time until a single item has been seen by another thread.
template <class Reader>
void from_another_thread(benchmark::State& state) {
  const auto burst = static_cast<std::uint64_t>(state.range(0));
  Mailbox<std::uint64_t> mailbox;
  std::uint64_t got = 0, out_of_order = 0;
  {
    Producer producer(mailbox);
    std::uint64_t wanted = 0;
    for (auto _ : state) {
      wanted += burst;
      producer.put_up_to(wanted);
      while (got < wanted) Reader::read(mailbox, [&](std::uint64_t item) { out_of_order += item == ++got ? 0 : 1; });
    }
    state.counters["wakes_per_item"] = static_cast<double>(producer.wakes()) / static_cast<double>(got);
  }
  if (got != static_cast<std::uint64_t>(state.iterations()) * burst || out_of_order != 0)
    state.SkipWithError("every item must come out, in order");
  state.SetItemsProcessed(static_cast<std::int64_t>(got));
}

}  // namespace

BENCHMARK(put_and_drain)->ArgName("batch")->Arg(1)->Arg(16)->Arg(256);
BENCHMARK_TEMPLATE(from_another_thread, Dozing)->ArgName("burst")->Arg(1)->Arg(16)->Arg(256)->Arg(100'000)->UseRealTime();
BENCHMARK_TEMPLATE(from_another_thread, Awake)->ArgName("burst")->Arg(1)->Arg(16)->Arg(256)->Arg(100'000)->UseRealTime();

}  // namespace mq::engine
