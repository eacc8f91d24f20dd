// The types that method fields have on the wire, and the walks over a method's field list that encode, decode and print it.
//
// A method is a plain struct that names its id, its name and its fields (mq/amqp/methods.hpp has them all):
//
//   struct BasicAck {
//     static constexpr MethodId kId{60, 80};
//     static constexpr std::string_view kName = "basic.ack";
//     std::uint64_t delivery_tag = 0;
//     bool multiple = false;
//     static constexpr auto kFields = std::make_tuple(field("delivery-tag", &BasicAck::delivery_tag), field("multiple",
//     &BasicAck::multiple)); bool operator==(const BasicAck&) const = default;
//   };
//
// Wire rules (AMQP 0-9-1, 4.2.5): integers in network order; consecutive bits share octets, the first in the lowest bit. Strings and
// tables of a decoded method are views into the bytes it was decoded from. Nothing here throws but for lack of memory.
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>

#include "mq/amqp/table.hpp"
#include "mq/amqp/utf8.hpp"
#include "mq/base/bytes.hpp"

namespace mq::amqp {

struct MethodId {
  std::uint16_t class_id = 0;
  std::uint16_t method_id = 0;

  [[nodiscard]] constexpr std::uint32_t key() const noexcept { return static_cast<std::uint32_t>(class_id) << 16 | method_id; }
  bool operator==(const MethodId&) const = default;
};

inline constexpr std::size_t kMaxShortStrBytes = 255;

/// At most 255 octets of UTF-8, written behind one length octet. A longer one is cut when it is encoded, never inside a character.
struct ShortStr : std::string_view {
  constexpr ShortStr() = default;
  constexpr ShortStr(std::string_view text) noexcept : std::string_view(text) {}
  constexpr ShortStr(const char* text) noexcept : std::string_view(text) {}
  ShortStr(const std::string& text) noexcept : std::string_view(text) {}
};

/// Any octets, written behind four length octets.
struct LongStr : std::string_view {
  constexpr LongStr() = default;
  constexpr LongStr(std::string_view bytes) noexcept : std::string_view(bytes) {}
  constexpr LongStr(const char* text) noexcept : std::string_view(text) {}
  LongStr(const std::string& bytes) noexcept : std::string_view(bytes) {}
};

/// A table as it stands on the wire, its length left out. Well-formed when it comes from decode().
struct EncodedTable {
  std::string_view body;

  constexpr EncodedTable() = default;
  explicit constexpr EncodedTable(std::string_view encoded_body) noexcept : body(encoded_body) {}
  EncodedTable(TableView table) noexcept : body(table.body()) {}

  [[nodiscard]] TableView view() const noexcept { return TableView(body); }
  [[nodiscard]] Table decode() const { return view().decode(); }
  bool operator==(const EncodedTable&) const = default;
};

/// Keeps the encoded bytes of an owned table, so that a method can refer to them: `TableBytes bytes(table); m.arguments = bytes;`
class TableBytes {
 public:
  explicit TableBytes(const Table& table) { encode_table(table, bytes_); }
  operator EncodedTable() const& noexcept { return EncodedTable(std::string_view(bytes_).substr(4)); }
  operator EncodedTable() const&& = delete;  // the view would outlive the bytes

 private:
  std::string bytes_;
};

/// One row of a method's field list. A secret field is never printed.
template <class Method, class T>
struct Field {
  const char* name;
  T Method::*member;
  bool is_secret;
};

template <class Method, class T>
[[nodiscard]] constexpr Field<Method, T> field(const char* name, T Method::*member) noexcept {
  return {name, member, false};
}
template <class Method, class T>
[[nodiscard]] constexpr Field<Method, T> secret_field(const char* name, T Method::*member) noexcept {
  return {name, member, true};
}

template <class M>
concept Method = requires {
  { M::kId } -> std::convertible_to<MethodId>;
  { M::kName } -> std::convertible_to<std::string_view>;
  M::kFields;
};

/// Why a method could not be decoded.
enum class DecodeFault : std::uint8_t {
  kNone,
  kMalformed,  ///< too short, octets left over, or an ill-formed table; RabbitMQ has no clean reply, 502 SYNTAX_ERROR fits
  kBadUtf8,    ///< a shortstr is not UTF-8; RabbitMQ replies 501 `Malformed UTF-8 in shortstr`
};

namespace detail {

/// Runs of bits need to know where in an octet they stand; this walks beside the reader or writer.
struct BitPosition {
  unsigned next = 0;  ///< 0 = the next bit starts an octet
  constexpr bool starts_octet() noexcept { return next % 8 == 0; }
  constexpr void close() noexcept { next = 0; }
};

class FieldReader {
 public:
  explicit FieldReader(std::string_view bytes) noexcept : in_(bytes) {}

  void read(std::uint8_t& to) noexcept { to = octets().u8(); }
  void read(std::uint16_t& to) noexcept { to = octets().u16(); }
  void read(std::uint32_t& to) noexcept { to = octets().u32(); }
  void read(std::uint64_t& to) noexcept { to = octets().u64(); }
  void read(bool& to) noexcept {
    if (bit_.starts_octet()) octet_ = in_.u8();
    to = (octet_ >> (bit_.next++ % 8) & 1) != 0;
  }
  void read(ShortStr& to) noexcept {
    to = octets().shortstr();
    if (!is_valid_utf8(to)) bad_utf8_ = true;
  }
  void read(LongStr& to) noexcept { to = octets().longstr(); }
  void read(EncodedTable& to) noexcept {
    to = EncodedTable(octets().longstr());
    if (!to.body.empty() && !is_valid_table(to.body)) in_.fail();
  }
  [[nodiscard]] DecodeFault finish() const noexcept {
    if (in_.failed() || !in_.empty()) return DecodeFault::kMalformed;
    return bad_utf8_ ? DecodeFault::kBadUtf8 : DecodeFault::kNone;
  }

