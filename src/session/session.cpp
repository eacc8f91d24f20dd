#include "session/session.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "session/dispatch.hpp"

namespace mq::session {
namespace {

constexpr std::size_t kMaxHeldBytes = 1 << 20;   // of frames that wait for a request of their channel
constexpr std::size_t kMaxPacedBytes = 1 << 16;  // of publishes that wait for their rate: they are passed through again and again
constexpr std::size_t kMaxUnderWay = 8192;       // requests of a connection that wait for the engine; their answers come by themselves
constexpr Millis kCloseTimeoutMs = 5000;         // for the peer's connection.close-ok
constexpr Millis kLingerMs = 3000;               // for the peer to close after the last word
constexpr Millis kMsPerSecond = 1000;

}  // namespace

Session::Session(engine::Broker& broker, engine::InboxPtr inbox, std::shared_ptr<const SessionOptions> options, PeerAddress peer)
    : broker_(broker), inbox_(std::move(inbox)), options_(std::move(options)), peer_(std::move(peer)),
      frame_max_(options_->initial_frame_max_bytes) {
  started_ = last_received_ = last_sent_ = broker_.scheduler().monotonic_now();
  set_deadline(options_->handshake_timeout_ms);
  constexpr std::int64_t kConsumersAtFull = 4;  // so many may have their own windows full at once
  const auto outbox = static_cast<std::int64_t>(std::min<std::uint64_t>(options_->outbox_bytes, INT64_MAX / kConsumersAtFull));
  const std::uint64_t unsettled = options_->unsettled_per_connection;
  inbox_->deliveries.set_limits(kConsumersAtFull * outbox, unsettled == 0 ? INT64_MAX : static_cast<std::int64_t>(unsettled));
}

Session::~Session() {
  if (paced_) allowance_.settle(broker_.scheduler().monotonic_now());
  broker_.close_inbox(*inbox_);
}

// --- bytes in ---

void Session::received(std::string_view bytes) {
  last_received_ = broker_.scheduler().monotonic_now();
  if (deaf_) return;
  look_at_pace();
  std::size_t used = parse(bytes);
  flush_staged();
  send_confirms();
  look_at_outbox();
  if (deaf_ || close_socket_ || state_ == State::kFinished) used = bytes.size();
  // The leftover may be where `bytes` came from.
  std::string rest(bytes.substr(used));
  leftover_ = std::move(rest);
}

std::size_t Session::parse(std::string_view bytes) {
  std::size_t used = 0;
  if (state_ == State::kProtocolHeader && !protocol_header(bytes, used)) return used;
  while (!close_socket_ && state_ != State::kFinished && state_ != State::kLogin) {
    const amqp::FrameParse parse = amqp::FrameParser::next(bytes.substr(used), frame_max_);
    if (parse.status == amqp::FrameParse::Status::kNeedMore) break;
    if (parse.status == amqp::FrameParse::Status::kError) {
      frame_error(parse, frame_max_);
      return bytes.size();
    }
    dispatch(parse.frame);
    used += parse.consumed;
  }
  return used;
}

bool Session::protocol_header(std::string_view bytes, std::size_t& used) {
  // Whatever cannot become a header is answered at once, so that a wrong protocol does not wait for its timeout.
  const std::size_t look_at = std::min(bytes.size(), amqp::kProtocolHeaderBytes);
  const bool possible = amqp::kProtocolHeader.substr(0, look_at) == bytes.substr(0, look_at) ||
                        amqp::kProtocolHeader09.substr(0, look_at) == bytes.substr(0, look_at);
  if (possible && bytes.size() < amqp::kProtocolHeaderBytes) return false;
  if (!possible) {
    std::string_view hint = bytes.starts_with("GET ") ? " (an HTTP request)" : bytes.starts_with("\x16\x03") ? " (a TLS handshake)" : "";
    log::warn("{}: not an AMQP 0-9-1 client{}", peer_.name, hint);
    outbox_.append(amqp::kProtocolHeader);
    leave(Leave::kSilently);
    used = bytes.size();
    return false;
  }
  used = amqp::kProtocolHeaderBytes;
  state_ = State::kStartOk;
  send_connection_start(*this);
  return true;
}

void Session::frame_error(const amqp::FrameParse& parse, std::uint32_t frame_max) {
  fail_connection(fail(ReplyCode::kFrameError, amqp::frame_error_text(parse, frame_max)));
  linger();  // what follows cannot be understood any more
}

// The last word is said. The socket stays open for a moment, so that the peer can read it and close; closing now could take it away.
void Session::linger() {
  deaf_ = true;
  set_deadline(kLingerMs);
}

void Session::dispatch(const amqp::Frame& frame) {
  if (frame.type == amqp::FrameType::kHeartbeat) {
    if (frame.channel != 0)
      fail_connection(fail(ReplyCode::kUnexpectedFrame, "heartbeat frame on channel " + std::to_string(frame.channel)));
    return;
  }
  if (state_ == State::kLeaving || close_sent_) {
    // Only the end of the conversation is still of interest.
    if (frame.channel == 0 && frame.type == amqp::FrameType::kMethod) dispatch_closing(*this, frame.payload);
    return;
  }
  if (frame.channel == 0) {
    if (frame.type != amqp::FrameType::kMethod)
      return fail_connection(fail(ReplyCode::kUnexpectedFrame, "expected method frame, got non method frame instead"));
    if (gated_ && amqp::read_method_id(frame.payload) == amqp::ConnectionClose::kId && has_held_publish()) {
      held_close_ = frame.payload;  // what was published before comes first
      return;
    }
    return dispatch_connection(*this, frame.payload);
  }
  if (state_ != State::kRunning) return fail_connection(fail(ReplyCode::kUnexpectedFrame, "channel frame before connection.open"));
  Channel* channel = find_channel(frame.channel);
  if (channel == nullptr) {
    auto id = amqp::read_method_id(frame.payload);
    if (frame.type == amqp::FrameType::kMethod && id && *id == amqp::ChannelOpen::kId) return open_channel(frame.channel);
    if (frame.type == amqp::FrameType::kMethod && id && *id == amqp::ChannelCloseOk::kId) return;
    return fail_connection(fail(ReplyCode::kChannelError, "expected 'channel.open'"), id.value_or(amqp::MethodId{}));
  }
  if ((channel->waiting || channel->stalled || gated_) && must_wait(*channel, frame)) return hold(*channel, frame);
  dispatch_channel(*this, *channel, frame);
}

bool Session::wants_read() const {
  if (close_socket_ || state_ == State::kLogin) return false;
  if (deaf_ || state_ == State::kLeaving || close_sent_) return true;
  if (clogged_ || asked_.size() + dying_.size() > kMaxUnderWay) return false;
  if (held_bytes_ > (blocked_ || held_back_ ? options_->publish_window_bytes : paced_ ? kMaxPacedBytes : kMaxHeldBytes)) return false;
  const auto window = static_cast<std::int64_t>(options_->publish_window_bytes);
  if (inbox_->window_used() < window) return true;
  inbox_->window_want(window / 2);
  return inbox_->window_used() < window / 2;  // it may have opened before the wish was seen
}

void Session::disconnected(std::string_view why) {
  if (socket_gone_) return;
  socket_gone_ = true;
  if (state_ == State::kRunning && !close_sent_) log::info("{}: connection lost: {}", peer_.name, why);
  leave(Leave::kSilently);
}

// --- bytes out ---

void Session::send_content(std::uint16_t channel, const broker::MessagePtr& message) {
  constexpr std::uint64_t kCopyBytes = 16 * 1024;  // below this a copy is cheaper than a piece of its own
  const std::uint64_t body_bytes = message->body_bytes();
  const std::size_t max_body = amqp::max_body_bytes(frame_max_);
  if (body_bytes <= std::min<std::uint64_t>(kCopyBytes, max_body)) {
    const std::string_view wire = message->wire();
    char* at = outbox_.reserve(wire.size());
    std::memcpy(at, wire.data(), wire.size());
    amqp::patch_frame_channel(at, channel);
    if (body_bytes != 0) amqp::patch_frame_channel(at + message->header_frame_bytes(), channel);
    outbox_.commit(wire.size());
    return;
  }
  char head[amqp::kFrameHeadBytes];
  char* at = outbox_.reserve(message->header_frame_bytes());
  std::memcpy(at, message->wire().data(), message->header_frame_bytes());
  amqp::patch_frame_channel(at, channel);
  outbox_.commit(message->header_frame_bytes());
  for (std::string_view body = message->body(); !body.empty();) {
    const std::string_view part = body.substr(0, max_body);
    amqp::write_frame_head(head, amqp::FrameType::kBody, channel, static_cast<std::uint32_t>(part.size()));
    outbox_.append({head, sizeof head});
    if (part.size() > kCopyBytes) outbox_.append_reference(message, part);
    else outbox_.append(part);
    outbox_.append({&amqp::kFrameEnd, 1});
    body.remove_prefix(part.size());
  }
}

void Session::sent(std::size_t still_waiting_bytes) {
  last_sent_ = broker_.scheduler().monotonic_now();
  in_socket_bytes_ = still_waiting_bytes;
  return_windows();
  look_at_outbox();
}

// --- time ---

void Session::set_deadline(Millis after_ms) {
  deadline_ = after_ms == 0 ? 0 : broker_.scheduler().monotonic_now() + after_ms;
  if (deadline_ != 0) tick_at(deadline_);
}

void Session::tick() {
  const Millis now = broker_.scheduler().monotonic_now();
  next_tick_ = kNever;
  if (deadline_ != 0 && now >= deadline_) {
    deadline_ = 0;
    if (state_ < State::kRunning && !deaf_) log::warn("{}: handshake timed out", peer_.name);
    close_socket_ = true;
    leave(Leave::kSilently);
  } else if (deadline_ != 0) {
    next_tick_ = deadline_;
  }
  look_for_late(now);
  if (paced_ && state_ == State::kRunning && !close_sent_) {
    look_at_pace();
    if (paced_) release_stalled();
    flush_staged();
    send_confirms();
  }
  if (heartbeat_s_ == 0 || state_ != State::kRunning || close_socket_) return;
  const Millis interval_ms = heartbeat_s_ * kMsPerSecond;
  // A peer is gone after two whole intervals of silence, seen at the next look: within two to three intervals.
  if (now - last_received_ > 2 * interval_ms && wants_read()) {
    log::warn("{}: missed heartbeats from client, timeout: {}s", peer_.name, heartbeat_s_);
    close_socket_ = true;
    return leave(Leave::kSilently);
  }
  if (now - last_sent_ >= interval_ms / 2) {
    std::string heartbeat;
    amqp::append_heartbeat_frame(heartbeat);
    outbox_.append(heartbeat);
    last_sent_ = now;
  }
  next_tick_ = std::min(next_tick_, now + std::max<Millis>(interval_ms / 4, 250));
}

// --- errors ---

void Session::fail_connection(const Error& error, amqp::MethodId method) {
  if (close_sent_ || close_socket_) return;
  log::warn("{}: closing connection: {}{}{}", peer_.name, error.reply_text(), method.class_id != 0 ? " by " : "",
            method.class_id != 0 ? amqp::method_name(method) : "");
  close_with(error, method);
}

void Session::close_with(const Error& error, amqp::MethodId method) {
  const std::string text = error.reply_text();
  send(0, amqp::ConnectionClose{static_cast<std::uint16_t>(error.code), text, method.class_id, method.method_id});
  close_sent_ = true;
  set_deadline(kCloseTimeoutMs);
  leave(Leave::kNotAsked);
}

void Session::fail_channel(Channel& channel, const Error& error, amqp::MethodId method) {
  if (error.closes_connection()) return fail_connection(error, method);
  if (channel.state != Channel::State::kOpen) return;
  if (may_log())
    log::warn("{}: channel {}: {}{}{}", peer_.name, channel.number, error.reply_text(), method.class_id != 0 ? " by " : "",
              method.class_id != 0 ? amqp::method_name(method) : "");
  const std::string text = error.reply_text();
  send(channel.number, amqp::ChannelClose{static_cast<std::uint16_t>(error.code), text, method.class_id, method.method_id});
  channel.state = Channel::State::kFailed;
  channel.builder.reset();
  const std::uint32_t key = channel.key;
  abandon_channel(channel, nullptr);
  if (Channel* failed = find_channel_by_key(key)) resume(*failed);  // a close may be among what was held; the rest is passed over
}

// --- asking the engine ---

engine::ReplyTo Session::ask(Continuation then) {
  flush_staged();
  const std::uint64_t request = next_request_++;
  asked_.emplace(request, std::move(then));
  return {inbox_, request};
}

engine::ReplyTo Session::ask(Channel& channel, amqp::MethodId method, std::function<void(Session&, Channel&, engine::Answer&)> then) {
  channel.waiting = true;
  return ask([key = channel.key, method, then = std::move(then)](Session& session, Result<engine::Answer>& answer) {
    auto found = session.channels_by_key_.find(key);
    if (found == session.channels_by_key_.end()) return;
    Channel& asker = *found->second;
    if (asker.state == Channel::State::kFailed || asker.state == Channel::State::kDying) return;
    if (!answer) return session.fail_channel(asker, answer.error(), method);
    asker.waiting = false;
    then(session, asker, *answer);
    if (!asker.waiting) session.resume(asker);
  });
}

// --- the inbox ---

void Session::process_inbox() {
  inbox_->drain([this](engine::SessionItem& item) { handle(item); });
  flush_staged();
  send_confirms();
  look_at_outbox();
  if (state_ == State::kLeaving) leave_when_quiet();
}

void Session::handle(engine::SessionItem& item) {
  std::visit([this](auto& each) { on(each); }, item);
}

void Session::on(engine::Reply& item) {
  auto asked = asked_.find(item.request);
  if (asked == asked_.end()) return;
  Continuation then = std::move(asked->second);
  asked_.erase(asked);
  if (then) then(*this, item.answer);
}

void Session::on(engine::Confirms& item) {
  auto found = channels_by_key_.find(item.channel);
  if (found == channels_by_key_.end() || found->second->state != Channel::State::kOpen) return;
  Channel& channel = *found->second;
  for (std::uint64_t sequence : item.sequences) channel.confirms.answered(sequence, item.refused);
  if (!channel.has_due_confirms) confirming_.push_back(&channel);
  channel.has_due_confirms = true;
}

void Session::note_confirms(Channel& channel) {
  if (channel.has_due_confirms) return;
  channel.has_due_confirms = true;
  confirming_.push_back(&channel);
}

void Session::send_confirms() {
  std::vector<ConfirmLedger::Due> due;
  for (Channel* channel : confirming_) {
    channel->has_due_confirms = false;
    if (channel->state != Channel::State::kOpen) continue;
    due.clear();
    channel->confirms.take_due(due);
    for (const ConfirmLedger::Due& each : due) {
      if (each.refused) send(channel->number, amqp::BasicNack{each.sequence, false, false});
      else send(channel->number, amqp::BasicAck{each.sequence, each.multiple});
    }
  }
  confirming_.clear();
}

void Session::on(engine::CloseRequested& item) {
  if (state_ < State::kRunning) {
    close_socket_ = true;
    return leave(Leave::kSilently);
  }
  fail_connection(fail(item.code, item.text));
}

}  // namespace mq::session
