#include "support/values.hpp"

#include <bit>
#include <string>

namespace mq::fuzz {
namespace {

// clang-format off
constexpr std::int64_t kTelling[] = {0, 1, 2, 3, 5, 10, 100, 255, 256, 1000, 60'000, 65'536, -1, -2, INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN};

constexpr std::string_view kWords[] = {
    "",     "x",      "q",      "a.b",     "#",        "*",         "all",      "any",       "all-with-x", "any-with-x", "classic",
    "quorum", "stream", "reject-publish", "drop-head", "reject-publish-dlx", "at-most-once", "at-least-once", "topic", "direct", "headers",
    "fanout", "x-delayed-message", "amq.topic", "amq.direct", "60000", "-1", "1e300", "failed", "returned", "all", "disabled", "linear",
    "exponential", "fixed", "header", "routing-key", "message-id", "memory", "disk", "color = 'red' AND size > 3", "NOT (a OR b)"};
// clang-format on

constexpr std::string_view kArguments[] = {"x-queue-type",
                                           "x-expires",
                                           "x-message-ttl",
                                           "x-dead-letter-exchange",
                                           "x-dead-letter-routing-key",
                                           "x-dead-letter-strategy",
                                           "x-max-length",
                                           "x-max-length-bytes",
                                           "x-max-priority",
                                           "x-overflow",
                                           "x-single-active-consumer",
                                           "x-delivery-limit",
                                           "x-delayed-retry-type",
                                           "x-delayed-retry-min",
                                           "x-delayed-retry-max",
                                           "x-delayed-retry-backoff",
                                           "x-delayed-retry-multiplier",
                                           "x-delayed-retry-jitter",
                                           "x-group-header",
                                           "x-group-by",
                                           "x-consumer-timeout",
                                           "x-message-deduplication",
                                           "x-cache-size",
                                           "x-cache-ttl",
                                           "x-cache-persistence",
                                           "x-deduplication-header",
                                           "x-deduplication-by",
                                           "x-duplicate-exchange",
                                           "x-duplicate-routing-key",
                                           "x-queue-mode",
                                           "x-match",
                                           "color",
                                           "size",
                                           "alternate-exchange",
                                           "x-delayed-type",
                                           "x-delayed-exchange",
                                           "x-recent-history-length",
                                           "x-recent-history-no-store",
                                           "hash-header",
                                           "hash-property",
                                           "x-priority",
                                           "x-filter",
                                           "x-stream-offset",
                                           "x-cancel-on-ha-failover"};

constexpr std::string_view kHeaders[] = {"color",
                                         "size",
                                         "x-delay",
                                         "x-deliver-at",
                                         "CC",
                                         "BCC",
                                         "x-death",
                                         "x-deduplication-header",
                                         "x-group",
                                         "x-delivery-count",
                                         "x-first-death-queue",
                                         "x-first-death-reason",
                                         "x-first-death-exchange",
                                         "x-last-death-queue",
                                         "x-match",
                                         "count",
                                         "queue",
                                         "reason",
                                         "exchange",
                                         "routing-keys",
                                         "time",
                                         "original-expiration",
                                         "x-recent-history-no-store"};

}  // namespace

std::span<const std::string_view> argument_names() noexcept { return kArguments; }
std::span<const std::string_view> header_names() noexcept { return kHeaders; }

amqp::Value make_value(Input& input, std::span<const std::string_view> names, int depth) {
  switch (input.below(20)) {
    case 0: return amqp::Void{};
    case 1: return input.flip();
    case 2: return static_cast<std::int8_t>(input.u8());
    case 3: return input.u8();
    case 4: return static_cast<std::int16_t>(input.u16());
    case 5: return input.u16();
    case 6: return static_cast<std::int32_t>(input.u32());
    case 7: return input.u32();
    case 8: return static_cast<std::int64_t>(input.u64());
    case 9:
    case 10: return input.pick(kTelling);
    case 11: return std::bit_cast<float>(input.u32());
    case 12: return std::bit_cast<double>(input.u64());
    case 13: return amqp::Decimal{input.u8(), input.u32()};
    case 14: return amqp::Timestamp{input.u64()};
    case 15: return std::string(input.text());
    case 16: return input.pick(kWords);
    case 17: return amqp::ByteArray{std::string(input.text())};
    case 18: return depth > 0 ? amqp::Value(make_table(input, names, depth - 1)) : amqp::Value();
    default: {
      amqp::Array array;
      for (std::size_t left = depth > 0 ? input.below(6) : 0; left > 0; --left) array.push_back(make_value(input, names, depth - 1));
      return array;
    }
  }
}

amqp::Table make_table(Input& input, std::span<const std::string_view> names, int depth) {
  amqp::Table table;
  for (std::size_t left = input.below(8); left > 0; --left) {
    const std::uint8_t which = input.u8();
    const std::string name(which < 240 ? names[which % names.size()] : input.text());
    table.append(name, make_value(input, names, depth));
  }
  return table;
}

}  // namespace mq::fuzz
