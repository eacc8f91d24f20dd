// By recursive descent, a function per level of binding. After a mistake the parser sees nothing but the end, so that every function comes
// to its own end at once; nodes are kNoNode from then on.
#include "broker/filter/parser.hpp"

#include <algorithm>
#include <charconv>
#include <limits>

#include "broker/filter.hpp"
#include "broker/filter/lexer.hpp"

namespace mq::broker::filter {
namespace {

/// What is known of a node's value before there is a message.
enum class Form : std::uint8_t { kAny, kCondition, kNumber, kText };

constexpr std::size_t kMaxNameBytes = 255;  // no header has a longer one

std::string_view form_text(Form form) noexcept {
  return form == Form::kCondition ? "a condition" : form == Form::kNumber ? "a number" : "a text";
}

template <class Detail>
struct OperatorRow {
  Token token;
  Detail detail;
};
constexpr OperatorRow<Comparison> kComparisons[] = {
    {Token::kEqual, Comparison::kEqual},     {Token::kUnequal, Comparison::kUnequal},
    {Token::kLess, Comparison::kLess},       {Token::kLessOrEqual, Comparison::kLessOrEqual},
    {Token::kGreater, Comparison::kGreater}, {Token::kGreaterOrEqual, Comparison::kGreaterOrEqual},
};
constexpr OperatorRow<Arithmetic> kSums[] = {{Token::kPlus, Arithmetic::kAdd}, {Token::kMinus, Arithmetic::kSubtract}};
constexpr OperatorRow<Arithmetic> kProducts[] = {
    {Token::kTimes, Arithmetic::kMultiply}, {Token::kDivide, Arithmetic::kDivide}, {Token::kModulo, Arithmetic::kModulo}};

template <class Rows>
auto find_operator(const Rows& rows, Token token) -> decltype(&rows[0]) {
  auto found = std::find_if(std::begin(rows), std::end(rows), [token](const auto& row) { return row.token == token; });
  return found == std::end(rows) ? nullptr : &*found;
}

std::string unquoted(std::string_view text, char quote) {
  std::string plain;
  plain.reserve(text.size());
  for (std::size_t at = 0; at < text.size(); at += text[at] == quote ? 2 : 1) plain += text[at];
  return plain;
}

std::optional<Scalar> number_of(std::string_view digits, bool is_integer, bool negative) noexcept {
  const char* end = digits.data() + digits.size();
  if (!is_integer) {
    double value = 0;
    auto read = std::from_chars(digits.data(), end, value);
    if (read.ec != std::errc() || read.ptr != end) return std::nullopt;
    return decimal_scalar(negative ? -value : value);
  }
  std::uint64_t value = 0;
  constexpr std::uint64_t kMost = std::numeric_limits<std::int64_t>::max();
  if (std::from_chars(digits.data(), end, value).ec != std::errc() || value > kMost + (negative ? 1 : 0)) return std::nullopt;
  return integer_scalar(static_cast<std::int64_t>(negative ? ~value + 1 : value));
}

class Parser {
 public:
  Parser(std::string_view text, Program& program) : lexer_(text), program_(program), now_(lexer_.next()) {}

  std::optional<Mistake> run() {
    const std::size_t start = now_.offset;
    program_.root = condition();
    require(Form::kCondition, program_.root, start);
    if (now_.token != Token::kEnd) fail("an operator or the end");
    return std::move(mistake_);
  }

 private:
  using Part = NodeId (Parser::*)();

  // --- what stands next ---

  bool take(Token token) {
    if (now_.token != token) return false;
    if (!mistake_) now_ = lexer_.next();
    return true;
  }
  void expect(Token token, std::string_view text) {
    if (!take(token)) fail(text);
  }

  // --- mistakes: the first counts ---

