#include "broker/topology.hpp"

#include "broker/binding_index.hpp"
#include "broker/exchanges/delayed.hpp"
#include "broker/names.hpp"
#include "broker/topology_parts.hpp"
#include "broker/values.hpp"
#include "mq/base/check.hpp"

namespace mq::broker {

namespace {

constexpr std::string_view kAlternateExchange = "alternate-exchange";

Error default_exchange_refused() { return fail(ReplyCode::kAccessRefused, "operation not permitted on the default exchange"); }

Error unknown_type(std::string_view type) {
  return fail(ReplyCode::kPreconditionFailed, "unknown exchange type '" + std::string(type) + "'");
}

Error too_many_exchanges(std::string_view vhost, std::string_view exchange, std::uint64_t limit) {
  return fail(ReplyCode::kPreconditionFailed, "cannot declare exchange '" + std::string(exchange) + "' in vhost '" + std::string(vhost) +
                                                  "': exchange limit of " + std::to_string(limit) + " is reached");
}

Error too_many_bindings(std::string_view vhost, std::string_view source, std::string_view destination, std::uint64_t limit) {
  return fail(ReplyCode::kPreconditionFailed, "cannot bind '" + std::string(destination) + "' to exchange '" + std::string(source) +
                                                  "' in vhost '" + std::string(vhost) + "': binding limit of " + std::to_string(limit) +
                                                  " is reached");
}

Result<> check_properties(std::string_view resource, const ExchangeInfo& current, const ExchangeInfo& wanted) {
  if (auto same = check_same_property("type", resource, current.type, wanted.type); !same) return same.error();
  if (auto same = check_same_property("durable", resource, current.durable, wanted.durable); !same) return same.error();
  if (auto same = check_same_property("auto_delete", resource, current.auto_delete, wanted.auto_delete); !same) return same.error();
  return check_same_property("internal", resource, current.internal, wanted.internal);
}

Result<> check_equivalent(std::string_view resource, const ExchangeInfo& current, const ExchangeInfo& wanted) {
  if (auto same = check_properties(resource, current, wanted); !same) return same.error();
  return check_same_argument(kAlternateExchange, resource, current.arguments.find(kAlternateExchange),
                             wanted.arguments.find(kAlternateExchange));
}

Result<> check_alternate_exchange(std::string_view resource, const ExchangeInfo& wanted) {
  const amqp::Value* alternate = wanted.arguments.find(kAlternateExchange);
  if (alternate == nullptr || alternate->string() != nullptr) return {};
  std::string text = "invalid type '" + std::string(alternate->type_name()) + "' for arg 'alternate-exchange' in ";
  return fail(ReplyCode::kPreconditionFailed, text.append(resource));
}

}  // namespace

Result<> check_same_properties(std::string_view vhost, const ExchangeInfo& existing, const ExchangeInfo& wanted) {
  return check_properties(resource_text("exchange", existing.name, vhost), existing, wanted);
}

Topology::Topology(std::string vhost) : vhost_(std::move(vhost)), parts_(std::make_unique<Parts>()) {
  struct Row {
    const char* name;
    const char* type;
    bool internal;
  };
  static constexpr Row kPredeclared[] = {
      {"", "direct", false},           {"amq.direct", "direct", false},
      {"amq.fanout", "fanout", false}, {"amq.headers", "headers", false},
      {"amq.match", "headers", false}, {"amq.rabbitmq.trace", "topic", true},
      {"amq.topic", "topic", false},
  };
  for (const Row& row : kPredeclared) add_exchange({row.name, row.type, true, false, row.internal, {}}, *find_exchange_type(row.type));
}

Topology::~Topology() = default;

// --- exchanges ---

Topology::Exchange* Topology::exchange_named(std::string_view name) const noexcept { return parts_->exchanges.find(name); }

void Topology::add_exchange(const ExchangeInfo& info, const ExchangeType& type) {
  Exchange& exchange = parts_->exchanges.add(info);
  exchange.bindings = type.make_bindings(info.arguments);
  const ExchangeType* routes_as = find_exchange_type(routing_type(info));
  if (routes_as != nullptr && routes_as->history_length != nullptr)
    exchange.history = std::make_unique<RecentHistory>(routes_as->history_length(info.arguments));
  exchange.deduplication = make_deduplication(info);
  if (const amqp::Value* alternate = info.arguments.find(kAlternateExchange); alternate != nullptr && alternate->string() != nullptr)
    exchange.alternate = *alternate->string();
  ++version_;
}

Result<bool> Topology::declare_exchange(const ExchangeInfo& wanted, std::uint64_t most) {
  const ExchangeType* type = find_exchange_type(wanted.type);
  if (type == nullptr) return unknown_type(wanted.type);
  if (wanted.name.empty()) return default_exchange_refused();
  std::string resource = resource_text("exchange", wanted.name, vhost_);
  if (const Exchange* existing = exchange_named(wanted.name)) {
    if (auto same = check_equivalent(resource, existing->info, wanted); !same) return same.error();
    return false;
  }
  if (auto fit = check_new_name("exchange", wanted.name); !fit) return fit.error();
  if (auto fit = check_alternate_exchange(resource, wanted); !fit) return fit.error();
  if (type->validate_arguments != nullptr) {
    if (auto fit = type->validate_arguments(wanted.arguments); !fit) return fit.error();
  }
  if (wanted.arguments.find(kDeduplicationType) != nullptr) {
    if (auto fit = check_deduplication_arguments(wanted.arguments); !fit) return fit.error();
  }
  if (most != 0 && parts_->exchanges.size() >= most) return too_many_exchanges(vhost_, wanted.name, most);
  add_exchange(wanted, *type);
  return true;
}

Result<> Topology::restore_exchange(const ExchangeInfo& stored) {
  const ExchangeType* type = find_exchange_type(stored.type);
  if (type == nullptr) return unknown_type(stored.type);
  if (exchange_named(stored.name) == nullptr) add_exchange(stored, *type);
  return {};
}

const ExchangeInfo* Topology::find_exchange(std::string_view name) const noexcept {
  const Exchange* exchange = exchange_named(name);
  return exchange == nullptr ? nullptr : &exchange->info;
}

RecentHistory* Topology::find_history(std::string_view exchange) const noexcept {
  const Exchange* found = exchange_named(exchange);
  return found == nullptr ? nullptr : found->history.get();
}

ExchangeDeduplicationPtr Topology::find_deduplication(std::string_view exchange) const noexcept {
  const Exchange* found = exchange_named(exchange);
  return found == nullptr ? nullptr : found->deduplication;
}

Result<const ExchangeInfo*> Topology::require_exchange(std::string_view name) const {
  if (const ExchangeInfo* exchange = find_exchange(name)) return exchange;
  return not_found("exchange", name, vhost_);
}

Result<TopologyChange> Topology::delete_exchange(std::string_view name, bool if_unused) {
  if (name.empty()) return default_exchange_refused();
  if (is_reserved_name(name))
    return fail(ReplyCode::kAccessRefused, "deletion of system " + resource_text("exchange", name, vhost_) + " not allowed");
  TopologyChange change;
  Exchange* exchange = exchange_named(name);
  if (exchange == nullptr) return change;
  if (if_unused && !exchange->from.empty())
    return fail(ReplyCode::kPreconditionFailed, resource_text("exchange", name, vhost_) + " in use");
  remove_exchange(*exchange, change);
  remove_unbound(change);
  return change;
}

void Topology::remove_exchange(Exchange& exchange, TopologyChange& change) {
  exchange.removing = true;  // losing its last binding must not remove it once more
  change.removed_exchanges.push_back(exchange.info);
  if (exchange.history) change.forgotten_bytes += exchange.history->memory_bytes();
  change.changed = true;
  while (!exchange.from.empty()) remove_binding(exchange.from.first, change);
  while (!exchange.to.empty()) remove_binding(exchange.to.first, change);
  parts_->exchanges.remove(exchange);
  ++version_;
}

void Topology::set_policy_alternate(std::string_view name, std::string alternate) {
  Exchange* exchange = exchange_named(name);
  if (exchange == nullptr || exchange->info.arguments.find(kAlternateExchange) != nullptr || exchange->alternate == alternate) return;
  exchange->alternate = std::move(alternate);
  ++version_;
}

// --- queues ---

Topology::Queue* Topology::queue_named(std::string_view name) const noexcept { return parts_->queues.find(name); }

void Topology::add_queue(const QueueInfo& queue, DestinationPtr destination) {
  MQ_CHECK(queue_named(queue.name) == nullptr);
  parts_->queues.add(queue).destination = std::move(destination);
  ++version_;
}

const QueueInfo* Topology::find_queue(std::string_view name) const noexcept {
  const Queue* queue = queue_named(name);
  return queue == nullptr ? nullptr : &queue->info;
}

Result<const QueueInfo*> Topology::require_queue(std::string_view name) const {
  if (const QueueInfo* queue = find_queue(name)) return queue;
  return not_found("queue", name, vhost_);
}

DestinationPtr Topology::destination(std::string_view queue) const {
  const Queue* found = queue_named(queue);
  return found == nullptr ? nullptr : found->destination;
}

void Topology::set_queue_pause(std::string_view name, QueuePause pause) {
  Queue* queue = queue_named(name);
  MQ_CHECK(queue != nullptr);
  queue->info.paused = pause;
}

void Topology::set_queue_arguments(std::string_view name, amqp::Table arguments) {
  Queue* queue = queue_named(name);
  MQ_CHECK(queue != nullptr);
  queue->info.arguments = std::move(arguments);
}

TopologyChange Topology::remove_queue(std::string_view name) {
  TopologyChange change;
  Queue* queue = queue_named(name);
  if (queue == nullptr) return change;
  change.changed = true;
  while (!queue->to.empty()) remove_binding(queue->to.first, change);
  parts_->queues.remove(*queue);
  ++version_;
  remove_unbound(change);
  return change;
}

// --- bindings ---

namespace {

bool names_default_exchange(const BindingInfo& binding) {
  return binding.source.empty() || (binding.to == BindTo::kExchange && binding.destination.empty());
}

}  // namespace

Result<TopologyChange> Topology::bind(const BindingInfo& binding, std::uint64_t most) {
  if (names_default_exchange(binding)) return default_exchange_refused();
  Exchange* source = exchange_named(binding.source);
  if (source == nullptr) return not_found("exchange", binding.source, vhost_);
  std::optional<Parts::End> end = parts_->find_end(binding.to, binding.destination);
  if (!end) return not_found(binding.to == BindTo::kQueue ? "queue" : "exchange", binding.destination, vhost_);
  if (auto fit = source->bindings->validate(binding.routing_key, binding.arguments); !fit) return fit.error();

  TopologyChange change;
  auto wanted = BindingIndex::describe(exchange_target(source->number), end->target, binding.routing_key, binding.arguments);
  if (parts_->bindings.find(wanted) != kNoBinding) return change;
  if (most != 0 && parts_->bindings.size() >= most) return too_many_bindings(vhost_, binding.source, binding.destination, most);
  parts_->bindings.add(wanted, source->from, *end->bindings);
  source->bindings->add({end->target, binding.destination, is_exchange(end->target)}, binding.routing_key, binding.arguments);
  ++version_;
  change.changed = true;
  return change;
}

Result<TopologyChange> Topology::unbind(const BindingInfo& binding) {
  if (names_default_exchange(binding)) return default_exchange_refused();
  TopologyChange change;
  Exchange* source = exchange_named(binding.source);
  std::optional<Parts::End> end = parts_->find_end(binding.to, binding.destination);
  if (source == nullptr || !end) return change;
  auto wanted = BindingIndex::describe(exchange_target(source->number), end->target, binding.routing_key, binding.arguments);
  BindingId found = parts_->bindings.find(wanted);
  if (found == kNoBinding) return change;
  remove_binding(found, change);
  remove_unbound(change);
  return change;
}

BindingInfo Topology::describe(BindingId id) const {
  const BindingIndex::Binding& binding = parts_->bindings[id];
  BindingInfo info;
  info.source = parts_->exchanges[number_of(binding.source)].info.name;
  info.to = is_exchange(binding.destination) ? BindTo::kExchange : BindTo::kQueue;
  info.destination = is_exchange(binding.destination) ? parts_->exchanges[number_of(binding.destination)].info.name
                                                      : parts_->queues[number_of(binding.destination)].info.name;
  info.routing_key = binding.routing_key;
  info.arguments = BindingIndex::arguments_of(binding);
  return info;
}

void Topology::remove_binding(BindingId id, TopologyChange& change) {
  const BindingIndex::Binding& binding = parts_->bindings[id];
  Exchange& source = parts_->exchanges[number_of(binding.source)];
  BindingList& to = is_exchange(binding.destination) ? parts_->exchanges[number_of(binding.destination)].to
                                                     : parts_->queues[number_of(binding.destination)].to;
  change.removed_bindings.push_back(describe(id));
  change.changed = true;
  source.bindings->remove(binding.destination, binding.routing_key, BindingIndex::arguments_of(binding));
  parts_->bindings.remove(id, source.from, to);
  ++version_;
  if (source.info.auto_delete && source.from.empty() && !source.removing) {
    source.removing = true;
    parts_->unbound.push_back(source.number);
  }
}

// Removing an auto-delete exchange takes bindings to it along, which may leave their sources unbound in turn: hence a list, no recursion.
void Topology::remove_unbound(TopologyChange& change) {
  while (!parts_->unbound.empty()) {
    std::uint32_t number = parts_->unbound.back();
    parts_->unbound.pop_back();
    remove_exchange(parts_->exchanges[number], change);
  }
}

// --- listings ---

std::vector<ExchangeInfo> Topology::exchanges() const {
  std::vector<ExchangeInfo> list;
  parts_->exchanges.for_each([&](const Exchange& exchange) { list.push_back(exchange.info); });
  return list;
}

std::vector<QueueInfo> Topology::queues() const {
  std::vector<QueueInfo> list;
  list.reserve(parts_->queues.size());
  parts_->queues.for_each([&](const Queue& queue) { list.push_back(queue.info); });
  return list;
}

std::vector<BindingInfo> Topology::bindings() const {
  std::vector<BindingInfo> list;
  list.reserve(parts_->bindings.size());
  parts_->exchanges.for_each([&](const Exchange& exchange) {
    for (BindingId id = exchange.from.first; id != kNoBinding; id = parts_->bindings[id].next_from) list.push_back(describe(id));
  });
  return list;
}

std::vector<BindingInfo> Topology::bindings_from(std::string_view exchange) const {
  std::vector<BindingInfo> list;
  const Exchange* source = exchange_named(exchange);
  if (source == nullptr) return list;
  for (BindingId id = source->from.first; id != kNoBinding; id = parts_->bindings[id].next_from) list.push_back(describe(id));
  return list;
}

std::vector<BindingInfo> Topology::bindings_to(BindTo to, std::string_view destination) const {
  std::vector<BindingInfo> list;
  std::optional<Parts::End> end = parts_->find_end(to, destination);
  if (!end) return list;
  for (BindingId id = end->bindings->first; id != kNoBinding; id = parts_->bindings[id].next_to) list.push_back(describe(id));
  return list;
}

std::size_t Topology::queue_count() const noexcept { return parts_->queues.size(); }

}  // namespace mq::broker
