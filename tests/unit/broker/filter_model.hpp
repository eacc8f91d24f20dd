// Conditions as a tree that says its text and, as plainly as possible, what it means: the rules that filters are compared with.
#pragma once

#include <cmath>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "mq/amqp/table.hpp"

namespace mq::broker::test {

struct Nothing {};
struct SomethingElse {};
using Known = std::variant<Nothing, bool, std::int64_t, double, std::string, SomethingElse>;
using MaybeTrue = std::optional<bool>;  // none: unknown

inline Known known_of(const amqp::Value* value) {
  if (value == nullptr || std::holds_alternative<amqp::Void>(value->of)) return Nothing{};
  if (const bool* boolean = value->boolean()) return *boolean;
  if (auto integer = value->integer()) return *integer;
  if (const std::string* text = value->string()) return *text;
  if (auto* bytes = std::get_if<amqp::ByteArray>(&value->of)) return bytes->bytes;
  if (auto* time = std::get_if<amqp::Timestamp>(&value->of)) return static_cast<std::int64_t>(time->seconds);
  if (auto* single = std::get_if<float>(&value->of)) return static_cast<double>(*single);
  if (auto* wide = std::get_if<double>(&value->of)) return *wide;
  return SomethingElse{};
}

/// Wide enough for every 64-bit integer and every double.
inline std::optional<long double> number_of(const Known& known) {
  if (auto* integer = std::get_if<std::int64_t>(&known)) return static_cast<long double>(*integer);
  if (auto* decimal = std::get_if<double>(&known)) return static_cast<long double>(*decimal);
  return std::nullopt;
}

template <class T>
bool holds(std::string_view comparison, const T& a, const T& b) {
  if (comparison == "=") return a == b;
  if (comparison == "<>") return !(a == b);
  if (comparison == "<") return a < b;
  if (comparison == "<=") return !(b < a);
  if (comparison == ">") return b < a;
  return !(a < b);
}

inline MaybeTrue compared(std::string_view comparison, const Known& a, const Known& b) {
  if (auto x = number_of(a), y = number_of(b); x && y) return holds(comparison, *x, *y);
  if (auto* x = std::get_if<std::string>(&a), *y = std::get_if<std::string>(&b); x != nullptr && y != nullptr)
    return holds(comparison, *x, *y);
  if (auto* x = std::get_if<bool>(&a), *y = std::get_if<bool>(&b);
      x != nullptr && y != nullptr && (comparison == "=" || comparison == "<>"))
    return holds(comparison, *x, *y);
  return std::nullopt;
}

inline Known calculated(char operation, const Known& a, const Known& b) {
  const auto x = number_of(a), y = number_of(b);
  if (!x || !y) return Nothing{};
  if ((operation == '/' || operation == '%') && *y == 0) return Nothing{};
  __extension__ using Wide = __int128;
  auto *i = std::get_if<std::int64_t>(&a), *j = std::get_if<std::int64_t>(&b);
  if (i != nullptr && j != nullptr && (operation != '/' || Wide{*i} % *j == 0)) {
    const Wide p = *i, q = *j;
    const Wide result = operation == '+' ? p + q : operation == '-' ? p - q : operation == '*' ? p * q : operation == '/' ? p / q : p % q;
    if (result == static_cast<std::int64_t>(result)) return static_cast<std::int64_t>(result);
  }
  const auto p = static_cast<double>(*x), q = static_cast<double>(*y);
  const double result = operation == '+'   ? p + q
                        : operation == '-' ? p - q
                        : operation == '*' ? p * q
                        : operation == '/' ? p / q
                                           : std::fmod(p, q);
  return std::isnan(result) ? Known(Nothing{}) : Known(result);
}

inline std::vector<std::string> characters_of(std::string_view text) {
  std::vector<std::string> characters;
  for (char octet : text) {
    if ((static_cast<unsigned char>(octet) & 0xC0) != 0x80) characters.emplace_back();
    characters.back() += octet;
  }
  return characters;
}

/// Fills a table of (pattern left, text left). `!` escapes.
inline bool like(std::string_view pattern, std::string_view text) {
  std::vector<std::string> p, t = characters_of(text);
  bool escaped = false;
  for (const std::string& character : characters_of(pattern)) {
    if (!escaped && character == "!") {
      escaped = true;
    } else {
      p.push_back(escaped || (character != "%" && character != "_") ? "=" + character : character);
      escaped = false;
    }
  }
  std::vector<std::vector<char>> fits(p.size() + 1, std::vector<char>(t.size() + 1, 0));
  for (std::size_t i = p.size() + 1; i-- > 0;)
    for (std::size_t j = t.size() + 1; j-- > 0;) {
      if (i == p.size()) fits[i][j] = j == t.size();
      else if (p[i] == "%") fits[i][j] = fits[i + 1][j] || (j < t.size() && fits[i][j + 1]);
      else fits[i][j] = j < t.size() && (p[i] == "_" || p[i] == "=" + t[j]) && fits[i + 1][j + 1];
    }
  return fits[0][0];
}

struct Tree;
using TreePtr = std::shared_ptr<const Tree>;

/// `word` says what it is: a name, `literal`, an operator, `BETWEEN`, `IN`, `LIKE`, `IS NULL`, `NOT`, `AND`, `OR`; unary minus is `neg`.
struct Tree {
  std::string word;
  std::vector<TreePtr> parts;
  Known literal;     // of a literal
  std::string text;  // of a literal or a name: its spelling; of a LIKE: the pattern
};

MaybeTrue truth_of(const Tree& tree, const amqp::Table& headers);

inline Known value_of(const Tree& tree, const amqp::Table& headers) {
  if (tree.word == "name") return known_of(headers.find(tree.text));
  if (tree.word == "literal") return tree.literal;
  if (tree.word == "neg") {  // 0 - x, but for the sign of a zero, which nothing tells
    return calculated('-', std::int64_t{0}, value_of(*tree.parts[0], headers));
  }
  if (tree.word.size() == 1 && std::string_view("+-*/%").find(tree.word[0]) != std::string_view::npos)
    return calculated(tree.word[0], value_of(*tree.parts[0], headers), value_of(*tree.parts[1], headers));
  const MaybeTrue truth = truth_of(tree, headers);
  return truth ? Known(*truth) : Known(Nothing{});
}

inline MaybeTrue both(MaybeTrue a, MaybeTrue b) {
  if (a == false || b == false) return false;
  return a && b ? MaybeTrue(true) : std::nullopt;
}
inline MaybeTrue denied(MaybeTrue a) { return a ? MaybeTrue(!*a) : std::nullopt; }
inline MaybeTrue either(MaybeTrue a, MaybeTrue b) { return denied(both(denied(a), denied(b))); }

inline MaybeTrue truth_of(const Tree& tree, const amqp::Table& headers) {
  auto value = [&](std::size_t part) { return value_of(*tree.parts[part], headers); };
  auto truth = [&](std::size_t part) { return truth_of(*tree.parts[part], headers); };
  if (tree.word == "AND") return both(truth(0), truth(1));
  if (tree.word == "OR") return either(truth(0), truth(1));
  if (tree.word == "NOT") return denied(truth(0));
  if (tree.word == "IS NULL") return std::holds_alternative<Nothing>(value(0));
  if (tree.word == "BETWEEN") return both(compared(">=", value(0), value(1)), compared("<=", value(0), value(2)));
  if (tree.word == "IN") {
    MaybeTrue found = false;
    for (std::size_t part = 1; part < tree.parts.size(); ++part) found = either(found, compared("=", value(0), value(part)));
    return found;
  }
  if (tree.word == "LIKE") {
    const Known tested = value(0);
    const auto* text = std::get_if<std::string>(&tested);
    return text != nullptr ? MaybeTrue(like(tree.text, *text)) : std::nullopt;
  }
  if (tree.word == "name" || tree.word == "literal") {
    const Known known = value_of(tree, headers);
    const auto* boolean = std::get_if<bool>(&known);
    return boolean != nullptr ? MaybeTrue(*boolean) : std::nullopt;
  }
  return compared(tree.word, value(0), value(1));
}

}  // namespace mq::broker::test
