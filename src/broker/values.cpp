#include "broker/values.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "broker/string_hash.hpp"
#include "mq/base/bytes.hpp"

namespace mq::broker {

using amqp::Table;
using amqp::Value;
using amqp::ValueView;

namespace {

// What two values must share to be the same; kOther falls back to tag and bytes.
enum class Class : std::uint8_t { kInteger, kFloat, kBytes, kBoolean, kOther };

Class class_of(char tag) noexcept {
  switch (tag) {
    case 'b':
    case 'B':
    case 's':
    case 'u':
    case 'I':
    case 'i':
    case 'l':
    case 'L':
    case 'T': return Class::kInteger;
    case 'f':
    case 'd': return Class::kFloat;
    case 'S':
    case 'x': return Class::kBytes;
    case 't': return Class::kBoolean;
    default: return Class::kOther;
  }
}

// Timestamps are unsigned: one beyond the signed range equals no integer, so it keeps a flag of its own.
struct Integer {
  std::int64_t value = 0;
  bool beyond_signed = false;
  bool operator==(const Integer&) const = default;
};

Integer integer_of(const ValueView& value) noexcept {
  if (value.tag != 'T') return {value.integer().value_or(0), false};
  if (value.bytes.size() != 8) return {};
  auto seconds = load_big_endian<std::uint64_t>(value.bytes.data());
  return {static_cast<std::int64_t>(seconds), seconds >> 63 != 0};
}

double float_of(const ValueView& value) noexcept {
  if (value.tag == 'f' && value.bytes.size() == 4)
    return static_cast<double>(std::bit_cast<float>(load_big_endian<std::uint32_t>(value.bytes.data())));
  if (value.tag == 'd' && value.bytes.size() == 8) return std::bit_cast<double>(load_big_endian<std::uint64_t>(value.bytes.data()));
  return 0;
}

// Any octet but 0 is true.
bool boolean_of(const ValueView& value) noexcept { return !value.bytes.empty() && value.bytes.front() != '\0'; }

// A value behind its tag, located in bytes that encode_value() made.
ValueView view_of(std::string_view encoded) noexcept {
  ByteReader in(encoded);
  ValueView view;
  amqp::TableView::read_value(in, view);
  return view;
}

std::string float_text(double value) {
  char digits[40];
  auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  std::string text(digits, end);
  if (text.find_first_of(".en") == std::string::npos) text += ".0";
  return text;
}

std::string table_text(const Table& table) {
  std::string text = "[";
  for (const auto& [name, value] : table.entries()) {
    if (text.size() > 1) text += ",";
    text.append("{").append(binary_text(name)).append(",").append(value.type_name()).append(",").append(term_text(value)).append("}");
  }
  return text + "]";
}

std::string array_text(const amqp::Array& array) {
  std::string text = "[";
  for (const Value& value : array) {
    if (text.size() > 1) text += ",";
    text.append("{").append(value.type_name()).append(",").append(term_text(value)).append("}");
  }
  return text + "]";
}

std::string received_text(const Value* value) {
  if (value == nullptr) return "none";
  return "the value '" + value_text(*value) + "' of type '" + std::string(value->type_name()) + "'";
}

Error inequivalent(std::string_view name, std::string_view resource, const std::string& current, const std::string& received) {
  std::string text = "inequivalent arg '";
  text.append(name).append("' for ").append(resource).append(": received ").append(received).append(" but current is ").append(current);
  return fail(ReplyCode::kPreconditionFailed, std::move(text));
}

std::string quoted(std::string_view text) { return "'" + std::string(text) + "'"; }

constexpr std::string_view kEscaped = "\"\\\b\t\n\v\f\r\x1b", kLetters = "\"\\btnvfre";

// Latin-1, as Erlang prints characters.
bool is_printable(char c) {
  const auto code = static_cast<unsigned char>(c);
  return (code >= ' ' && code <= '~') || code >= 0xA0 || kEscaped.find(c) != std::string_view::npos;
}

std::string escaped(std::string_view bytes) {
  std::string out = "\"";
  for (char c : bytes) {
    if (const std::size_t at = kEscaped.find(c); at != std::string_view::npos) out.append(1, '\\').append(1, kLetters[at]);
    else out += c;
  }
  return out + "\"";
}

std::string numbers(std::string_view bytes) {
  std::string out;
  for (char c : bytes) {
    if (!out.empty()) out += ',';
    out += std::to_string(static_cast<unsigned char>(c));
  }
  return out;
}

}  // namespace

std::string binary_text(std::string_view bytes) {
  if (bytes.empty()) return "<<>>";
  const auto printable = [](char c) { return c <= '~' && is_printable(c); };
  if (std::all_of(bytes.begin(), bytes.end(), printable)) return "<<" + escaped(bytes) + ">>";
  return "<<" + numbers(bytes) + ">>";
}

std::string string_text(std::string_view bytes) {
  if (std::all_of(bytes.begin(), bytes.end(), is_printable)) return escaped(bytes);
  return "[" + numbers(bytes) + "]";
}

std::string term_text(const Value& value) { return value.string() != nullptr ? binary_text(*value.string()) : value_text(value); }

bool same_value(const ValueView& a, const ValueView& b) noexcept {
  Class kind = class_of(a.tag);
  if (kind != class_of(b.tag)) return false;
  switch (kind) {
    case Class::kInteger: return integer_of(a) == integer_of(b);
    case Class::kFloat: return float_of(a) == float_of(b);
    case Class::kBytes: return a.bytes == b.bytes;
    case Class::kBoolean: return boolean_of(a) == boolean_of(b);
    case Class::kOther: return a.tag == b.tag && a.bytes == b.bytes;
  }
  return false;
}

bool same_value(const Value& a, const Value& b) {
  std::string bytes_a, bytes_b;
  encode_value(a, bytes_a);
  encode_value(b, bytes_b);
  return same_value(view_of(bytes_a), view_of(bytes_b));
}

std::size_t hash_value(const ValueView& value) noexcept {
  StringHash hash;
  switch (class_of(value.tag)) {
    case Class::kInteger: return combine_hashes(1, static_cast<std::size_t>(integer_of(value).value));
    case Class::kFloat: return combine_hashes(2, std::bit_cast<std::uint64_t>(float_of(value) + 0.0));  // -0.0 hashes as 0.0
    case Class::kBytes: return combine_hashes(3, hash(value.bytes));
    case Class::kBoolean: return combine_hashes(4, boolean_of(value) ? 1 : 0);
    case Class::kOther: return combine_hashes(static_cast<std::size_t>(value.tag), hash(value.bytes));
  }
  return 0;
}

std::string value_text(const Value& value) {
  if (auto integer = value.integer()) return std::to_string(*integer);
  if (const std::string* string = value.string()) return *string;
  if (const bool* boolean = value.boolean()) return *boolean ? "true" : "false";
  if (const Table* table = value.table()) return table_text(*table);
  if (const amqp::Array* array = value.array()) return array_text(*array);
  if (auto* bytes = std::get_if<amqp::ByteArray>(&value.of)) return bytes->bytes;
  if (auto* timestamp = std::get_if<amqp::Timestamp>(&value.of)) return std::to_string(timestamp->seconds);
  if (auto* decimal = std::get_if<amqp::Decimal>(&value.of))
    return "{" + std::to_string(decimal->scale) + "," + std::to_string(decimal->digits) + "}";
  if (auto* single = std::get_if<float>(&value.of)) return float_text(static_cast<double>(*single));
  if (auto* wide = std::get_if<double>(&value.of)) return float_text(*wide);
  return "undefined";  // how RabbitMQ holds a void
}

std::string canonical_body(const Table& arguments) {
  std::vector<const Table::Entry*> order;
  order.reserve(arguments.size());
  for (const Table::Entry& entry : arguments.entries()) order.push_back(&entry);
  std::stable_sort(order.begin(), order.end(), [](const auto* a, const auto* b) { return a->first < b->first; });
  std::string body;
  for (const Table::Entry* entry : order) {
    std::string_view name = std::string_view(entry->first).substr(0, 255);
    body += static_cast<char>(name.size());
    body += name;
    encode_value(entry->second, body);
  }
  return body;
}

Result<> check_same_property(std::string_view name, std::string_view resource, bool current, bool received) {
  if (current == received) return {};
  return inequivalent(name, resource, current ? "'true'" : "'false'", received ? "'true'" : "'false'");
}

Result<> check_same_property(std::string_view name, std::string_view resource, std::string_view current, std::string_view received) {
  if (current == received) return {};
  return inequivalent(name, resource, quoted(current), quoted(received));
}

Result<> check_same_argument(std::string_view name, std::string_view resource, const Value* current, const Value* received) {
  if (current == nullptr && received == nullptr) return {};
  if (current != nullptr && received != nullptr) {
    if (same_value(*current, *received)) return {};
    return inequivalent(name, resource, quoted(value_text(*current)), quoted(value_text(*received)));
  }
  return inequivalent(name, resource, received_text(current), received_text(received));
}

}  // namespace mq::broker
