// Exchanges that let each id in once: the type `x-message-deduplication`, known from a plugin of RabbitMQ, which routes like a fanout, and
// any exchange with the argument `x-message-deduplication`. Routing knows nothing of it: publishers ask first (engine/deduplicator.hpp).
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "broker/queue_settings.hpp"
#include "mq/ports/exchange_type.hpp"

namespace mq::broker {

struct ExchangeInfo;

inline constexpr std::string_view kDeduplicationType = "x-message-deduplication";

/// What such an exchange does; the same object as long as it lives, another one for the next exchange of the name.
struct ExchangeDeduplication {
  std::string exchange;
  bool durable = false;
  DeduplicationSettings settings;
  mutable std::atomic<std::uint64_t> duplicates{0};  ///< kept out so far
};
using ExchangeDeduplicationPtr = std::shared_ptr<const ExchangeDeduplication>;

/// Null for all other exchanges. The arguments are valid.
[[nodiscard]] ExchangeDeduplicationPtr make_deduplication(const ExchangeInfo& exchange);

/// 406 in the plugin's words when arguments of the type are missing or wrong: `x-cache-size` is required.
[[nodiscard]] Result<> check_deduplication_type(const amqp::Table& exchange_arguments);
/// The same for exchanges of other types, where everything has a default.
[[nodiscard]] Result<> check_deduplication_arguments(const amqp::Table& exchange_arguments);

}  // namespace mq::broker
