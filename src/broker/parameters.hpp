// Runtime parameters: named values that a component of the broker reads, set while it runs. Limits of a vhost are one of them. Pure.
//
// A component is a row of a table in parameters.cpp, with the check of its values. Values are those of JSON: objects are tables.
// Error texts are RabbitMQ's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "mq/amqp/table.hpp"
#include "mq/base/result.hpp"

namespace mq::broker {

struct Parameter {
  std::string component;
  std::string name;
  amqp::Value value;
  bool operator==(const Parameter&) const = default;
};

/// Errors: 406 `Validation failed\n\ncomponent x not found\n`, and what the component has against the value.
[[nodiscard]] Result<> validate_parameter(const Parameter& parameter);

inline constexpr std::string_view kVHostLimitsComponent = "vhost-limits";
inline constexpr std::string_view kVHostLimitsName = "limits";

/// How much a vhost may hold; negative = no limit.
struct VHostLimits {
  std::int64_t max_connections = -1;
  std::int64_t max_queues = -1;
  std::int64_t max_publish_rate = -1;       ///< messages per second, all its publishers together
  std::int64_t max_publish_byte_rate = -1;  ///< bytes per second of their contents
  bool operator==(const VHostLimits&) const = default;
};
[[nodiscard]] VHostLimits vhost_limits_of(const amqp::Value& value);

inline constexpr std::string_view kVHostSettingsComponent = "vhost-settings";
inline constexpr std::string_view kVHostSettingsName = "settings";

/// How a vhost behaves.
struct VHostSettings {
  /// `redeclare`: whether a queue or exchange that is there may be declared again with other arguments. It keeps its own.
  bool relaxed_redeclare = false;
  bool operator==(const VHostSettings&) const = default;
};
[[nodiscard]] VHostSettings vhost_settings_of(const amqp::Value& value);

/// How much the connections of a user may hold; negative = no limit.
struct UserLimits {
  std::int64_t max_connections = -1;
  std::int64_t max_channels = -1;
  std::int64_t max_publish_rate = -1;       ///< messages per second, all its connections together
  std::int64_t max_publish_byte_rate = -1;  ///< bytes per second of their contents
  bool operator==(const UserLimits&) const = default;
};
/// Sets the members of `value` (all others stay). Errors: 406 `Unrecognised terms [{<<"x">>,1}] in user-limits`,
/// `max-channels should be a number, actually was <<"x">>`.
[[nodiscard]] Result<> set_user_limits(UserLimits& limits, const amqp::Value& value);
/// Only what is limited, as `max-connections`, `max-channels`, `max-publish-rate` and `max-publish-byte-rate`.
[[nodiscard]] amqp::Table encode(const UserLimits& limits);
[[nodiscard]] bool is_user_limit(std::string_view name) noexcept;

// --- errors when a limit is reached ---
/// 530 `access to vhost 'v' refused for user 'u': connection limit (N) is reached`.
[[nodiscard]] Error too_many_connections(std::string_view vhost, std::string_view user, std::int64_t limit);
/// 406 `cannot declare queue 'q': queue limit in vhost 'v' (N) is reached`.
[[nodiscard]] Error too_many_queues(std::string_view vhost, std::string_view queue, std::int64_t limit);

// --- records, as they are stored ---
[[nodiscard]] amqp::Table encode(const Parameter& parameter);
/// nullopt when a field is missing or of another type.
[[nodiscard]] std::optional<Parameter> decode_parameter(const amqp::Table& record);

}  // namespace mq::broker
