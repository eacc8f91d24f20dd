// What a simulated client hears as it leaves the broker, and what it reads later.
#include "sim/client.hpp"

namespace mq::sim {

using namespace amqp;

// --- what leaves the broker for it ---

void Client::left_the_broker(Event& event) {
  if (event.channel == 0) return hears_on_connection(event);
  const auto known = channels_.find(event.channel);
  if (known == channels_.end())
    return oracle_.violated("a method for channel " + std::to_string(event.channel) + " of " + name_ + ", which is not open");
  Channel& channel = known->second;
  if (event.id == BasicDeliver::kId) return hears_delivery(channel, event);
  if (event.id == BasicAck::kId) {
    const auto ack = event.as<BasicAck>();
    return oracle_.confirmed(*channel.life, ack.delivery_tag, ack.multiple, false);
  }
  if (event.id == BasicNack::kId) {
    const auto nack = event.as<BasicNack>();
    return oracle_.confirmed(*channel.life, nack.delivery_tag, nack.multiple, true);
  }
  if (event.id == BasicReturn::kId) return oracle_.returned(event.body);
  if (event.id == ChannelClose::kId) {
    const auto close = event.as<ChannelClose>();
    const bool full = !channel.asked.empty() && close.reply_text == "PRECONDITION_FAILED - partial tx completion";
    if (full) channel.asked.front()->state = Transaction::State::kRefused;
    if (!channel.may_fail && !full && !channel.closing)
      oracle_.violated("channel " + channel.life->name + " is closed: " + std::string(close.reply_text));
    // What it asked for is not answered any more, but for its own close.
    std::erase_if(channel.requests, [](const Request& request) { return request.reply != ChannelCloseOk::kId; });
    channel.life->failed = true;
    return oracle_.dies(*channel.life);
  }
  hears_answer(channel, event);
}

void Client::hears_answer(Channel& channel, const Event& event) {
  if (channel.requests.empty())
    return oracle_.violated("channel " + channel.life->name + ": " + describe_method(event.payload) + " was not asked for");
  const Request request = std::move(channel.requests.front());
  channel.requests.pop_front();
  const bool empty = request.reply == BasicGetOk::kId && event.id == BasicGetEmpty::kId;
  if (event.id != request.reply && !empty)
    return oracle_.violated("channel " + channel.life->name + ": " + describe_method(event.payload) + " instead of " +
                            std::string(method_name(request.reply)));
  if (event.id == BasicGetOk::kId) {
    const auto got = event.as<BasicGetOk>();
    (void)oracle_.delivered(channel.life, "", request.queue, got.delivery_tag, got.redelivered, request.no_ack, event.body,
                            event.properties, silent_since_);
  }
  if (event.id == BasicCancelOk::kId) channel.life->consumers.erase(request.consumer);
  if (event.id == BasicRecoverOk::kId) oracle_.recovered(*channel.life);
  if (event.id == ChannelCloseOk::kId) oracle_.closed();
  if (event.id == TxCommitOk::kId) {
    oracle_.committed(*channel.asked.front());
    channel.asked.pop_front();
  }
  --channel.life->unanswered;
  oracle_.seals(*channel.life, request.index);
}

void Client::hears_delivery(Channel& channel, const Event& event) {
  const auto delivery = event.as<BasicDeliver>();
  const auto consumer = channel.life->consumers.find(delivery.consumer_tag);
  if (consumer == channel.life->consumers.end())
    return oracle_.violated("channel " + channel.life->name + ": a delivery for consumer '" + std::string(delivery.consumer_tag) +
                            "', which is not there");
  if (consumer->second.unheeded) return;
  (void)oracle_.delivered(channel.life, delivery.consumer_tag, consumer->second.queue, delivery.delivery_tag, delivery.redelivered,
                          consumer->second.no_ack, event.body, event.properties, silent_since_);
}

void Client::hears_on_connection(const Event& event) {
  if (event.id != ConnectionClose::kId) return;
  const auto close = event.as<ConnectionClose>();
  heartbeat_s_ = 0;  // it waits for close-ok now, or gives up on its own time
  const bool too_many = plan_.odds.limit != 0 && close.reply_code == 530;
  if (!may_fail_ && close.reply_code != 320 && !too_many) oracle_.violated(name_ + " is closed: " + std::string(close.reply_text));
  all_die();
}

void Client::all_die() {
  for (auto& [number, channel] : channels_) oracle_.dies(*channel.life);
}

void Client::went_dead() {
  all_die();
  channels_.clear();
  wire_ = nullptr;
  running_ = false;
}

void Client::heard_nonsense(const std::string& what) { oracle_.violated(name_ + " hears " + what); }

// --- what it reads ---

void Client::reads(Random& random) {
  if (wire_ == nullptr || !wire_->has_event()) return;
  const Event event = wire_->read();
  if (wire_ == nullptr) return;
  if (event.channel == 0) return reads_on_connection(event, random);
  const auto known = channels_.find(event.channel);
  if (known == channels_.end()) return;
  Channel& channel = known->second;
  if (event.id == ChannelOpenOk::kId) {
    channel.open = true;
  } else if (event.id == ChannelClose::kId) {
    says(event.channel, ChannelCloseOk{});
    if (!channel.closing) channels_.erase(known);  // else its own close is answered too
  } else if (event.id == ChannelCloseOk::kId) {
    channels_.erase(known);
  } else if (event.id == BasicRecoverOk::kId) {
    channel.held.clear();
    channel.recovering = false;
  } else if (event.id == BasicDeliver::kId) {
    const auto delivery = event.as<BasicDeliver>();
    if (channel.life->out.contains(delivery.delivery_tag)) channel.held.push_back(delivery.delivery_tag);
  } else if (event.id == BasicGetOk::kId) {
    const auto got = event.as<BasicGetOk>();
    if (channel.life->out.contains(got.delivery_tag)) channel.held.push_back(got.delivery_tag);
  }
}

void Client::reads_on_connection(const Event& event, Random& random) {
  if (event.id == ConnectionStart::kId) {
    const TableBytes properties(
        {{"capabilities", Table{{"basic.nack", true}, {"publisher_confirms", true}, {"consumer_cancel_notify", true}}}});
    says(0, ConnectionStartOk{properties, "PLAIN", std::string("\0guest\0guest", 12), "en_US"});
  } else if (event.id == ConnectionTune::kId) {
    const std::uint32_t frame_max = random.chance(50) ? 4096 : 131072;
    wire_->set_frame_max(frame_max);
    if (plan_.with_heartbeats && random.chance(60)) heartbeat_s_ = static_cast<std::uint16_t>(random.between(1, 4));
    says(0, ConnectionTuneOk{kChannelMax, frame_max, heartbeat_s_});
    says(0, ConnectionOpen{"/"});
  } else if (event.id == ConnectionOpenOk::kId) {
    running_ = true;
  } else if (event.id == ConnectionClose::kId) {
    says(0, ConnectionCloseOk{});
    running_ = false;
  }
}

}  // namespace mq::sim
