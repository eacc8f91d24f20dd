#include "engine/vhost.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "broker/delay.hpp"
#include "broker/names.hpp"
#include "broker/queue/dead_letter.hpp"
#include "broker/queue_arguments.hpp"
#include "broker/recent_history.hpp"
#include "engine/deduplicator.hpp"
#include "engine/delayed.hpp"
#include "engine/metadata.hpp"

namespace mq::engine {
namespace {

std::string encode_id(QueueId id) {
  std::string value;
  ByteWriter(value).u64(id);
  return value;
}

}  // namespace

VHost::VHost(std::shared_ptr<Strand> strand, std::shared_ptr<QueueServices> services, std::string name,
             std::function<QueueId()> new_queue_id)
    : Actor(std::move(strand)), services_(std::move(services)), name_(std::move(name)), new_queue_id_(std::move(new_queue_id)),
      topology_(name_) {
  version_.store(topology_.version());
  roam(true);  // whoever declares waits for the answer
}

VHost::~VHost() {
  std::uint64_t remembered = 0;
  for (const broker::ExchangeInfo& exchange : topology_.exchanges())
    if (const broker::RecentHistory* history = topology_.find_history(exchange.name)) remembered += history->memory_bytes();
  services_->memory_used_bytes.fetch_sub(static_cast<std::int64_t>(remembered));
}

// --- any thread ---

void VHost::route(std::string_view exchange, broker::RoutingInput input, std::span<const std::string_view> more_keys,
                  const broker::MessagePtr& passing, broker::Route& out) const {
  std::shared_lock lock(mutex_);
  route_locked(exchange, input, more_keys, passing, out);
}

// A message is routed and remembered under one lock, and a binding is made and given the history under its exclusive side. So a queue gets
// each message once, by its binding or out of the history.
void VHost::route_locked(std::string_view exchange, broker::RoutingInput input, std::span<const std::string_view> more_keys,
                         const broker::MessagePtr& passing, broker::Route& out) const {
  input.chance = &services_->scheduler;
  topology_.route(exchange, input, more_keys, out);
  if (!passing || out.remembered.empty()) return;
  std::int64_t grown = 0;
  {
    std::lock_guard lock(history_mutex_);
    for (broker::RecentHistory* history : out.remembered) grown += history->add(passing);
  }
  services_->memory_used_bytes.fetch_add(grown, std::memory_order_relaxed);
}

Result<FoundQueue> VHost::find_queue(std::string_view name, broker::OwnerId asking) const {
  std::shared_lock lock(mutex_);
  auto info = topology_.require_queue(name);
  if (!info) return info.error();
  if (auto allowed = broker::check_exclusive_access(name_, **info, asking); !allowed) return allowed.error();
  return FoundQueue{**info, std::static_pointer_cast<QueueActor>(topology_.destination(name))};
}

std::vector<std::shared_ptr<QueueActor>> VHost::route_dead_letter(const broker::MessagePtr& message, bool with_copies) {
  const broker::Message& letter = *message;
  const amqp::PropertiesView properties = letter.properties();
  std::vector<std::string_view> copies;
  if (with_copies) copies = broker::carbon_copies(properties.headers, "CC");
  broker::Route route;
  bool known = true;
  {
    std::shared_lock lock(mutex_);
    known = letter.exchange().empty() || topology_.find_exchange(letter.exchange()) != nullptr;
    if (known) route_locked(letter.exchange(), {letter.routing_key(), properties.headers, &properties}, copies, message, route);
  }
  if (!known && lost_letters_.fetch_add(1) == 0)
    log::warn("vhost '{}': dead-letter exchange '{}' does not exist; messages for it are dropped (reported once)", name_,
              letter.exchange());
  std::vector<std::shared_ptr<QueueActor>> targets;
  for (auto& queue : route.queues) targets.push_back(std::static_pointer_cast<QueueActor>(std::move(queue)));
  return targets;
}

void VHost::route_delayed(const broker::MessagePtr& message, LateRoute& out) const {
  const amqp::PropertiesView properties = message->properties();
  std::vector<std::string_view> copies = broker::carbon_copies(properties.headers, "CC");
  for (std::string_view key : broker::carbon_copies(properties.headers, "BCC")) copies.push_back(key);
  out.message = properties.headers.find("BCC") ? broker::without_blind_copies(*message) : message;
  broker::Route route;
  {
    std::shared_lock lock(mutex_);
    out.exchange_known = message->exchange().empty() || topology_.find_exchange(message->exchange()) != nullptr;
    route_locked(message->exchange(), {message->routing_key(), properties.headers, &properties}, copies, out.message, route);
  }
  out.key_only = route.key_only;
  out.queues.clear();
  for (auto& queue : route.queues) out.queues.push_back(std::static_pointer_cast<QueueActor>(std::move(queue)));
}

std::optional<UnixMillis> VHost::dead_letter_due(const broker::Message& letter, UnixMillis now) const {
  const amqp::PropertiesView properties = letter.properties();
  if (!broker::asks_for_delay(properties.headers)) return std::nullopt;
  const bool delays = with_topology([&](const broker::Topology& topology) {
    const broker::ExchangeInfo* exchange = topology.find_exchange(letter.exchange());
    return exchange != nullptr && broker::is_delaying(*exchange);
  });
  if (!delays) return std::nullopt;
  const auto due = broker::due_time(properties.headers, now, /*lenient=*/true);
  return due ? *due : std::nullopt;
}

const std::shared_ptr<DelayedMessages>& VHost::delayed() {
  if (has_delayed_.load(std::memory_order_acquire)) return delayed_;
  std::lock_guard lock(delayed_mutex_);
  if (!delayed_) {
    delayed_ = std::make_shared<DelayedMessages>(services_->scheduler.make_strand(), services_, self(), name_, new_queue_id_());
    has_delayed_.store(true, std::memory_order_release);
  }
  return delayed_;
}

std::shared_ptr<DelayedMessages> VHost::delayed_if_any() const { return has_delayed_.load(std::memory_order_acquire) ? delayed_ : nullptr; }

const std::shared_ptr<Deduplicator>& VHost::deduplicator() {
  if (has_deduplicator_.load(std::memory_order_acquire)) return deduplicator_;
  std::lock_guard lock(delayed_mutex_);
  if (!deduplicator_) {
    deduplicator_ = std::make_shared<Deduplicator>(services_->scheduler.make_strand(), services_, self(), name_, new_queue_id_);
    has_deduplicator_.store(true, std::memory_order_release);
  }
  return deduplicator_;
}

std::shared_ptr<Deduplicator> VHost::deduplicator_if_any() const {
  return has_deduplicator_.load(std::memory_order_acquire) ? deduplicator_ : nullptr;
}

std::vector<std::shared_ptr<QueueActor>> VHost::queues() const {
  std::shared_lock lock(mutex_);
  std::vector<std::shared_ptr<QueueActor>> actors;
  for (const broker::QueueInfo& info : topology_.queues())
    actors.push_back(std::static_pointer_cast<QueueActor>(topology_.destination(info.name)));
  return actors;
}

// --- recovery ---

std::shared_ptr<QueueActor> VHost::make_actor(const broker::QueueInfo& info, broker::QueueSettings settings) {
  broker::QueueInfo own = info;
  own.durable = is_stored(info);
  return std::make_shared<QueueActor>(services_->scheduler.make_strand(), services_, self(), std::move(own), std::move(settings));
}

void VHost::restore_exchange(const broker::ExchangeInfo& info) {
  auto restored = change_topology([&](broker::Topology& topology) {
    auto done = topology.restore_exchange(info);
    topology.set_policy_alternate(info.name, broker::alternate_exchange_of(*policies_, info.name));
    return done;
  });
  if (!restored) log::error("vhost '{}': exchange '{}' cannot be restored: {}", name_, info.name, restored.error().text);
}

std::shared_ptr<QueueActor> VHost::restore_queue(const broker::QueueInfo& info) {
  auto actor = make_actor(info, settings_of(info));
  change_topology([&](broker::Topology& topology) { return topology.add_queue(info, actor), true; });
  return actor;
}

void VHost::restore_binding(const broker::BindingInfo& info) {
  auto bound = change_topology([&](broker::Topology& topology) { return topology.bind(info); });
  if (!bound)
    log::error("vhost '{}': binding '{}' -> '{}' cannot be restored: {}", name_, info.source, info.destination, bound.error().text);
}

void VHost::restore_delayed(DelayedBook book, const DelayedState& state) {
  delayed_ = std::make_shared<DelayedMessages>(services_->scheduler.make_strand(), services_, self(), name_, book);
  delayed_->restore(state);
  has_delayed_.store(true, std::memory_order_release);
}

bool VHost::restore_seen_ids(const std::string& exchange, SeenWindow window, const RecoveredSeen& recovered) {
  const broker::ExchangeDeduplicationPtr found = topology_.find_deduplication(exchange);
  if (found) deduplicator()->restore(found, window, recovered);
  return found != nullptr;
}

// --- the strand ---

void VHost::handle(VHostItem& item) {
  std::visit(
      [&](auto& each) {
        using Item = std::decay_t<decltype(each)>;
        if constexpr (std::is_same_v<Item, DeclareQueue>) {
          if (park_if_going(each.wanted.name, item)) return;
        } else if constexpr (std::is_same_v<Item, DeleteQueue>) {
          if (park_if_going(each.name, item)) return;
        } else if constexpr (std::is_same_v<Item, ChangePause> || std::is_same_v<Item, ChangeArguments>) {
          if (park_if_going(each.queue, item)) return;
        }
        on(each);
      },
      item);
}

bool VHost::park_if_going(const std::string& queue, VHostItem& item) {
  auto going = going_.find(queue);
  if (going == going_.end()) return false;
  going->second.push_back(std::move(item));
  return true;
}

void VHost::unpark(const std::string& queue) {
  auto going = going_.find(queue);
  if (going == going_.end()) return;
  std::vector<VHostItem> parked = std::move(going->second);
  going_.erase(going);
  for (VHostItem& item : parked) handle(item);
}

void VHost::commit(WriteSet set, std::function<void()> done) {
  if (set.empty()) return done();
  set.needs_sync = true;
  services_->committer.submit(std::move(set), std::move(done));
}

void VHost::on(DeclareQueue& item) {
  const broker::OwnerId asking = item.reply.asker ? item.reply.asker->owner_id() : 0;
  auto found = find_queue(item.wanted.name, asking);
  if (!found && found.error().code != ReplyCode::kNotFound) return item.reply.send(found.error());
  if (found) {
    if (!item.passive) {
      if (auto same = check_redeclared(found->info, item.wanted, asking); !same) return item.reply.send(same.error());
    }
    return found->actor->put(AskStats{item.reply});
  }
  if (item.passive) return item.reply.send(found.error());
  create_queue(item);
}

void VHost::create_queue(DeclareQueue& item) {
  broker::QueueInfo& wanted = item.wanted;
  if (!item.generated)
    if (auto free = broker::check_new_name("queue", wanted.name); !free) return item.reply.send(free.error());
  if (auto room = check_room_for_queue(wanted.name); !room) return item.reply.send(room.error());
  if (auto valid =
          broker::validate_queue_arguments(name_, wanted.name, wanted.durable, wanted.exclusive, wanted.auto_delete, wanted.arguments);
      !valid)
    return item.reply.send(valid.error());
  wanted.id = new_queue_id_();
  broker::QueueSettings settings = settings_of(wanted);
  const bool expires = settings.expires_ms.has_value();
  auto actor = make_actor(wanted, std::move(settings));
  change_topology([&](broker::Topology& topology) { return topology.add_queue(wanted, actor), true; });
  if (expires) actor->put(WakeUp{});  // its time runs from now on
  if (wanted.exclusive) owned_[wanted.owner].push_back(wanted.name);
  WriteSet set;
  if (is_stored(wanted)) {
    set.operations.emplace_back(WriteSet::PutMetadata{metadata::queue_key(name_, wanted.name), metadata::encode(wanted)});
    set.operations.emplace_back(WriteSet::PutMetadata{std::string(metadata::kNextQueueId), encode_id(wanted.id + broker::kLogsPerQueue)});
  }
  commit(std::move(set), [reply = item.reply, name = wanted.name] { reply.send(Answer{QueueStats{name, 0, 0}}); });
}

void VHost::on(DeleteQueue& item) {
  auto found = find_queue(item.name, item.asking);
  if (!found) return item.reply.send(found.error().code == ReplyCode::kNotFound ? Result<Answer>(Answer{MessageCount{0}}) : found.error());
  going_.try_emplace(item.name);
  found->actor->put(DeleteIf{item.if_unused, item.if_empty, false, item.reply});
}

std::shared_ptr<QueueActor> VHost::actor_of(const std::string& queue) const {
  return with_topology([&](const broker::Topology& topology) { return std::static_pointer_cast<QueueActor>(topology.destination(queue)); });
}

bool VHost::owner_is_leaving(const std::string& queue) const {
  return with_topology([&](const broker::Topology& topology) {
    const broker::QueueInfo* info = topology.find_queue(queue);
    return info != nullptr && leaving_.contains(info->owner);
  });
}

void VHost::on(RemoveUnused& item) {
  auto actor = actor_of(item.name);
  if (!actor || actor->id() != item.id || !going_.try_emplace(item.name).second) return item.reply.send(Answer{Done{}});
  actor->put(DeleteIf{!item.expired, false, item.expired, std::move(item.reply)});
}

void VHost::on(QueueGone& item) {
  if (!item.outcome) {
    item.reply.send(item.outcome);
    if (owner_is_leaving(item.name)) return actor_of(item.name)->put(DeleteIf{});
    return unpark(item.name);
  }
  broker::OwnerId owner = 0;
  bool stored = false;
  broker::TopologyChange change = change_topology([&](broker::Topology& topology) {
    if (const broker::QueueInfo* info = topology.find_queue(item.name)) {
      owner = info->owner;
      stored = is_stored(*info);
    }
    return topology.remove_queue(item.name);
  });
  WriteSet set;
  if (stored) set.operations.emplace_back(WriteSet::DeleteMetadata{metadata::queue_key(name_, item.name)});
  for (QueueId log : item.logs) set.operations.emplace_back(WriteSet::DropQueue{log});
  if (item.has_seen_ids) set.operations.emplace_back(WriteSet::DropSeenWindow{item.id});
  forget(change, stored, set);
  commit(std::move(set), [reply = item.reply, outcome = item.outcome, consumers = std::move(item.consumers)] {
    reply.send(outcome);
    for (const auto& [inbox, number] : consumers) inbox->put(ConsumerCancelled{number});
  });
  if (owner != 0) {
    auto owned = owned_.find(owner);
    if (owned != owned_.end()) {
      std::erase(owned->second, item.name);
      if (owned->second.empty()) owned_.erase(owned);
    }
    if (auto leaving = leaving_.find(owner); leaving != leaving_.end() && --leaving->second.first == 0) {
      leaving->second.second.send(Answer{Done{}});
      leaving_.erase(leaving);
    }
  }
  unpark(item.name);
}

void VHost::on(DeclareExchange& item) {
  if (item.passive) {
    auto found = with_topology([&](const broker::Topology& topology) -> Result<> {
      auto exchange = topology.require_exchange(item.wanted.name);
      if (!exchange) return exchange.error();
      return {};
    });
    return item.reply.send(found ? Result<Answer>(Answer{Done{}}) : found.error());
  }
  auto created = change_topology([&](broker::Topology& topology) {
    auto done = topology.declare_exchange(item.wanted, services_->exchanges_per_vhost);
    if (done && *done) topology.set_policy_alternate(item.wanted.name, broker::alternate_exchange_of(*policies_, item.wanted.name));
    return done;
  });
  if (!created) {
    auto same = check_redeclared(item.wanted, created.error());
    return item.reply.send(same ? Result<Answer>(Answer{Done{}}) : same.error());
  }
  WriteSet set;
  if (*created && item.wanted.durable)
    set.operations.emplace_back(WriteSet::PutMetadata{metadata::exchange_key(name_, item.wanted.name), metadata::encode(item.wanted)});
  commit(std::move(set), [reply = item.reply] { reply.send(Answer{Done{}}); });
}

void VHost::on(DeleteExchange& item) {
  auto change = change_topology([&](broker::Topology& topology) { return topology.delete_exchange(item.name, item.if_unused); });
  if (!change) return item.reply.send(change.error());
  WriteSet set;
  forget(*change, false, set);
  commit(std::move(set), [reply = item.reply] { reply.send(Answer{Done{}}); });
}

bool VHost::is_durable(const broker::BindingInfo& binding) const {
  const broker::ExchangeInfo* source = topology_.find_exchange(binding.source);
  if (source == nullptr || !source->durable) return false;
  if (binding.to == broker::BindTo::kExchange) {
    const broker::ExchangeInfo* destination = topology_.find_exchange(binding.destination);
    return destination != nullptr && destination->durable;
  }
  const broker::QueueInfo* destination = topology_.find_queue(binding.destination);
  return destination != nullptr && is_stored(*destination);
}

void VHost::on(ChangeBinding& item) {
  if (item.binding.to == broker::BindTo::kQueue) {
    auto found = find_queue(item.binding.destination, item.asking);
    if (!found && found.error().code != ReplyCode::kNotFound) return item.reply.send(found.error());
  }
  WriteSet set;
  bool durable = false;
  auto change = change_topology([&](broker::Topology& topology) {
    auto changed = item.add ? topology.bind(item.binding, services_->bindings_per_vhost) : topology.unbind(item.binding);
    if (!item.add || !changed || !changed->changed) return changed;
    durable = is_durable(item.binding);
    replay_history(item.binding);
    return changed;
  });
  if (!change) return item.reply.send(change.error());
  if (durable)
    set.operations.emplace_back(WriteSet::PutMetadata{metadata::binding_key(name_, item.binding), metadata::encode(item.binding)});
  if (!item.add) forget(*change, false, set);
  commit(std::move(set), [reply = item.reply] { reply.send(Answer{Done{}}); });
}

// Under the exclusive lock: whoever finds the new binding comes behind the history in the queue's mailbox.
void VHost::replay_history(const broker::BindingInfo& binding) const {
  const broker::RecentHistory* history = topology_.find_history(binding.source);
  if (history == nullptr || history->size() == 0) return;
  std::vector<broker::MessagePtr> messages;  // not in place: the destination may lead back here
  history->for_each([&](const broker::MessagePtr& message) { messages.push_back(message); });
  std::vector<std::pair<std::shared_ptr<QueueActor>, PublishBatch>> batches;
  auto stage = [&](broker::DestinationPtr destination, const broker::MessagePtr& message) {
    auto queue = std::static_pointer_cast<QueueActor>(std::move(destination));
    auto known = std::find_if(batches.begin(), batches.end(), [&](const auto& batch) { return batch.first == queue; });
    if (known == batches.end()) known = batches.insert(batches.end(), {std::move(queue), PublishBatch{}});
    known->second.messages.push_back({message, 0});
  };
  broker::Route route;
  for (const broker::MessagePtr& message : messages) {
    if (binding.to == broker::BindTo::kQueue) {
      stage(topology_.destination(binding.destination), message);
      continue;
    }
    const amqp::PropertiesView properties = message->properties();
    const std::vector<std::string_view> copies = broker::carbon_copies(properties.headers, "CC");
    route_locked(binding.destination, {message->routing_key(), properties.headers, &properties}, copies, message, route);
    for (broker::DestinationPtr& queue : route.queues) stage(std::move(queue), message);
  }
  for (auto& [queue, batch] : batches) queue->put(std::move(batch));
}

void VHost::on(DropOwner& item) {
  auto owned = owned_.find(item.owner);
  if (owned == owned_.end()) return item.reply.send(Answer{Done{}});
  leaving_[item.owner] = {owned->second.size(), item.reply};
  for (const std::string& name : std::vector<std::string>(owned->second)) {
    if (!going_.try_emplace(name).second) continue;  // on its way already
    if (auto found = find_queue(name, item.owner)) found->actor->put(DeleteIf{});
  }
}

void VHost::forget(const broker::TopologyChange& change, bool queue_was_stored, WriteSet& out) const {
  services_->memory_used_bytes.fetch_sub(static_cast<std::int64_t>(change.forgotten_bytes), std::memory_order_relaxed);
  if (const auto deduplicator = deduplicator_if_any())
    for (const broker::ExchangeInfo& exchange : change.removed_exchanges) deduplicator->put(ForgetIds{exchange.name});
  for (const broker::ExchangeInfo& exchange : change.removed_exchanges)
    if (exchange.durable) out.operations.emplace_back(WriteSet::DeleteMetadata{metadata::exchange_key(name_, exchange.name)});
  // What could not have been stored is not deleted: short-lived queues come and go without touching the disk.
  auto durable_exchange = [&](const std::string& name) {
    if (const broker::ExchangeInfo* exchange = topology_.find_exchange(name)) return exchange->durable;
    return std::any_of(change.removed_exchanges.begin(), change.removed_exchanges.end(),
                       [&](const broker::ExchangeInfo& exchange) { return exchange.name == name && exchange.durable; });
  };
  for (const broker::BindingInfo& binding : change.removed_bindings) {
    const broker::QueueInfo* queue = binding.to == broker::BindTo::kQueue ? topology_.find_queue(binding.destination) : nullptr;
    const bool durable_end = binding.to == broker::BindTo::kExchange ? durable_exchange(binding.destination)
                             : queue                                 ? is_stored(*queue)
                                                                     : queue_was_stored;
    if (durable_end && durable_exchange(binding.source))
      out.operations.emplace_back(WriteSet::DeleteMetadata{metadata::binding_key(name_, binding)});
  }
}

}  // namespace mq::engine
