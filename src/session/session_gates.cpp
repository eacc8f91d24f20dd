// What a session lets wait, and until when.
//
// Publishes wait in an alarm, for a queue that grows while memory is short, for a rate, and when one read made more of them than the
// queues can take in at once; and with them what their channel says behind them. Acknowledgements go ahead, and so does every other
// channel, so that consumers can empty what is too full. Everything waits while the peer does not read the answers to what it asks.
#include <algorithm>

#include "base/log.hpp"
#include "session/dispatch.hpp"
#include "session/session.hpp"

namespace mq::session {
namespace {

constexpr std::uint64_t kMaxAnswerBytes = 1 << 20;  // of answers, confirms and returns that the socket has not taken
constexpr std::uint64_t kPerDelivery = 4;           // octets on the wire for each that a delivery counts, at the very most
constexpr Millis kLookAgainMs = 1000;               // at the latest, at what a rate is by then
constexpr std::uint32_t kLinesAtOnce = 20;          // in the log, of one peer
constexpr Millis kLinesAgainMs = 10'000;

bool is_settlement(amqp::MethodId id) { return id == amqp::BasicAck::kId || id == amqp::BasicNack::kId || id == amqp::BasicReject::kId; }

}  // namespace

// --- who has to wait ---

bool Session::must_wait(Channel& channel, const amqp::Frame& frame) {
  if (channel.state != Channel::State::kOpen) return false;
  if (channel.waiting || clogged_) return true;
  if (!channel.stalled && !gated_) return false;
  const auto id = frame.type == amqp::FrameType::kMethod ? amqp::read_method_id(frame.payload) : std::nullopt;
  if (channel.stalled) return !id || !is_settlement(*id) || channel.transactional;
  if (!id || *id != amqp::BasicPublish::kId || channel.expects != Channel::Expects::kMethod) return false;
  if (may_publish()) return false;
  channel.stalled = true;
  if (blocked_ || held_back_) tell_blocked();
  return true;
}

bool Session::may_publish() {
  if (blocked_ || held_back_ || overrun_) return false;
  if (!paced_) return true;
  const Millis now = broker_.scheduler().monotonic_now();
  if (allowance_.permits(now)) return true;
  tick_at(std::min(allowance_.until(), now + kLookAgainMs));
  return false;
}

void Session::hold(Channel& channel, const amqp::Frame& frame) {
  amqp::append_frame(channel.held, frame.type, frame.channel, frame.payload);
  held_bytes_ += frame.payload.size() + amqp::kFrameOverheadBytes;
}

void Session::resume(Channel& channel) {
  channel.waiting = false;
  std::string held = std::move(channel.held);
  channel.held.clear();
  const std::uint16_t number = channel.number;
  std::string_view left = held;
  while (!left.empty()) {
    Channel* current = find_channel(number);
    if (current == nullptr || close_sent_ || state_ != State::kRunning) break;
    const amqp::FrameParse parse = amqp::FrameParser::next(left, amqp::kNoFrameMax);
    held_bytes_ -= parse.consumed;
    left.remove_prefix(parse.consumed);
    if (must_wait(*current, parse.frame)) hold(*current, parse.frame);
    else dispatch_channel(*this, *current, parse.frame);
  }
  held_bytes_ -= left.size();
}

bool Session::has_held_publish() const {
  return std::any_of(channels_.begin(), channels_.end(), [this](const auto& each) {
    const Channel& channel = *each.second;
    return channel.stalled || (clogged_ && !channel.held.empty());
  });
}

void Session::release_stalled() {
  std::vector<std::uint16_t> stalled;
  for (auto& [number, channel] : channels_)
    if (std::exchange(channel->stalled, false) && !channel->waiting && !clogged_) stalled.push_back(number);
  // Where there is room for some only, others are first the next time.
  if (!stalled.empty())
    std::rotate(stalled.begin(), stalled.begin() + static_cast<std::ptrdiff_t>(release_turn_++ % stalled.size()), stalled.end());
  for (std::uint16_t number : stalled)
    if (Channel* channel = find_channel(number)) resume(*channel);
  if (!held_close_.empty() && state_ == State::kRunning && !close_sent_ && !has_held_publish())
    dispatch_connection(*this, std::exchange(held_close_, {}));
}

// --- alarms, and queues that grow ---

void Session::on(engine::AlarmChanged& item) {
  blocked_ = item.blocked;
  alarm_reason_ = item.reason;
  look_at_gates();
  if (!blocked_) end_blocking();
}

void Session::note_held(const engine::QueueActor& queue) {
  if (held_back_) return;
  auto reason = broker_.hold_back(inbox_, queue);
  if (!reason) return;
  held_back_ = gated_ = true;
  if (!blocked_) alarm_reason_ = std::move(*reason);
}

void Session::on(engine::HoldLifted&) {
  held_back_ = false;
  look_at_gates();
  end_blocking();
}

void Session::end_blocking() {
  if (blocked_ || held_back_) return;
  if (std::exchange(told_blocked_, false) && state_ == State::kRunning && !close_sent_) send(0, amqp::ConnectionUnblocked{});
  release_stalled();
}

void Session::tell_blocked() {
  if (told_blocked_ || !can_be_told_blocked_) return;
  told_blocked_ = true;
  send(0, amqp::ConnectionBlocked{alarm_reason_});
}

// --- rates ---

void Session::look_at_pace() {
  const bool was_paced = std::exchange(paced_, allowance_.limited());
  if (paced_ && allowance_.outdated()) allowance_.settle(broker_.scheduler().monotonic_now());
  look_at_gates();
  if (was_paced && !paced_) release_stalled();
}

// --- what one read became ---

void Session::flush_staged() {
  if (just_settled_ != 0) {
    inbox_->deliveries.give_back(0, std::exchange(just_settled_, 0));
    retry_consumers();
  }
  if (staging_.empty()) return;
  if (const auto queue = staging_.flush(*inbox_)) note_held(*queue);
}

void Session::flush_midway() {
  flush_staged();
  const auto window = static_cast<std::int64_t>(options_->publish_window_bytes);
  if (inbox_->window_used() < window) return;
  overrun_ = gated_ = true;
  inbox_->window_want(window / 2);
  look_at_window();  // it may have opened before the wish was seen
}

void Session::look_at_window() {
  if (!overrun_ || inbox_->window_used() >= static_cast<std::int64_t>(options_->publish_window_bytes) / 2) return;
  overrun_ = false;
  look_at_gates();
}

void Session::on(engine::WindowOpened&) {  // beyond this, the transport asks wants_read() after every turn
  const bool waited = overrun_;
  look_at_window();
  if (waited && !overrun_) release_stalled();
}

// --- a peer that does not read ---

void Session::look_at_outbox() {
  const std::uint64_t waiting = outbox_.waiting_bytes() + in_socket_bytes_;
  const bool clogged = waiting > kPerDelivery * undelivered_bytes_ + options_->outbox_bytes + kMaxAnswerBytes;
  if (clogged == clogged_) return;
  clogged_ = clogged;
  look_at_gates();
  if (!clogged_) release_held();
}

void Session::release_held() {
  std::vector<std::uint16_t> held;
  for (const auto& [number, channel] : channels_)
    if (!channel->held.empty() && !channel->waiting && !channel->stalled) held.push_back(number);
  for (std::uint16_t number : held)
    if (Channel* channel = find_channel(number)) resume(*channel);
  release_stalled();
  flush_staged();
  send_confirms();
}

bool Session::may_log() noexcept {
  const Millis now = broker_.scheduler().monotonic_now();
  if (now >= log_again_at_) {
    if (logged_ > kLinesAtOnce) log::warn("{}: {} more of its mistakes were not reported", peer_.name, logged_ - kLinesAtOnce);
    log_again_at_ = now + kLinesAgainMs;
    logged_ = 0;
  }
  return ++logged_ <= kLinesAtOnce;
}

}  // namespace mq::session
