#include "apps/brokerbench/consumer.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "apps/brokerbench/wire.hpp"

namespace mq::bench {

using client::Milliseconds;
using client::Outcome;

namespace {
constexpr Milliseconds kIdleWait{50};  // how soon a consumer without messages sees that it shall stop
constexpr Milliseconds kStallTimeout{20'000};
}  // namespace

Consumer::Consumer(const Options& options, Shared& shared, Counters& counters, WorkerResult& result, int index)
    : options_(options), shared_(shared), counters_(counters), result_(result), index_(index) {}

void Consumer::run() {
  Outcome<> outcome = connect();
  if (!outcome.has_error()) outcome = consume();
  if (outcome.has_error()) {
    result_.failure = outcome.error().describe();
    counters_.failed.store(true);
  }
  report_ready();
  if (connection_) say_goodbye(*connection_);
}

void Consumer::report_ready() {
  if (!std::exchange(is_ready_, true)) shared_.ready.count_down();
}

Outcome<> Consumer::connect() {
  Outcome<std::unique_ptr<client::Connection>> opened = client::Connection::open(options_.connect);
  if (opened.has_error()) return opened.error();
  connection_ = std::move(*opened);
  Outcome<client::Channel> channel = connection_->open_channel(kChannel);
  if (channel.has_error()) return channel.error();
  if (options_.prefetch != 0)
    if (Outcome<> limited = channel->qos(options_.prefetch); limited.has_error()) return limited;
  std::string queue = options_.queue_name(index_ % options_.queues);
  return channel->send(amqp::BasicConsume{.queue = queue, .no_ack = options_.prefetch == 0});  // consume() sees the reply
}

Outcome<> Consumer::consume() {
  client::Link& link = connection_->link();
  while (!shared_.stop_consuming.load(std::memory_order_relaxed)) {
    Outcome<bool> received = link.receive(kIdleWait);
    std::uint64_t now = now_ns();
    amqp::Frame frame;
    while (link.next(frame))
      if (Outcome<> taken = take(frame, now); taken.has_error()) return taken;
    if (received.has_error()) return received.error();
    if (batch_messages_ == 0) continue;
    Counters::add(counters_.messages, std::exchange(batch_messages_, 0));
    counters_.last_message_ns.store(now, std::memory_order_relaxed);
    if (Outcome<> sent = send_acks(); sent.has_error()) return sent;
  }
  return {};
}

Outcome<> Consumer::take(const amqp::Frame& frame, std::uint64_t now) {
  switch (frame.type) {
    case amqp::FrameType::kMethod: return take_method(frame);
    case amqp::FrameType::kHeader:
      if (frame.payload.size() < amqp::kContentHeaderBytes) break;
      missing_bytes_ = load_big_endian<std::uint64_t>(frame.payload.data() + 4);
      at_body_start_ = true;
      if (missing_bytes_ == 0) finish_message();
      break;
    case amqp::FrameType::kBody: take_body(frame.payload, now); break;
    case amqp::FrameType::kHeartbeat: break;
  }
  return {};
}

Outcome<> Consumer::take_method(const amqp::Frame& frame) {
  std::uint32_t key = method_key(frame);
  if (key == amqp::BasicDeliver::kId.key()) {
    ByteReader in(amqp::method_fields(frame.payload));
    static_cast<void>(in.shortstr());  // the consumer tag: there is one consumer
    delivery_tag_ = in.u64();
    return {};
  }
  if (key == amqp::BasicConsumeOk::kId.key()) report_ready();
  if (key == amqp::BasicCancel::kId.key())
    return client::failed(client::FailureKind::kProtocol, "the broker cancelled the consumer: is its queue gone?");
  if (std::optional<client::Failure> refusal = refusal_in(frame)) return *refusal;
  return {};
}

void Consumer::take_body(std::string_view payload, std::uint64_t now) {
  if (std::exchange(at_body_start_, false) && payload.size() >= sizeof(std::uint64_t)) {
    std::uint64_t sent_ns = 0;
    std::memcpy(&sent_ns, payload.data(), sizeof sent_ns);
    // Messages of an earlier run, or somebody else's, carry no stamp of this one.
    if (sent_ns >= shared_.made_ns && sent_ns <= now) result_.latency.record(now - sent_ns);
  }
  missing_bytes_ -= std::min<std::uint64_t>(missing_bytes_, payload.size());
  if (missing_bytes_ == 0) finish_message();
}

void Consumer::finish_message() {
  ++batch_messages_;
  finished_tag_ = delivery_tag_;
  if (options_.prefetch != 0 && options_.ack_each)
    amqp::append_method_frame(acks_, kChannel, amqp::BasicAck{.delivery_tag = delivery_tag_});
}

Outcome<> Consumer::send_acks() {
  if (options_.prefetch == 0) return {};
  if (!options_.ack_each) amqp::append_method_frame(acks_, kChannel, amqp::BasicAck{.delivery_tag = finished_tag_, .multiple = true});
  Outcome<> sent = connection_->link().send(acks_, kStallTimeout);
  acks_.clear();
  return sent;
}

}  // namespace mq::bench
