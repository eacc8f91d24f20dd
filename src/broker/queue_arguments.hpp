// The table of queue arguments: one row per `x-` argument says who takes it, what values it may have, which policy key means the same,
// how the two are merged, and which field of QueueSettings it sets. A new argument is a row. Pure.
//
// Error texts are RabbitMQ's: clients assert them.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "broker/queue_settings.hpp"
#include "broker/topology.hpp"
#include "mq/amqp/table.hpp"
#include "mq/base/result.hpp"

namespace mq::broker {

/// What is left when an argument and a policy (or a policy and an operator policy) both have a value.
enum class Merge : std::uint8_t {
  kArgumentOnly,  ///< no policy sets this
  kLess,          ///< the smaller number
  kLimit,         ///< the smaller number, but a negative one means no limit: then the larger
  kArgumentWins,
  kPolicyWins,
};

enum class ArgumentKind : std::uint8_t {
  kInteger,  ///< of any width
  kNumber,   ///< an integer or a float; `least` and `most` bound it
  kString,
  kBoolean,
  kIgnored,  ///< other brokers' and old versions' business: any value is taken, kept, and means nothing
};

/// Of quorum queues that set none, since RabbitMQ 4.0.
inline constexpr std::int64_t kDefaultDeliveryLimit = 20;

/// Set of queue types, one bit each.
using QueueTypes = std::uint8_t;
[[nodiscard]] constexpr QueueTypes only(QueueType type) noexcept { return static_cast<QueueTypes>(1u << static_cast<unsigned>(type)); }

struct QueueArgument {
  std::string_view name;
  std::string_view policy_key;  ///< empty = none
  bool in_operator_policy = false;
  QueueTypes types = 0;  ///< which take it; the others refuse it
  ArgumentKind kind = ArgumentKind::kIgnored;
  std::int64_t least = 0;  ///< of an integer
  std::int64_t most = 0;
  std::string_view too_large;  ///< the error term for more than `most`
  /// Null, or says what else is wrong with a value of the right kind: an error term, empty = nothing.
  std::string (*check)(const amqp::Value& value, const amqp::Table& arguments) = nullptr;
  Merge merge = Merge::kArgumentOnly;
  void (*apply)(QueueSettings& settings, const amqp::Value& value) = nullptr;  ///< null = sets nothing
  std::string_view policy_noun{};  ///< what error texts call the policy key's value: `-1 is not a valid message TTL`
};

/// All rows, in the order in which values are checked.
[[nodiscard]] std::span<const QueueArgument> queue_arguments() noexcept;
/// The row of that argument, or null: unknown arguments are kept and mean nothing.
[[nodiscard]] const QueueArgument* find_queue_argument(std::string_view name) noexcept;
/// The row whose policy key that is, or null.
[[nodiscard]] const QueueArgument* find_queue_policy_key(std::string_view key) noexcept;
/// May a policy give the row that value?
[[nodiscard]] bool is_policy_value(const QueueArgument& row, const amqp::Value& value);

/// May a new queue be declared like this? Errors: 406 `invalid arg 'x-expires' for queue 'q' in vhost '/': {value_zero,0}` and its kin,
/// 406 `invalid property 'non-durable' for queue 'q' in vhost '/'` for quorum queues, 540 for streams.
[[nodiscard]] Result<> validate_queue_arguments(std::string_view vhost, std::string_view queue, bool durable, bool exclusive,
                                                bool auto_delete, const amqp::Table& arguments);

/// The type the arguments ask for; classic when they do not say, or say nothing known.
[[nodiscard]] QueueType queue_type_of(const amqp::Table& arguments) noexcept;
/// `classic`, `quorum`, `stream`.
[[nodiscard]] std::string_view queue_type_name(QueueType type) noexcept;

/// Merges arguments (valid ones) with the definitions of the policy and the operator policy that match the queue; null = none matches.
/// Policy values that do not fit their row are passed over. `default_delivery_limit` holds for quorum queues where none of them says
/// otherwise; negative = no limit.
[[nodiscard]] QueueSettings resolve(const amqp::Table& arguments, const amqp::Table* policy, const amqp::Table* operator_policy,
                                    std::int64_t default_delivery_limit = kDefaultDeliveryLimit);
/// What a policy and an operator policy (either may be null) come to together: each key once, in order, with the value that counts.
[[nodiscard]] amqp::Table merge_policies(const amqp::Table* policy, const amqp::Table* operator_policy);

/// As check_equivalent(), but arguments may differ.
[[nodiscard]] Result<> check_same_properties(std::string_view vhost, const QueueInfo& existing, const QueueInfo& wanted, OwnerId asking);
/// May `asking` declare `wanted` when `existing` is there? Errors: 405 when exclusiveness or its owner differ, 406 `inequivalent arg ...`.
/// Policies play no part. An exclusive queue counts as not durable, whatever was declared, as in RabbitMQ.
[[nodiscard]] Result<> check_equivalent(std::string_view vhost, const QueueInfo& existing, const QueueInfo& wanted, OwnerId asking);

/// The queue's arguments with the entries of `changes` in them; a void takes one away. Errors: what validate_queue_arguments() says.
[[nodiscard]] Result<amqp::Table> change_arguments(std::string_view vhost, const QueueInfo& queue, const amqp::Table& changes);

/// May that connection use the queue? 405 when another one owns it.
[[nodiscard]] Result<> check_exclusive_access(std::string_view vhost, const QueueInfo& queue, OwnerId asking);

}  // namespace mq::broker
