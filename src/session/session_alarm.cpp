// What a session does while an alarm is on: publishes wait, and with them what their channel says behind them; acknowledgements go ahead,
// and so does every other channel, so that consumers can empty what is too full.
#include "session/dispatch.hpp"
#include "session/session.hpp"

namespace mq::session {
namespace {

bool is_settlement(amqp::MethodId id) { return id == amqp::BasicAck::kId || id == amqp::BasicNack::kId || id == amqp::BasicReject::kId; }

}  // namespace

bool Session::must_wait(Channel& channel, const amqp::Frame& frame) {
  if (channel.state != Channel::State::kOpen) return false;
  if (channel.waiting) return true;
  if (!blocked_ && !channel.stalled) return false;
  const auto id = frame.type == amqp::FrameType::kMethod ? amqp::read_method_id(frame.payload) : std::nullopt;
  if (channel.stalled) return !id || !is_settlement(*id) || channel.transactional;
  if (!id || *id != amqp::BasicPublish::kId || channel.expects != Channel::Expects::kMethod) return false;
  channel.stalled = true;
  tell_blocked();
  return true;
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

bool Session::has_stalled_channel() const {
  for (const auto& [number, channel] : channels_)
    if (channel->stalled) return true;
  return false;
}

void Session::on(engine::AlarmChanged& item) {
  blocked_ = item.blocked;
  alarm_reason_ = item.reason;
  if (blocked_) return;
  if (std::exchange(told_blocked_, false) && state_ == State::kRunning && !close_sent_) send(0, amqp::ConnectionUnblocked{});
  std::vector<std::uint16_t> stalled;
  for (auto& [number, channel] : channels_)
    if (std::exchange(channel->stalled, false) && !channel->waiting) stalled.push_back(number);
  for (std::uint16_t number : stalled)
    if (Channel* channel = find_channel(number)) resume(*channel);
  if (!held_close_.empty() && state_ == State::kRunning && !close_sent_) dispatch_connection(*this, std::exchange(held_close_, {}));
}

void Session::tell_blocked() {
  if (told_blocked_ || !can_be_told_blocked_) return;
  told_blocked_ = true;
  send(0, amqp::ConnectionBlocked{alarm_reason_});
}

}  // namespace mq::session
