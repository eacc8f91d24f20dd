// The topology of one vhost: its exchanges, queues (as names and targets) and bindings, and how a message finds its queues.
//
// Pure and not thread-safe: engine/vhost changes it under an exclusive lock on the vhost's strand and lets sessions call the const
// functions under a shared lock. `version()` grows with every change that could alter a route, so that callers may cache routes.
//
// Error texts are RabbitMQ's (see docs/semantics.md): clients assert them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "broker/exchanges/deduplicating.hpp"
#include "mq/amqp/table.hpp"
#include "mq/base/result.hpp"
#include "mq/ports/exchange_type.hpp"
#include "mq/ports/storage.hpp"

namespace mq::broker {

/// What a queue is to the topology: something the engine can hand messages to. The engine derives its actor from this.
class Destination {
 public:
  virtual ~Destination() = default;
};
using DestinationPtr = std::shared_ptr<Destination>;

class RecentHistory;

struct ExchangeInfo {
  std::string name;
  std::string type;  ///< direct, fanout, topic, headers, ...
  bool durable = false;
  bool auto_delete = false;
  bool internal = false;
  amqp::Table arguments;
};

/// Identifies the connection that owns an exclusive queue; 0 = not exclusive.
using OwnerId = std::uint64_t;

/// What an operator has stopped a queue from doing. Both may be.
struct QueuePause {
  bool delivery = false;  ///< consumers and basic.get get nothing
  bool publish = false;   ///< publishes are refused
  bool operator==(const QueuePause&) const = default;
};

struct QueueInfo {
  std::string name;
  QueueId id = 0;
  bool durable = false;
  bool auto_delete = false;
  bool exclusive = false;
  OwnerId owner = 0;
  amqp::Table arguments;
  QueuePause paused{};
};

enum class BindTo : std::uint8_t { kQueue, kExchange };

struct BindingInfo {
  std::string source;
  BindTo to = BindTo::kQueue;
  std::string destination;
  std::string routing_key;
  amqp::Table arguments;
  bool operator==(const BindingInfo&) const = default;
};

/// What a change took along; the engine makes the durable part of it durable.
struct TopologyChange {
  std::vector<ExchangeInfo> removed_exchanges;  ///< named one first, then auto-deleted ones
  std::vector<BindingInfo> removed_bindings;
  std::uint64_t forgotten_bytes = 0;  ///< of the histories of removed exchanges
  bool changed = false;               ///< false when there was nothing to do (idempotent calls)
};

/// Where a message goes.
struct Route {
  std::vector<DestinationPtr> queues;      ///< each once, in a stable order
  std::vector<RecentHistory*> remembered;  ///< of exchanges on the way that keep messages; good until the topology changes
  ExchangeDeduplicationPtr unique;         ///< of the exchange it was published to, if that lets each id in once
  bool key_only = true;                    ///< true when the same exchange and routing key give the same queues until version() changes
};

/// May `wanted` be declared when `existing` is there, as far as anything but arguments goes? Error: 406 `inequivalent arg 'type' ...`.
[[nodiscard]] Result<> check_same_properties(std::string_view vhost, const ExchangeInfo& existing, const ExchangeInfo& wanted);

class Topology {
 public:
  /// `vhost` only names the vhost in error texts. Starts with the default exchange and the amq.* exchanges.
  explicit Topology(std::string vhost);
  ~Topology();
  Topology(const Topology&) = delete;
  Topology& operator=(const Topology&) = delete;

  [[nodiscard]] std::uint64_t version() const noexcept { return version_; }
  [[nodiscard]] const std::string& vhost() const noexcept { return vhost_; }

