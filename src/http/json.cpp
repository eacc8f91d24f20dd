#include "http/json.hpp"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <cmath>
#include <limits>

#include "mq/amqp/utf8.hpp"

namespace mq::http {
namespace {

constexpr std::size_t kMaxDepth = 32;
constexpr std::size_t kMaxNameBytes = 255;  // a field table's names are short strings

std::optional<amqp::Value> array_to_amqp(const json::array& array) {
  amqp::Array values;
  for (const json::value& each : array) {
    auto value = to_amqp(each);
    if (!value) return std::nullopt;
    values.push_back(std::move(*value));
  }
  return values;
}

std::optional<amqp::Value> object_to_amqp(const json::object& object) {
  amqp::Table table;
  for (const auto& [name, member] : object) {
    auto value = to_amqp(member);
    if (!value || name.size() > kMaxNameBytes) return std::nullopt;
    table.append(std::string_view(name.data(), name.size()), std::move(*value));
  }
  return table;
}

json::value number(double value) { return std::isfinite(value) ? json::value(value) : json::value(nullptr); }

/// 1e400 is well-formed, but no number that could be kept, or written again.
bool holds_infinity(const json::value& value) {
  if (const double* number = value.if_double()) return !std::isfinite(*number);
  if (const json::array* list = value.if_array()) return std::any_of(list->begin(), list->end(), holds_infinity);
  if (const json::object* object = value.if_object())
    return std::any_of(object->begin(), object->end(), [](const auto& member) { return holds_infinity(member.value()); });
  return false;
}

}  // namespace

std::optional<json::value> parse_json(std::string_view text) {
  json::parse_options options;
  options.max_depth = kMaxDepth;
  boost::system::error_code error;
  json::value value = json::parse({text.data(), text.size()}, error, {}, options);
  if (error || holds_infinity(value)) return std::nullopt;
  return value;
}

std::string to_text(const json::value& value) { return json::serialize(value); }

std::optional<amqp::Value> to_amqp(const json::value& value) {
  switch (value.kind()) {
    case json::kind::null: return amqp::Value(amqp::Void{});
    case json::kind::bool_: return amqp::Value(value.get_bool());
    case json::kind::int64: return amqp::Value(std::int64_t{value.get_int64()});
    case json::kind::uint64: return amqp::Value(static_cast<double>(value.get_uint64()));
    case json::kind::double_: return amqp::Value(value.get_double());
    case json::kind::string: return amqp::Value(std::string_view(value.get_string().data(), value.get_string().size()));
    case json::kind::array: return array_to_amqp(value.get_array());
    case json::kind::object: return object_to_amqp(value.get_object());
  }
  return std::nullopt;
}

json::string to_json_string(std::string_view text) {
  if (amqp::is_valid_utf8(text)) return json::string(text.data(), text.size());
  json::string shown;
  for (std::size_t at = 0; at < text.size();) {
    // The longest character that begins here, or a mark in the place of one byte.
    std::size_t length = 0;
    for (std::size_t tried = 1; tried <= 4 && at + tried <= text.size() && length == 0; ++tried)
      if (amqp::is_valid_utf8(text.substr(at, tried))) length = tried;
    if (length != 0) shown.append(text.data() + at, text.data() + at + length);
    else shown.append("\xEF\xBF\xBD");
    at += length == 0 ? 1 : length;
  }
  return shown;
}

json::value to_json(const amqp::Value& value) {
  if (const std::string* text = value.string()) return to_json_string(*text);
  if (auto integer = value.integer()) return *integer;
  if (const bool* boolean = value.boolean()) return *boolean;
  if (const amqp::Table* table = value.table()) return to_json(*table);
  if (const amqp::Array* array = value.array()) {
    json::array list;
    for (const amqp::Value& each : *array) list.push_back(to_json(each));
    return list;
  }
  if (auto* wide = std::get_if<double>(&value.of)) return number(*wide);
  if (auto* single = std::get_if<float>(&value.of)) return number(static_cast<double>(*single));
  if (auto* timestamp = std::get_if<amqp::Timestamp>(&value.of)) return timestamp->seconds;
  if (auto* decimal = std::get_if<amqp::Decimal>(&value.of)) return number(decimal->digits * std::pow(10.0, -int{decimal->scale}));
  if (auto* bytes = std::get_if<amqp::ByteArray>(&value.of)) return to_json_string(bytes->bytes);
  return nullptr;
}

json::object to_json(const amqp::Table& table) {
  json::object object;
  for (const auto& [name, value] : table.entries()) object.emplace(to_json_string(name), to_json(value));  // the first of a name counts
  return object;
}

}  // namespace mq::http
