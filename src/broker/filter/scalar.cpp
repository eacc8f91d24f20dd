#include "broker/filter/scalar.hpp"

#include <bit>
#include <cmath>
#include <compare>
#include <limits>

#include "mq/base/bytes.hpp"

namespace mq::broker::filter {
namespace {

constexpr double kTwoTo63 = 9223372036854775808.0;
constexpr std::int64_t kLeastInteger = std::numeric_limits<std::int64_t>::min();

std::partial_ordering order(std::int64_t a, double b) noexcept {
  if (b >= kTwoTo63) return std::partial_ordering::less;
  if (b < -kTwoTo63) return std::partial_ordering::greater;
  auto whole = static_cast<std::int64_t>(b);
  if (a != whole) return a <=> whole;
  return 0.0 <=> b - static_cast<double>(whole);
}

std::partial_ordering order_numbers(const Scalar& a, const Scalar& b) noexcept {
  if (a.kind == Kind::kInteger)
    return b.kind == Kind::kInteger ? std::partial_ordering(a.integer <=> b.integer) : order(a.integer, b.decimal);
  if (b.kind == Kind::kDecimal) return a.decimal <=> b.decimal;
  return 0 <=> order(b.integer, a.decimal);
}

bool holds(Comparison comparison, std::partial_ordering order) noexcept {
  switch (comparison) {
    case Comparison::kEqual: return order == 0;
    case Comparison::kUnequal: return order != 0;
    case Comparison::kLess: return order < 0;
    case Comparison::kLessOrEqual: return order <= 0;
    case Comparison::kGreater: return order > 0;
    case Comparison::kGreaterOrEqual: return order >= 0;
  }
  return false;
}

/// Equality is told by the sizes more often than not.
bool compare_texts(Comparison comparison, std::string_view a, std::string_view b) noexcept {
  if (comparison == Comparison::kEqual) return a == b;
  if (comparison == Comparison::kUnequal) return a != b;
  return holds(comparison, a <=> b);
}

Scalar decimal_or_null(double value) noexcept { return std::isnan(value) ? null_scalar() : decimal_scalar(value); }

Scalar calculate_decimals(Arithmetic operation, double a, double b) noexcept {
  switch (operation) {
    case Arithmetic::kAdd: return decimal_or_null(a + b);
    case Arithmetic::kSubtract: return decimal_or_null(a - b);
    case Arithmetic::kMultiply: return decimal_or_null(a * b);
    case Arithmetic::kDivide: return b == 0 ? null_scalar() : decimal_or_null(a / b);
    case Arithmetic::kModulo: return b == 0 ? null_scalar() : decimal_or_null(std::fmod(a, b));
  }
  return null_scalar();
}

/// False when no 64-bit integer is the result.
bool calculate_integers(Arithmetic operation, std::int64_t a, std::int64_t b, std::int64_t& result) noexcept {
  switch (operation) {
    case Arithmetic::kAdd: return !__builtin_add_overflow(a, b, &result);
    case Arithmetic::kSubtract: return !__builtin_sub_overflow(a, b, &result);
    case Arithmetic::kMultiply: return !__builtin_mul_overflow(a, b, &result);
    case Arithmetic::kDivide:
      if (b == 0 || (b == -1 && a == kLeastInteger) || a % b != 0) return false;
      result = a / b;
      return true;
    case Arithmetic::kModulo:
      if (b == 0) return false;
      result = b == -1 ? 0 : a % b;
      return true;
  }
  return false;
}

double decimal_of(const amqp::ValueView& value) noexcept {
  ByteReader in(value.bytes);
  if (value.tag == 'f') return static_cast<double>(std::bit_cast<float>(in.u32()));
  if (value.tag == 'd') return std::bit_cast<double>(in.u64());
  std::uint8_t scale = in.u8();  // D: so many of the digits stand behind the point
  return static_cast<double>(in.u32()) / std::pow(10.0, scale);
}

}  // namespace

Scalar null_scalar() noexcept { return {}; }

Scalar boolean_scalar(bool value) noexcept {
  Scalar scalar;
  scalar.kind = Kind::kBoolean;
  scalar.boolean = value;
  return scalar;
}

Scalar integer_scalar(std::int64_t value) noexcept {
  Scalar scalar;
  scalar.kind = Kind::kInteger;
  scalar.integer = value;
  return scalar;
}

Scalar decimal_scalar(double value) noexcept {
  Scalar scalar;
  scalar.kind = std::isnan(value) ? Kind::kOther : Kind::kDecimal;
  scalar.decimal = value;
  return scalar;
}

Scalar text_scalar(std::string_view value) noexcept {
  Scalar scalar;
  scalar.kind = Kind::kText;
  scalar.text = value;
  return scalar;
}

Scalar seconds_scalar(std::uint64_t seconds) noexcept {
  if (seconds >> 63 != 0) return decimal_scalar(static_cast<double>(seconds));
  return integer_scalar(static_cast<std::int64_t>(seconds));
}

Scalar scalar_of(const amqp::ValueView& value) noexcept {
  switch (value.tag) {
    case 'V': return null_scalar();
    case 't': return boolean_scalar(ByteReader(value.bytes).u8() != 0);
    case 'S':
    case 'x': return text_scalar(value.bytes);
    case 'T': return seconds_scalar(ByteReader(value.bytes).u64());
    case 'f':
    case 'd':
    case 'D': return decimal_scalar(decimal_of(value));
    default: break;
  }
  if (auto integer = value.integer()) return integer_scalar(*integer);
  Scalar other;
  other.kind = Kind::kOther;
  return other;
}

Comparison swapped(Comparison comparison) noexcept {
  switch (comparison) {
    case Comparison::kLess: return Comparison::kGreater;
    case Comparison::kLessOrEqual: return Comparison::kGreaterOrEqual;
    case Comparison::kGreater: return Comparison::kLess;
    case Comparison::kGreaterOrEqual: return Comparison::kLessOrEqual;
    default: return comparison;
  }
}

Truth compare(Comparison comparison, const Scalar& a, const Scalar& b) noexcept {
  if (a.kind == Kind::kText && b.kind == Kind::kText) return truth_of(compare_texts(comparison, a.text, b.text));
  if (a.is_number() && b.is_number()) return truth_of(holds(comparison, order_numbers(a, b)));
  if (a.kind != Kind::kBoolean || b.kind != Kind::kBoolean) return Truth::kUnknown;
  if (comparison == Comparison::kEqual) return truth_of(a.boolean == b.boolean);
  if (comparison == Comparison::kUnequal) return truth_of(a.boolean != b.boolean);
  return Truth::kUnknown;
}

Scalar calculate(Arithmetic operation, const Scalar& a, const Scalar& b) noexcept {
  if (!a.is_number() || !b.is_number()) return null_scalar();
  std::int64_t result = 0;
  if (a.kind == Kind::kInteger && b.kind == Kind::kInteger && calculate_integers(operation, a.integer, b.integer, result))
    return integer_scalar(result);
  return calculate_decimals(operation, a.as_double(), b.as_double());
}

Scalar negate(const Scalar& value) noexcept {
  if (value.kind == Kind::kDecimal) return decimal_scalar(-value.decimal);
  if (value.kind != Kind::kInteger) return null_scalar();
  return value.integer == kLeastInteger ? decimal_scalar(kTwoTo63) : integer_scalar(-value.integer);
}

}  // namespace mq::broker::filter
