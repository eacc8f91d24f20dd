// From bytes to messages: frames found in what was read, basic.publish decoded, header and bodies put together into one message.
#include <benchmark/benchmark.h>

#include <string>

#include "broker/message.hpp"
#include "mq/amqp/methods.hpp"
#include "samples.hpp"

namespace mq::broker {
namespace {

using amqp::FrameParse;
using amqp::FrameParser;
using amqp::FrameType;

void finds_frames(benchmark::State& state) {
  constexpr int kPublishes = 1000;
  const std::string bytes = bench::publishes(kPublishes, static_cast<std::size_t>(state.range(0)));
  std::int64_t frames = 0;
  for (auto _ : state) {
    std::string_view left = bytes;
    while (!left.empty()) {
      const FrameParse found = FrameParser::next(left, amqp::kDefaultFrameMax);
      benchmark::DoNotOptimize(found.frame.payload.data());
      left.remove_prefix(found.consumed);
      ++frames;
    }
  }
  if (frames != state.iterations() * kPublishes * 3) state.SkipWithError("three frames make a publish");
  state.SetItemsProcessed(state.iterations() * kPublishes);
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(bytes.size()));
}

// What a session does with the frames of one channel, without its checks.
class Assembler {
 public:
  /// The message, once the frame completed one.
  MessagePtr take(const amqp::Frame& frame) {
    switch (frame.type) {
      case FrameType::kMethod:
        if (auto publish = amqp::decode<amqp::BasicPublish>(amqp::method_fields(frame.payload))) {
          exchange_.assign(publish->exchange);
          routing_key_.assign(publish->routing_key);
        }
        return nullptr;
      case FrameType::kHeader: (void)builder_.start(exchange_, routing_key_, frame.payload); break;
      case FrameType::kBody: builder_.append_body(frame.payload); break;
      case FrameType::kHeartbeat: return nullptr;
    }
    return builder_.missing_bytes() == 0 ? builder_.finish() : nullptr;
  }

 private:
  std::string exchange_, routing_key_;
  MessageBuilder builder_;
};

// Each message is let go at once: its allocation is part of what is measured, a cold cache is not.
void frames_to_messages(benchmark::State& state) {
  const auto body_bytes = static_cast<std::size_t>(state.range(0));
  const std::size_t publishes = body_bytes > 100'000 ? 1 : 64;
  const std::string bytes = bench::publishes(publishes, body_bytes);
  Assembler assembler;
  std::uint64_t messages = 0, got_bytes = 0;
  for (auto _ : state) {
    std::string_view left = bytes;
    while (!left.empty()) {
      const FrameParse found = FrameParser::next(left, amqp::kDefaultFrameMax);
      if (const MessagePtr message = assembler.take(found.frame)) {
        ++messages;
        got_bytes += message->body_bytes();
        benchmark::DoNotOptimize(message->body().data());
      }
      left.remove_prefix(found.consumed);
    }
  }
  const std::uint64_t expected = static_cast<std::uint64_t>(state.iterations()) * publishes;
  if (messages != expected || got_bytes != expected * body_bytes) state.SkipWithError("every publish must become a message");
  state.SetItemsProcessed(static_cast<std::int64_t>(messages));
  state.SetBytesProcessed(static_cast<std::int64_t>(got_bytes));
}

}  // namespace

BENCHMARK(finds_frames)->ArgName("body_bytes")->Arg(16)->Arg(1024);
BENCHMARK(frames_to_messages)->ArgName("body_bytes")->Arg(0)->Arg(16)->Arg(100)->Arg(1024)->Arg(65536)->Arg(1 << 20);

}  // namespace mq::broker
