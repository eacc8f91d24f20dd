// AMQP field tables: an owned form for building, a view over encoded bytes for reading without allocation.
//
// Tags are the ones RabbitMQ uses (they differ from the 0-9-1 text): t b B s u I i l L f d D S T F A x V.
// Encoded tables exist in two shapes: with their four-byte length (inside methods and properties) and as a bare body.
// `TableView` holds the bare body; whoever cuts it out has read the length.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "mq/base/bytes.hpp"

namespace mq::amqp {

class Table;
struct Value;
using Array = std::vector<Value>;

struct Decimal {
  std::uint8_t scale = 0;
  std::uint32_t digits = 0;
  bool operator==(const Decimal&) const = default;
};
struct Timestamp {  ///< seconds since the Unix epoch
  std::uint64_t seconds = 0;
  bool operator==(const Timestamp&) const = default;
};
struct ByteArray {  ///< tag `x`
  std::string bytes;
  bool operator==(const ByteArray&) const = default;
};
struct Void {
  bool operator==(const Void&) const = default;
};

/// Ordered name-value pairs. Duplicate names are kept; look-ups take the first (as RabbitMQ does).
class Table {
 public:
  using Entry = std::pair<std::string, Value>;

  Table() = default;
  Table(std::initializer_list<Entry> entries);

  [[nodiscard]] const Value* find(std::string_view name) const noexcept;
  [[nodiscard]] Value* find(std::string_view name) noexcept;
  /// Replaces the first of that name, or appends.
  void set(std::string_view name, Value value);
  /// Removes all of that name; tells whether there was one.
  bool erase(std::string_view name);
  void append(std::string_view name, Value value);

  [[nodiscard]] const std::vector<Entry>& entries() const noexcept { return entries_; }
  [[nodiscard]] bool empty() const noexcept;
  [[nodiscard]] std::size_t size() const noexcept;
  bool operator==(const Table&) const;

 private:
  std::vector<Entry> entries_;
};

struct Value {
  using Variant = std::variant<Void, bool, std::int8_t, std::uint8_t, std::int16_t, std::uint16_t, std::int32_t, std::uint32_t,
                               std::int64_t, float, double, Decimal, std::string, Timestamp, Table, Array, ByteArray>;
  Variant of;

  Value() = default;
  Value(bool v) : of(v) {}
  Value(std::int8_t v) : of(v) {}
  Value(std::uint8_t v) : of(v) {}
  Value(std::int16_t v) : of(v) {}
  Value(std::uint16_t v) : of(v) {}
  Value(std::int32_t v) : of(v) {}
  Value(std::uint32_t v) : of(v) {}
  Value(std::int64_t v) : of(v) {}
  Value(float v) : of(v) {}
  Value(double v) : of(v) {}
  Value(Decimal v) : of(v) {}
  Value(std::string v) : of(std::move(v)) {}
  Value(std::string_view v) : of(std::string(v)) {}
  Value(const char* v) : of(std::string(v)) {}
  Value(Timestamp v) : of(v) {}
  Value(Table v) : of(std::move(v)) {}
  Value(Array v) : of(std::move(v)) {}
  Value(ByteArray v) : of(std::move(v)) {}
  Value(Void v) : of(v) {}

  /// The tag octet this value is written with.
  [[nodiscard]] char tag() const noexcept;
  /// The value as a 64-bit integer if it is any integer type (not bool, not timestamp).
  [[nodiscard]] std::optional<std::int64_t> integer() const noexcept;
  [[nodiscard]] const std::string* string() const noexcept { return std::get_if<std::string>(&of); }
  [[nodiscard]] const bool* boolean() const noexcept { return std::get_if<bool>(&of); }
  [[nodiscard]] const Table* table() const noexcept { return std::get_if<Table>(&of); }
  [[nodiscard]] const Array* array() const noexcept { return std::get_if<Array>(&of); }
  /// RabbitMQ's name of the type as error texts spell it: longstr, signedint, long, bool, table, array, timestamp, void, ...
  [[nodiscard]] std::string_view type_name() const noexcept;
  bool operator==(const Value& other) const { return of == other.of; }
};

// Here and not in the class: an entry's size is known only once Value is complete.
inline bool Table::empty() const noexcept { return entries_.empty(); }
inline std::size_t Table::size() const noexcept { return entries_.size(); }

/// Nesting beyond this is refused as malformed: it bounds the stack whatever arrives.
inline constexpr int kMaxTableDepth = 64;

/// Appends the table with its four-byte length.
void encode_table(const Table& table, std::string& out);
/// Appends tag octet and value.
void encode_value(const Value& value, std::string& out);
/// Decodes a bare table body (no length in front); nullopt when malformed.
[[nodiscard]] std::optional<Table> decode_table(std::string_view body);
/// True when `body` is a well-formed bare table body.
[[nodiscard]] bool is_valid_table(std::string_view body) noexcept;

/// One value of an encoded table: its tag and its bytes (for S and x without the length; for F and A the bare body).
struct ValueView {
  char tag = 'V';
  std::string_view bytes;

  [[nodiscard]] std::optional<std::int64_t> integer() const noexcept;
  [[nodiscard]] std::optional<std::string_view> string() const noexcept {
    return tag == 'S' ? std::optional<std::string_view>(bytes) : std::nullopt;
  }
  [[nodiscard]] std::optional<Value> decode() const;
};

/// Reads a bare table body in place. Copies nothing; lives as long as the bytes. Iteration stops at the first malformed entry.
class TableView {
 public:
  TableView() = default;
  explicit TableView(std::string_view body) : body_(body) {}

  /// The first entry of that name.
  [[nodiscard]] std::optional<ValueView> find(std::string_view name) const noexcept;
  /// Calls `visit(name, ValueView)` for each entry in order; false from it stops.
  template <class Visit>
  void for_each(Visit&& visit) const {
    ByteReader in(body_);
    while (!in.empty()) {
      std::string_view name = in.shortstr();
      ValueView value;
      if (!read_value(in, value) || !visit(name, value)) return;
    }
  }
  [[nodiscard]] std::string_view body() const noexcept { return body_; }
  [[nodiscard]] bool empty() const noexcept { return body_.empty(); }
  [[nodiscard]] Table decode() const;  ///< empty when malformed

  /// Reads one tag and value; false (and `in` failed) when malformed. Does not look inside nested tables.
  static bool read_value(ByteReader& in, ValueView& out) noexcept;

 private:
  std::string_view body_;
};

}  // namespace mq::amqp
