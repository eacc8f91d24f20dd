// What a filter reckons with: values, and truth with a third value. Pure; texts belong to others.
#pragma once

#include <cstdint>
#include <string_view>

#include "mq/amqp/table.hpp"

namespace mq::broker::filter {

/// In this order: AND is the least of its parts, OR the greatest.
enum class Truth : std::uint8_t { kFalse, kUnknown, kTrue };

[[nodiscard]] constexpr Truth truth_of(bool holds) noexcept { return holds ? Truth::kTrue : Truth::kFalse; }
[[nodiscard]] constexpr Truth operator!(Truth truth) noexcept { return static_cast<Truth>(2 - static_cast<int>(truth)); }

enum class Kind : std::uint8_t {
  kNull,  ///< not there: unknown
  kBoolean,
  kInteger,
  kDecimal,  ///< never not-a-number
  kText,
  kOther,  ///< there, but like nothing else: tables, arrays, what is not a number
};

struct Scalar {
  Kind kind = Kind::kNull;
  union {
    std::int64_t integer = 0;
    bool boolean;
    double decimal;
  };
  std::string_view text;

  [[nodiscard]] bool is_number() const noexcept { return kind == Kind::kInteger || kind == Kind::kDecimal; }
  /// Of a number.
  [[nodiscard]] double as_double() const noexcept { return kind == Kind::kInteger ? static_cast<double>(integer) : decimal; }
};

[[nodiscard]] Scalar null_scalar() noexcept;
[[nodiscard]] Scalar boolean_scalar(bool value) noexcept;
[[nodiscard]] Scalar integer_scalar(std::int64_t value) noexcept;
/// Not-a-number becomes kOther.
[[nodiscard]] Scalar decimal_scalar(double value) noexcept;
[[nodiscard]] Scalar text_scalar(std::string_view value) noexcept;
[[nodiscard]] Scalar seconds_scalar(std::uint64_t seconds) noexcept;
/// A header's value: integers of every width, timestamps as seconds, both floats and decimals, texts and byte arrays.
[[nodiscard]] Scalar scalar_of(const amqp::ValueView& value) noexcept;

enum class Comparison : std::uint8_t { kEqual, kUnequal, kLess, kLessOrEqual, kGreater, kGreaterOrEqual };
/// The comparison that says the same with its sides swapped.
[[nodiscard]] Comparison swapped(Comparison comparison) noexcept;

/// Numbers compare exactly, whatever their kinds; texts octet by octet; booleans only for equality. All else is unknown.
[[nodiscard]] Truth compare(Comparison comparison, const Scalar& a, const Scalar& b) noexcept;

enum class Arithmetic : std::uint8_t { kAdd, kSubtract, kMultiply, kDivide, kModulo };

/// Null when a side is no number, for a division by zero, and where there is no result. Integers stay integers while the result is one that
/// fits 64 bits; 5 / 2 is 2.5. A remainder has the sign of what is divided.
[[nodiscard]] Scalar calculate(Arithmetic operation, const Scalar& a, const Scalar& b) noexcept;
/// Null of what is no number.
[[nodiscard]] Scalar negate(const Scalar& value) noexcept;

}  // namespace mq::broker::filter
