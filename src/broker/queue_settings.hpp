// What a queue's arguments, its policy and the operator policy come to: resolved once (queue_arguments.hpp), read by the queue. Nobody
// parses an `x-` string after that. Units stand last in the names; nullopt = not set, no limit.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "mq/base/clock.hpp"

namespace mq::broker {

/// The kinds of queue a client may ask for with x-queue-type.
enum class QueueType : std::uint8_t { kClassic, kQuorum, kStream };

/// What happens to a publish that meets a full queue.
enum class Overflow : std::uint8_t {
  kDropHead,          ///< the next message to be delivered goes (dead-lettered with reason maxlen)
  kDropLowest,        ///< the oldest message of the lowest priority goes, likewise
  kRejectPublish,     ///< the new message is refused with basic.nack
  kRejectPublishDlx,  ///< refused, and dead-lettered as well
};
[[nodiscard]] constexpr bool refuses_when_full(Overflow overflow) noexcept {
  return overflow == Overflow::kRejectPublish || overflow == Overflow::kRejectPublishDlx;
}

/// How hard the queue tries to get a dead letter to its exchange.
enum class DeadLetterStrategy : std::uint8_t { kAtMostOnce, kAtLeastOnce };

/// Which returns make a message wait: RabbitMQ's words for x-delayed-retry-type.
enum class RetryOn : std::uint8_t {
  kNothing,   ///< `disabled`: a returned message is ready at once
  kAll,       ///< `all`
  kFailed,    ///< `failed`: basic.reject with requeue, or the consumer, its channel or its connection went
  kReturned,  ///< `returned`: basic.nack with requeue, basic.recover
};
/// How the wait grows with the number of returns.
enum class Backoff : std::uint8_t { kFixed, kLinear, kExponential };

/// How long a returned message stays away before it is delivered again (queue/retry.hpp).
struct RetrySettings {
  RetryOn on = RetryOn::kNothing;
  Backoff backoff = Backoff::kLinear;
  Millis min_ms = 1000;             ///< after the first return
  Millis max_ms = 315'360'000'000;  ///< never longer
  double multiplier = 2;            ///< of the exponential backoff
  std::uint8_t jitter_percent = 0;  ///< up to so much of the wait is taken off, different for each message
  bool operator==(const RetrySettings&) const = default;
};

/// What makes messages a group, whose order is kept while others pass (queue/group_selector.hpp).
struct GroupBy {
  enum class What : std::uint8_t { kNothing, kHeader, kRoutingKey, kCorrelationId, kMessageId, kType, kAppId, kUserId };
  What what = What::kNothing;
  std::string header;  ///< of kHeader: its name
  bool operator==(const GroupBy&) const = default;
};

/// Which messages are duplicates of others, how long that is remembered, and what becomes of them (deduplication.hpp). Of a queue, or of an
/// exchange.
struct DeduplicationSettings {
  static constexpr std::uint64_t kDefaultIds = 20'000;   ///< remembered where nothing is said
  static constexpr std::uint64_t kMostIds = 10'000'000;  ///< remembered where only a time is given

  bool on = false;
  bool by_message_id = false;                        ///< the property, not a header
  bool in_memory = false;                            ///< ids are not on disk
  std::optional<std::uint64_t> cache_size;           ///< ids; at least 1
  std::optional<Millis> cache_ttl_ms;                ///< at least 1
  std::string header = "x-deduplication-header";     ///< its name
  std::optional<std::string> duplicate_exchange;     ///< where duplicates go
  std::optional<std::string> duplicate_routing_key;  ///< nullopt = their own

  [[nodiscard]] std::uint64_t max_ids() const noexcept { return cache_size.value_or(cache_ttl_ms ? kMostIds : kDefaultIds); }
  bool operator==(const DeduplicationSettings&) const = default;
};

struct QueueSettings {
  std::optional<Millis> message_ttl_ms;           ///< 0 = deliver at once or drop
  std::optional<Millis> expires_ms;               ///< the unused queue goes after this long; at least 1
  std::optional<std::uint64_t> max_length;        ///< ready messages
  std::optional<std::uint64_t> max_length_bytes;  ///< bodies of ready messages
  std::optional<std::string> dead_letter_exchange;
  std::optional<std::string> dead_letter_routing_key;
  std::optional<std::int64_t> delivery_limit;  ///< failed attempts a message survives; never negative here (unlimited = nullopt)
  std::optional<Millis> consumer_timeout_ms;   ///< how long a delivery may stay unacknowledged; 0 = for ever; nullopt = as configured
  std::optional<std::uint8_t> max_priority;
  RetrySettings retry;
  GroupBy group_by;
  DeduplicationSettings deduplication;
  QueueType type = QueueType::kClassic;
  Overflow overflow = Overflow::kDropHead;
  DeadLetterStrategy dead_letter_strategy = DeadLetterStrategy::kAtMostOnce;
  bool single_active_consumer = false;

  /// Exchange and routing key for duplicates, or for those that die.
  struct WayOut {
    const std::optional<std::string>&exchange, &routing_key;
  };
  [[nodiscard]] WayOut way_out(bool duplicate) const noexcept {
    if (duplicate) return {deduplication.duplicate_exchange, deduplication.duplicate_routing_key};
    return {dead_letter_exchange, dead_letter_routing_key};
  }

  bool operator==(const QueueSettings&) const = default;
};

}  // namespace mq::broker
