#include "mq/amqp/fields.hpp"

#include <bit>
#include <charconv>

namespace mq::amqp::detail {

namespace {

constexpr std::size_t kPrintedBytes = 128;  // of one string; a log line is no place for a megabyte

template <class Number>
void print_decimal(Number value, std::string& out) {
  char digits[32];
  auto [end, error] = std::to_chars(digits, digits + sizeof digits, value);
  out.append(digits, end);
}

void print_member(ValueView value, std::string& out);

void print_members(ByteReader in, bool named, std::string& out) {
  bool first = true;
  while (!in.empty()) {
    std::string_view name = named ? in.shortstr() : std::string_view{};
    ValueView value;
    if (!TableView::read_value(in, value)) {
      out += "(malformed)";
      return;
    }
    if (!first) out += ", ";
    first = false;
    if (named) {
      print_text(name, out);
      out += ": ";
    }
    print_member(value, out);
  }
}

void print_member(ValueView value, std::string& out) {
  ByteReader in(value.bytes);
  if (std::optional<std::int64_t> integer = value.integer()) return print_decimal(*integer, out);
  switch (value.tag) {
    case 't': return print_value(in.u8() != 0, out);
    case 'T': return print_number(in.u64(), out);
    case 'f': return print_decimal(std::bit_cast<float>(in.u32()), out);
    case 'd': return print_decimal(std::bit_cast<double>(in.u64()), out);
    case 'D': {
      std::uint8_t scale = in.u8();
      print_number(in.u32(), out);
      out += "e-";
      return print_number(scale, out);
    }
    case 'F': return print_table(value.bytes, out);
    case 'A':
      out += '[';
      print_members(in, false, out);
      out += ']';
      return;
    case 'V': out += "void"; return;
    default: return print_text(value.bytes, out);
  }
}

}  // namespace

void print_name(std::string_view name, std::string& out) {
  if (!out.ends_with('(')) out += ", ";
  out.append(name) += '=';
}

void print_number(std::uint64_t value, std::string& out) { print_decimal(value, out); }

void print_text(std::string_view value, std::string& out) {
  static constexpr char kHex[] = "0123456789abcdef";
  out += '\'';
  for (char c : value.substr(0, kPrintedBytes)) {
    auto octet = static_cast<unsigned char>(c);
    if (octet < 0x20 || octet == 0x7F) (out += "\\x").append({kHex[octet >> 4], kHex[octet & 15]});
    else if (c == '\'' || c == '\\') (out += '\\') += c;
    else out += c;
  }
  out += '\'';
  if (value.size() > kPrintedBytes) {
    out += "...(";
    print_number(value.size(), out);
    out += " octets)";
  }
}

void print_table(std::string_view body, std::string& out) {
  out += '{';
  print_members(ByteReader(body), true, out);
  out += '}';
}

}  // namespace mq::amqp::detail
