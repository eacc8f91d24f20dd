#include "mq/amqp/table.hpp"

#include <algorithm>
#include <bit>
#include <limits>

namespace mq::amqp {

namespace {

// One row per alternative of Value::Variant, in its order. The type names are those RabbitMQ's error texts use.
struct TypeRow {
  char tag;
  std::string_view name;
};
constexpr TypeRow kTypes[] = {
    {'V', "void"},      {'t', "bool"},        {'b', "byte"},  {'B', "unsignedbyte"}, {'s', "short"},  {'u', "unsignedshort"},
    {'I', "signedint"}, {'i', "unsignedint"}, {'l', "long"},  {'f', "float"},        {'d', "double"}, {'D', "decimal"},
    {'S', "longstr"},   {'T', "timestamp"},   {'F', "table"}, {'A', "array"},        {'x', "binary"},
};
static_assert(std::size(kTypes) == std::variant_size_v<Value::Variant>);

/// The octets a value of that tag takes when they are fixed; -1 = a four-byte length leads; -2 = no such tag.
constexpr int kLengthLed = -1;
constexpr int kNoSuchTag = -2;
constexpr int value_size(char tag) noexcept {
  switch (tag) {
    case 'V': return 0;
    case 't':
    case 'b':
    case 'B': return 1;
    case 's':
    case 'u': return 2;
    case 'I':
    case 'i':
    case 'f': return 4;
    case 'D': return 5;
    case 'l':
    case 'L':
    case 'd':
    case 'T': return 8;
    case 'S':
    case 'x':
    case 'F':
    case 'A': return kLengthLed;
    default: return kNoSuchTag;
  }
}

void encode_array(const Array& array, std::string& out) {
  std::size_t length_at = out.size();
  ByteWriter writer(out);
  writer.u32(0);
  for (const Value& value : array) encode_value(value, out);
  writer.patch_u32(length_at, static_cast<std::uint32_t>(out.size() - length_at - 4));
}

/// Writes what follows the tag octet, one overload per type of value.
struct PayloadWriter {
  std::string& out;

  void operator()(Void) const {}
  void operator()(bool v) const { ByteWriter(out).u8(v ? 1 : 0); }
  void operator()(std::int8_t v) const { ByteWriter(out).u8(static_cast<std::uint8_t>(v)); }
  void operator()(std::uint8_t v) const { ByteWriter(out).u8(v); }
  void operator()(std::int16_t v) const { ByteWriter(out).u16(static_cast<std::uint16_t>(v)); }
  void operator()(std::uint16_t v) const { ByteWriter(out).u16(v); }
  void operator()(std::int32_t v) const { ByteWriter(out).u32(static_cast<std::uint32_t>(v)); }
  void operator()(std::uint32_t v) const { ByteWriter(out).u32(v); }
  void operator()(std::int64_t v) const { ByteWriter(out).u64(static_cast<std::uint64_t>(v)); }
  void operator()(float v) const { ByteWriter(out).u32(std::bit_cast<std::uint32_t>(v)); }
  void operator()(double v) const { ByteWriter(out).u64(std::bit_cast<std::uint64_t>(v)); }
  void operator()(Decimal v) const { ByteWriter(out).u8(v.scale).u32(v.digits); }
  void operator()(const std::string& v) const { ByteWriter(out).longstr(v); }
  void operator()(Timestamp v) const { ByteWriter(out).u64(v.seconds); }
  void operator()(const Table& v) const { encode_table(v, out); }
  void operator()(const Array& v) const { encode_array(v, out); }
  void operator()(const ByteArray& v) const { ByteWriter(out).longstr(v.bytes); }
};

std::optional<Value> decode_view(ValueView view, int depth);

/// `depth` counts the tables and arrays that are open, this one included.
std::optional<Table> decode_table_at(std::string_view body, int depth) {
  if (depth > kMaxTableDepth) return std::nullopt;
  Table table;
  ByteReader in(body);
  while (!in.empty()) {
    std::string_view name = in.shortstr();
    ValueView view;
    if (!TableView::read_value(in, view)) return std::nullopt;
    std::optional<Value> value = decode_view(view, depth);
    if (!value) return std::nullopt;
    table.append(name, std::move(*value));
  }
  if (in.failed()) return std::nullopt;
  return table;
}

std::optional<Value> decode_array_at(std::string_view body, int depth) {
  if (depth > kMaxTableDepth) return std::nullopt;
  Array array;
  ByteReader in(body);
  while (!in.empty()) {
    ValueView view;
    if (!TableView::read_value(in, view)) return std::nullopt;
    std::optional<Value> value = decode_view(view, depth);
    if (!value) return std::nullopt;
    array.push_back(std::move(*value));
  }
  if (in.failed()) return std::nullopt;
  return Value(std::move(array));
}

/// `view` comes from read_value(), so its bytes have the length its tag asks for.
std::optional<Value> decode_view(ValueView view, int depth) {
  ByteReader in(view.bytes);
  switch (view.tag) {
    case 'V': return Value(Void{});
    case 't': return Value(in.u8() != 0);
    case 'b': return Value(static_cast<std::int8_t>(in.u8()));
    case 'B': return Value(in.u8());
    case 's': return Value(static_cast<std::int16_t>(in.u16()));
    case 'u': return Value(in.u16());
    case 'I': return Value(static_cast<std::int32_t>(in.u32()));
    case 'i': return Value(in.u32());
    case 'l':
    case 'L': return Value(static_cast<std::int64_t>(in.u64()));
    case 'f': return Value(std::bit_cast<float>(in.u32()));
    case 'd': return Value(std::bit_cast<double>(in.u64()));
    case 'D': {
      std::uint8_t scale = in.u8();
      return Value(Decimal{scale, in.u32()});
    }
    case 'S': return Value(view.bytes);
    case 'T': return Value(Timestamp{in.u64()});
    case 'x': return Value(ByteArray{std::string(view.bytes)});
    case 'A': return decode_array_at(view.bytes, depth + 1);
    case 'F': {
      std::optional<Table> table = decode_table_at(view.bytes, depth + 1);
      if (!table) return std::nullopt;
      return Value(std::move(*table));
    }
    default: return std::nullopt;
  }
}

bool is_valid_body(std::string_view body, bool named, int depth) noexcept {
  if (depth > kMaxTableDepth) return false;
  ByteReader in(body);
  while (!in.empty()) {
    if (named) static_cast<void>(in.shortstr());
    ValueView view;
    if (!TableView::read_value(in, view)) return false;
    if ((view.tag == 'F' || view.tag == 'A') && !is_valid_body(view.bytes, view.tag == 'F', depth + 1)) return false;
  }
  return !in.failed();
}

}  // namespace

Table::Table(std::initializer_list<Entry> entries) : entries_(entries) {}

const Value* Table::find(std::string_view name) const noexcept {
  for (const Entry& entry : entries_)
    if (entry.first == name) return &entry.second;
  return nullptr;
}

Value* Table::find(std::string_view name) noexcept { return const_cast<Value*>(std::as_const(*this).find(name)); }

void Table::set(std::string_view name, Value value) {
  if (Value* present = find(name)) *present = std::move(value);
  else append(name, std::move(value));
}

bool Table::erase(std::string_view name) {
  return std::erase_if(entries_, [name](const Entry& entry) { return entry.first == name; }) != 0;
}

void Table::append(std::string_view name, Value value) { entries_.emplace_back(std::string(name), std::move(value)); }

bool Table::operator==(const Table& other) const { return entries_ == other.entries_; }

char Value::tag() const noexcept { return kTypes[of.index()].tag; }

std::string_view Value::type_name() const noexcept { return kTypes[of.index()].name; }

std::optional<std::int64_t> Value::integer() const noexcept {
  return std::visit(
      [](const auto& v) -> std::optional<std::int64_t> {
        using T = std::decay_t<decltype(v)>;
        if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) return static_cast<std::int64_t>(v);
        else return std::nullopt;
      },
      of);
}

