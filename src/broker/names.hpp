// Names of queues, exchanges and consumers: which are reserved, how new ones are made, how error texts speak of them. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "mq/base/result.hpp"

namespace mq::broker {

inline constexpr std::string_view kReservedPrefix = "amq.";
/// What permissions and listings call the exchange with the empty name.
inline constexpr std::string_view kDefaultExchangeAlias = "amq.default";
inline constexpr std::string_view kGeneratedQueuePrefix = "amq.gen-";
inline constexpr std::string_view kGeneratedConsumerPrefix = "amq.ctag-";

/// True for names only the broker itself may give out.
[[nodiscard]] bool is_reserved_name(std::string_view name) noexcept;

/// Refuses a new `kind` (queue, exchange) with a reserved name: 403 `queue name 'amq.x' contains reserved prefix 'amq.*'`.
[[nodiscard]] Result<> check_new_name(std::string_view kind, std::string_view name);

/// Carriage returns and line feeds are taken out of names that clients send, as RabbitMQ does: they would break logs and listings.
[[nodiscard]] std::string without_line_breaks(std::string_view name);

/// Where a generated name gets its uniqueness; the caller draws it.
using RandomBytes = std::array<std::uint8_t, 16>;
/// `prefix` and 22 characters of base64url (RFC 4648 section 5, no padding).
[[nodiscard]] std::string generate_name(std::string_view prefix, const RandomBytes& random);

/// `queue 'q' in vhost '/'`, as every error text spells it.
[[nodiscard]] std::string resource_text(std::string_view kind, std::string_view name, std::string_view vhost);

/// 404 `no queue 'q' in vhost '/'`.
[[nodiscard]] Error not_found(std::string_view kind, std::string_view name, std::string_view vhost);

}  // namespace mq::broker
