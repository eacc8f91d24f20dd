// Random conditions and messages: a filter says what the model says, and so does the filter made of its normal form.
#include <gtest/gtest.h>

#include <limits>
#include <random>

#include "filter_bench.hpp"
#include "filter_model.hpp"

namespace mq::broker::test {
namespace {

class Conditions {
 public:
  explicit Conditions(std::uint32_t seed) : engine_(seed) {}

  std::uint32_t below(std::uint32_t bound) { return std::uniform_int_distribution<std::uint32_t>(0, bound - 1)(engine_); }

  amqp::Table headers() {
    amqp::Table headers;
    for (const char* name : {"a", "b", "c", "d e"})
      if (below(4) != 0) headers.append(name, header());
    return headers;
  }

  TreePtr condition(int depth) {
    switch (below(depth > 0 ? 10 : 6)) {
      case 0: return name();
      case 1: return tree({"IS NULL", {value(1)}, {}, {}});
      case 2: return tree({"LIKE", {name()}, {}, pattern()});
      case 3: return tree({"BETWEEN", {value(1), value(1), value(1)}, {}, {}});
      case 4: return list();
      case 6:
      case 7: return tree({"AND", {condition(depth - 1), condition(depth - 1)}, {}, {}});
      case 8: return tree({"OR", {condition(depth - 1), condition(depth - 1)}, {}, {}});
      case 9: return tree({"NOT", {condition(depth - 1)}, {}, {}});
      default: return tree({one_of({"=", "<>", "<", "<=", ">", ">="}), {value(2), value(2)}, {}, {}});
    }
  }

  /// With parentheses wherever they are needed, and sometimes where they are not.
  std::string spelt(const Tree& tree) {
    auto part = [&](std::size_t number) { return within_parentheses(*tree.parts[number]); };
    if (tree.word == "name") return tree.text == "d e" || below(4) == 0 ? "\"" + tree.text + "\"" : tree.text;
    if (tree.word == "literal") return tree.text;
    if (tree.word == "neg") return "-" + blank() + part(0);
    if (tree.word == "NOT") return keyword("NOT") + part(0);
    if (tree.word == "IS NULL") return part(0) + keyword("IS") + keyword("NULL");
    if (tree.word == "LIKE") return part(0) + keyword("LIKE") + "'" + tree.text + "'" + keyword("ESCAPE") + "'!'";
    if (tree.word == "BETWEEN") return part(0) + keyword("BETWEEN") + part(1) + keyword("AND") + part(2);
    if (tree.word == "IN") {
      std::string text = part(0) + keyword("IN") + "(";
      for (std::size_t number = 1; number < tree.parts.size(); ++number)
        text += (number > 1 ? "," : "") + blank() + tree.parts[number]->text;
      return text + ")";
    }
    if (tree.word == "AND" || tree.word == "OR") return part(0) + keyword(tree.word) + part(1);
    return part(0) + blank() + tree.word + blank() + part(1);
  }

 private:
  static TreePtr tree(Tree tree) { return std::make_shared<const Tree>(std::move(tree)); }
  std::string one_of(std::initializer_list<const char*> words) { return words.begin()[below(static_cast<std::uint32_t>(words.size()))]; }
  std::string blank() { return std::string(below(3), ' '); }
  std::string keyword(std::string word) {
    for (char& c : word)
      if (below(3) == 0) c = static_cast<char>(std::tolower(c));
    return " " + word + " ";
  }
  std::string within_parentheses(const Tree& tree) {
    const bool alone = tree.word == "name" || tree.word == "literal";
    return alone && below(4) != 0 ? spelt(tree) : "(" + blank() + spelt(tree) + ")";
  }

  TreePtr name() { return tree({"name", {}, {}, one_of({"a", "b", "c", "d e"})}); }

