// The ExchangeType port: how one kind of exchange chooses among its bindings. Pure: no clock, lock, disk or log.
//
// A BindingTable belongs to one exchange. Changes to it happen under the vhost's exclusive lock, match() under its shared lock from
// many threads at once: match() must not change anything.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "mq/amqp/properties.hpp"
#include "mq/amqp/table.hpp"
#include "mq/base/result.hpp"

namespace mq {
class Scheduler;
}

namespace mq::broker {

/// What a binding points to: an index the topology gives to a queue or an exchange. Unique per vhost while the thing lives.
using TargetId = std::uint32_t;

/// A queue or an exchange as a binding's end. The id is good while it lives; name and kind tell which one it is after a restart, or on
/// another broker.
struct Target {
  TargetId id = 0;
  std::string_view name;
  bool is_exchange = false;
};

/// What an exchange may look at. `properties` is null when the sender has none at hand; headers are then empty.
struct RoutingInput {
  std::string_view routing_key;
  amqp::TableView headers;
  const amqp::PropertiesView* properties = nullptr;
  Scheduler* chance = nullptr;  ///< for types that draw lots; null: nothing is left to chance, the first of all is taken
};

class BindingTable {
 public:
  virtual ~BindingTable() = default;

  /// Says why these cannot be bound, with RabbitMQ's text (e.g. a bad x-match).
  [[nodiscard]] virtual Result<> validate(std::string_view routing_key, const amqp::Table& arguments) const = 0;
  /// Adds a binding; the topology vouches that (target, key, arguments) is not there yet and is valid.
  virtual void add(const Target& target, const std::string& routing_key, const amqp::Table& arguments) = 0;
  /// Removes a binding that is there.
  virtual void remove(TargetId target, const std::string& routing_key, const amqp::Table& arguments) = 0;
  /// Appends the targets of all matching bindings to `out`; a target may appear more than once.
  virtual void match(const RoutingInput& input, std::vector<TargetId>& out) const = 0;
  /// True when match() depends on nothing but the routing key, and the same key always gives the same targets: results may be cached.
  [[nodiscard]] virtual bool depends_on_key_only() const noexcept = 0;
  /// True when match() is to be called for every routing key of a message (CC, BCC); false when its own key says it all.
  [[nodiscard]] virtual bool tries_every_key() const noexcept { return depends_on_key_only(); }
};

/// One row of the table of exchange types.
struct ExchangeType {
  std::string_view name;
  std::unique_ptr<BindingTable> (*make_bindings)(const amqp::Table& exchange_arguments);
  /// Null, or says why an exchange of this type cannot be declared with these arguments.
  Result<> (*validate_arguments)(const amqp::Table& exchange_arguments);
  /// Null, or how many of the messages that came through an exchange of this type is kept for later bindings. Such a type must not
  /// claim to depend on the key only: its exchanges want to see every message.
  std::uint64_t (*history_length)(const amqp::Table& exchange_arguments) = nullptr;
};

/// The row of that name, or null.
[[nodiscard]] const ExchangeType* find_exchange_type(std::string_view name) noexcept;
/// All rows, for listings.
[[nodiscard]] const std::vector<ExchangeType>& exchange_types();

}  // namespace mq::broker
