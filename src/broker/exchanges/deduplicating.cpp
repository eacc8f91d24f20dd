#include "broker/exchanges/deduplicating.hpp"

#include <charconv>
#include <optional>

#include "broker/topology.hpp"

namespace mq::broker {
namespace {

constexpr std::string_view kArgument = kDeduplicationType;  // the plugin's type, and LavinMQ's argument

Error refused(std::string text) { return fail(ReplyCode::kPreconditionFailed, std::move(text)); }

/// An integer of any width, or one written as a text, as the plugin takes it.
std::optional<std::int64_t> integer_of(const amqp::Value& value) {
  if (const auto integer = value.integer()) return integer;
  const std::string* text = value.string();
  std::int64_t number = 0;
  if (text == nullptr) return std::nullopt;
  const auto [end, failure] = std::from_chars(text->data(), text->data() + text->size(), number);
  return failure == std::errc() && end == text->data() + text->size() ? std::optional(number) : std::nullopt;
}

std::optional<std::int64_t> integer_in(const amqp::Table& arguments, std::string_view name) {
  const amqp::Value* value = arguments.find(name);
  return value == nullptr ? std::nullopt : integer_of(*value);
}

const std::string* text_in(const amqp::Table& arguments, std::string_view name) {
  const amqp::Value* value = arguments.find(name);
  return value == nullptr ? nullptr : value->string();
}

bool asks(const ExchangeInfo& exchange) {
  if (exchange.type == kDeduplicationType) return true;
  const amqp::Value* argument = exchange.arguments.find(kArgument);
  return argument != nullptr && argument->boolean() != nullptr && *argument->boolean();
}

Result<> check_numbers(const amqp::Table& arguments) {
  if (arguments.find("x-cache-size") != nullptr) {
    const auto size = integer_in(arguments, "x-cache-size");
    if (!size || *size <= 0) return refused("Missing or invalid argument, 'x-cache-size' must be an integer greater than 0");
    if (static_cast<std::uint64_t>(*size) > DeduplicationSettings::kMostIds)
      return refused("Invalid argument, 'x-cache-size' must not be greater than " + std::to_string(DeduplicationSettings::kMostIds));
  }
  if (arguments.find("x-cache-ttl") != nullptr) {
    const auto ttl_ms = integer_in(arguments, "x-cache-ttl");
    if (!ttl_ms || *ttl_ms <= 0) return refused("Invalid argument, 'x-cache-ttl' must be an integer greater than 0");
  }
  return {};
}

Result<> check_texts(const amqp::Table& arguments) {
  struct Row {
    std::string_view name;
    std::string_view one, other;  // the words there are; empty = any text
    std::string_view problem;
  };
  static constexpr Row kRows[] = {
      {"x-cache-persistence", "disk", "memory", "must be either 'disk' or 'memory'"},
      {"x-deduplication-by", "header", "message-id", "must be either 'header' or 'message-id'"},
      {"x-deduplication-header", "", "", "must be the name of a header"},
      {"x-duplicate-exchange", "", "", "must be the name of an exchange"},
      {"x-duplicate-routing-key", "", "", "must be a routing key, of an 'x-duplicate-exchange'"},
  };
  for (const Row& row : kRows) {
    if (arguments.find(row.name) == nullptr) continue;
    const std::string* text = text_in(arguments, row.name);
    bool fits = text != nullptr && (row.one.empty() || *text == row.one || *text == row.other);
    if (row.name == "x-deduplication-header") fits = fits && !text->empty();
    if (row.name == "x-duplicate-routing-key") fits = fits && arguments.find("x-duplicate-exchange") != nullptr;
    if (!fits) return refused("Invalid argument, '" + std::string(row.name) + "' " + std::string(row.problem));
  }
  return {};
}

}  // namespace

Result<> check_deduplication_type(const amqp::Table& exchange_arguments) {
  if (exchange_arguments.find("x-cache-size") == nullptr)
    return refused("Missing or invalid argument, 'x-cache-size' must be an integer greater than 0");
  return check_deduplication_arguments(exchange_arguments);
}

Result<> check_deduplication_arguments(const amqp::Table& exchange_arguments) {
  const amqp::Value* on = exchange_arguments.find(kArgument);
  if (on != nullptr && on->boolean() == nullptr) return refused("Invalid argument, 'x-message-deduplication' must be true or false");
  if (auto fit = check_numbers(exchange_arguments); !fit) return fit;
  return check_texts(exchange_arguments);
}

ExchangeDeduplicationPtr make_deduplication(const ExchangeInfo& exchange) {
  if (!asks(exchange)) return nullptr;
  auto made = std::make_shared<ExchangeDeduplication>();
  made->exchange = exchange.name;
  made->durable = exchange.durable;
  DeduplicationSettings& settings = made->settings;
  settings.on = true;
  const amqp::Table& arguments = exchange.arguments;
  if (const auto size = integer_in(arguments, "x-cache-size")) settings.cache_size = static_cast<std::uint64_t>(*size);
  settings.cache_ttl_ms = integer_in(arguments, "x-cache-ttl");
  if (const std::string* header = text_in(arguments, "x-deduplication-header")) settings.header = *header;
  if (const std::string* by = text_in(arguments, "x-deduplication-by")) settings.by_message_id = *by == "message-id";
  if (const std::string* kept = text_in(arguments, "x-cache-persistence")) settings.in_memory = *kept == "memory";
  if (const std::string* name = text_in(arguments, "x-duplicate-exchange")) settings.duplicate_exchange = *name;
  if (const std::string* key = text_in(arguments, "x-duplicate-routing-key")) settings.duplicate_routing_key = *key;
  return made;
}

}  // namespace mq::broker