  TreePtr literal() {
    switch (below(6)) {
      case 0: return boolean(below(2) == 0);
      case 1: return text();
      case 2: return tree({"literal", {}, std::numeric_limits<std::int64_t>::max(), "9223372036854775807"});
      case 3: return tree({"literal", {}, 2.5, one_of({"2.5", "25e-1", "2.50"})});
      default: return integer(static_cast<int>(below(7)) - 3);
    }
  }
  TreePtr boolean(bool value) { return tree({"literal", {}, value, value ? "TRUE" : "false"}); }
  TreePtr integer(int value) { return tree({"literal", {}, std::int64_t{value}, std::to_string(value)}); }
  TreePtr text() {
    const std::string word = one_of({"", "a", "ab", "b'a", "\xC3\xA9"});
    std::string quoted;
    for (char c : word) quoted.append(c == '\'' ? 2 : 1, c);
    return tree({"literal", {}, word, "'" + quoted + "'"});
  }

  /// Nothing that is seen to be of the wrong type before there is a message.
  TreePtr number(int depth) {
    if (depth == 0 || below(2) == 0) return below(2) == 0 ? name() : integer(static_cast<int>(below(7)) - 3);
    if (below(5) == 0) return tree({"neg", {name()}, {}, {}});
    return tree({one_of({"+", "-", "*", "/", "%"}), {number(depth - 1), number(depth - 1)}, {}, {}});
  }
  TreePtr value(int depth) {
    switch (below(4)) {
      case 0: return literal();
      case 1: return number(depth);
      default: return name();
    }
  }
  TreePtr list() {
    Tree in{"IN", {value(1)}, {}, {}};
    for (std::uint32_t left = 1 + below(4); left > 0; --left) in.parts.push_back(literal());
    return tree(std::move(in));
  }
  std::string pattern() {
    std::string pattern;
    for (std::uint32_t left = below(7); left > 0; --left) pattern += one_of({"%", "%", "_", "a", "b", "!%", "!_", "!!", "\xC3\xA9"});
    return pattern;
  }

  amqp::Value header() {
    switch (below(12)) {
      case 0: return below(2) == 0;
      case 1: return static_cast<std::int8_t>(static_cast<int>(below(7)) - 3);
      case 2: return static_cast<std::uint32_t>(below(4));
      case 3: return below(2) == 0 ? std::numeric_limits<std::int64_t>::max() : std::numeric_limits<std::int64_t>::min();
      case 4: return 2.5F;
      case 5: return static_cast<double>(below(5)) - 2;
      case 6: return amqp::Timestamp{below(4)};
      case 7: return amqp::Void{};
      case 8: return amqp::Array{};
      case 9: return amqp::ByteArray{"ab"};
      default: break;
    }
    std::string text;
    for (std::uint32_t left = below(9); left > 0; --left)
      text += one_of({"a", "a", "b", "b", "%", "_", "!", "'", "\xC3\xA9", "\xE2\x82\xAC"});
    return text;
  }

  std::mt19937 engine_;
};

TEST(FilterModel, SaysTheSameOfRandomConditions) {
  Conditions conditions(20'240'607);
  int matched = 0;
  for (int round = 0; round < 6'000; ++round) {
    const TreePtr tree = conditions.condition(4);
    const std::string condition = conditions.spelt(*tree);
    ASSERT_EQ(mistake(condition), "") << condition;
    const auto filter = filter_of(condition);
    ASSERT_EQ(mistake(filter->normal_form()), "") << condition << " became " << filter->normal_form();
    const auto normal = filter_of(filter->normal_form());
    ASSERT_TRUE(normal->same_as(*filter)) << condition << " became " << filter->normal_form() << ", that " << normal->normal_form();
    for (int message = 0; message < 4; ++message) {
      const amqp::Table headers = conditions.headers();
      const MessagePtr sent = message_with(headers);
      const bool wanted = truth_of(*tree, headers) == true;
      ASSERT_EQ(filter->matches(*sent), wanted) << condition << "\nround " << round << ", message " << message;
      ASSERT_EQ(normal->matches(*sent), wanted) << condition << " became " << filter->normal_form();
      matched += wanted ? 1 : 0;
    }
  }
  EXPECT_GT(matched, 2'000) << "too few matched for this to say much";
}

}  // namespace
}  // namespace mq::broker::test