void encode_table(const Table& table, std::string& out) {
  std::size_t length_at = out.size();
  ByteWriter writer(out);
  writer.u32(0);
  for (const auto& [name, value] : table.entries()) {
    writer.shortstr(name);
    encode_value(value, out);
  }
  writer.patch_u32(length_at, static_cast<std::uint32_t>(out.size() - length_at - 4));
}

void encode_value(const Value& value, std::string& out) {
  out.push_back(value.tag());
  std::visit(PayloadWriter{out}, value.of);
}

std::optional<Table> decode_table(std::string_view body) { return decode_table_at(body, 1); }

bool is_valid_table(std::string_view body) noexcept { return is_valid_body(body, true, 1); }

std::optional<std::int64_t> ValueView::integer() const noexcept {
  ByteReader in(bytes);
  switch (tag) {
    case 'b': return static_cast<std::int8_t>(in.u8());
    case 'B': return in.u8();
    case 's': return static_cast<std::int16_t>(in.u16());
    case 'u': return in.u16();
    case 'I': return static_cast<std::int32_t>(in.u32());
    case 'i': return in.u32();
    case 'l':
    case 'L': return static_cast<std::int64_t>(in.u64());
    default: return std::nullopt;
  }
}

std::optional<Value> ValueView::decode() const {
  int size = value_size(tag);
  if (size == kNoSuchTag || (size >= 0 && bytes.size() != static_cast<std::size_t>(size))) return std::nullopt;
  return decode_view(*this, 1);
}

std::optional<ValueView> TableView::find(std::string_view name) const noexcept {
  std::optional<ValueView> found;
  for_each([&](std::string_view at, const ValueView& value) {
    if (at != name) return true;
    found = value;
    return false;
  });
  return found;
}

Table TableView::decode() const { return decode_table(body_).value_or(Table{}); }

bool TableView::read_value(ByteReader& in, ValueView& out) noexcept {
  char tag = static_cast<char>(in.u8());
  int size = value_size(tag);
  if (size == kNoSuchTag) in.fail();
  std::string_view bytes = size == kLengthLed ? in.longstr() : in.bytes(static_cast<std::size_t>(std::max(size, 0)));
  if (in.failed()) return false;
  out.tag = tag;
  out.bytes = bytes;
  return true;
}

}  // namespace mq::amqp
