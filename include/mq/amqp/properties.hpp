// Basic content properties (AMQP 0-9-1 class 60): an owned form, and a view that only locates the fields.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "mq/amqp/table.hpp"

namespace mq::amqp {

/// Bits of the property-flags word, in the order the fields follow.
enum PropertyFlag : std::uint16_t {
  kContentType = 1 << 15,
  kContentEncoding = 1 << 14,
  kHeaders = 1 << 13,
  kDeliveryMode = 1 << 12,
  kPriority = 1 << 11,
  kCorrelationId = 1 << 10,
  kReplyTo = 1 << 9,
  kExpiration = 1 << 8,
  kMessageId = 1 << 7,
  kTimestamp = 1 << 6,
  kType = 1 << 5,
  kUserId = 1 << 4,
  kAppId = 1 << 3,
  kClusterId = 1 << 2,
};

/// All fourteen properties, owned; nullopt = not present.
struct Properties {
  std::optional<std::string> content_type;
  std::optional<std::string> content_encoding;
  std::optional<Table> headers;
  std::optional<std::uint8_t> delivery_mode;
  std::optional<std::uint8_t> priority;
  std::optional<std::string> correlation_id;
  std::optional<std::string> reply_to;
  std::optional<std::string> expiration;
  std::optional<std::string> message_id;
  std::optional<std::uint64_t> timestamp;
  std::optional<std::string> type;
  std::optional<std::string> user_id;
  std::optional<std::string> app_id;
  std::optional<std::string> cluster_id;
  bool operator==(const Properties&) const = default;
};

/// Where each property lies in encoded bytes. A string field that is not present is empty; ask `flags` to tell the two apart.
struct PropertiesView {
  /// Not constexpr, not defaulted: else the compiler zeroes with a string instruction that costs more than scanning a plain message.
  PropertiesView() noexcept {}

  std::uint16_t flags = 0;
  std::uint8_t delivery_mode = 0;  ///< 2 = persistent
  std::uint8_t priority = 0;
  std::uint64_t timestamp = 0;
  std::string_view content_type, content_encoding, correlation_id, reply_to, expiration, message_id, type, user_id, app_id, cluster_id;
  TableView headers;

  [[nodiscard]] bool has(PropertyFlag flag) const noexcept { return (flags & flag) != 0; }
};

/// Locates the fields of `encoded`, which starts with the flags word (as in a content header after body size). False when malformed:
/// short, trailing bytes, a set continuation bit (bit 0) or reserved bit 1, or an ill-formed header table.
[[nodiscard]] bool scan_properties(std::string_view encoded, PropertiesView& out) noexcept;

/// Decodes all into owned form; nullopt when malformed.
[[nodiscard]] std::optional<Properties> decode_properties(std::string_view encoded);

/// Appends flags word and fields.
void encode_properties(const Properties& properties, std::string& out);

}  // namespace mq::amqp
