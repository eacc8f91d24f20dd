// What the rules of one queue cost per message: in, out and settled, in turns of a batch as the engine takes them.
#include <benchmark/benchmark.h>

#include <string>

#include "broker/message.hpp"
#include "broker/queue/queue.hpp"
#include "store/memory_store.hpp"

namespace mq::broker {
namespace {

struct Client final : Peer {};

constexpr int kBatch = 256;

std::vector<Incoming> batch_of(bool persistent) {
  amqp::Properties properties;
  properties.delivery_mode = persistent ? 2 : 1;
  std::vector<Incoming> batch;
  for (int number = 0; number < kBatch; ++number)
    batch.push_back({make_message("", "q", properties, "a body of some bytes"), persistent ? static_cast<std::uint64_t>(number + 1) : 0});
  return batch;
}

QueueInfo durable_queue() {
  QueueInfo info;
  info.name = "q";
  info.id = kLogsPerQueue;
  info.durable = true;
  return info;
}

void pass_through(benchmark::State& state, bool persistent) {
  store::MemoryStore codec;
  Queue queue(durable_queue(), QueueSettings{}, codec);
  const PeerPtr client = std::make_shared<Client>();
  ConsumerSpec spec;
  spec.peer = client;
  spec.tag = "t";
  queue.add_consumer(spec);
  const std::vector<Incoming> batch = batch_of(persistent);
  Effects effects;
  std::vector<Position> positions;
  for (auto _ : state) {
    queue.publish(batch, client, 1, 0, effects);
    (void)queue.finish_turn(0, effects);
    positions.clear();
    std::uint64_t bytes = 0;
    for (Consumer* consumer : effects.deliver_to) {
      for (const Delivery& delivery : consumer->batch) {
        positions.push_back(delivery.position);
        bytes += delivery.message->memory_bytes();
      }
      consumer->batch.clear();
    }
    effects.clear();
    queue.return_window(client.get(), 0, bytes);
    queue.settle(positions, Settlement::kAck, 0, effects);
    WriteSet set;
    if (queue.wants_write(UINT64_MAX)) {
      queue.collect(UINT64_MAX, set);
      queue.written(effects);
    }
    effects.clear();
  }
  if (queue.counts().ready != 0 || queue.counts().unacked != 0) state.SkipWithError("everything must have been settled");
  state.SetItemsProcessed(state.iterations() * kBatch);
}

void transient_through_a_queue(benchmark::State& state) { pass_through(state, false); }
void persistent_settled_before_written(benchmark::State& state) { pass_through(state, true); }

// A publisher alone: every turn's messages become a page.
void persistent_into_pages(benchmark::State& state) {
  store::MemoryStore codec;
  const PeerPtr client = std::make_shared<Client>();
  const std::vector<Incoming> batch = batch_of(true);
  auto queue = std::make_unique<Queue>(durable_queue(), QueueSettings{}, codec);
  Effects effects;
  for (auto _ : state) {
    queue->publish(batch, client, 1, 0, effects);
    (void)queue->finish_turn(0, effects);
    WriteSet set;
    queue->collect(UINT64_MAX, set);
    benchmark::DoNotOptimize(set.operations.data());
    queue->written(effects);
    effects.clear();
    if (queue->counts().ready > 1'000'000) {
      state.PauseTiming();
      queue = std::make_unique<Queue>(durable_queue(), QueueSettings{}, codec);
      state.ResumeTiming();
    }
  }
  if (queue->wants_write(UINT64_MAX)) state.SkipWithError("everything must have been written");
  state.SetItemsProcessed(state.iterations() * kBatch);
}

}  // namespace

BENCHMARK(transient_through_a_queue);
BENCHMARK(persistent_settled_before_written);
BENCHMARK(persistent_into_pages);

}  // namespace mq::broker
