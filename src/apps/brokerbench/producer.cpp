#include "apps/brokerbench/producer.hpp"

#include <algorithm>
#include <cstring>

#include "apps/brokerbench/wire.hpp"

namespace mq::bench {

using client::Milliseconds;
using client::Outcome;

namespace {

constexpr std::size_t kBurstBytes = 64 * 1024;
constexpr std::uint64_t kPacedBurstMessages = 8;  // with --rate: small steps, so that the rate is even
constexpr Milliseconds kStallTimeout{20'000};     // a broker that neither reads nor confirms for so long has hung
constexpr Milliseconds kConfirmWait{5};
constexpr Milliseconds kPacedWait{1};

}  // namespace

Producer::Producer(const Options& options, Shared& shared, Counters& counters, WorkerResult& result, int index)
    : options_(options), shared_(shared), counters_(counters), result_(result), index_(index) {}

void Producer::run() {
  Outcome<> outcome = connect();
  shared_.ready.count_down();
  shared_.go.wait();
  if (!outcome.has_error()) outcome = publish();
  if (!outcome.has_error()) outcome = wait_for_confirms();
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
  if (options_.confirm_window != 0)
    if (Outcome<> selected = channel->select_confirms(); selected.has_error()) return selected;
  encode_burst();
  return {};
}

void Producer::encode_burst() {
  std::string key = options_.routing_key(index_);
  std::string message;
  amqp::append_method_frame(message, kChannel, amqp::BasicPublish{.exchange = options_.exchange, .routing_key = key});
  amqp::Properties properties;
  properties.delivery_mode = static_cast<std::uint8_t>(options_.persistent ? 2 : 1);
  std::string encoded;
  amqp::encode_properties(properties, encoded);
  std::string body(options_.size_bytes, 'x');
  amqp::append_header_frame(message, kChannel, amqp::ContentHeader{60, body.size(), encoded});
  stamp_offset_ = message.size() + amqp::kFrameHeadBytes;
  amqp::append_body_frames(message, kChannel, body, connection_->frame_max());

  message_bytes_ = message.size();
  burst_messages_ = std::max<std::uint64_t>(1, kBurstBytes / message_bytes_);
  if (options_.rate > 0) burst_messages_ = std::min(burst_messages_, kPacedBurstMessages);
  burst_.reserve(burst_messages_ * message_bytes_);
  for (std::uint64_t i = 0; i < burst_messages_; ++i) burst_ += message;
}

Outcome<> Producer::publish() {
  while (!shared_.stop_publishing.load(std::memory_order_relaxed)) {
    std::uint64_t wanted = allowance();
    std::uint64_t messages = claim(wanted);
    if (wanted != 0 && messages == 0) return {};  // all that was asked for is published
    if (messages != 0)
      if (Outcome<> sent = send_burst(messages); sent.has_error()) return sent;
    Milliseconds wait = messages != 0 ? Milliseconds(0) : options_.rate > 0 ? kPacedWait : kConfirmWait;
    if (Outcome<> taken = take_frames(wait); taken.has_error()) return taken;
  }
  return {};
}

std::uint64_t Producer::allowance() const {
  if (blocked_) return 0;
  std::uint64_t messages = burst_messages_;
  if (options_.confirm_window != 0)
    messages = std::min(messages, options_.confirm_window - std::min(options_.confirm_window, window_.unsettled()));
  if (options_.rate > 0) {
    double seconds = static_cast<double>(now_ns() - shared_.start_ns) / 1e9;
    auto due = static_cast<std::uint64_t>(seconds * options_.rate / options_.producers);
    messages = std::min(messages, due - std::min(due, published_));
  }
  return messages;
}

std::uint64_t Producer::claim(std::uint64_t messages) {
  if (options_.count == 0 || messages == 0) return messages;
  std::uint64_t taken = shared_.tickets.fetch_add(messages, std::memory_order_relaxed);
  return std::min(messages, options_.count - std::min(options_.count, taken));
}

Outcome<> Producer::send_burst(std::uint64_t messages) {
  std::uint64_t now = now_ns();
  if (options_.size_bytes >= sizeof now)
    for (std::uint64_t i = 0; i < messages; ++i) std::memcpy(burst_.data() + i * message_bytes_ + stamp_offset_, &now, sizeof now);
  if (options_.confirm_window != 0)
    for (std::uint64_t i = 0; i < messages; ++i) window_.add(now);
  std::string_view bytes(burst_.data(), messages * message_bytes_);
  if (Outcome<> sent = connection_->link().send(bytes, kStallTimeout); sent.has_error()) {
    Outcome<> said = take_frames(Milliseconds(0));  // the broker may have said why before it hung up
    return said.has_error() && said.error().is_refusal() ? said : sent;
  }
  published_ += messages;
  Counters::add(counters_.messages, messages);
  counters_.last_message_ns.store(now_ns(), std::memory_order_relaxed);
  return {};
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
  switch (method_key(frame)) {
    case amqp::BasicAck::kId.key(): settle(frame, false); return {};
    case amqp::BasicNack::kId.key(): settle(frame, true); return {};
    case amqp::ConnectionBlocked::kId.key(): blocked_ = result_.was_blocked = true; return {};
    case amqp::ConnectionUnblocked::kId.key(): blocked_ = false; return {};
    default: break;
  }
  if (std::optional<client::Failure> refusal = refusal_in(frame)) return *refusal;
  return {};
}

void Producer::settle(const amqp::Frame& frame, bool nacked) {
  ByteReader in(amqp::method_fields(frame.payload));
  std::uint64_t tag = in.u64();
  bool multiple = (in.u8() & 1) != 0;
  if (in.failed()) return;
  std::uint64_t now = now_ns();
  std::uint64_t settled = window_.settle(tag, multiple, [&](std::uint64_t sent_ns) { result_.latency.record(now - sent_ns); });
  Counters::add(nacked ? counters_.nacked : counters_.acked, settled);
  counters_.last_confirm_ns.store(now, std::memory_order_relaxed);
}

Outcome<> Producer::wait_for_confirms() {
  std::uint64_t last_progress_ns = now_ns();
  std::uint64_t unsettled = window_.unsettled();
  while (window_.unsettled() != 0) {
    if (Outcome<> taken = take_frames(Milliseconds(50)); taken.has_error()) return taken;
    if (window_.unsettled() != unsettled) last_progress_ns = now_ns();
    unsettled = window_.unsettled();
    if (now_ns() - last_progress_ns > static_cast<std::uint64_t>(std::chrono::nanoseconds(kStallTimeout).count()))
      return client::failed(client::FailureKind::kTimeout, std::to_string(unsettled) + " publishes were never confirmed");
  }
  return {};
}

}  // namespace mq::bench
