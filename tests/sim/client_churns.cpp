// What a simulated client does beside the queues of the plan: queues that come and go, and mistakes. Nobody follows those messages.
#include "sim/client.hpp"

namespace mq::sim {

using namespace amqp;

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
  publishes_unheeded(channel, name);
  return "publishes to " + name;
}

// Queues that go with their connection, or with their last consumer.
std::string Client::has_queues_of_its_own(Channel& channel, Random& random) {
  if (channel.consumers.size() >= 3) return "has consumers enough";
  if (random.chance(50)) {
    const std::string name = channel.life->name + ".own" + std::to_string(random.below(2));
    own_queues_.push_back(name);
    asks<QueueDeclareOk>(channel, QueueDeclare{.queue = name, .durable = random.chance(50), .exclusive = true});
    publishes_unheeded(channel, name);
    if (random.chance(50)) consumes_unheeded(channel, name);
    return "has a queue of its own";
  }
  const std::string name = "auto" + std::to_string(random.below(2));
  channel.may_fail = true;  // another's last consumer may take it away at any moment
  asks<QueueDeclareOk>(channel, QueueDeclare{.queue = name, .auto_delete = true});
  publishes_unheeded(channel, name);
  consumes_unheeded(channel, name);
  return "consumes " + name;
}

void Client::publishes_unheeded(Channel& channel, const std::string& queue) {
  std::string frames, encoded;
  Properties properties;
  properties.delivery_mode = 2;
  encode_properties(properties, encoded);
  if (channel.mode == Mode::kConfirm) oracle_.publishes_unheeded(*channel.life, ++channel.published);
  append_method_frame(frames, channel.number, BasicPublish{.exchange = "", .routing_key = queue});
  append_content(frames, channel.number, encoded, "churn", wire_->frame_max());
  wire_->write(frames);
}

void Client::consumes_unheeded(Channel& channel, const std::string& queue) {
  const std::string tag = name_ + ".c" + std::to_string(++consumers_);
  channel.consumers.push_back(tag);
  ChannelLife::Consumer& consumer = channel.life->consumers[tag];
  consumer.unheeded = consumer.no_ack = true;
  asks<BasicConsumeOk>(channel, BasicConsume{.queue = queue, .consumer_tag = tag, .no_ack = true});
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

}  // namespace mq::sim
