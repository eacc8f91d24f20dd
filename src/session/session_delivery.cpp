// What a session does with messages on their way to the client: writing deliveries, settling them, giving window back to queues.
#include <algorithm>

#include "session/session.hpp"

namespace mq::session {
namespace {

constexpr std::size_t kMaxReplyBytes = 64 << 20;  // of direct replies waiting for the socket
constexpr std::uint32_t kMaxConsumerNumber = (1u << 30) - 1;
constexpr std::uint64_t kDeliverTailBytes = 8 + 1;  // delivery tag, redelivered

// basic.deliver after its constant head: tag, redelivered, exchange, routing key.
char* write_names(char* to, std::string_view exchange, std::string_view routing_key) {
  *to++ = static_cast<char>(exchange.size());
  std::memcpy(to, exchange.data(), exchange.size());
  to += exchange.size();
  *to++ = static_cast<char>(routing_key.size());
  std::memcpy(to, routing_key.data(), routing_key.size());
  return to + routing_key.size();
}

}  // namespace

broker::MessagePtr with_delivery_count(const broker::MessagePtr& message_ptr, std::uint16_t returns) {
  if (returns == 0) return message_ptr;
  const broker::Message& message = *message_ptr;
  amqp::Properties properties = amqp::decode_properties(message.encoded_properties()).value_or(amqp::Properties{});
  if (!properties.headers) properties.headers.emplace();
  properties.headers->set("x-delivery-count", std::int64_t{returns});
  properties.headers->set("x-acquired-count", std::int64_t{returns});
  return broker::make_message(message.exchange(), message.routing_key(), properties, message.body());
}

Consumer& Session::add_consumer(Channel& channel, std::string tag, bool no_ack, std::shared_ptr<engine::QueueActor> queue) {
  auto consumer = std::make_unique<Consumer>();
  consumer->channel = &channel;
  consumer->number = next_consumer_++;
  consumer->tag = std::move(tag);
  consumer->queue = std::move(queue);
  consumer->no_ack = no_ack;
  ByteWriter(consumer->head).u16(amqp::BasicDeliver::kId.class_id).u16(amqp::BasicDeliver::kId.method_id).shortstr(consumer->tag);
  Consumer& added = *consumer;
  channel.consumers[added.tag] = &added;
  consumers_.emplace(added.number, std::move(consumer));
  return added;
}

Consumer* Session::find_consumer(std::uint32_t number) {
  auto found = consumers_.find(number);
  return found == consumers_.end() ? nullptr : found->second.get();
}

void Session::forget_consumer(std::uint32_t number) {
  auto found = consumers_.find(number);
  if (found == consumers_.end()) return;
  Consumer& consumer = *found->second;
  if (!consumer.queue) {
    broker_.replies().remove(consumer.channel->reply_name);
    consumer.channel->reply_name.clear();
  }
  auto& tags = consumer.channel->consumers;
  if (auto tag = tags.find(consumer.tag); tag != tags.end() && tag->second == &consumer) tags.erase(tag);
  if (consumer.owed_window_bytes != 0) owing_.erase(std::remove(owing_.begin(), owing_.end(), &consumer), owing_.end());
  consumers_.erase(found);
}

void Session::cancel_consumer(Consumer& consumer, bool gives_back, std::function<void(Session&)> then) {
  consumer.cancelling = true;
  if (!consumer.queue) {  // direct replies: nobody to ask
    forget_consumer(consumer.number);
    if (then) then(*this);
    return;
  }
  // The queue's answer comes behind its last delivery.
  auto reply = ask([number = consumer.number, then = std::move(then)](Session& session, Result<engine::Answer>&) {
    session.forget_consumer(number);
    if (then) then(session);
  });
  consumer.queue->put(engine::RemoveConsumer{inbox_, consumer.number, gives_back, std::move(reply)});
}

void Session::enter_ledger(Channel& channel, std::uint64_t tag, engine::QueueActor& queue, const broker::Delivery& delivery,
                           std::uint32_t consumer, DueTime due) {
  channel.ledger.add({tag, &queue, delivery.position, due.at, consumer & kMaxConsumerNumber, due.timed, delivery.counted});
}

void Session::deliver(Consumer& consumer, broker::Delivery& delivery, DueTime due) {
  Channel& channel = *consumer.channel;
  const std::uint64_t tag = channel.ledger.next_tag();
  if (!consumer.no_ack) enter_ledger(channel, tag, *consumer.queue, delivery, consumer.number, due);
  if (consumer.queue) {
    if (consumer.owed_window_bytes == 0) owing_.push_back(&consumer);
    const std::uint64_t bytes = delivery.message->memory_bytes();
    consumer.owed_window_bytes += bytes;
    undelivered_bytes_ += bytes;
  } else if (outbox_.waiting_bytes() + in_socket_bytes_ > kMaxReplyBytes) {
    return;  // replies are delivered at most once; a requester that does not read loses them
  }
  if (channel.state != Channel::State::kOpen || close_sent_ || state_ != State::kRunning) return;  // goes back when the channel is let go
  if (delivery.returns > 0) delivery.message = with_delivery_count(delivery.message, delivery.returns);
  const broker::MessagePtr& message = delivery.message;
  const std::string_view exchange = message->exchange();
  const std::string_view routing_key = message->routing_key();
  const std::size_t payload_bytes = consumer.head.size() + kDeliverTailBytes + 2 + exchange.size() + routing_key.size();
  char* const at = outbox_.reserve(payload_bytes + amqp::kFrameOverheadBytes);
  char* to = amqp::write_frame_head(at, amqp::FrameType::kMethod, channel.number, static_cast<std::uint32_t>(payload_bytes));
  to += consumer.head.copy(to, consumer.head.size());
  store_big_endian(to, tag);
  to[8] = delivery.redelivered ? 1 : 0;
  to = write_names(to + kDeliverTailBytes, exchange, routing_key);
  *to = amqp::kFrameEnd;
  outbox_.commit(payload_bytes + amqp::kFrameOverheadBytes);
  send_content(channel.number, message);
}

void Session::on(engine::Deliveries& item) {
  Consumer* consumer = find_consumer(item.consumer);
  if (consumer == nullptr) return;  // a direct reply that came too late
  DueTime due;
  if (!consumer->no_ack) {
    queues_.hold(consumer->queue, item.messages.size());
    consumer->channel->last_ack_timeout_ms = ack_timeout_ms(consumer->ack_timeout_ms, item.ack_timeout_ms);
    due = due_after(consumer->channel->last_ack_timeout_ms);
  }
  for (broker::Delivery& delivery : item.messages) deliver(*consumer, delivery, due);
}

void Session::settle(Channel& channel, const std::vector<Unsettled>& deliveries, broker::Settlement how) {
  std::uint32_t counted = 0;
  engine::QueueActor* last = nullptr;
  std::shared_ptr<engine::QueueActor> queue;
  std::uint64_t run = 0;
  auto end_run = [&] {
    if (run != 0) queues_.release(last, run);
    run = 0;
  };
  for (const Unsettled& delivery : deliveries) {
    counted += delivery.counted ? 1 : 0;
    if (delivery.queue != last) {
      end_run();
      last = delivery.queue;
      queue = queues_.find(last);
    }
    ++run;
    staging_.settle(queue, how, delivery.position);
  }
  end_run();
  just_settled_ += deliveries.size();
  release_prefetch(channel, counted);
}

void Session::settled_elsewhere(Channel& channel, const std::vector<Unsettled>& deliveries) {
  std::uint32_t counted = 0;
  for (const Unsettled& delivery : deliveries) {
    counted += delivery.counted ? 1 : 0;
    queues_.release(delivery.queue, 1);
  }
  just_settled_ += deliveries.size();
  release_prefetch(channel, counted);
}

void Session::release_prefetch(Channel& channel, std::uint32_t counted) {
  if (counted == 0 || !channel.shared_prefetch) return;
  channel.shared_prefetch->release(counted);
  if (!channel.shared_prefetch->take_want()) return;
  flush_staged();
  for (auto& [tag, consumer] : channel.consumers)
    if (!consumer->no_ack) consumer->queue->put(engine::RetryConsumer{inbox_, consumer->number});
}

void Session::retry_consumers() {
  if (!inbox_->deliveries.take_want()) return;
  flush_staged();  // what was settled makes room in the queues, too
  for (auto& [number, consumer] : consumers_)
    if (consumer->queue && !consumer->cancelling) consumer->queue->put(engine::RetryConsumer{inbox_, number});
}

void Session::return_windows() {
  // Queues get their windows back when the socket has room again; little debts are left until they are worth a message.
  if (outbox_.waiting_bytes() + in_socket_bytes_ > options_->outbox_bytes / 2) return;
  if (undelivered_bytes_ != 0) {
    inbox_->deliveries.give_back(std::exchange(undelivered_bytes_, 0), 0);
    retry_consumers();
  }
  const std::uint64_t worth = options_->outbox_bytes / 4;
  auto settled = std::remove_if(owing_.begin(), owing_.end(), [&](Consumer* consumer) {
    if (consumer->owed_window_bytes < worth) return false;
    consumer->queue->put(engine::ReturnWindow{inbox_, consumer->number, consumer->owed_window_bytes});
    consumer->owed_window_bytes = 0;
    return true;
  });
  owing_.erase(settled, owing_.end());
}

}  // namespace mq::session
