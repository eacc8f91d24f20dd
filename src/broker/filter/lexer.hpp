// Cuts the text of a filter into tokens. Pure; tokens look into the text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace mq::broker::filter {

enum class Token : std::uint8_t {
  kEnd,
  kBad,       ///< an octet that begins no token
  kUnclosed,  ///< a quote that nothing closes; stands at the end of the text
  kName,
  kQuotedName,
  kText,
  kInteger,
  kDecimal,
  kOpen,
  kClose,
  kComma,
  kEqual,
  kUnequal,
  kLess,
  kLessOrEqual,
  kGreater,
  kGreaterOrEqual,
  kPlus,
  kMinus,
  kTimes,
  kDivide,
  kModulo,
  kAnd,
  kOr,
  kNot,
  kBetween,
  kIn,
  kLike,
  kEscape,
  kIs,
  kNull,
  kTrue,
  kFalse,
};

struct Lexeme {
  Token token = Token::kEnd;
  std::string_view text;   // of a text or a quoted name what stands between the quotes, with quotes doubled as they came
  std::size_t offset = 0;  // in octets
};

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  /// The next one; kEnd for ever at the end.
  [[nodiscard]] Lexeme next() noexcept;

 private:
  [[nodiscard]] Lexeme quoted(Token token) noexcept;
  [[nodiscard]] Lexeme number() noexcept;
  [[nodiscard]] Lexeme name() noexcept;
  [[nodiscard]] Lexeme symbol() noexcept;
  [[nodiscard]] Lexeme take(Token token, std::size_t size) noexcept;
  [[nodiscard]] char at(std::size_t offset) const noexcept { return offset < text_.size() ? text_[offset] : '\0'; }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace mq::broker::filter