  NodeId fail(std::string_view expected) { return fail_at(now_.offset, now_.token == Token::kUnclosed ? "a closing quote" : expected); }
  NodeId fail_at(std::size_t offset, std::string_view expected) {
    if (!mistake_) mistake_ = Mistake{std::string(expected), offset};
    now_ = {Token::kEnd, {}, offset};
    return kNoNode;
  }
  void require(Form form, NodeId node, std::size_t start) {
    const Form is = form_of(node);
    if (is != Form::kAny && is != form) fail_at(start, form_text(form));
  }
  /// Runs `part` one level deeper, if that is not too deep.
  NodeId deeper(Part part) {
    if (depth_ == kMaxFilterDepth) return fail("at most 32 levels");
    ++depth_;
    const NodeId node = (this->*part)();
    --depth_;
    return node;
  }

  // --- nodes ---

  NodeId add(Node node) {
    if (mistake_) return kNoNode;
    if (program_.nodes.size() == kMaxFilterTerms) return fail("at most 256 terms");
    program_.nodes.push_back(node);
    return static_cast<NodeId>(program_.nodes.size() - 1);
  }
  NodeId add_constant(Scalar value) {
    program_.constants.push_back(value);
    return add({Op::kConstant, 0, last(program_.constants), 0, 0});
  }
  template <class Container>
  static std::uint16_t last(const Container& container) {
    return static_cast<std::uint16_t>(container.size() - 1);
  }
  [[nodiscard]] Form form_of(NodeId node) const;

  // --- the grammar, the loosest binding first ---

  NodeId condition() { return chain(Token::kOr, Op::kOr, &Parser::conjunction); }
  NodeId conjunction() { return chain(Token::kAnd, Op::kAnd, &Parser::negation); }
  NodeId chain(Token joint, Op op, Part part);
  NodeId negation();
  NodeId predicate();
  NodeId test(NodeId tested, std::size_t start);
  NodeId between(NodeId tested);
  NodeId among(NodeId tested);
  NodeId like(NodeId tested, std::size_t start);
  NodeId is_null(NodeId tested);
  NodeId sum() { return calculation(kSums, &Parser::product); }
  NodeId product() { return calculation(kProducts, &Parser::factor); }
  template <class Rows>
  NodeId calculation(const Rows& rows, Part part);
  NodeId factor();
  NodeId primary();
  NodeId name();
  NodeId quoted_name();
  std::optional<Scalar> literal();
  std::optional<Scalar> number(bool negative);

