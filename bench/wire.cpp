// What it costs to find frames in bytes, to decode a method, and to put a delivery's frames together.
#include <benchmark/benchmark.h>

#include <string>

#include "mq/amqp/frame.hpp"
#include "mq/amqp/methods.hpp"
#include "mq/amqp/properties.hpp"

namespace mq::amqp {
namespace {

std::string publishes(int count, std::size_t body_bytes) {
  Properties properties;
  properties.delivery_mode = 2;
  std::string encoded;
  encode_properties(properties, encoded);
  const std::string body(body_bytes, 'b');
  std::string bytes;
  for (int number = 0; number < count; ++number) {
    append_method_frame(bytes, 1, BasicPublish{.exchange = "amq.topic", .routing_key = "order.eu.created"});
    append_content(bytes, 1, encoded, body, kDefaultFrameMax);
  }
  return bytes;
}

void finds_frames(benchmark::State& state) {
  constexpr int kPublishes = 1000;
  const std::string bytes = publishes(kPublishes, static_cast<std::size_t>(state.range(0)));
  std::size_t frames = 0;
  for (auto _ : state) {
    std::string_view left = bytes;
    while (!left.empty()) {
      const FrameParse found = FrameParser::next(left, kDefaultFrameMax);
      benchmark::DoNotOptimize(found.frame.payload.data());
      left.remove_prefix(found.consumed);
      ++frames;
    }
  }
  if (frames != static_cast<std::size_t>(state.iterations()) * kPublishes * 3) state.SkipWithError("three frames make a publish");
  state.SetItemsProcessed(state.iterations() * kPublishes);
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(bytes.size()));
}

void decodes_a_publish(benchmark::State& state) {
  std::string frame;
  append_method_frame(frame, 1, BasicPublish{.exchange = "amq.topic", .routing_key = "order.eu.created"});
  const std::string_view fields = method_fields(FrameParser::next(frame, kDefaultFrameMax).frame.payload);
  for (auto _ : state) {
    auto method = decode<BasicPublish>(fields);
    benchmark::DoNotOptimize(method);
    if (!method) return state.SkipWithError("it must be decoded");
  }
  state.SetItemsProcessed(state.iterations());
}

void encodes_a_delivery(benchmark::State& state) {
  Properties properties;
  properties.delivery_mode = 2;
  std::string encoded;
  encode_properties(properties, encoded);
  const std::string body(static_cast<std::size_t>(state.range(0)), 'b');
  std::string out;
  std::uint64_t tag = 0;
  for (auto _ : state) {
    out.clear();
    append_method_frame(out, 1, BasicDeliver{"ctag1", ++tag, false, "amq.topic", "order.eu.created"});
    append_content(out, 1, encoded, body, kDefaultFrameMax);
    benchmark::DoNotOptimize(out.data());
  }
  if (out.size() < body.size()) state.SkipWithError("the body must be in it");
  state.SetItemsProcessed(state.iterations());
}

}  // namespace

BENCHMARK(finds_frames)->Arg(16)->Arg(1024);
BENCHMARK(decodes_a_publish);
BENCHMARK(encodes_a_delivery)->Arg(16)->Arg(1024);

}  // namespace mq::amqp
