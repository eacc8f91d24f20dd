// The method codec: structs to frames and back. basic.publish, basic.ack and basic.deliver pass with every message, queue.declare stands
// for those with a table.
#include <benchmark/benchmark.h>

#include <string>

#include "mq/amqp/methods.hpp"

namespace mq::amqp {
namespace {

const BasicPublish kPublish{.exchange = "amq.topic", .routing_key = "order.eu.created"};
const BasicDeliver kDeliver{"ctag1", 17, false, "amq.topic", "order.eu.created"};
const BasicAck kAck{17, true};

QueueDeclare declare_with(const TableBytes& arguments) { return {.queue = "orders", .durable = true, .arguments = arguments}; }
const TableBytes kArguments({{"x-max-length", 1000}, {"x-message-ttl", 60'000}, {"x-dead-letter-exchange", "late"}});

template <Method M>
void encodes(benchmark::State& state, const M& method) {
  std::string frame;
  for (auto _ : state) {
    frame.clear();
    append_method_frame(frame, 1, method);
    benchmark::DoNotOptimize(frame.data());
    benchmark::ClobberMemory();
  }
  const auto decoded = decode<M>(method_fields(FrameParser::next(frame, kDefaultFrameMax).frame.payload));
  if (decoded != method) state.SkipWithError("what was encoded must be the method");
  state.SetItemsProcessed(state.iterations());
}

template <Method M>
void decodes(benchmark::State& state, const M& method) {
  std::string frame;
  append_method_frame(frame, 1, method);
  std::string_view fields = method_fields(FrameParser::next(frame, kDefaultFrameMax).frame.payload);
  std::optional<M> decoded;
  for (auto _ : state) {
    benchmark::DoNotOptimize(fields);
    decoded = decode<M>(fields);
    benchmark::DoNotOptimize(decoded);
  }
  if (decoded != method) state.SkipWithError("what was decoded must be the method");
  state.SetItemsProcessed(state.iterations());
}

}  // namespace

BENCHMARK_CAPTURE(encodes, basic.publish, kPublish);
BENCHMARK_CAPTURE(encodes, basic.deliver, kDeliver);
BENCHMARK_CAPTURE(encodes, basic.ack, kAck);
BENCHMARK_CAPTURE(encodes, queue.declare, declare_with(kArguments));
BENCHMARK_CAPTURE(decodes, basic.publish, kPublish);
BENCHMARK_CAPTURE(decodes, basic.deliver, kDeliver);
BENCHMARK_CAPTURE(decodes, basic.ack, kAck);
BENCHMARK_CAPTURE(decodes, queue.declare, declare_with(kArguments));

}  // namespace mq::amqp
