#include <algorithm>

#include "client/channel_state.hpp"
#include "mq/client/client.hpp"

namespace mq::client {

namespace {

using Clock = std::chrono::steady_clock;

Milliseconds left_until(Clock::time_point deadline) {
  return std::max(Milliseconds(0), std::chrono::ceil<Milliseconds>(deadline - Clock::now()));
}

/// The outcome of a call whose reply says nothing more.
template <class T>
Outcome<> bare(const Outcome<T>& outcome) {
  if (outcome.has_error()) return outcome.error();
  return {};
}

}  // namespace

std::uint16_t Channel::number() const noexcept { return state_->number; }

bool Channel::is_open() const noexcept { return state_->is_open && connection_->is_open(); }

Outcome<> Channel::check_open() const {
  if (connection_->failure_) return *connection_->failure_;
  if (state_->failure) return *state_->failure;
  if (!state_->is_open) return failed(FailureKind::kProtocol, "the channel was closed by us");
  return {};
}

Outcome<> Channel::send_bytes(std::string_view bytes) {
  if (Outcome<> open = check_open(); open.has_error()) return open;
  return connection_->send_raw(bytes);
}

Outcome<std::string_view> Channel::wait_for_reply(amqp::MethodId id) {
  Clock::time_point deadline = Clock::now() + connection_->options_.reply_timeout;
  while (!state_->reply) {
    if (Outcome<> open = check_open(); open.has_error()) return open.error();
    Milliseconds left = left_until(deadline);
    if (left == Milliseconds(0))  // a reply that comes later would answer the wrong call
      return connection_->lose(failed(FailureKind::kTimeout, "no " + std::string(amqp::method_name(id)) + " came in time"));
    if (Outcome<bool> pumped = connection_->pump(left); pumped.has_error()) return pumped.error();
  }
  state_->taken_reply = std::move(*state_->reply);
  state_->reply.reset();
  if (amqp::read_method_id(state_->taken_reply) != id)
    return connection_->lose(failed(FailureKind::kProtocol, "the broker answered " + amqp::describe_method(state_->taken_reply) +
                                                                " where " + std::string(amqp::method_name(id)) + " was due"));
  return amqp::method_fields(state_->taken_reply);
}

Outcome<QueueState> Channel::declare_queue(const QueueSpec& queue) {
  amqp::TableBytes arguments(queue.arguments);
  auto reply = call<amqp::QueueDeclareOk>(amqp::QueueDeclare{.queue = queue.name,
                                                             .passive = queue.passive,
                                                             .durable = queue.durable,
                                                             .exclusive = queue.exclusive,
                                                             .auto_delete = queue.auto_delete,
                                                             .arguments = arguments});
  if (reply.has_error()) return reply.error();
  return QueueState{std::string(reply->queue), reply->message_count, reply->consumer_count};
}

Outcome<std::uint32_t> Channel::delete_queue(std::string_view name, bool if_unused, bool if_empty) {
  auto reply = call<amqp::QueueDeleteOk>(amqp::QueueDelete{.queue = name, .if_unused = if_unused, .if_empty = if_empty});
  if (reply.has_error()) return reply.error();
  return reply->message_count;
}

Outcome<std::uint32_t> Channel::purge_queue(std::string_view name) {
  auto reply = call<amqp::QueuePurgeOk>(amqp::QueuePurge{.queue = name});
  if (reply.has_error()) return reply.error();
  return reply->message_count;
}

Outcome<> Channel::bind_queue(std::string_view queue, std::string_view exchange, std::string_view routing_key,
                              const amqp::Table& arguments) {
  amqp::TableBytes table(arguments);
  return bare(
      call<amqp::QueueBindOk>(amqp::QueueBind{.queue = queue, .exchange = exchange, .routing_key = routing_key, .arguments = table}));
}

Outcome<> Channel::unbind_queue(std::string_view queue, std::string_view exchange, std::string_view routing_key,
                                const amqp::Table& arguments) {
  amqp::TableBytes table(arguments);
  return bare(
      call<amqp::QueueUnbindOk>(amqp::QueueUnbind{.queue = queue, .exchange = exchange, .routing_key = routing_key, .arguments = table}));
}

Outcome<> Channel::declare_exchange(const ExchangeSpec& exchange) {
  amqp::TableBytes arguments(exchange.arguments);
  return bare(call<amqp::ExchangeDeclareOk>(amqp::ExchangeDeclare{.exchange = exchange.name,
                                                                  .type = exchange.type,
                                                                  .passive = exchange.passive,
                                                                  .durable = exchange.durable,
                                                                  .auto_delete = exchange.auto_delete,
                                                                  .internal = exchange.internal,
                                                                  .arguments = arguments}));
}

Outcome<> Channel::delete_exchange(std::string_view name, bool if_unused) {
  return bare(call<amqp::ExchangeDeleteOk>(amqp::ExchangeDelete{.exchange = name, .if_unused = if_unused}));
}

Outcome<> Channel::bind_exchange(std::string_view destination, std::string_view source, std::string_view routing_key,
                                 const amqp::Table& arguments) {
  amqp::TableBytes table(arguments);
  return bare(call<amqp::ExchangeBindOk>(
      amqp::ExchangeBind{.destination = destination, .source = source, .routing_key = routing_key, .arguments = table}));
}

Outcome<> Channel::unbind_exchange(std::string_view destination, std::string_view source, std::string_view routing_key,
                                   const amqp::Table& arguments) {
  amqp::TableBytes table(arguments);
  return bare(call<amqp::ExchangeUnbindOk>(
      amqp::ExchangeUnbind{.destination = destination, .source = source, .routing_key = routing_key, .arguments = table}));
}

Outcome<std::uint64_t> Channel::publish(std::string_view exchange, std::string_view routing_key, std::string_view body,
                                        const amqp::Properties& properties, bool mandatory, bool immediate) {
  ChannelState& state = *state_;
  Clock::time_point deadline = Clock::now() + connection_->options_.reply_timeout;
  while (state.window_size != 0 && state.window.unsettled() >= state.window_size) {
    if (Outcome<> open = check_open(); open.has_error()) return open.error();
    Milliseconds left = left_until(deadline);
    if (left == Milliseconds(0)) return failed(FailureKind::kTimeout, "no confirm came in time");
    if (Outcome<bool> pumped = connection_->pump(left); pumped.has_error()) return pumped.error();
  }
  std::string encoded;
  amqp::encode_properties(properties, encoded);
  std::string bytes;
  amqp::append_method_frame(
      bytes, number(),
      amqp::BasicPublish{.exchange = exchange, .routing_key = routing_key, .mandatory = mandatory, .immediate = immediate});
  amqp::append_content(bytes, number(), encoded, body, connection_->frame_max());
  if (Outcome<> sent = send_bytes(bytes); sent.has_error()) return sent.error();
  return state.confirm_mode ? state.window.add() : 0;
}

Outcome<> Channel::select_confirms(std::uint64_t window) {
  Outcome<amqp::ConfirmSelectOk> reply = call<amqp::ConfirmSelectOk>(amqp::ConfirmSelect{});
  if (reply.has_error()) return reply.error();
  state_->confirm_mode = true;
  state_->window_size = window;
  return {};
}

Outcome<Confirms> Channel::wait_for_confirms(Milliseconds timeout) {
  Clock::time_point deadline = Clock::now() + timeout;
  while (state_->window.unsettled() != 0) {
    if (Outcome<> open = check_open(); open.has_error()) return open.error();
    Milliseconds left = left_until(deadline);
    if (left == Milliseconds(0))
      return failed(FailureKind::kTimeout, std::to_string(state_->window.unsettled()) + " publishes were not confirmed in time");
    if (Outcome<bool> pumped = connection_->pump(left); pumped.has_error()) return pumped.error();
  }
  return std::exchange(state_->confirms, Confirms{});
}

std::vector<Returned> Channel::take_returned() { return std::exchange(state_->returned, {}); }

std::vector<std::string> Channel::take_cancelled() { return std::exchange(state_->cancelled, {}); }

Outcome<> Channel::select_tx() { return bare(call<amqp::TxSelectOk>(amqp::TxSelect{})); }

Outcome<> Channel::commit() { return bare(call<amqp::TxCommitOk>(amqp::TxCommit{})); }

Outcome<> Channel::rollback() { return bare(call<amqp::TxRollbackOk>(amqp::TxRollback{})); }

Outcome<> Channel::qos(std::uint16_t prefetch_count, bool global) {
  return bare(call<amqp::BasicQosOk>(amqp::BasicQos{.prefetch_count = prefetch_count, .global = global}));
}

Outcome<std::string> Channel::consume(std::string_view queue, const ConsumeSpec& spec) {
  amqp::TableBytes arguments(spec.arguments);
  auto reply = call<amqp::BasicConsumeOk>(amqp::BasicConsume{.queue = queue,
                                                             .consumer_tag = spec.consumer_tag,
                                                             .no_local = spec.no_local,
                                                             .no_ack = spec.no_ack,
                                                             .exclusive = spec.exclusive,
                                                             .arguments = arguments});
  if (reply.has_error()) return reply.error();
  return std::string(reply->consumer_tag);
}

Outcome<> Channel::cancel(std::string_view consumer_tag) {
  return bare(call<amqp::BasicCancelOk>(amqp::BasicCancel{.consumer_tag = consumer_tag}));
}

Outcome<std::optional<Delivery>> Channel::next_delivery(Milliseconds timeout) {
  Clock::time_point deadline = Clock::now() + timeout;
  while (state_->deliveries.empty()) {
    if (Outcome<> open = check_open(); open.has_error()) return open.error();
    Milliseconds left = left_until(deadline);
    Outcome<bool> pumped = connection_->pump(left);
    if (pumped.has_error()) return pumped.error();
    if (!*pumped && left == Milliseconds(0)) return std::optional<Delivery>{};
  }
  std::optional<Delivery> delivery(std::move(state_->deliveries.front()));
  state_->deliveries.pop_front();
  return delivery;
}

Outcome<std::optional<Delivery>> Channel::get(std::string_view queue, bool no_ack) {
  if (Outcome<> sent = send(amqp::BasicGet{.queue = queue, .no_ack = no_ack}); sent.has_error()) return sent.error();
  Clock::time_point deadline = Clock::now() + connection_->options_.reply_timeout;
  while (!state_->got && !state_->reply) {
    if (Outcome<> open = check_open(); open.has_error()) return open.error();
    Milliseconds left = left_until(deadline);
    if (left == Milliseconds(0)) return connection_->lose(failed(FailureKind::kTimeout, "no basic.get-ok came in time"));
    if (Outcome<bool> pumped = connection_->pump(left); pumped.has_error()) return pumped.error();
  }
  if (state_->got) return std::exchange(state_->got, std::nullopt);
  if (Outcome<std::string_view> empty = wait_for_reply(amqp::BasicGetEmpty::kId); empty.has_error()) return empty.error();
  return std::optional<Delivery>{};
}

Outcome<> Channel::ack(std::uint64_t delivery_tag, bool multiple) {
  return send(amqp::BasicAck{.delivery_tag = delivery_tag, .multiple = multiple});
}

Outcome<> Channel::nack(std::uint64_t delivery_tag, bool multiple, bool requeue) {
  return send(amqp::BasicNack{.delivery_tag = delivery_tag, .multiple = multiple, .requeue = requeue});
}

Outcome<> Channel::reject(std::uint64_t delivery_tag, bool requeue) {
  return send(amqp::BasicReject{.delivery_tag = delivery_tag, .requeue = requeue});
}

Outcome<> Channel::recover(bool requeue) { return bare(call<amqp::BasicRecoverOk>(amqp::BasicRecover{.requeue = requeue})); }

Outcome<> Channel::close() {
  if (!is_open()) return {};
  Outcome<> closed = bare(call<amqp::ChannelCloseOk>(amqp::ChannelClose{.reply_code = 200, .reply_text = "Goodbye"}));
  state_->is_open = false;
  if (state_->failure) return {};  // the broker closed it at the same moment
  return closed;
}

}  // namespace mq::client
