#include "broker/filter/normal_form.hpp"

#include <algorithm>
#include <charconv>
#include <vector>

#include "broker/values.hpp"
#include "mq/base/bytes.hpp"

namespace mq::broker::filter {
namespace {

/// How tightly a node binds its parts; one that binds looser than its place asks for stands in parentheses.
enum class Level : std::uint8_t { kOr, kAnd, kNot, kTest, kSum, kProduct, kSign, kPrimary };

constexpr char kEscape = '\\';
constexpr std::string_view kComparisonTexts[] = {" = ", " <> ", " < ", " <= ", " > ", " >= "};
constexpr std::string_view kArithmeticTexts[] = {" + ", " - ", " * ", " / ", " % "};

std::string quoted(std::string_view text, char quote) {
  std::string result(1, quote);
  for (char c : text) result.append(c == quote ? 2 : 1, c);
  return result + quote;
}

std::string decimal_text(double value) {
  char digits[40];
  std::string text(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
  if (text.find_first_of(".en") == std::string::npos) text += ".0";
  return text;
}

std::string scalar_text(const Scalar& value) {
  switch (value.kind) {
    case Kind::kBoolean: return value.boolean ? "TRUE" : "FALSE";
    case Kind::kInteger: return std::to_string(value.integer);
    case Kind::kDecimal: return decimal_text(value.decimal);
    case Kind::kText: return quoted(value.text, '\'');
    case Kind::kNull:
    case Kind::kOther: break;
  }
  return "NULL";  // no literal
}

/// As the headers exchange sees it: what is the same reads the same.
std::string wanted_text(const amqp::ValueView& value) {
  if (auto integer = value.integer()) return std::to_string(*integer);
  switch (value.tag) {
    case 'T': return std::to_string(ByteReader(value.bytes).u64());
    case 'f':
    case 'd': return decimal_text(scalar_of(value).decimal);
    case 'S':
    case 'x': return quoted(value.bytes, '\'');
    default: return value.tag + std::to_string(value.bytes.size()) + ":" + std::string(value.bytes);
  }
}

Level level_of(const Node& node) noexcept {
  switch (node.op) {
    case Op::kOr: return Level::kOr;
    case Op::kAnd: return Level::kAnd;
    case Op::kNot: return Level::kNot;
    case Op::kCompare:
    case Op::kBetween:
    case Op::kIn:
    case Op::kLike:
    case Op::kIsNull: return Level::kTest;
    case Op::kCalculate: return static_cast<Arithmetic>(node.detail) <= Arithmetic::kSubtract ? Level::kSum : Level::kProduct;
    case Op::kPlus:
    case Op::kMinus: return Level::kSign;
    default: return Level::kPrimary;
  }
}

Level tighter(Level level) noexcept { return static_cast<Level>(static_cast<int>(level) + 1); }

void sort_and_unite(std::vector<std::string>& texts) {
  std::sort(texts.begin(), texts.end());
  texts.erase(std::unique(texts.begin(), texts.end()), texts.end());
}

std::string joined(const std::vector<std::string>& texts, std::string_view by) {
  std::string result;
  for (const std::string& text : texts) result.append(result.empty() ? "" : by).append(text);
  return result;
}

/// A node written out, without parentheses around it.
struct Written {
  std::string text;
  Level level = Level::kPrimary;
  std::vector<std::string> parts;  // of an AND or an OR: what it joins, each once, in order
};

/// Parts stand before the nodes they are parts of, so one walk over all nodes writes them, each from what its parts have become.
class Writer {
 public:
  explicit Writer(const Program& program) : program_(program) {}

  std::string run() {
    written_.reserve(program_.nodes.size());
    for (const Node& node : program_.nodes) written_.push_back(write(node));
    return std::move(written_[program_.root].text);
  }

 private:
  Written write(const Node& node) {
    if (node.op == Op::kAnd || node.op == Op::kOr) return write_chain(node);
    return {write_text(node), level_of(node), {}};
  }

  std::string write_text(const Node& node) {
    switch (node.op) {
      case Op::kConstant: return scalar_text(program_.constants[node.a]);
      case Op::kHeader: return quoted(program_.names[node.a], '"');
      case Op::kProperty: return std::string(properties()[node.a].name);
      case Op::kRoutingKey: return "routing_key";
      case Op::kExchange: return "exchange";
      case Op::kPlus: return "+" + part(node.a, Level::kSign);
      case Op::kMinus: return "-" + part(node.a, Level::kSign);
      case Op::kCalculate: return write_calculation(node);
      case Op::kCompare: return write_comparison(node);
      case Op::kBetween: return operand(node.a) + " BETWEEN " + operand(node.b) + " AND " + operand(node.c);
      case Op::kIn: return operand(node.a) + " IN (" + write_list(node) + ")";
      case Op::kLike: return operand(node.a) + " LIKE " + quoted(program_.patterns[node.b].text(kEscape), '\'') + " ESCAPE '\\'";
      case Op::kIsNull: return operand(node.a) + " IS NULL";
      case Op::kNot: return "NOT " + part(node.a, Level::kNot);
      case Op::kHeaderIs: return quoted(program_.names[node.a], '"') + ":" + wanted_text(program_.wanted[node.b]);
      case Op::kAnd:
      case Op::kOr: break;
    }
    return {};
  }

  /// A node as it stands in a place for those that bind at least as tightly as `least`. No other place will ask for it.
  std::string part(NodeId id, Level least) {
    Written& written = written_[id];
    return written.level < least ? "(" + written.text + ")" : std::move(written.text);
  }
  std::string operand(NodeId id) { return part(id, Level::kSum); }

  Written write_chain(const Node& node) {
    const Level level = level_of(node);
    const auto children = program_.children_of(node);
    std::vector<std::string> parts;
    for (NodeId child : children) {
      const Written& written = written_[child];  // an AND within an AND, left behind where an OR had but one part
      if (written.level == level) parts.insert(parts.end(), written.parts.begin(), written.parts.end());
      else parts.push_back(written.level < level ? "(" + written.text + ")" : written.text);
    }
    sort_and_unite(parts);
    if (parts.size() == 1) return written_[children.front()];
    return {joined(parts, node.op == Op::kAnd ? " AND " : " OR "), level, std::move(parts)};
  }

  std::string write_calculation(const Node& node) {
    const Level level = level_of(node);
    std::string left = part(node.a, level);
    return left.append(kArithmeticTexts[node.detail]).append(part(node.b, tighter(level)));
  }

  std::string write_comparison(const Node& node) {
    std::string left = operand(node.a), right = operand(node.b);
    auto comparison = static_cast<Comparison>(node.detail);
    if (right < left) {
      left.swap(right);
      comparison = swapped(comparison);
    }
    return left.append(kComparisonTexts[static_cast<int>(comparison)]).append(right);
  }

  std::string write_list(const Node& node) const {
    std::vector<std::string> values;
    for (const Scalar& value : program_.list_of(node)) values.push_back(scalar_text(value));
    sort_and_unite(values);
    return joined(values, ", ");
  }

  const Program& program_;
  std::vector<Written> written_;
};

}  // namespace

std::string normal_form(const Program& program) { return Writer(program).run(); }

}  // namespace mq::broker::filter
