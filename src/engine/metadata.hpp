// How exchanges, queues and bindings stand in the store's metadata: keys that sort by kind and vhost, values that are AMQP tables, so
// that a later version can add fields. docs/storage-format.md describes them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "broker/policy.hpp"
#include "broker/topology.hpp"

namespace mq::engine::metadata {

// One prefix per kind; every key starts with one of them.
inline constexpr std::string_view kExchanges = "X";
inline constexpr std::string_view kQueues = "Q";
inline constexpr std::string_view kBindings = "Y";
inline constexpr std::string_view kVHosts = "V";
inline constexpr std::string_view kUsers = "U";
inline constexpr std::string_view kPermissions = "W";
inline constexpr std::string_view kTopicPermissions = "T";
inline constexpr std::string_view kPolicies = "P";
inline constexpr std::string_view kOperatorPolicies = "O";
inline constexpr std::string_view kParameters = "R";
inline constexpr std::string_view kGlobalParameters = "G";
inline constexpr std::string_view kDelayedBooks = "D";
inline constexpr std::string_view kSeenWindows = "S";
inline constexpr std::string_view kNextQueueId = "#queue-id";

[[nodiscard]] std::string exchange_key(std::string_view vhost, std::string_view name);
[[nodiscard]] std::string queue_key(std::string_view vhost, std::string_view name);
[[nodiscard]] std::string binding_key(std::string_view vhost, const broker::BindingInfo& binding);
[[nodiscard]] std::string vhost_key(std::string_view name);
[[nodiscard]] std::string user_key(std::string_view name);
[[nodiscard]] std::string permission_key(std::string_view vhost, std::string_view user);
[[nodiscard]] std::string topic_permission_key(std::string_view vhost, std::string_view user, std::string_view exchange);
[[nodiscard]] std::string policy_key(broker::PolicyKind kind, std::string_view vhost, std::string_view name);
[[nodiscard]] std::string parameter_key(std::string_view vhost, std::string_view component, std::string_view name);
[[nodiscard]] std::string global_parameter_key(std::string_view name);

[[nodiscard]] std::string delayed_key(std::string_view vhost);
[[nodiscard]] std::string seen_window_key(std::string_view vhost, std::string_view exchange);

[[nodiscard]] std::string encode(const broker::ExchangeInfo& exchange);
[[nodiscard]] std::string encode(const broker::QueueInfo& queue);
[[nodiscard]] std::string encode(const broker::BindingInfo& binding);

/// A record whose fields are written elsewhere (broker::encode).
[[nodiscard]] std::string encode_record(const amqp::Table& record);

/// nullopt: the record is damaged.
[[nodiscard]] std::optional<amqp::Table> decode_record(std::string_view value);
[[nodiscard]] std::string encode_delayed_book(DelayedBook book);

/// nullopt: the record is damaged.
[[nodiscard]] std::optional<DelayedBook> decode_delayed_book(std::string_view value);
[[nodiscard]] std::optional<broker::ExchangeInfo> decode_exchange(std::string_view value);
[[nodiscard]] std::optional<broker::QueueInfo> decode_queue(std::string_view value);
[[nodiscard]] std::optional<broker::BindingInfo> decode_binding(std::string_view value);

/// The parts of a key behind its kind, e.g. vhost and name.
[[nodiscard]] std::vector<std::string> key_parts(std::string_view key);

}  // namespace mq::engine::metadata
