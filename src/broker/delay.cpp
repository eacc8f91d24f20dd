#include "broker/delay.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string>

#include "broker/exchanges/delayed.hpp"
#include "broker/topology.hpp"
#include "mq/base/bytes.hpp"

namespace mq::broker {
namespace {

constexpr Millis kMsPerSecond = 1000;

Error refused(std::string_view header, std::string_view expected, const amqp::ValueView& value) {
  const amqp::Value decoded = value.decode().value_or(amqp::Value());
  std::string text = "invalid header '" + std::string(header) + "': ";
  text.append(expected) += " is expected, not ";
  if (const std::string* given = decoded.string()) text += "'" + given->substr(0, 50) + "'";
  else text.append(decoded.type_name());
  return fail(ReplyCode::kPreconditionFailed, std::move(text));
}

Error too_far(std::string_view header) {
  return fail(ReplyCode::kPreconditionFailed, "invalid header '" + std::string(header) + "': more than a hundred years away");
}

std::optional<std::int64_t> truncated(double number) {
  constexpr double kBound = 9e18;  // within 64 bits
  if (std::isnan(number)) return std::nullopt;
  return static_cast<std::int64_t>(std::clamp(number, -kBound, kBound));
}

std::optional<std::int64_t> delay_of(const amqp::ValueView& value) {
  if (auto number = value.integer()) return number;
  if (auto text = value.string()) {
    std::int64_t number = 0;
    const auto [stopped, failure] = std::from_chars(text->data(), text->data() + text->size(), number);
    if (failure != std::errc{} || stopped != text->data() + text->size()) return std::nullopt;
    return number;
  }
  if (value.tag != 'f' && value.tag != 'd') return std::nullopt;
  const amqp::Value decoded = value.decode().value_or(amqp::Value());
  if (const float* number = std::get_if<float>(&decoded.of)) return truncated(*number);
  if (const double* number = std::get_if<double>(&decoded.of)) return truncated(*number);
  return std::nullopt;
}

std::optional<UnixMillis> moment_of(const amqp::ValueView& value) {
  if (value.tag != 'T') return value.integer();
  const auto seconds = load_big_endian<std::uint64_t>(value.bytes.data());
  return seconds > static_cast<std::uint64_t>(kNever / kMsPerSecond) ? kNever : static_cast<UnixMillis>(seconds) * kMsPerSecond;
}

/// Writes the negative of a signed integer over it; false when the value is of another kind.
bool negate_in_place(char tag, char* at, std::int64_t number) noexcept {
  switch (tag) {
    case 'b': store_big_endian(at, static_cast<std::int8_t>(-number)); return true;
    case 's': store_big_endian(at, static_cast<std::int16_t>(-number)); return true;
    case 'I': store_big_endian(at, static_cast<std::int32_t>(-number)); return true;
    case 'l': store_big_endian(at, -number); return true;
    default: return false;
  }
}

amqp::Value negative(std::int64_t number) {
  if (number <= INT32_MAX) return static_cast<std::int32_t>(-number);
  return -number;
}

}  // namespace

bool asks_for_delay(const amqp::TableView& headers) noexcept {
  bool found = false;
  headers.for_each([&](std::string_view name, const amqp::ValueView&) {
    found = name.starts_with("x-del") && (name == kDelayHeader || name == kDeliverAtHeader);
    return !found;
  });
  return found;
}

Result<std::optional<UnixMillis>> due_time(const amqp::TableView& headers, UnixMillis now, bool lenient) {
  UnixMillis due = now;
  if (const auto delay = headers.find(kDelayHeader)) {
    const auto delay_ms = delay_of(*delay);
    if (!delay_ms && !lenient) return refused(kDelayHeader, "a number of milliseconds", *delay);
    if (delay_ms && *delay_ms > kMaxDelayMs) return too_far(kDelayHeader);
    if (delay_ms) due = std::max(due, now + std::max<Millis>(*delay_ms, 0));
  }
  if (const auto deliver_at = headers.find(kDeliverAtHeader)) {
    const auto moment = moment_of(*deliver_at);
    if (!moment && !lenient) return refused(kDeliverAtHeader, "a timestamp or an integer of milliseconds", *deliver_at);
    if (moment && *moment > now + kMaxDelayMs) return too_far(kDeliverAtHeader);
    if (moment) due = std::max(due, *moment);
  }
  if (due <= now) return std::optional<UnixMillis>();
  return std::optional<UnixMillis>(due);
}

MessagePtr make_delayed(const MessagePtr& message) {
  const std::string_view properties = message->encoded_properties();
  const auto delay = message->properties().headers.find(kDelayHeader);
  const auto delay_ms = delay ? delay_of(*delay) : std::nullopt;
  if (!delay_ms || *delay_ms <= 0) return message;
  std::string encoded(properties);
  if (negate_in_place(delay->tag, encoded.data() + (delay->bytes.data() - properties.data()), *delay_ms))
    return make_message_encoded(message->exchange(), message->routing_key(), encoded, message->body());
  amqp::Properties decoded = amqp::decode_properties(properties).value_or(amqp::Properties{});
  decoded.headers->set(kDelayHeader, negative(*delay_ms));
  return make_message(message->exchange(), message->routing_key(), decoded, message->body());
}

bool is_delaying(const ExchangeInfo& exchange) noexcept {
  if (exchange.type == kDelayedType) return true;
  const amqp::Value* asked = exchange.arguments.find("x-delayed-exchange");
  return asked != nullptr && asked->boolean() != nullptr && *asked->boolean();
}

}  // namespace mq::broker
