#include "apps/brokerbench/producer.hpp"

#include <algorithm>

namespace mq::bench {

using client::Milliseconds;
using client::Outcome;

namespace {

constexpr std::uint64_t kLongestWaitNs = 5'000'000;  // how soon a producer that may not send sees that it shall stop
constexpr std::uint64_t kStallNs = static_cast<std::uint64_t>(std::chrono::nanoseconds(kStallTimeout).count());

}  // namespace

Producer::Producer(const Options& options, Shared& shared, Counters& counters, WorkerResult& result, int index)
    : options_(options), shared_(shared), counters_(counters), result_(result), index_(index) {}

void Producer::run() {
  Outcome<> outcome = connect();
  shared_.ready.count_down();
  shared_.go.wait();
  if (!outcome.has_error()) outcome = publish();
  if (!outcome.has_error()) outcome = wait_until_settled();
  if (outcome.has_error()) {
    result_.failure = outcome.error().describe();
    counters_.failed.store(true);
  }
  if (connection_) say_goodbye(*connection_);
}

Outcome<> Producer::connect() {
  Outcome<std::unique_ptr<client::Connection>> opened = client::Connection::open(options_.connect);
  if (opened.has_error()) return opened.error();
  connection_ = std::move(*opened);
  Outcome<client::Channel> channel = connection_->open_channel(kChannel);
  if (channel.has_error()) return channel.error();
  Outcome<> selected = options_.confirm_window != 0 ? channel->select_confirms()
                       : options_.tx_publishes != 0 ? channel->select_tx()
                                                    : Outcome<>();
  if (selected.has_error()) return selected;
  Outcome<std::string> reply_to = listen_for_replies(*channel);
  if (reply_to.has_error()) return reply_to.error();
  deck_ = Deck(options_, index_, connection_->frame_max(), *reply_to);
  return {};
}

Outcome<std::string> Producer::listen_for_replies(client::Channel& channel) {
  if (options_.work != Work::kRpc) return std::string();
  Outcome<client::QueueState> queue = channel.declare_queue({.exclusive = true, .auto_delete = true});
  if (queue.has_error()) return queue.error();
  std::string name = queue->name;
  Outcome<std::string> tag = channel.consume(name, {.no_ack = true});
  if (tag.has_error()) return tag.error();
  return name;
}

Outcome<> Producer::publish() {
  pacer_ = Pacer(shared_.schedule, shared_.start_ns, index_, options_.producers);
  while (!shared_.stop_publishing.load(std::memory_order_relaxed)) {
    std::uint64_t now = now_ns();
    std::uint64_t wanted = allowance(now);
    std::uint64_t claimed = claim(wanted);
    if (wanted != 0 && claimed == 0) return {};  // all that was asked for is published
    for (std::uint64_t left = claimed, sent = 0; left != 0; left -= sent)
      if (Outcome<> done = send_batch(left, sent); done.has_error()) return done;
    if (tx_messages_ != 0 && tx_messages_ == options_.tx_publishes && !is_committing_)
      if (Outcome<> committed = commit(); committed.has_error()) return committed;
    if (claimed == 0) wait(now);
    if (Outcome<> taken = take_frames(Milliseconds(0)); taken.has_error()) return taken;
  }
  return {};
}

void Producer::wait(std::uint64_t now) const {
  std::uint64_t wait_ns = kLongestWaitNs;
  if (std::uint64_t due_ns = pacer_.is_paced() ? pacer_.due_ns(published_) : 0; due_ns > now) wait_ns = std::min(wait_ns, due_ns - now);
  wait_readable(connection_->link(), wait_ns);
}

std::uint64_t Producer::unsettled() const {
  if (options_.work == Work::kRpc) return published_ - replied_;
  return options_.tx_publishes != 0 ? tx_messages_ : window_.unsettled();
}

std::uint64_t Producer::allowance(std::uint64_t now) const {
  if (is_blocked_ || is_committing_) return 0;
  std::uint64_t messages = deck_.burst_messages();
  std::uint64_t window = options_.work == Work::kRpc  ? options_.outstanding
                         : options_.tx_publishes != 0 ? options_.tx_publishes
                                                      : options_.confirm_window;
  if (window != 0) messages = std::min(messages, window - std::min(window, unsettled()));
  if (pacer_.is_paced()) messages = std::min(messages, pacer_.due(now) - std::min(pacer_.due(now), published_));
  return messages;
}

std::uint64_t Producer::claim(std::uint64_t messages) {
  if (options_.count == 0 || messages == 0) return messages;
  std::uint64_t taken = shared_.tickets.fetch_add(messages, std::memory_order_relaxed);
  return std::min(messages, options_.count - std::min(options_.count, taken));
}

Outcome<> Producer::send_batch(std::uint64_t most, std::uint64_t& sent) {
  std::uint64_t now = now_ns();
  std::uint64_t first_stamp_ns = 0;
  Deck::Batch batch = deck_.next(most, [&](std::size_t i) {
    std::uint64_t stamp_ns = pacer_.is_paced() ? pacer_.due_ns(published_ + i) : now;
    if (options_.confirm_window != 0) window_.add(stamp_ns);
    if (i == 0) first_stamp_ns = stamp_ns;
    return stamp_ns;
  });
  if (options_.tx_publishes != 0) {
    if (tx_messages_ == 0) tx_stamp_ns_ = first_stamp_ns;
    tx_messages_ += batch.messages;
  }
  if (Outcome<> done = send_bytes(batch.bytes); done.has_error()) return done;
  sent = batch.messages;
  published_ += batch.messages;
  Counters::add(counters_.messages, batch.messages);
  counters_.last_message_ns.store(now_ns(), std::memory_order_relaxed);
  return {};
}

Outcome<> Producer::send_bytes(std::string_view bytes) {
  Outcome<> sent = connection_->link().send(bytes, kStallTimeout);
  if (!sent.has_error()) return sent;
  Outcome<> said = take_frames(Milliseconds(0));  // the broker may have said why before it hung up
  return said.has_error() && said.error().is_refusal() ? said : sent;
}

Outcome<> Producer::commit() {
  std::string frame;
  amqp::append_method_frame(frame, kChannel, amqp::TxCommit{});
  is_committing_ = true;
  return send_bytes(frame);
}

Outcome<> Producer::take_frames(Milliseconds timeout) {
  Outcome<bool> received = connection_->link().receive(timeout);
  amqp::Frame frame;
  while (connection_->link().next(frame))
    if (Outcome<> taken = take(frame); taken.has_error()) return taken;
  if (received.has_error()) return received.error();
  return {};
}

Outcome<> Producer::take(const amqp::Frame& frame) {
  switch (frame.type) {
    case amqp::FrameType::kMethod: return take_method(frame);
    case amqp::FrameType::kHeader:
      reply_stamp_ns_ = 0;
      if (body_.begin(frame.payload)) take_reply();
      break;
    case amqp::FrameType::kBody:
      if (std::uint64_t stamp = body_.stamp(frame.payload); stamp != 0) reply_stamp_ns_ = stamp;
      if (body_.take(frame.payload)) take_reply();
      break;
    case amqp::FrameType::kHeartbeat: break;
  }
  return {};
}

Outcome<> Producer::take_method(const amqp::Frame& frame) {
  switch (method_key(frame)) {
    case amqp::BasicAck::kId.key(): take_confirm(frame, false); return {};
    case amqp::BasicNack::kId.key(): take_confirm(frame, true); return {};
    case amqp::BasicDeliver::kId.key(): is_in_returned_ = false; return {};
    case amqp::BasicReturn::kId.key():
      is_in_returned_ = true;
      Counters::add(counters_.returned, 1);
      return {};
    case amqp::TxCommitOk::kId.key(): {
      std::uint64_t now = now_ns();
      counters_.latency.record(now - std::min(now, tx_stamp_ns_));
      settled(tx_messages_, now);
      tx_messages_ = 0;
      is_committing_ = false;
      return {};
    }
    case amqp::ConnectionBlocked::kId.key(): is_blocked_ = result_.was_blocked = true; return {};
    case amqp::ConnectionUnblocked::kId.key(): is_blocked_ = false; return {};
    default: break;
  }
  if (std::optional<client::Failure> refusal = refusal_in(frame)) return *refusal;
  return {};
}

void Producer::take_confirm(const amqp::Frame& frame, bool nacked) {
  ByteReader in(amqp::method_fields(frame.payload));
  std::uint64_t tag = in.u64();
  bool multiple = (in.u8() & 1) != 0;
  if (in.failed()) return;
  std::uint64_t now = now_ns();
  std::uint64_t messages =
      window_.settle(tag, multiple, [&](std::uint64_t stamp_ns) { counters_.latency.record(now - std::min(now, stamp_ns)); });
  if (nacked) Counters::add(counters_.nacked, messages);
  else settled(messages, now);
}

void Producer::take_reply() {
  if (is_in_returned_) return;
  std::uint64_t now = now_ns();
  ++replied_;
  if (reply_stamp_ns_ != 0) counters_.latency.record(now - std::min(now, reply_stamp_ns_));
  settled(1, now);
}

void Producer::settled(std::uint64_t messages, std::uint64_t now) {
  Counters::add(counters_.settled, messages);
  counters_.last_settled_ns.store(now, std::memory_order_relaxed);
}

Outcome<> Producer::wait_until_settled() {
  if (tx_messages_ != 0 && !is_committing_)
    if (Outcome<> committed = commit(); committed.has_error()) return committed;
  std::uint64_t last_progress_ns = now_ns();
  std::uint64_t before = unsettled();
  while (unsettled() != 0) {
    if (Outcome<> taken = take_frames(Milliseconds(50)); taken.has_error()) return taken;
    if (unsettled() != before) last_progress_ns = now_ns();
    before = unsettled();
    if (now_ns() - last_progress_ns > kStallNs)
      return client::failed(client::FailureKind::kTimeout, std::to_string(before) + " messages were never answered by the broker");
  }
  return {};
}

}  // namespace mq::bench
