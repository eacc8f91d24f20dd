// The ready list of a queue: messages in at the end, out at the front, back to their place, and settled, by how many there are. The length
// of the queue must hardly matter.
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "broker/queue/message_log.hpp"
#include "broker/queue/queue.hpp"
#include "samples.hpp"
#include "store/memory_store.hpp"

namespace mq::broker {
namespace {

constexpr QueueId kLog = kLogsPerQueue;

// A log of transient messages; all are the same one, so that a million of them fit.
class List {
 public:
  explicit List(std::int64_t ready) {
    for (std::int64_t number = 0; number < ready; ++number) push();
  }
  void push() { log_.append(message_, 0, kNever, EntryState::kReady); }
  Offset take() {
    Offset offset = 0;
    Entry* entry = nullptr;
    if (log_.next(offset, entry) == MessageLog::Next::kReady) log_.take(offset, 0);
    return offset;
  }
  void put_back(Offset offset) {
    log_.count_return(offset);
    log_.put_back(offset);
  }
  void settle(Offset offset) { log_.settle(offset); }
  [[nodiscard]] bool holds(std::int64_t ready, std::int64_t out) const {
    return log_.totals().ready == static_cast<std::uint64_t>(ready) && log_.totals().out == static_cast<std::uint64_t>(out);
  }

 private:
  MessageLog log_{kLog, 0, false};
  MessagePtr message_ = bench::message_of(100, false);
};

void push_take_and_settle(benchmark::State& state) {
  List list(state.range(0));
  for (auto _ : state) {
    list.push();
    list.settle(list.take());
  }
  if (!list.holds(state.range(0), 0)) state.SkipWithError("as many must be ready as at the start");
  state.SetItemsProcessed(state.iterations());
}

// A consumer that holds so many messages and acknowledges the oldest, for which it gets another: what lies between is skipped.
void settle_the_oldest_out(benchmark::State& state) {
  List list(state.range(0));
  std::int64_t out = 0;
  for (; out < state.range(0); ++out) list.take();
  Offset oldest = 0;
  for (auto _ : state) {
    list.settle(oldest++);
    list.push();
    list.take();
  }
  if (!list.holds(0, out)) state.SkipWithError("as many must be out as at the start");
  state.SetItemsProcessed(state.iterations());
}

// Messages that came back, so many of them, wait in front of all others. A consumer takes a few and gives them back, the last one first.
void take_and_requeue(benchmark::State& state) {
  constexpr std::size_t kTaken = 64;
  List list(state.range(0));
  std::vector<Offset> taken;
  for (std::int64_t number = 0; number < state.range(0); ++number) taken.push_back(list.take());
  for (const Offset offset : taken) list.put_back(offset);
  for (auto _ : state) {
    taken.clear();
    while (taken.size() < kTaken) taken.push_back(list.take());
    for (auto offset = taken.rbegin(); offset != taken.rend(); ++offset) list.put_back(*offset);
  }
  if (!list.holds(state.range(0), 0) || list.take() != 0) state.SkipWithError("all must be ready again, in their old order");
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kTaken));
}

// Messages of all priorities in turn go into a queue and are got out of it, the most urgent first, above a bed of others.
void get_by_priority(benchmark::State& state) {
  constexpr std::size_t kBatch = 256;
  constexpr int kWaiting = 10'000;
  const auto levels = static_cast<std::size_t>(state.range(0));
  store::MemoryStore codec;
  QueueSettings settings;
  if (levels > 1) settings.max_priority = static_cast<std::uint8_t>(levels - 1);
  QueueInfo info;
  info.name = "q";
  info.id = kLog;
  Queue queue(info, settings, codec);
  Effects effects;
  std::vector<Incoming> waiting, batch;
  amqp::Properties properties;
  for (int number = 0; number < kWaiting; ++number) waiting.push_back({make_message("", "q", properties, "a body"), 0});
  for (std::size_t number = 0; number < kBatch; ++number) {
    properties.priority = static_cast<std::uint8_t>(number % levels);
    batch.push_back({make_message("", "q", properties, "a body"), 0});
  }
  queue.publish(waiting, nullptr, 1, 0, effects);
  std::uint64_t got = 0, out_of_order = 0;
  for (auto _ : state) {
    queue.publish(batch, nullptr, 1, 0, effects);
    effects.clear();
    std::uint8_t last = UINT8_MAX;
    Delivery delivery;
    for (std::size_t number = 0; number < kBatch; ++number) {
      if (queue.get(true, 0, delivery) != Queue::GetStatus::kMessage) break;
      ++got;
      out_of_order += levels > 1 && delivery.message->priority() > last ? 1 : 0;
      last = delivery.message->priority();
    }
  }
  if (got != static_cast<std::uint64_t>(state.iterations()) * kBatch || out_of_order != 0)
    state.SkipWithError("all must be got, urgent ones first");
  state.SetItemsProcessed(static_cast<std::int64_t>(got));
}

}  // namespace

BENCHMARK(push_take_and_settle)->ArgName("ready")->Arg(0)->Arg(1'000)->Arg(100'000)->Arg(1'000'000);
BENCHMARK(settle_the_oldest_out)->ArgName("out")->Arg(1)->Arg(1'000)->Arg(100'000)->Arg(1'000'000);
BENCHMARK(take_and_requeue)->ArgName("returned")->Arg(64)->Arg(1'000)->Arg(100'000);
BENCHMARK(get_by_priority)->ArgName("levels")->Arg(1)->Arg(10)->Arg(256);

}  // namespace mq::broker
