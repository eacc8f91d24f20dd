// Delivery encoding: messages that a queue hands to a session become one write: method frame, content header and body of each.
#include <benchmark/benchmark.h>

#include "samples.hpp"
#include "session_world.hpp"

namespace mq::session {
namespace {

constexpr std::string_view kTag = "ctag1";
constexpr std::uint32_t kFirstConsumer = 1;  // as the session numbers them

// Batches of so many arrive in the inbox of a session with one consumer, as its queue would put them. Bodies of more than 16 KiB go by
// reference: what is measured then is everything but their bytes.
void encodes_deliveries(benchmark::State& state) {
  const auto batch = static_cast<std::size_t>(state.range(0));
  const broker::MessagePtr message = bench::message_of(static_cast<std::size_t>(state.range(1)), false);
  bench::World world;
  bench::Link consumer(world);
  consumer.say(amqp::QueueDeclare{.queue = "q"});
  consumer.say(amqp::BasicConsume{.queue = "q", .consumer_tag = kTag, .no_ack = true});
  consumer.forget_received();
  broker::Delivery delivery;
  delivery.message = message;
  const std::vector<broker::Delivery> deliveries(batch, delivery);
  for (auto _ : state) {
    consumer.inbox().put(engine::Deliveries{kFirstConsumer, deliveries, {}});
    world.run();
  }
  const std::uint64_t delivered = static_cast<std::uint64_t>(state.iterations()) * batch;
  if (consumer.received_bytes() != delivered * bench::delivery_bytes(kTag, *message))
    state.SkipWithError("every delivery must have been written");
  state.SetItemsProcessed(static_cast<std::int64_t>(delivered));
  state.SetBytesProcessed(static_cast<std::int64_t>(consumer.received_bytes()));
}

}  // namespace

BENCHMARK(encodes_deliveries)->ArgNames({"batch", "body_bytes"})->ArgsProduct({{1, 64}, {16, 100, 1024, 65536}});

}  // namespace mq::session
