#include "sim/wire.hpp"

#include <algorithm>

namespace mq::sim {
namespace {

constexpr std::size_t kReadBytes = 64 * 1024;  // as net/connection.cpp reads

bool carries_content(amqp::MethodId id) {
  bool carries = false;
  amqp::visit_method(id, [&]<class M>(std::type_identity<M>) { carries = amqp::kCarriesContent<M>; });
  return carries;
}

}  // namespace

Wire::Wire(engine::Broker& broker, test::ManualScheduler& scheduler, std::shared_ptr<const session::SessionOptions> options,
           std::string name, Ear& ear)
    : scheduler_(scheduler), ear_(ear), strand_(scheduler.make_strand()), inbox_(broker.open_inbox(strand_)),
      session_(std::make_unique<session::Session>(broker, inbox_, std::move(options), session::PeerAddress{std::move(name), true})) {
  timer_ = scheduler_.make_timer(strand_, [this] {
    timer_at_ = kNever;
    session_->tick();
    after_turn();
  });
  inbox_->on_wake([this] {
    session_->process_inbox();
    after_turn();
  });
  last_left_at_ = last_carried_at_ = scheduler_.now();
  after_turn();
}

Wire::~Wire() { inbox_->on_wake(nullptr); }

void Wire::write(std::string_view bytes, std::function<void()> then) {
  if (!open_) return;
  on_its_way_.append(bytes);
  written_bytes_ += bytes.size();
  if (then) marks_.emplace_back(written_bytes_, std::move(then));
}

Event Wire::read() {
  Event event = std::move(arrived_.front());
  arrived_.pop_front();
  unread_bytes_ -= event.bytes;
  pour();
  return event;
}

void Wire::vanish() {
  if (!open_) return;
  open_ = false;
  on_its_way_.clear();
  marks_.clear();
  arrived_.clear();
  ear_.went_dead();
  session_->disconnected("vanished");
  after_turn();
}

void Wire::close() {
  open_ = false;
  on_its_way_.clear();
  marks_.clear();
  ear_.went_dead();
  session_->disconnected("closed");
}

bool Wire::carry(std::size_t bytes) {
  if (!has_to_carry() || !session_->wants_read()) return false;
  const std::string part = on_its_way_.substr(0, std::min(bytes, kReadBytes));
  on_its_way_.erase(0, part.size());
  carried_bytes_ += part.size();
  last_carried_at_ = scheduler_.now();
  while (!marks_.empty() && marks_.front().first <= carried_bytes_) {
    const auto then = std::move(marks_.front().second);
    marks_.pop_front();
    then();
  }
  const std::string whole = std::string(session_->leftover()).append(part);
  session_->received(whole);
  after_turn();
  return true;
}

// As net/connection does it, with sockets of a certain size in between.
void Wire::pour() {
  // What is larger than the room goes through while there is nothing else to read.
  const auto room = [this] { return arrived_.empty() ? SIZE_MAX : room_bytes_ - std::min(room_bytes_, unread_bytes_); };
  while (open_ && room() > 0) {
    if (taken_.empty()) {
      if (session_->outbox().waiting_bytes() == 0) break;
      session_->outbox().take(sending_);
      for (const session::Outgoing::Piece& piece : sending_.pieces) taken_.append(sending_.view(piece));
    }
    const std::size_t bytes = std::min({taken_.size(), room(), std::size_t{4096}});
    const std::string part = taken_.substr(0, bytes);
    taken_.erase(0, bytes);
    if (taken_.empty()) sending_.clear(1024);
    hear(part);
    session_->sent(taken_.size());
  }
  if (open_ && session_->wants_close() && taken_.empty() && session_->outbox().waiting_bytes() == 0) close();
}

void Wire::after_turn() {
  pour();
  const Millis at = open_ || !session_->finished() ? session_->next_tick() : kNever;
  if (at == timer_at_) return;
  timer_at_ = at;
  if (at == kNever) timer_->cancel();
  else timer_->arm(scheduler_.now() + at - scheduler_.monotonic_now());
}

void Wire::hear(std::string_view bytes) {
  partial_.append(bytes);
  last_left_at_ = scheduler_.now();
  unread_bytes_ += bytes.size();
  std::size_t used = 0;
  for (;;) {
    const amqp::FrameParse parse = amqp::FrameParser::next(std::string_view(partial_).substr(used), amqp::kNoFrameMax);
    if (parse.status == amqp::FrameParse::Status::kNeedMore) break;
    if (parse.status == amqp::FrameParse::Status::kError) return ear_.heard_nonsense("no frame");
    hear_frame(parse.frame, parse.consumed);
    used += parse.consumed;
  }
  partial_.erase(0, used);
}

void Wire::hear_frame(const amqp::Frame& frame, std::size_t bytes) {
  if (bytes > frame_max_) return ear_.heard_nonsense("a frame larger than agreed");
  if (frame.type == amqp::FrameType::kHeartbeat) {
    unread_bytes_ -= bytes;
    return;
  }
  const bool expects_header = in_content_ && body_to_come_bytes_ == UINT64_MAX;
  if (frame.type == amqp::FrameType::kMethod) {
    if (in_content_) return ear_.heard_nonsense("a method inside a content");
    assembling_ = {};
    assembling_.channel = frame.channel;
    assembling_.id = amqp::read_method_id(frame.payload).value_or(amqp::MethodId{});
    assembling_.payload = frame.payload;
    in_content_ = carries_content(assembling_.id);
    body_to_come_bytes_ = in_content_ ? UINT64_MAX : 0;
  } else if (!in_content_ || frame.channel != assembling_.channel || expects_header != (frame.type == amqp::FrameType::kHeader)) {
    return ear_.heard_nonsense("a frame out of its place");
  } else if (frame.type == amqp::FrameType::kHeader) {
    const auto header = amqp::read_content_header(frame.payload);
    const auto properties = header ? amqp::decode_properties(header->encoded_properties) : std::nullopt;
    if (!properties) return ear_.heard_nonsense("a malformed content header");
    assembling_.properties = *properties;
    body_to_come_bytes_ = header->body_bytes;
  } else {
    if (frame.payload.size() > body_to_come_bytes_) return ear_.heard_nonsense("more body than announced");
    body_to_come_bytes_ -= frame.payload.size();
    assembling_.body.append(frame.payload);
  }
  assembling_.bytes += bytes;
  if (in_content_ && body_to_come_bytes_ != 0) return;
  in_content_ = false;
  ear_.left_the_broker(assembling_);
  arrived_.push_back(std::move(assembling_));
}

}  // namespace mq::sim
