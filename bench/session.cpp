// The broker end to end without sockets: the bytes of publishes go into one session, deliveries come out of another, and what belongs to
// them goes back. Everything a message passes is in it but the kernel and the disk.
#include <benchmark/benchmark.h>

#include <string>

#include "samples.hpp"
#include "session_world.hpp"

namespace mq::session {
namespace {

constexpr std::string_view kTag = "ctag1";
constexpr std::size_t kBatch = 64;  // publishes that come in one read

enum class Acks : std::uint8_t { kNone, kEach, kMultiple };

// A client that consumes from queue `q` and acknowledges what it got.
class Consumer {
 public:
  Consumer(bench::World& world, Acks acks, std::size_t each_bytes) : link_(world), acks_(acks), each_bytes_(each_bytes) {
    link_.say(amqp::BasicConsume{.queue = "q", .consumer_tag = kTag, .no_ack = acks == Acks::kNone});
    link_.forget_received();
  }
  [[nodiscard]] bool whole() const { return link_.received_bytes() % each_bytes_ == 0; }
  [[nodiscard]] std::uint64_t delivered() const { return link_.received_bytes() / each_bytes_; }
  void acknowledge() {
    if (acks_ == Acks::kNone || acked_ == delivered()) return;
    bytes_.clear();
    if (acks_ == Acks::kMultiple) amqp::append_method_frame(bytes_, 1, amqp::BasicAck{acked_ = delivered(), true});
    while (acked_ < delivered()) amqp::append_method_frame(bytes_, 1, amqp::BasicAck{++acked_, false});
    link_.send(bytes_);
  }
  /// Ready messages of the queue, as the broker tells.
  std::uint32_t ready() {
    link_.forget_received();
    link_.say(amqp::QueueDeclare{.queue = "q", .passive = true});
    const amqp::FrameParse answer = amqp::FrameParser::next(link_.beginning(), amqp::kDefaultFrameMax);
    const auto declared = amqp::decode<amqp::QueueDeclareOk>(amqp::method_fields(answer.frame.payload));
    return declared ? declared->message_count : UINT32_MAX;
  }

 private:
  bench::Link link_;
  Acks acks_;
  std::size_t each_bytes_;
  std::uint64_t acked_ = 0;
  std::string bytes_;
};

// The clock goes on a millisecond per batch: the broker thinks it serves 64,000 messages a second, and nothing makes it hold back.
void pass_through(benchmark::State& state, bool persistent, bool confirmed, Acks acks) {
  const auto body_bytes = static_cast<std::size_t>(state.range(0));
  const std::string properties = bench::plain_properties(persistent);
  const std::string reads = bench::publishes(kBatch, body_bytes, "", "q", properties);
  const auto message = broker::make_message_encoded("", "q", properties, std::string(body_bytes, 'b'));
  bench::World world;
  bench::Link publisher(world);
  publisher.say(amqp::QueueDeclare{.queue = "q", .durable = true});
  if (confirmed) publisher.say(amqp::ConfirmSelect{});
  publisher.forget_received();
  Consumer consumer(world, acks, bench::delivery_bytes(kTag, *message));
  for (auto _ : state) {
    publisher.send(reads);
    world.run();
    consumer.acknowledge();
    world.pass(1);
  }
  for (int turn = 0; turn < 10; ++turn) {  // what still waits for its time
    consumer.acknowledge();
    world.pass(100);
  }
  const std::uint64_t published = static_cast<std::uint64_t>(state.iterations()) * kBatch;
  if (!consumer.whole() || consumer.delivered() != published) return state.SkipWithError("every message must have been delivered");
  if (confirmed == (publisher.received_bytes() == 0)) return state.SkipWithError("confirms must come, or not");
  if (consumer.ready() != 0) return state.SkipWithError("nothing must be left in the queue");
  state.SetItemsProcessed(static_cast<std::int64_t>(published));
  state.SetBytesProcessed(static_cast<std::int64_t>(published * body_bytes));
}

void transient_no_ack(benchmark::State& state) { pass_through(state, false, false, Acks::kNone); }
void transient_acked_singly(benchmark::State& state) { pass_through(state, false, false, Acks::kEach); }
void transient_acked_at_once(benchmark::State& state) { pass_through(state, false, false, Acks::kMultiple); }
void persistent_confirmed_acked_at_once(benchmark::State& state) { pass_through(state, true, true, Acks::kMultiple); }

// Into a queue that nobody consumes; emptied from time to time, which is not measured.
void publish_only(benchmark::State& state, bool persistent) {
  constexpr std::uint64_t kFull = 250 * kBatch;  // what a queue holds in memory, with room to spare
  const std::string reads =
      bench::publishes(kBatch, static_cast<std::size_t>(state.range(0)), "", "q", bench::plain_properties(persistent));
  bench::World world;
  bench::Link publisher(world);
  publisher.say(amqp::QueueDeclare{.queue = "q", .durable = true});
  bench::Link observer(world);
  std::uint64_t published = 0, purged = 0;
  auto purge = [&] {
    world.pass(100);
    observer.forget_received();
    observer.say(amqp::QueuePurge{.queue = "q"});
    const amqp::FrameParse answer = amqp::FrameParser::next(observer.beginning(), amqp::kDefaultFrameMax);
    if (const auto ok = amqp::decode<amqp::QueuePurgeOk>(amqp::method_fields(answer.frame.payload))) purged += ok->message_count;
  };
  for (auto _ : state) {
    publisher.send(reads);
    world.pass(1);
    published += kBatch;
    if (published % kFull != 0) continue;
    state.PauseTiming();
    purge();
    state.ResumeTiming();
  }
  purge();
  if (purged != published) return state.SkipWithError("every message must have been in the queue");
  state.SetItemsProcessed(static_cast<std::int64_t>(published));
}

void publish_transient(benchmark::State& state) { publish_only(state, false); }
void publish_persistent(benchmark::State& state) { publish_only(state, true); }

}  // namespace

BENCHMARK(transient_no_ack)->ArgName("body_bytes")->Arg(16)->Arg(1024);
BENCHMARK(transient_acked_singly)->ArgName("body_bytes")->Arg(16)->Arg(1024);
BENCHMARK(transient_acked_at_once)->ArgName("body_bytes")->Arg(16)->Arg(1024);
BENCHMARK(persistent_confirmed_acked_at_once)->ArgName("body_bytes")->Arg(16)->Arg(1024);
BENCHMARK(publish_transient)->ArgName("body_bytes")->Arg(16)->Arg(1024);
BENCHMARK(publish_persistent)->ArgName("body_bytes")->Arg(16)->Arg(1024);

}  // namespace mq::session