  Lexer lexer_;
  Program& program_;
  Lexeme now_;
  std::optional<Mistake> mistake_;
  std::size_t depth_ = 0;
};

Form Parser::form_of(NodeId node) const {
  if (node == kNoNode) return Form::kAny;
  const Node& it = program_.nodes[node];
  switch (it.op) {
    case Op::kConstant: {
      const Scalar& value = program_.constants[it.a];
      return value.is_number() ? Form::kNumber : value.kind == Kind::kText ? Form::kText : Form::kCondition;
    }
    case Op::kHeader: return Form::kAny;
    case Op::kProperty: return properties()[it.a].text != nullptr ? Form::kText : Form::kNumber;
    case Op::kRoutingKey:
    case Op::kExchange: return Form::kText;
    case Op::kPlus:
    case Op::kMinus:
    case Op::kCalculate: return Form::kNumber;
    default: return Form::kCondition;
  }
}

/// Parts joined by ANDs, or by ORs, are one node; parts in parentheses that are such a node themselves become parts of this one.
NodeId Parser::chain(Token joint, Op op, Part part) {
  std::size_t start = now_.offset;
  NodeId node = (this->*part)();
  if (now_.token != joint) return node;
  std::vector<NodeId> parts;
  auto join = [&] {
    require(Form::kCondition, node, start);
    if (node == kNoNode) return;
    const Node it = program_.nodes[node];
    if (it.op != op) return parts.push_back(node);
    auto inner = program_.children_of(it);
    parts.insert(parts.end(), inner.begin(), inner.end());
  };
  join();
  while (take(joint)) {
    start = now_.offset;
    node = (this->*part)();
    join();
  }
  const auto first = static_cast<std::uint16_t>(program_.children.size());
  program_.children.insert(program_.children.end(), parts.begin(), parts.end());
  return add({op, 0, 0, first, static_cast<std::uint16_t>(parts.size())});
}

NodeId Parser::negation() {
  if (!take(Token::kNot)) return predicate();
  const std::size_t start = now_.offset;
  const NodeId denied = deeper(&Parser::negation);
  require(Form::kCondition, denied, start);
  return add({Op::kNot, 0, denied, 0, 0});
}

NodeId Parser::predicate() {
  const std::size_t start = now_.offset;
  const NodeId tested = sum();
  if (const auto* row = find_operator(kComparisons, now_.token)) {
    take(now_.token);
    const NodeId other = sum();
    return add({Op::kCompare, static_cast<std::uint8_t>(row->detail), tested, other, 0});
  }
  if (take(Token::kIs)) return is_null(tested);
  if (take(Token::kNot)) return add({Op::kNot, 0, test(tested, start), 0, 0});
  const bool is_tested = now_.token == Token::kBetween || now_.token == Token::kIn || now_.token == Token::kLike;
  return is_tested ? test(tested, start) : tested;
}

NodeId Parser::test(NodeId tested, std::size_t start) {
  if (take(Token::kBetween)) return between(tested);
  if (take(Token::kIn)) return among(tested);
  if (take(Token::kLike)) return like(tested, start);
  return fail("BETWEEN, IN or LIKE");
}

NodeId Parser::between(NodeId tested) {
  const NodeId least = sum();
  expect(Token::kAnd, "AND");
  const NodeId most = sum();
  return add({Op::kBetween, 0, tested, least, most});
}

NodeId Parser::among(NodeId tested) {
  const auto first = static_cast<std::uint16_t>(program_.constants.size());
  std::uint16_t count = 0;
  expect(Token::kOpen, "'('");
  do {
    if (count == kMaxFilterList) return fail("at most 100 values");
    std::optional<Scalar> value = literal();
    if (!value) return kNoNode;
    program_.constants.push_back(*value);
    ++count;
  } while (take(Token::kComma));
  expect(Token::kClose, "',' or ')'");
  return add({Op::kIn, 0, tested, first, count});
}

NodeId Parser::like(NodeId tested, std::size_t start) {
  require(Form::kText, tested, start);
  const Lexeme pattern = now_;
  expect(Token::kText, "a text in single quotes");
  std::string escape;
  if (take(Token::kEscape)) {
    const Lexeme character = now_;
    expect(Token::kText, "a text in single quotes");
    escape = unquoted(character.text, '\'');
    const auto is_lead = [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; };
    if (std::count_if(escape.begin(), escape.end(), is_lead) != 1) return fail_at(character.offset, "one character");
  }
  std::string_view expected;
  std::optional<LikePattern> made = LikePattern::make(unquoted(pattern.text, '\''), escape, expected);
  if (!made) return fail_at(pattern.offset, expected);
  program_.patterns.push_back(std::move(*made));
  return add({Op::kLike, 0, tested, last(program_.patterns), 0});
}

NodeId Parser::is_null(NodeId tested) {
  const bool denied = take(Token::kNot);
  expect(Token::kNull, denied ? "NULL" : "NULL or NOT NULL");
  const NodeId node = add({Op::kIsNull, 0, tested, 0, 0});
  return denied ? add({Op::kNot, 0, node, 0, 0}) : node;
}

/// Sides of equal binding, from the left.
template <class Rows>
NodeId Parser::calculation(const Rows& rows, Part part) {
  std::size_t start = now_.offset;
  NodeId left = (this->*part)();
  while (const auto* row = find_operator(rows, now_.token)) {
    require(Form::kNumber, left, start);
    take(row->token);
    const std::size_t right_start = now_.offset;
    const NodeId right = (this->*part)();
    require(Form::kNumber, right, right_start);
    left = add({Op::kCalculate, static_cast<std::uint8_t>(row->detail), left, right, 0});
  }
  return left;
}

NodeId Parser::factor() {
  const bool negative = now_.token == Token::kMinus;
  if (!take(Token::kPlus) && !take(Token::kMinus)) return primary();
  if (now_.token == Token::kInteger || now_.token == Token::kDecimal) {
    const std::optional<Scalar> value = number(negative);
    return value ? add_constant(*value) : kNoNode;
  }
  const std::size_t start = now_.offset;
  const NodeId signed_one = deeper(&Parser::factor);
  require(Form::kNumber, signed_one, start);
  if (mistake_) return kNoNode;
  const Node it = program_.nodes[signed_one];
  if (it.op == Op::kConstant && negative) program_.constants[it.a] = negate(program_.constants[it.a]);
  const bool is_plain = it.op == Op::kConstant || (!negative && form_of(signed_one) == Form::kNumber);
  return is_plain ? signed_one : add({negative ? Op::kMinus : Op::kPlus, 0, signed_one, 0, 0});
}

NodeId Parser::primary() {
  switch (now_.token) {
    case Token::kName: return name();
    case Token::kQuotedName: return quoted_name();
    case Token::kText:
    case Token::kInteger:
    case Token::kDecimal:
    case Token::kTrue:
    case Token::kFalse: {
      const std::optional<Scalar> value = literal();
      return value ? add_constant(*value) : kNoNode;
    }
    case Token::kOpen: {
      take(Token::kOpen);
      const NodeId inner = deeper(&Parser::condition);
      expect(Token::kClose, "')'");
      return inner;
    }
    default: return fail("a name, a literal or '('");
  }
}

NodeId Parser::name() {
  const Lexeme lexeme = now_;
  take(Token::kName);
  if (lexeme.text == "routing_key") return add({Op::kRoutingKey, 0, 0, 0, 0});
  if (lexeme.text == "exchange") return add({Op::kExchange, 0, 0, 0, 0});
  if (lexeme.text.starts_with("properties.")) {
    auto row = std::find_if(properties().begin(), properties().end(), [&](const PropertyRow& each) { return each.name == lexeme.text; });
    if (row == properties().end()) return fail_at(lexeme.offset, "the name of a property, such as properties.type");
    return add({Op::kProperty, 0, static_cast<std::uint16_t>(row - properties().begin()), 0, 0});
  }
  if (lexeme.text.size() > kMaxNameBytes) return fail_at(lexeme.offset, "a name of at most 255 octets");
  return add({Op::kHeader, 0, program_.header(lexeme.text), 0, 0});
}

NodeId Parser::quoted_name() {
  const std::string name = unquoted(now_.text, '"');
  if (name.size() > kMaxNameBytes) return fail("a name of at most 255 octets");
  take(Token::kQuotedName);
  return add({Op::kHeader, 0, program_.header(name), 0, 0});
}

std::optional<Scalar> Parser::literal() {
  const Lexeme lexeme = now_;
  switch (lexeme.token) {
    case Token::kText: take(Token::kText); return text_scalar(program_.keep(unquoted(lexeme.text, '\'')));
    case Token::kTrue:
    case Token::kFalse: take(lexeme.token); return boolean_scalar(lexeme.token == Token::kTrue);
    case Token::kPlus:
    case Token::kMinus: take(lexeme.token); return number(lexeme.token == Token::kMinus);
    case Token::kInteger:
    case Token::kDecimal: return number(false);
    default: fail("a literal"); return std::nullopt;
  }
}

std::optional<Scalar> Parser::number(bool negative) {
  const bool is_integer = now_.token == Token::kInteger;
  if (!is_integer && now_.token != Token::kDecimal) return fail("a number"), std::nullopt;
  std::optional<Scalar> value = number_of(now_.text, is_integer, negative);
  if (value) take(now_.token);
  else fail(is_integer ? "an integer of 64 bits" : "a decimal of double precision");
  return value;
}

}  // namespace

std::optional<Mistake> parse(std::string_view text, Program& program) { return Parser(text, program).run(); }

}  // namespace mq::broker::filter
