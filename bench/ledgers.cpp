// The two ledgers of a channel: confirms that publishes wait for, and deliveries that wait to be settled.
#include <benchmark/benchmark.h>

#include <vector>

#include "session/confirm_ledger.hpp"
#include "session/delivery_ledger.hpp"

namespace mq::session {
namespace {

// Queues answer in order, a whole batch at a time: one basic.ack for all.
void confirms_in_order(benchmark::State& state) {
  const auto batch = static_cast<std::uint64_t>(state.range(0));
  ConfirmLedger ledger;
  std::vector<ConfirmLedger::Due> due;
  std::uint64_t acks = 0;
  for (auto _ : state) {
    std::uint64_t last = 0;
    for (std::uint64_t number = 0; number < batch; ++number) last = ledger.add(1);
    for (std::uint64_t sequence = last - batch + 1; sequence <= last; ++sequence) ledger.answered(sequence, false);
    due.clear();
    ledger.take_due(due);
    acks += due.size();
  }
  if (ledger.waiting() != 0 || acks != static_cast<std::uint64_t>(state.iterations())) state.SkipWithError("one ack must cover each batch");
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

// Two queues of different speed: the first of each batch is answered last, so that nothing can be folded.
void confirms_out_of_order(benchmark::State& state) {
  const auto batch = static_cast<std::uint64_t>(state.range(0));
  ConfirmLedger ledger;
  std::vector<ConfirmLedger::Due> due;
  std::uint64_t acks = 0;
  for (auto _ : state) {
    std::uint64_t last = 0;
    for (std::uint64_t number = 0; number < batch; ++number) last = ledger.add(1);
    due.clear();
    for (std::uint64_t sequence = last - batch + 2; sequence <= last; ++sequence) ledger.answered(sequence, false);
    ledger.take_due(due);
    ledger.answered(last - batch + 1, false);
    ledger.take_due(due);
    acks += due.size();
  }
  if (ledger.waiting() != 0 || acks != static_cast<std::uint64_t>(state.iterations()) * batch)
    state.SkipWithError("each publish must have its ack");
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

// The ledger keeps the queue's address and never looks there.
engine::QueueActor* a_queue() {
  static char place;
  return reinterpret_cast<engine::QueueActor*>(&place);
}

void deliver(DeliveryLedger& ledger) {
  const std::uint64_t tag = ledger.next_tag();
  ledger.add({.tag = tag, .queue = a_queue(), .position = tag});
}

// With so many outstanding, each delivery is acknowledged by itself, the oldest first.
void settles_one_by_one(benchmark::State& state) {
  DeliveryLedger ledger;
  std::vector<Unsettled> settled;
  for (std::int64_t number = 0; number < state.range(0); ++number) deliver(ledger);
  std::uint64_t oldest = 0;
  for (auto _ : state) {
    settled.clear();
    if (!ledger.settle(++oldest, false, settled)) return state.SkipWithError("the tag must be known");
    deliver(ledger);
    benchmark::DoNotOptimize(settled.data());
  }
  if (ledger.size() != static_cast<std::size_t>(state.range(0))) state.SkipWithError("as many must be outstanding as at the start");
  state.SetItemsProcessed(state.iterations());
}

// A batch, then the newest first: what is settled stays as a hole until the oldest is.
void settles_backwards(benchmark::State& state) {
  DeliveryLedger ledger;
  std::vector<Unsettled> settled;
  std::uint64_t newest = 0;
  for (auto _ : state) {
    settled.clear();
    for (std::int64_t number = 0; number < state.range(0); ++number) deliver(ledger);
    newest += static_cast<std::uint64_t>(state.range(0));
    for (std::int64_t number = 0; number < state.range(0); ++number)
      if (!ledger.settle(newest - static_cast<std::uint64_t>(number), false, settled)) return state.SkipWithError("the tag must be known");
  }
  if (ledger.size() != 0 || settled.size() != static_cast<std::size_t>(state.range(0))) state.SkipWithError("everything must be settled");
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

void settles_all_at_once(benchmark::State& state) {
  DeliveryLedger ledger;
  std::vector<Unsettled> settled;
  std::uint64_t newest = 0;
  for (auto _ : state) {
    settled.clear();
    for (std::int64_t number = 0; number < state.range(0); ++number) deliver(ledger);
    newest += static_cast<std::uint64_t>(state.range(0));
    if (!ledger.settle(newest, true, settled)) return state.SkipWithError("the tag must be known");
  }
  if (ledger.size() != 0 || settled.size() != static_cast<std::size_t>(state.range(0))) state.SkipWithError("everything must be settled");
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

}  // namespace

BENCHMARK(confirms_in_order)->ArgName("batch")->Arg(1)->Arg(256);
BENCHMARK(confirms_out_of_order)->ArgName("batch")->Arg(256);
BENCHMARK(settles_one_by_one)->ArgName("outstanding")->Arg(1)->Arg(1'000)->Arg(100'000);
BENCHMARK(settles_backwards)->ArgName("batch")->Arg(256)->Arg(10'000);
BENCHMARK(settles_all_at_once)->ArgName("batch")->Arg(1)->Arg(256);

}  // namespace mq::session