  // --- exchanges ---
  /// Declares; true = newly created. Errors: reserved prefix `amq.` (403), unknown type (406), inequivalent arg (406), bad
  /// alternate-exchange type (406), default exchange (403). Equivalence looks at type, durable, auto_delete, internal and
  /// alternate-exchange only. 406 as well where there are `most` of them already, the ones that are always there among them; 0 = no limit.
  [[nodiscard]] Result<bool> declare_exchange(const ExchangeInfo& wanted, std::uint64_t most = 0);
  /// As stored by an earlier run: no reserved-name check; a type no longer known is an error.
  [[nodiscard]] Result<> restore_exchange(const ExchangeInfo& stored);
  [[nodiscard]] const ExchangeInfo* find_exchange(std::string_view name) const noexcept;
  /// What an exchange keeps for later bindings; null for types that keep nothing. Whoever touches it sees to it that nobody else does.
  [[nodiscard]] RecentHistory* find_history(std::string_view exchange) const noexcept;
  /// How an exchange lets each id in once; null for those that do not.
  [[nodiscard]] ExchangeDeduplicationPtr find_deduplication(std::string_view exchange) const noexcept;
  /// 404 `no exchange 'x' in vhost '/'` when missing.
  [[nodiscard]] Result<const ExchangeInfo*> require_exchange(std::string_view name) const;
  /// Missing = success without change. Errors: default exchange and amq.* (403), in use with if_unused (406).
  [[nodiscard]] Result<TopologyChange> delete_exchange(std::string_view name, bool if_unused);

  /// The alternate exchange that a policy gives; empty = none. The exchange's own argument, where it has one, wins.
  void set_policy_alternate(std::string_view exchange, std::string alternate);

  // --- queues ---
  /// Adds a queue that is not there yet (the engine has looked). Pointers to its QueueInfo stay good until it is removed.
  void add_queue(const QueueInfo& queue, DestinationPtr destination);
  [[nodiscard]] const QueueInfo* find_queue(std::string_view name) const noexcept;
  /// 404 `no queue 'q' in vhost '/'` when missing.
  [[nodiscard]] Result<const QueueInfo*> require_queue(std::string_view name) const;
  [[nodiscard]] DestinationPtr destination(std::string_view queue) const;
  /// Of a queue that is there. Routes do not change by it, nor does version().
  void set_queue_pause(std::string_view name, QueuePause pause);
  void set_queue_arguments(std::string_view name, amqp::Table arguments);
  /// Takes the queue, its bindings, and exchanges that auto-delete with them.
  TopologyChange remove_queue(std::string_view name);

  // --- bindings ---
  /// Two bindings are one when ends, routing key and arguments are equal, whatever the order of the arguments. What a change reports is
  /// the binding as it was first made.
  /// Idempotent. Errors: missing ends (404), default exchange (403), what the exchange type refuses (406), `most` of them already (406;
  /// 0 = no limit).
  [[nodiscard]] Result<TopologyChange> bind(const BindingInfo& binding, std::uint64_t most = 0);
  /// Missing binding, or missing end, = success without change; the default exchange is refused (403).
  [[nodiscard]] Result<TopologyChange> unbind(const BindingInfo& binding);

  // --- routing ---
  /// The queues a message enters: through `exchange`, exchange-to-exchange bindings (cycles cut), and alternate exchanges where an
  /// exchange's own routing yields nothing. `input.routing_key` and each of `more_keys` (CC, BCC) are tried. An unknown exchange
  /// yields an empty route. `out` is overwritten; its capacity is reused.
  void route(std::string_view exchange, const RoutingInput& input, std::span<const std::string_view> more_keys, Route& out) const;

  // --- listings --- (in an order that only changes of the topology alter)
  [[nodiscard]] std::vector<ExchangeInfo> exchanges() const;
  [[nodiscard]] std::vector<QueueInfo> queues() const;
  [[nodiscard]] std::vector<BindingInfo> bindings() const;  ///< without the default exchange's implicit ones
  /// Bindings from that exchange / to that queue or exchange.
  [[nodiscard]] std::vector<BindingInfo> bindings_from(std::string_view exchange) const;
  [[nodiscard]] std::vector<BindingInfo> bindings_to(BindTo to, std::string_view destination) const;
  [[nodiscard]] std::size_t queue_count() const noexcept;

 private:
  struct Exchange;
  struct Queue;
  struct Parts;

  Exchange* exchange_named(std::string_view name) const noexcept;
  Queue* queue_named(std::string_view name) const noexcept;
  void add_exchange(const ExchangeInfo& info, const ExchangeType& type);
  void remove_exchange(Exchange& exchange, TopologyChange& change);
  void remove_binding(std::uint32_t binding, TopologyChange& change);
  void remove_unbound(TopologyChange& change);
  BindingInfo describe(std::uint32_t binding) const;

  std::string vhost_;
  std::uint64_t version_ = 1;
  std::unique_ptr<Parts> parts_;
};

}  // namespace mq::broker