 private:
  ByteReader& octets() noexcept {
    bit_.close();
    return in_;
  }

  ByteReader in_;
  BitPosition bit_;
  std::uint8_t octet_ = 0;
  bool bad_utf8_ = false;
};

/// Adds up what FieldWriter will write.
class FieldMeter {
 public:
  template <class Int>
  requires std::is_unsigned_v<Int>
  constexpr void add(Int) noexcept { plain(sizeof(Int)); }
  constexpr void add(bool) noexcept {
    if (bit_.starts_octet()) ++bytes_;
    ++bit_.next;
  }
  void add(ShortStr v) noexcept { plain(1 + cut_utf8(v, kMaxShortStrBytes).size()); }
  void add(LongStr v) noexcept { plain(4 + v.size()); }
  void add(EncodedTable v) noexcept { plain(4 + v.body.size()); }
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }

 private:
  constexpr void plain(std::size_t bytes) noexcept {
    bit_.close();
    bytes_ += bytes;
  }
  std::size_t bytes_ = 0;
  BitPosition bit_;
};

/// Writes into room that FieldMeter has measured.
class FieldWriter {
 public:
  explicit FieldWriter(char* to) noexcept : to_(to) {}

  template <class Int>
  requires std::is_unsigned_v<Int>
  void write(Int v) noexcept {
    bit_.close();
    store_big_endian(to_, v);
    to_ += sizeof v;
  }
  void write(bool v) noexcept {
    if (bit_.starts_octet()) *to_++ = 0;
    to_[-1] = static_cast<char>(to_[-1] | static_cast<int>(v) << bit_.next % 8);
    ++bit_.next;
  }
  void write(ShortStr v) noexcept {
    std::string_view cut = cut_utf8(v, kMaxShortStrBytes);
    write(static_cast<std::uint8_t>(cut.size()));
    bytes(cut);
  }
  void write(LongStr v) noexcept {
    write(static_cast<std::uint32_t>(v.size()));
    bytes(v);
  }
  void write(EncodedTable v) noexcept { write(LongStr(v.body)); }

 private:
  void bytes(std::string_view v) noexcept {
    if (!v.empty()) std::memcpy(to_, v.data(), v.size());
    to_ += v.size();
  }
  char* to_;
  BitPosition bit_;
};

/// Appends `, name=value` (no comma after an opening bracket), octets that do not print escaped, long strings cut.
void print_name(std::string_view name, std::string& out);
void print_number(std::uint64_t value, std::string& out);
void print_text(std::string_view value, std::string& out);
void print_table(std::string_view body, std::string& out);

inline void print_value(bool v, std::string& out) { out += v ? "true" : "false"; }
inline void print_value(std::uint8_t v, std::string& out) { print_number(v, out); }
inline void print_value(std::uint16_t v, std::string& out) { print_number(v, out); }
inline void print_value(std::uint32_t v, std::string& out) { print_number(v, out); }
inline void print_value(std::uint64_t v, std::string& out) { print_number(v, out); }
inline void print_value(ShortStr v, std::string& out) { print_text(v, out); }
inline void print_value(LongStr v, std::string& out) { print_text(v, out); }
inline void print_value(EncodedTable v, std::string& out) { print_table(v.body, out); }

template <Method M, class Visit>
constexpr void for_each_field(Visit&& visit) {
  std::apply([&](const auto&... row) { (visit(row), ...); }, M::kFields);
}

}  // namespace detail

/// Decodes the fields of M: a method payload without its class and method ids. Nullopt when they are not M's; `fault`, when given,
/// says why. Views in the result live as long as `fields`.
template <Method M>
[[nodiscard]] std::optional<M> decode(std::string_view fields, DecodeFault* fault = nullptr) noexcept {
  std::optional<M> method(std::in_place);
  detail::FieldReader in(fields);
  detail::for_each_field<M>([&](const auto& row) { in.read((*method).*row.member); });
  DecodeFault outcome = in.finish();
  if (fault != nullptr) *fault = outcome;
  if (outcome != DecodeFault::kNone) method.reset();
  return method;
}

/// The octets encode() appends: ids and fields.
template <Method M>
[[nodiscard]] std::size_t encoded_size(const M& method) noexcept {
  detail::FieldMeter meter;
  detail::for_each_field<M>([&](const auto& row) { meter.add(method.*row.member); });
  return 4 + meter.bytes();
}

/// Writes ids and fields at `to`, which has room for encoded_size().
template <Method M>
void encode_at(const M& method, char* to) noexcept {
  detail::FieldWriter out(to);
  out.write(M::kId.class_id);
  out.write(M::kId.method_id);
  detail::for_each_field<M>([&](const auto& row) { out.write(method.*row.member); });
}

/// Appends a method payload: class id, method id, fields.
template <Method M>
void encode(const M& method, std::string& out) {
  std::size_t at = out.size();
  out.resize(at + encoded_size(method));
  encode_at(method, out.data() + at);
}

/// For logs: `basic.ack(delivery-tag=7, multiple=false)`. Secrets are left out, long strings cut, odd octets escaped.
template <Method M>
[[nodiscard]] std::string to_string(const M& method) {
  std::string out(M::kName);
  out += '(';
  detail::for_each_field<M>([&](const auto& row) {
    detail::print_name(row.name, out);
    if (row.is_secret) out += "***";
    else detail::print_value(method.*row.member, out);
  });
  out += ')';
  return out;
}

}  // namespace mq::amqp
