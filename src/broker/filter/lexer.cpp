#include "broker/filter/lexer.hpp"

#include <algorithm>

namespace mq::broker::filter {
namespace {

struct Spelling {
  std::string_view text;
  Token token;
};
constexpr Spelling kSymbols[] = {
    // the longer first
    {"<>", Token::kUnequal}, {"!=", Token::kUnequal}, {"<=", Token::kLessOrEqual}, {">=", Token::kGreaterOrEqual}, {"=", Token::kEqual},
    {"<", Token::kLess},     {">", Token::kGreater},  {"(", Token::kOpen},         {")", Token::kClose},           {",", Token::kComma},
    {"+", Token::kPlus},     {"-", Token::kMinus},    {"*", Token::kTimes},        {"/", Token::kDivide},          {"%", Token::kModulo},
};
constexpr Spelling kKeywords[] = {
    {"AND", Token::kAnd},   {"OR", Token::kOr},     {"NOT", Token::kNot},       {"BETWEEN", Token::kBetween},
    {"IN", Token::kIn},     {"LIKE", Token::kLike}, {"ESCAPE", Token::kEscape}, {"IS", Token::kIs},
    {"NULL", Token::kNull}, {"TRUE", Token::kTrue}, {"FALSE", Token::kFalse},
};

bool is_blank(char c) noexcept { return c == ' ' || (c >= '\t' && c <= '\r'); }
bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
char upper(char c) noexcept { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }
/// Everything beyond ASCII counts as a letter.
bool begins_name(char c) noexcept {
  return (upper(c) >= 'A' && upper(c) <= 'Z') || c == '_' || c == '$' || static_cast<unsigned char>(c) >= 0x80;
}
bool continues_name(char c) noexcept { return begins_name(c) || is_digit(c) || c == '.'; }

bool same_word(std::string_view a, std::string_view b) noexcept {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return upper(x) == y; });
}

}  // namespace

Lexeme Lexer::next() noexcept {
  while (at_ < text_.size() && is_blank(text_[at_])) ++at_;
  if (at_ == text_.size()) return {Token::kEnd, {}, at_};
  const char first = text_[at_];
  if (first == '\'') return quoted(Token::kText);
  if (first == '"') return quoted(Token::kQuotedName);
  if (is_digit(first) || (first == '.' && is_digit(at(at_ + 1)))) return number();
  if (begins_name(first)) return name();
  return symbol();
}

Lexeme Lexer::take(Token token, std::size_t size) noexcept {
  Lexeme lexeme{token, text_.substr(at_, size), at_};
  at_ += size;
  return lexeme;
}

Lexeme Lexer::quoted(Token token) noexcept {
  const char quote = text_[at_];
  std::size_t end = at_ + 1;
  while (end < text_.size() && (text_[end] != quote || at(end + 1) == quote)) end += text_[end] == quote ? 2 : 1;
  if (end == text_.size()) {
    at_ = end;
    return {Token::kUnclosed, {}, end};
  }
  Lexeme lexeme = take(token, end + 1 - at_);
  lexeme.text = lexeme.text.substr(1, lexeme.text.size() - 2);
  return lexeme;
}

Lexeme Lexer::number() noexcept {
  std::size_t end = at_;
  while (is_digit(at(end))) ++end;
  Token token = Token::kInteger;
  if (at(end) == '.') {
    token = Token::kDecimal;
    do ++end;
    while (is_digit(at(end)));
  }
  if (upper(at(end)) == 'E') {
    std::size_t digits = end + (at(end + 1) == '+' || at(end + 1) == '-' ? 2 : 1);
    if (is_digit(at(digits))) {
      token = Token::kDecimal;
      end = digits;
      while (is_digit(at(end))) ++end;
    }
  }
  return take(token, end - at_);
}

Lexeme Lexer::name() noexcept {
  std::size_t end = at_;
  while (end < text_.size() && continues_name(text_[end])) ++end;
  Lexeme lexeme = take(Token::kName, end - at_);
  for (const Spelling& keyword : kKeywords)
    if (same_word(lexeme.text, keyword.text)) lexeme.token = keyword.token;
  return lexeme;
}

Lexeme Lexer::symbol() noexcept {
  for (const Spelling& symbol : kSymbols)
    if (text_.substr(at_).starts_with(symbol.text)) return take(symbol.token, symbol.text.size());
  return take(Token::kBad, 1);
}

}  // namespace mq::broker::filter
