// How channels and the whole session take their leave of the engine: consumers are cancelled first, because a queue's answer to that comes
// behind its last delivery; then everything unsettled goes back; exclusive queues go; then the client gets its close-ok.
#include <algorithm>

#include "base/log.hpp"
#include "session/session.hpp"

namespace mq::session {

// --- channels ---

Channel* Session::find_channel(std::uint16_t number) {
  if (last_channel_ != nullptr && last_channel_->number == number) return last_channel_;
  auto found = channels_.find(number);
  if (found == channels_.end()) return nullptr;
  return last_channel_ = found->second.get();
}

Channel* Session::find_channel_by_key(std::uint32_t key) {
  auto found = channels_by_key_.find(key);
  return found == channels_by_key_.end() ? nullptr : found->second;
}

void Session::open_channel(std::uint16_t number) {
  if (channel_max_ != 0 && channels_.size() >= channel_max_)
    return fail_connection(
        fail(ReplyCode::kNotAllowed, "number of channels opened (" + std::to_string(channels_.size()) +
                                         ") has reached the negotiated channel_max (" + std::to_string(channel_max_) + ")"),
        amqp::ChannelOpen::kId);
  if (auto admitted = broker_.admit_channel(user_, place_); !admitted) return fail_connection(admitted.error(), amqp::ChannelOpen::kId);
  auto channel = std::make_unique<Channel>();
  channel->number = number;
  channel->key = next_channel_key_++;
  channels_by_key_[channel->key] = channel.get();
  channels_.emplace(number, std::move(channel));
  send(number, amqp::ChannelOpenOk{});
}

void Session::abandon_channel(Channel& channel, std::function<void(Session&)> then) {
  flush_staged();
  for (TxSettle& settle : channel.tx_settles) channel.ledger.restore(std::move(settle.deliveries), settle.late);
  channel.clear_transaction();
  auto left = std::make_shared<std::size_t>(1);
  auto one_less = [this, &channel, left, then = std::move(then)](Session&) {
    if (--*left > 0) return;
    std::vector<Unsettled> unsettled;
    channel.ledger.take_all(unsettled);
    settle(channel, unsettled, broker::Settlement::kFailed);
    flush_staged();
    if (then) then(*this);
    if (channel.state == Channel::State::kDying) drop_dying(channel);
  };
  // Also those that are being cancelled: the answer to that may be behind deliveries that must go back as well.
  std::vector<Consumer*> consumers;
  for (auto& [tag, consumer] : channel.consumers) consumers.push_back(consumer);
  *left += consumers.size();
  for (Consumer* consumer : consumers) cancel_consumer(*consumer, true, one_less);
  one_less(*this);
}

void Session::close_channel(Channel& channel) {
  channel.state = Channel::State::kClosing;
  abandon_channel(channel, [number = channel.number, key = channel.key](Session& session) {
    if (!session.close_sent_ && session.state_ == State::kRunning) session.send(number, amqp::ChannelCloseOk{});
    auto found = session.channels_.find(number);
    if (found == session.channels_.end() || found->second->key != key) return;
    found->second->state = Channel::State::kDying;
    session.dying_.push_back(std::move(found->second));
    session.last_channel_ = nullptr;
    session.channels_.erase(found);
    session.place_.close_channel();
  });
}

void Session::channel_close_ok(std::uint16_t number) {
  auto found = channels_.find(number);
  if (found == channels_.end() || found->second->state != Channel::State::kFailed) return;
  // The number is free now; what the engine still knows of the channel goes on without it.
  Channel& channel = *found->second;
  channel.state = Channel::State::kDying;
  dying_.push_back(std::move(found->second));
  last_channel_ = nullptr;
  channels_.erase(found);
  place_.close_channel();
  if (channel.consumers.empty() && channel.ledger.size() == 0) drop_dying(channel);
}

void Session::drop_dying(const Channel& channel) {
  confirming_.erase(std::remove(confirming_.begin(), confirming_.end(), &channel), confirming_.end());
  channels_by_key_.erase(channel.key);
  std::erase_if(dying_, [&](const std::unique_ptr<Channel>& each) { return each.get() == &channel; });
}

void Session::on(engine::ConsumerCancelled& item) {
  Consumer* consumer = find_consumer(item.consumer);
  if (consumer == nullptr) return;
  Channel& channel = *consumer->channel;
  if (wants_cancel_notice_ && !consumer->cancelling && channel.state == Channel::State::kOpen && !close_sent_ && state_ == State::kRunning)
    send(channel.number, amqp::BasicCancel{consumer->tag, true});
  if (!consumer->cancelling) forget_consumer(item.consumer);
}

// --- the connection ---

void Session::leave(Leave how) {
  if (how == Leave::kWithCloseOk) leave_ = how;
  if (how == Leave::kSilently) close_socket_ = true;
  if (state_ == State::kFinished) return;
  if (state_ == State::kLeaving) return leave_when_quiet();  // what was waited for may have been the socket
  const bool was_running = state_ == State::kRunning;
  state_ = State::kLeaving;
  flush_staged();
  if (was_running) {
    std::vector<Channel*> channels;
    for (auto& [number, channel] : channels_) channels.push_back(channel.get());
    for (Channel* channel : channels) {
      channel->builder.reset();
      channel->waiting = false;
      if (channel->state == Channel::State::kOpen) {
        channel->state = Channel::State::kFailed;
        abandon_channel(*channel, nullptr);
      }
    }
  }
  leave_when_quiet();
}

void Session::leave_when_quiet() {
  if (!asked_.empty() || state_ != State::kLeaving) return;
  if (!owner_dropped_) {
    owner_dropped_ = true;
    if (vhost_) {
      vhost_->put(engine::DropOwner{inbox_->id(), ask([](Session&, Result<engine::Answer>&) {})});
      return;
    }
  }
  finish();
}

void Session::finish() {
  place_.give_up();  // who was told that the connection is closed may open another
  if (leave_ == Leave::kWithCloseOk && !socket_gone_) {
    send(0, amqp::ConnectionCloseOk{});
    linger();
  }
  // After our own close the peer may still answer; without a socket, or once it has, this is the end.
  if (close_sent_ && !close_socket_ && !deaf_) return;
  state_ = State::kFinished;
}

}  // namespace mq::session
