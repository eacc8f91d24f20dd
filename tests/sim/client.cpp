#include "sim/client.hpp"

#include <algorithm>
#include <array>
#include <tuple>

namespace mq::sim {

using namespace amqp;

void Client::connects(Wire& wire, Random&) {
  wire_ = &wire;
  running_ = may_fail_ = false;
  heartbeat_s_ = 0;
  channels_.clear();
  silent_since_ = 0;
  wire.write(kProtocolHeader);
}

// --- what it does ---

std::string Client::acts(Random& random) {
  if (wire_ == nullptr || !running_) return "waits for the handshake";
  if (heartbeat_s_ != 0 && random.chance(30)) {
    std::string frame;
    append_frame(frame, FrameType::kHeartbeat, 0, {});
    wire_->write(frame);
    return "says that it is alive";
  }
  if (channels_.size() < 3 && (channels_.empty() || random.chance(10))) {
    opens_channel(random);
    return "opens a channel";
  }
  if (plan_.with_many_channels && channels_.size() < 1500 && random.chance(3)) {
    opens_many_channels(random);
    return "opens many channels";
  }
  Channel& channel = random.one_of(channels_).second;
  if (!channel.open || channel.closing) return "waits for a channel";
  return acts_on(channel, random);
}

void Client::opens_channel(Random& random) {
  std::uint16_t number = 1;
  if (!channels_.empty() && channels_.rbegin()->first < kChannelMax) number = static_cast<std::uint16_t>(channels_.rbegin()->first + 1);
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

void Client::opens_many_channels(Random& random) {
  for (std::int64_t left = random.between(100, 600); left > 0 && channels_.size() < 1500; --left) opens_channel(random);
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
  if (what < 95 && plan_.with_churn) return random.chance(60) ? churns(channel, random) : has_queues_of_its_own(channel, random);
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
    if (plan_.with_filters && random.chance(80)) {
      constexpr std::array<std::string_view, 3> kColours = {"red", "green", "blue"};
      what.colour = random.one_of(kColours);
      headers.set("colour", what.colour);
    }
    if (plan_.with_filters && random.chance(80)) {
      what.size = random.between(0, 4);
      headers.set("size", *what.size);
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
  Table arguments;
  if (plan_.with_filters && !plan_.queues[queue].grouped && random.chance(60)) {
    const auto filters = Plan::filters();
    consumer.filter = &random.one_of(filters);
    if (consumer.filter->text.empty()) arguments.set("x-filter", Table{{"colour", "red"}});
    else arguments.set("x-filter", std::string(consumer.filter->text));
  }
  const TableBytes encoded(arguments);
  asks<BasicConsumeOk>(channel,
                       BasicConsume{.queue = plan_.queues[queue].name, .consumer_tag = tag, .no_ack = no_ack, .arguments = encoded});
  return "consumes " + plan_.queues[queue].name + " as " + tag + (consumer.filter != nullptr ? ", but not everything" : "");
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

bool Client::waits_for(QueueIndex queue) const {
  const QueuePlan& plan = plan_.queues[queue];
  if (plan.grouped || plan.forgetful || plan.single_active || !running_) return false;
  for (const auto& [number, channel] : channels_) {
    if (!channel.open || channel.closing || channel.life->dead || channel.life->recovering || channel.life->unanswered != 0) continue;
    for (const auto& [tag, consumer] : channel.life->consumers)
      if (consumer.queue == queue && !consumer.unheeded && !consumer.leaves && consumer.filter == nullptr &&
          (consumer.no_ack || consumer.prefetch == 0 || consumer.out < consumer.prefetch))
        return true;
  }
  return false;
}

std::string Client::unanswered() const {
  if (!running_) return {};
  for (const auto& [number, channel] : channels_)
    if (!channel.life->dead && channel.life->unanswered != 0) return channel.life->name;
  return {};
}

void Client::checks_in() {
  if (wire_ == nullptr) return;
  for (auto& [number, channel] : channels_)
    if (channel.open && !channel.closing) asks<QueueDeclareOk>(channel, QueueDeclare{.queue = plan_.queues[0].name, .passive = true});
}

}  // namespace mq::sim
