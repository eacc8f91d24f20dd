#include "sim/client.hpp"

#include <algorithm>
#include <array>
#include <tuple>

namespace mq::sim {

using namespace amqp;

void Client::connects(Wire& wire, Random&) {
  wire_ = &wire;
  running_ = may_fail_ = false;
  channels_.clear();
  silent_since_ = 0;
  wire.write(kProtocolHeader);
}

// --- what it does ---

std::string Client::acts(Random& random) {
  if (wire_ == nullptr || !running_) return "waits for the handshake";
  if (channels_.size() < 3 && (channels_.empty() || random.chance(10))) {
    opens_channel(random);
    return "opens a channel";
  }
  Channel& channel = random.one_of(channels_).second;
  if (!channel.open || channel.closing) return "waits for a channel";
  return acts_on(channel, random);
}

void Client::opens_channel(Random& random) {
  std::uint16_t number = 1;
  while (channels_.contains(number)) ++number;
  Channel& channel = channels_[number];
  channel.number = number;
  channel.life = std::make_shared<ChannelLife>();
  channel.life->name = name_ + "/" + std::to_string(number) + "." + std::to_string(++lives_);
  asks<ChannelOpenOk>(channel, ChannelOpen{});
  const std::uint64_t mode = random.below(10);
  if (plan_.with_tx && mode < 4) {
    channel.mode = Mode::kTx;
    channel.life->tx = std::make_shared<Transaction>();
    asks<TxSelectOk>(channel, TxSelect{});
  } else if (mode < 9) {
    channel.mode = Mode::kConfirm;
    asks<ConfirmSelectOk>(channel, ConfirmSelect{});
  }
  if (random.chance(60)) {
    channel.prefetch = static_cast<std::uint32_t>(random.between(1, 20));
    asks<BasicQosOk>(channel, BasicQos{0, static_cast<std::uint16_t>(channel.prefetch), false});
  }
}

std::string Client::acts_on(Channel& channel, Random& random) {
  const std::uint64_t what = random.below(100);
  if (what < 40) return publishes(channel, random);
  if (what < 70) {
    std::string told = settles(channel, random);
    for (std::uint64_t more = random.below(6); more > 0 && !channel.held.empty(); --more) told += ", " + settles(channel, random);
    return told;
  }
  if (what < 78) return consumes(channel, random);
  if (what < 83 && plan_.with_gets) {
    const QueueIndex queue = random.below(plan_.queues.size());
    const bool no_ack = plan_.with_no_ack && random.chance(20);
    if (no_ack) channel.life->takes_from.insert(queue);
    Request request;
    request.queue = queue;
    request.no_ack = no_ack;
    asks<BasicGetOk>(channel, BasicGet{.queue = plan_.queues[queue].name, .no_ack = no_ack}, request);
    return "gets from " + plan_.queues[queue].name;
  }
  if (what < 86 && plan_.with_cancels && !channel.consumers.empty()) {
    Request request;
    request.consumer = channel.consumers.back();
    channel.consumers.pop_back();
    channel.life->consumers[request.consumer].leaves = true;
    asks<BasicCancelOk>(channel, BasicCancel{request.consumer, false}, request);
    return "cancels " + request.consumer;
  }
  if (what < 88 && plan_.with_requeues && channel.mode != Mode::kTx && !channel.recovering) {
    channel.recovering = true;
    asks<BasicRecoverOk>(channel, BasicRecover{true}, {}, [this, life = channel.life] { oracle_.recovers(*life); });
    return "recovers";
  }
  if (what < 90) {
    channel.closing = true;
    asks<ChannelCloseOk>(channel, ChannelClose{200, "enough", 0, 0}, {}, [this, life = channel.life] { oracle_.dies(*life); });
    return "closes channel " + channel.life->name;
  }
  if (what < 92 && plan_.with_mistakes) return makes_a_mistake(channel, random);
  if (what < 95 && plan_.with_churn) return churns(channel, random);
  if (channel.mode == Mode::kTx) return ends_transaction(channel, random);
  return "does nothing";
}

std::string Client::publishes(Channel& channel, Random& random) {
  const bool floods = plan_.with_floods && random.chance(8);  // more than a queue keeps in one piece
  const auto count = floods ? random.between(500, 1500) : random.between(1, 12);
  std::string told = "publishes";
  auto [exchange, key] = plan_.draw_address(random);
  for (std::int64_t left = count; left > 0; --left) {
    if (!floods) std::tie(exchange, key) = plan_.draw_address(random);
    Oracle::Published what{exchange, key, random.chance(plan_.persistent_percent), std::nullopt, random.below(40)};
    if (plan_.with_large_bodies && random.chance(10)) what.body_bytes = random.below(random.chance(20) ? 300'000 : 9'000);
    Properties properties;
    if (what.persistent) properties.delivery_mode = 2;
    if (plan_.with_expirations && random.chance(20)) {
      what.expiration_ms = random.between(0, 4) * 400;
      properties.expiration = std::to_string(*what.expiration_ms);
    }
    Table headers;
    if (plan_.with_delays && random.chance(25)) {
      what.delay_ms = random.between(1, 4000);
      headers.set("x-delay", static_cast<std::int64_t>(*what.delay_ms));
    }
    if (plan_.with_groups && random.chance(80)) {
      what.group = static_cast<char>('a' + random.below(4));
      headers.set("group", what.group);
    }
    if (plan_.with_ids && random.chance(60)) {
      what.id = "id" + std::to_string(random.below(300));
      properties.message_id = what.id;
    }
    if (!headers.empty()) properties.headers = headers;
    what.mandatory = plan_.with_mandatory && random.chance(30);
    if (plan_.with_priorities && random.chance(40)) properties.priority = static_cast<std::uint8_t>(random.below(7));
    channel.life->next_index++;
    const std::uint64_t sequence = channel.mode == Mode::kConfirm ? ++channel.published : 0;
    const bool mandatory = what.mandatory;
    const MessageId message = oracle_.publishes(channel.life, std::move(what), sequence);
    const std::string body = oracle_.body_of(message);
    std::string encoded, frames;
    encode_properties(properties, encoded);
    append_method_frame(frames, channel.number, BasicPublish{.exchange = exchange, .routing_key = key, .mandatory = mandatory});
    append_content(frames, channel.number, encoded, body, wire_->frame_max());
    wire_->write(frames, [this, message] { oracle_.arrived(message); });
    told += " " + std::to_string(message) + " to '" + exchange + "' " + key;
  }
  return told + " on " + channel.life->name;
}

std::string Client::consumes(Channel& channel, Random& random) {
  if (channel.consumers.size() >= 3) return "has consumers enough";
  const QueueIndex queue = random.below(plan_.queues.size());
  const std::string tag = name_ + ".c" + std::to_string(++consumers_);
  const bool no_ack = plan_.with_no_ack && random.chance(30);
  if (no_ack) channel.life->takes_from.insert(queue);
  channel.consumers.push_back(tag);
  ChannelLife::Consumer& consumer = channel.life->consumers[tag];
  consumer.queue = queue;
  consumer.prefetch = channel.prefetch;
  consumer.no_ack = no_ack;
  asks<BasicConsumeOk>(channel, BasicConsume{.queue = plan_.queues[queue].name, .consumer_tag = tag, .no_ack = no_ack});
  return "consumes " + plan_.queues[queue].name + " as " + tag;
}

std::string Client::settles(Channel& channel, Random& random) {
  if (channel.held.empty() || channel.recovering) return "has nothing to settle";
  // The broker remembers ten thousand deliveries that it took back; it is not asked about older ones.
  while (channel.held.front() + 9'000 < channel.held.back()) channel.held.erase(channel.held.begin());
  // In order mostly, now and then any of them.
  const std::size_t at = random.chance(70) ? 0 : random.below(channel.held.size());
  const std::uint64_t tag = channel.held[at];
  const std::uint64_t index = channel.life->next_index++;
  const auto arrives = [&](bool multiple, Settling how) {
    return [this, life = channel.life, tag, multiple, how, index] { oracle_.settles(life, tag, multiple, how, index); };
  };
  const std::string on = " " + std::to_string(tag) + " on " + channel.life->name;
  if (channel.mode == Mode::kTx) {
    channel.held.erase(channel.held.begin() + static_cast<std::ptrdiff_t>(at));
    channel.acked_in_tx.push_back(tag);
    says(channel.number, BasicAck{tag, false});
    return "acks in a transaction" + on;
  }
  const bool multiple = random.chance(30);
  if (multiple) std::erase_if(channel.held, [tag](std::uint64_t each) { return each <= tag; });
  else channel.held.erase(channel.held.begin() + static_cast<std::ptrdiff_t>(at));
  const std::uint64_t how = random.below(10);
  if (how < 7 || (how < 9 && !plan_.with_requeues)) {
    says(channel.number, BasicAck{tag, multiple}, arrives(multiple, Settling::kAck));
    return (multiple ? "acks all up to" : "acks") + on;
  }
  const Settling settling = how < 9 ? Settling::kRequeue : Settling::kDrop;
  says(channel.number, BasicNack{tag, multiple, settling == Settling::kRequeue}, arrives(multiple, settling));
  return (settling == Settling::kRequeue ? "requeues" : "rejects") + std::string(multiple ? " all up to" : "") + on;
}

std::string Client::ends_transaction(Channel& channel, Random& random) {
  if (random.chance(20)) {
    // What it acknowledged is held as before.
    channel.held.insert(channel.held.end(), channel.acked_in_tx.begin(), channel.acked_in_tx.end());
    std::sort(channel.held.begin(), channel.held.end());
    channel.acked_in_tx.clear();
    asks<TxRollbackOk>(channel, TxRollback{}, {}, {});
    oracle_.rolled_back(*channel.life);
    return "rolls back on " + channel.life->name;
  }
  const auto tags = std::exchange(channel.acked_in_tx, {});
  const std::uint64_t index = channel.life->next_index;  // of the commit itself
  const auto tx = channel.life->tx;
  channel.life->tx = std::make_shared<Transaction>();
  channel.asked.push_back(tx);
  asks<TxCommitOk>(channel, TxCommit{}, {},
                   [this, life = channel.life, tx, tags, index] { oracle_.commit_arrives(life, tx, tags, index); });
  return "commits on " + channel.life->name;
}

// Queues that come and go, with messages that are nobody's.
std::string Client::churns(Channel& channel, Random& random) {
  const std::string name = "churn" + std::to_string(random.below(3));
  const std::uint64_t what = random.below(10);
  if (what < 4) {
    TableBytes arguments({{"x-dead-letter-exchange", ""}, {"x-dead-letter-routing-key", "churn0"}, {"x-max-length", std::int64_t{5}}});
    asks<QueueDeclareOk>(channel, QueueDeclare{.queue = name, .durable = true, .arguments = arguments});
    return "declares " + name;
  }
  if (what < 6) {
    asks<QueueDeleteOk>(channel, QueueDelete{.queue = name});
    return "deletes " + name;
  }
  std::string frames, encoded;
  Properties properties;
  properties.delivery_mode = 2;
  encode_properties(properties, encoded);
  if (channel.mode == Mode::kConfirm) oracle_.publishes_unheeded(*channel.life, ++channel.published);
  append_method_frame(frames, channel.number, BasicPublish{.exchange = "", .routing_key = name});
  append_content(frames, channel.number, encoded, "churn", wire_->frame_max());
  wire_->write(frames);
  return "publishes to " + name;
}

std::string Client::makes_a_mistake(Channel& channel, Random& random) {
  channel.may_fail = true;
  switch (random.below(4)) {
    case 0: {
      std::string frames, encoded;
      encode_properties({}, encoded);
      append_method_frame(frames, channel.number, BasicPublish{.exchange = "nowhere", .routing_key = "k"});
      append_content(frames, channel.number, encoded, "lost", wire_->frame_max());
      wire_->write(frames);
      return "publishes to an exchange that is not there";
    }
    case 1: says(channel.number, BasicAck{1'000'000, false}); return "acks what it never got";
    case 2: asks<QueueDeclareOk>(channel, QueueDeclare{.queue = "nowhere", .passive = true}); return "asks for a queue that is not there";
    default: break;
  }
  may_fail_ = true;
  wire_->write(std::string(1 + random.below(20), '\x07'));
  return "sends nonsense";
}

void Client::checks_in() {
  if (wire_ == nullptr) return;
  for (auto& [number, channel] : channels_)
    if (channel.open && !channel.closing) asks<QueueDeclareOk>(channel, QueueDeclare{.queue = plan_.queues[0].name, .passive = true});
}

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
  (void)oracle_.delivered(channel.life, delivery.consumer_tag, consumer->second.queue, delivery.delivery_tag, delivery.redelivered,
                          consumer->second.no_ack, event.body, event.properties, silent_since_);
}

void Client::hears_on_connection(const Event& event) {
  if (event.id != ConnectionClose::kId) return;
  const auto close = event.as<ConnectionClose>();
  if (!may_fail_ && close.reply_code != 320) oracle_.violated(name_ + " is closed: " + std::string(close.reply_text));
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
    says(0, ConnectionTuneOk{2047, frame_max, 0});
    says(0, ConnectionOpen{"/"});
  } else if (event.id == ConnectionOpenOk::kId) {
    running_ = true;
  } else if (event.id == ConnectionClose::kId) {
    says(0, ConnectionCloseOk{});
    running_ = false;
  }
}

}  // namespace mq::sim
