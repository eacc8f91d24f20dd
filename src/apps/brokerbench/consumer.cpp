#include "apps/brokerbench/consumer.hpp"

#include <algorithm>
#include <limits>
#include <thread>
#include <utility>

namespace mq::bench {

using client::Milliseconds;
using client::Outcome;

namespace {

constexpr Milliseconds kIdleWait{50};  // how soon a consumer without messages sees that it shall stop
constexpr std::uint64_t kLongestPauseNs = 50'000'000;

}  // namespace

Consumer::Consumer(const Options& options, Shared& shared, Counters& counters, WorkerResult& result, int index)
    : options_(options), shared_(shared), counters_(counters), result_(result), index_(index),
      batch_size_(options.ack_each ? 1 : options.ack_every) {}

void Consumer::run() {
  Outcome<> outcome = connect();
  if (!outcome.has_error() &&
      (options_.fill_first || options_.producers == 0)) {  // what waits in the queues must not come before the start
    report_ready();
    options_.fill_first ? shared_.drain.wait() : shared_.go.wait();
  }
  if (!outcome.has_error()) outcome = subscribe();
  if (!outcome.has_error()) outcome = consume();
  if (!outcome.has_error()) outcome = send_acks(true);
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
  if (options_.tx_acks != 0)
    if (Outcome<> selected = channel->select_tx(); selected.has_error()) return selected;
  return options_.prefetch != 0 ? channel->qos(options_.prefetch) : Outcome<>();
}

Outcome<> Consumer::subscribe() {
  std::string frames;
  for (const std::string& queue : options_.queues_of(index_, options_.consumers)) {
    amqp::append_method_frame(frames, kChannel, amqp::BasicConsume{.queue = queue, .no_ack = options_.prefetch == 0});
    ++missing_subscriptions_;  // consume() sees the replies: messages may come among them
  }
  return connection_->link().send(frames, kStallTimeout);
}

Outcome<> Consumer::consume() {
  client::Link& link = connection_->link();
  bool is_drained = true;
  while (!shared_.stop_consuming.load(std::memory_order_relaxed)) {
    Outcome<bool> received = is_drained ? link.receive(kIdleWait) : Outcome<bool>(true);
    std::uint64_t most = allowance();
    std::uint64_t now = now_ns();
    is_drained = take_frames(most, now);
    if (failure_) return *failure_;
    if (received.has_error() && is_drained) return received.error();
    bool is_idle = batch_messages_ == 0;
    if (!is_idle) {
      consumed_ += batch_messages_;
      Counters::add(counters_.messages, std::exchange(batch_messages_, 0));
      counters_.last_message_ns.store(now, std::memory_order_relaxed);
    }
    bool has_waited = !received.has_error() && !*received;
    if (is_idle && !has_waited) continue;
    if (Outcome<> sent = send_acks(has_waited); sent.has_error()) return sent;
  }
  return {};
}

std::uint64_t Consumer::allowance() {
  if (options_.consumer_rate <= 0) return std::numeric_limits<std::uint64_t>::max();
  std::uint64_t now = now_ns();
  if (!pacer_.is_paced()) pacer_ = Pacer(Schedule({options_.consumer_rate}, 0), now, index_, options_.consumers);
  if (pacer_.due(now) <= consumed_)
    std::this_thread::sleep_for(std::chrono::nanoseconds(std::min(kLongestPauseNs, pacer_.due_ns(consumed_) - now)));
  std::uint64_t due = pacer_.due(now_ns());
  return due - std::min(due, consumed_);
}

inline void Consumer::finish_message() {
  ++batch_messages_;
  ++unacked_;
  finished_tag_ = delivery_tag_;
  if (options_.work == Work::kRpc) append_reply();
  if (options_.prefetch == 0 || batch_size_ == 0 || unacked_ < batch_size_) return;
  amqp::append_method_frame(out_, kChannel, amqp::BasicAck{.delivery_tag = delivery_tag_, .multiple = unacked_ > 1});
  tx_acked_ += std::exchange(unacked_, 0);
}

inline void Consumer::take_body(std::string_view payload, std::uint64_t now) {
  // Messages of an earlier run, or somebody else's, carry no stamp of this one.
  if (std::uint64_t stamp_ns = body_.stamp(payload); stamp_ns >= shared_.made_ns && stamp_ns <= now)
    counters_.latency.record(now - stamp_ns);
  if (options_.work == Work::kRpc) request_body_ += payload;
  if (body_.take(payload)) finish_message();
}

bool Consumer::take_frames(std::uint64_t most, std::uint64_t now) {
  client::Link& link = connection_->link();
  amqp::Frame frame;
  while (batch_messages_ < most && !failure_) {
    if (!link.next(frame)) return true;
    if (frame.type == amqp::FrameType::kBody) {
      take_body(frame.payload, now);
    } else if (frame.type == amqp::FrameType::kHeader) {
      if (options_.work == Work::kRpc)
        request_properties_ = frame.payload.substr(std::min(frame.payload.size(), amqp::kContentHeaderBytes));
      if (body_.begin(frame.payload)) finish_message();
    } else if (method_key(frame) == amqp::BasicDeliver::kId.key()) {
      ByteReader in(amqp::method_fields(frame.payload));
      static_cast<void>(in.shortstr());  // the consumer tag: all consumers here do the same
      delivery_tag_ = in.u64();
    } else {
      take_method(frame);
    }
  }
  return false;
}

void Consumer::take_method(const amqp::Frame& frame) {
  std::uint32_t key = method_key(frame);
  if (key == amqp::BasicConsumeOk::kId.key() && --missing_subscriptions_ == 0) report_ready();
  if (key == amqp::BasicCancel::kId.key())
    failure_ = client::failed(client::FailureKind::kProtocol, "the broker cancelled the consumer: is its queue gone?");
  if (std::optional<client::Failure> refusal = refusal_in(frame)) failure_ = std::move(refusal);
}

void Consumer::append_reply() {
  amqp::PropertiesView request;
  if (amqp::scan_properties(request_properties_, request) && !request.reply_to.empty()) {
    amqp::Properties reply;
    reply.delivery_mode = std::uint8_t{1};
    reply.correlation_id = std::string(request.correlation_id);
    std::string encoded;
    amqp::encode_properties(reply, encoded);
    amqp::append_method_frame(out_, kChannel, amqp::BasicPublish{.routing_key = request.reply_to});
    amqp::append_content(out_, kChannel, encoded, request_body_, connection_->frame_max());
  }
  request_body_.clear();
}

Outcome<> Consumer::send_acks(bool all) {
  if (options_.prefetch != 0 && unacked_ != 0 && (all || batch_size_ == 0)) {
    amqp::append_method_frame(out_, kChannel, amqp::BasicAck{.delivery_tag = finished_tag_, .multiple = true});
    tx_acked_ += std::exchange(unacked_, 0);
  }
  if (options_.tx_acks != 0 && tx_acked_ != 0 && (all || tx_acked_ >= options_.tx_acks)) {
    amqp::append_method_frame(out_, kChannel, amqp::TxCommit{});
    tx_acked_ = 0;
  }
  if (out_.empty()) return {};
  Outcome<> sent = connection_->link().send(out_, kStallTimeout);
  out_.clear();
  return sent;
}

}  // namespace mq::bench
