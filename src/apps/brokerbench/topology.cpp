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

}  // namespace

Outcome<> Topology::declare() {
  Outcome<std::unique_ptr<client::Connection>> opened = client::Connection::open(options_.connect);
  if (opened.has_error()) return opened.error();
  connection_ = std::move(*opened);
  if (Outcome<> declared = declare_exchange(); declared.has_error()) return declared;
  for (int i = 0; i < options_.queues; ++i)
    if (Outcome<> declared = declare_queue(options_.queue_name(i)); declared.has_error()) return declared;
  return {};
}

Outcome<> Topology::need_channel() {
  if (channel_ && channel_->is_open()) return {};
  Outcome<client::Channel> channel = connection_->open_channel();
  if (channel.has_error()) return channel.error();
  channel_ = *channel;
  return {};
}

Outcome<> Topology::declare_exchange() {
  if (options_.exchange.empty() || options_.exchange.starts_with("amq.")) return {};
  client::ExchangeSpec exchange{.name = options_.exchange, .type = options_.exchange_type, .passive = true, .durable = options_.durable};
  if (Outcome<> open = need_channel(); open.has_error()) return open;
  Outcome<bool> there = is_there(channel_->declare_exchange(exchange));
  if (there.has_error()) return there.error();
  if (Outcome<> open = need_channel(); open.has_error()) return open;
  exchange.passive = false;  // again even when it is there: the broker then tells when it is not the one that was asked for
  made_exchange_ = !*there;
  return channel_->declare_exchange(exchange);
}

Outcome<> Topology::declare_queue(const std::string& queue) {
  client::QueueSpec spec{.name = queue, .passive = true, .durable = options_.durable, .arguments = options_.argument_table()};
  if (Outcome<> open = need_channel(); open.has_error()) return open;
  Outcome<bool> there = is_there(channel_->declare_queue(spec));
  if (there.has_error()) return there.error();
  if (Outcome<> open = need_channel(); open.has_error()) return open;
  spec.passive = false;
  if (Outcome<client::QueueState> declared = channel_->declare_queue(spec); declared.has_error()) return declared.error();
  if (!*there) made_queues_.push_back(queue);
  return options_.exchange.empty() ? Outcome<>() : channel_->bind_queue(queue, options_.exchange, options_.key);
}

Outcome<> Topology::remove() {
  if (options_.keep || (made_queues_.empty() && !made_exchange_)) return {};
  if (Outcome<> open = need_channel(); open.has_error()) return open;
  for (const std::string& queue : made_queues_)
    if (Outcome<std::uint32_t> deleted = channel_->delete_queue(queue); deleted.has_error()) return deleted.error();
  made_queues_.clear();
  return std::exchange(made_exchange_, false) ? channel_->delete_exchange(options_.exchange) : Outcome<>();
}

}  // namespace mq::bench
