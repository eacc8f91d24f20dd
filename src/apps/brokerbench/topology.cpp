#include "apps/brokerbench/topology.hpp"

#include <utility>

namespace mq::bench {

using client::Outcome;

namespace {

constexpr std::uint16_t kNotFound = 404;

/// What the answer to a passive declaration says.
template <class T>
Outcome<bool> is_there(const Outcome<T>& answer) {
  if (!answer.has_error()) return true;
  if (answer.error().reply_code == kNotFound) return false;
  return answer.error();
}

/// `RabbitMQ 3.10.8`. brokerd says so too, for the sake of clients, and tells its own version beside it.
std::string broker_text(const amqp::Table& properties) {
  auto text_of = [&properties](const char* name) {
    const amqp::Value* value = properties.find(name);
    return value != nullptr && value->string() != nullptr ? *value->string() : std::string();
  };
  if (std::string own = text_of("brokerd_version"); !own.empty()) return "brokerd " + own;
  std::string product = text_of("product");
  std::string version = text_of("version");
  return product.empty() || version.empty() ? product + version : product + " " + version;
}

}  // namespace

Outcome<> Topology::declare() {
  Outcome<std::unique_ptr<client::Connection>> opened = client::Connection::open(options_.connect);
  if (opened.has_error()) return opened.error();
  connection_ = std::move(*opened);
  broker_ = broker_text(connection_->server_properties());
  if (options_.work == Work::kChurn || options_.work == Work::kIdle) return {};
  for (int i = 0; i < options_.exchanges; ++i)
    if (Outcome<> declared = declare_exchange(options_.exchange_name(i)); declared.has_error()) return declared;
  for (int i = 0; i < options_.queues; ++i)
    if (Outcome<> declared = declare_queue(options_.queue_name(i)); declared.has_error()) return declared;
  return bind_all();
}

Outcome<> Topology::need_channel() {
  if (channel_ && channel_->is_open()) return {};
  Outcome<client::Channel> channel = connection_->open_channel();
  if (channel.has_error()) return channel.error();
  channel_ = *channel;
  return {};
}

Outcome<> Topology::declare_exchange(const std::string& name) {
  if (name.empty() || name.starts_with("amq.")) return {};
  client::ExchangeSpec exchange{.name = name, .type = options_.exchange_type, .passive = true, .durable = options_.durable};
  if (Outcome<> open = need_channel(); open.has_error()) return open;
  Outcome<bool> there = is_there(channel_->declare_exchange(exchange));
  if (there.has_error()) return there.error();
  if (Outcome<> open = need_channel(); open.has_error()) return open;
  exchange.passive = false;  // again even when it is there: the broker then tells when it is not the one that was asked for
  if (Outcome<> declared = channel_->declare_exchange(exchange); declared.has_error()) return declared;
  if (!*there) made_exchanges_.push_back(name);
  return {};
}

Outcome<> Topology::declare_queue(const std::string& queue) {
  client::QueueSpec spec{.name = queue, .passive = true, .durable = options_.durable, .arguments = table_of(options_.queue_arguments)};
  if (Outcome<> open = need_channel(); open.has_error()) return open;
  Outcome<bool> there = is_there(channel_->declare_queue(spec));
  if (there.has_error()) return there.error();
  if (Outcome<> open = need_channel(); open.has_error()) return open;
  spec.passive = false;
  if (Outcome<client::QueueState> declared = channel_->declare_queue(spec); declared.has_error()) return declared.error();
  if (!*there) made_queues_.push_back(queue);
  if (!*there || !options_.purge) return {};
  Outcome<std::uint32_t> purged = channel_->purge_queue(queue);
  return purged.has_error() ? Outcome<>(purged.error()) : Outcome<>();
}

Outcome<> Topology::bind_all() {
  if (options_.exchange.empty()) return {};
  amqp::TableBytes arguments(table_of(options_.binding_arguments));
  for (int q = 0; q < options_.queues; ++q)
    for (const std::string& key : options_.binding_keys(q))
      for (int x = 0; x < options_.exchanges; ++x) {
        std::string queue = options_.queue_name(q);
        std::string exchange = options_.exchange_name(x);
        amqp::QueueBind bind{.queue = queue, .exchange = exchange, .routing_key = key, .nowait = true, .arguments = arguments};
        if (Outcome<> sent = channel_->send(bind); sent.has_error()) return sent;
      }
  // Many bindings are quick when none is waited for; the last answer of the channel says whether all went well.
  Outcome<client::QueueState> checked = channel_->declare_queue({.name = options_.queue_name(0), .passive = true});
  return checked.has_error() ? Outcome<>(checked.error()) : Outcome<>();
}

Outcome<std::uint64_t> Topology::ready_messages() {
  if (Outcome<> open = need_channel(); open.has_error()) return open.error();
  std::uint64_t messages = 0;
  for (int i = 0; i < options_.queues; ++i) {
    Outcome<client::QueueState> queue = channel_->declare_queue({.name = options_.queue_name(i), .passive = true});
    if (queue.has_error()) return queue.error();
    messages += queue->messages;
  }
  return messages;
}

Outcome<> Topology::remove() {
  if (options_.keep || (made_queues_.empty() && made_exchanges_.empty())) return {};
  if (Outcome<> open = need_channel(); open.has_error()) return open;
  for (const std::string& queue : made_queues_)
    if (Outcome<std::uint32_t> deleted = channel_->delete_queue(queue); deleted.has_error()) return deleted.error();
  for (const std::string& exchange : made_exchanges_)
    if (Outcome<> deleted = channel_->delete_exchange(exchange); deleted.has_error()) return deleted;
  made_queues_.clear();
  made_exchanges_.clear();
  return {};
}

}  // namespace mq::bench
