// Filters that are tables, filters that are refused, and filters that are the same.
#include <gtest/gtest.h>

#include <limits>

#include "filter_bench.hpp"

namespace mq::broker::test {
namespace {

using amqp::Table;
using amqp::Value;

std::string repeated(std::string_view text, std::size_t times) {
  std::string all;
  while (times-- > 0) all += text;
  return all;
}

// --- tables ---

TEST(FilterTable, AsksForEveryHeaderOfIt) {
  const Table filter{{"color", "red"}, {"size", std::int32_t{5}}};
  EXPECT_TRUE(matches(filter, {{"size", std::int32_t{5}}, {"other", 1}, {"color", "red"}}));
  EXPECT_FALSE(matches(filter, {{"size", std::int32_t{6}}, {"color", "red"}}));
  EXPECT_FALSE(matches(filter, {{"color", "red"}}));
}

TEST(FilterTable, ComparesAsTheHeadersExchangeDoes) {
  EXPECT_TRUE(matches(Table{{"n", std::int8_t{7}}}, {{"n", std::int64_t{7}}}));
  EXPECT_TRUE(matches(Table{{"n", 7.0F}}, {{"n", 7.0}}));
  EXPECT_FALSE(matches(Table{{"n", 7}}, {{"n", 7.0}}));
  EXPECT_FALSE(matches(Table{{"n", 1}}, {{"n", true}}));
  EXPECT_TRUE(matches(Table{{"n", amqp::Array{Value(1)}}}, {{"n", amqp::Array{Value(1)}}}));
}

TEST(FilterTable, TakesAVoidValueForPresence) {
  EXPECT_TRUE(matches(Table{{"n", amqp::Void{}}}, {{"n", "anything"}}));
  EXPECT_TRUE(matches(Table{{"n", amqp::Void{}}}, {{"n", amqp::Void{}}}));
  EXPECT_FALSE(matches(Table{{"n", amqp::Void{}}}, {{"m", 1}}));
}

TEST(FilterTable, MatchesEverythingWhenItAsksForNothing) { EXPECT_TRUE(matches(Table{})); }

TEST(FilterTable, CountsHeadersNamedWithX) { EXPECT_FALSE(matches(Table{{"x-a", 1}}, {{"x-a", 2}})); }

// --- mistakes ---

TEST(FilterMistake, NamesWhatWasExpectedAndWhere) {
  struct Row {
    const char* condition;
    const char* mistake;
  };
  for (const Row& row : std::initializer_list<Row>{
           {"", "expected a name, a literal or '(' at 1"},
           {"   ", "expected a name, a literal or '(' at 4"},
           {"(color = 'red' b", "expected ')' at 16"},
           {"color = 'red' b", "expected an operator or the end at 15"},
           {"color = ", "expected a name, a literal or '(' at 9"},
           {"color == 'red'", "expected a name, a literal or '(' at 8"},
           {"a = b = c", "expected an operator or the end at 7"},
           {"color = 'red", "expected a closing quote at 13"},
           {"\"color = 1", "expected a closing quote at 11"},
           {"color ; 1", "expected an operator or the end at 7"},
           {"a AND", "expected a name, a literal or '(' at 6"},
           {"a BETWEEN 1 OR 2", "expected AND at 13"},
           {"a NOT = 1", "expected BETWEEN, IN or LIKE at 7"},
           {"a IS 1", "expected NULL or NOT NULL at 6"},
           {"a IS NOT 1", "expected NULL at 10"},
           {"a = NULL", "expected a name, a literal or '(' at 5"},
           {"a IN 1", "expected '(' at 6"},
           {"a IN ()", "expected a literal at 7"},
           {"a IN (b)", "expected a literal at 7"},
           {"a IN (1 2)", "expected ',' or ')' at 9"},
           {"a IN (- 'b')", "expected a number at 9"},
           {"a LIKE b", "expected a text in single quotes at 8"},
           {"a LIKE 'x' ESCAPE 1", "expected a text in single quotes at 19"},
           {"a LIKE 'x' ESCAPE ''", "expected one character at 19"},
           {"a LIKE 'x' ESCAPE 'ab'", "expected one character at 19"},
           {"a LIKE 'x!' ESCAPE '!'", "expected '%', '_' or itself behind each escape character of the pattern at 8"},
           {"a LIKE '!x' ESCAPE '!'", "expected '%', '_' or itself behind each escape character of the pattern at 8"},
           {"a = 1 AND 'b'", "expected a condition at 11"},
           {"NOT 5", "expected a condition at 5"},
           {"routing_key", "expected a condition at 1"},
           {"a + 1", "expected a condition at 1"},
           {"a + 'b' = 1", "expected a number at 5"},
           {"(a = 1) * 2 = 2", "expected a number at 1"},
           {"-TRUE = 1", "expected a number at 2"},
           {"5 LIKE 'a'", "expected a text at 1"},
           {"properties.priority LIKE 'a'", "expected a text at 1"},
           {"properties.colour = 1", "expected the name of a property, such as properties.type at 1"},
           {"a = 9223372036854775808", "expected an integer of 64 bits at 5"},
           {"a = 1e400", "expected a decimal of double precision at 5"},
           {"\xC3\xA9 = \xC3\xA9 )", "expected an operator or the end at 7"},
       })
    EXPECT_EQ(mistake(row.condition), row.mistake) << row.condition;
}

TEST(FilterMistake, IsRefusedWithItsReplyCodeAndText) {
  const auto made = make_filter("(color = 'red' b");
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().reply_text(), "PRECONDITION_FAILED - invalid arg 'x-filter' for consumer: expected ')' at 16");
}

TEST(FilterMistake, MayBeTheType) {
  EXPECT_EQ(mistake(std::int32_t{1}), "expected a table or a longstr, got signedint");
  EXPECT_EQ(mistake(amqp::Void{}), "expected a table or a longstr, got void");
}

TEST(FilterMistake, MayBeTextThatIsNotUtf8) { EXPECT_EQ(mistake("a = '\xFF'"), "expected UTF-8"); }

TEST(FilterMistake, MayBeAHeaderThatStandsTwice) {
  Table twice{{"a", 1}};
  twice.append("a", 2);
  EXPECT_EQ(mistake(twice), "expected each header once");
}

TEST(FilterLimit, IsOnTheText) {
  const std::string condition = "a = '" + std::string(kMaxFilterBytes - 6, 'x') + "'";
  EXPECT_EQ(mistake(condition), "");
  EXPECT_EQ(mistake(condition + " "), "expected at most 4096 octets, got 4097");
  EXPECT_EQ(mistake(Table{{"a", std::string(kMaxFilterBytes - 7, 'x')}}), "");
  EXPECT_EQ(mistake(Table{{"a", std::string(kMaxFilterBytes - 6, 'x')}}), "expected at most 4096 octets, got 4097");
}

TEST(FilterLimit, IsOnTerms) {
  const std::string sum = "a" + repeated("+1", 126);  // 127 terms and 126 operators
  EXPECT_EQ(mistake(sum + " = 1 AND b"), "expected at most 256 terms at 264");
  EXPECT_EQ(mistake(sum + " = 1"), "");
  Table headers;
  for (int number = 0; number < 255; ++number) headers.append(std::to_string(number), true);
  EXPECT_EQ(mistake(headers), "");
  headers.append("255", true);
  EXPECT_EQ(mistake(headers), "expected less than 256 headers");
}

TEST(FilterLimit, IsOnDepth) {
  EXPECT_EQ(mistake(repeated("(", 32) + "a" + repeated(")", 32)), "");
  EXPECT_EQ(mistake(repeated("(", 33) + "a" + repeated(")", 33)), "expected at most 32 levels at 34");
  EXPECT_EQ(mistake(repeated("NOT ", 32) + "a"), "");
  EXPECT_EQ(mistake(repeated("NOT ", 33) + "a"), "expected at most 32 levels at 133");
  EXPECT_EQ(mistake("1 = " + repeated("-", 4000) + "a"), "expected at most 32 levels at 38");
}

TEST(FilterLimit, IsOnLists) {
  EXPECT_EQ(mistake("a IN (1" + repeated(",1", 99) + ")"), "");
  EXPECT_EQ(mistake("a IN (1" + repeated(",1", 100) + ")"), "expected at most 100 values at 207");
}

TEST(FilterLimit, IsOnPatternsWithUnderscores) {
  const std::string mistaken = "expected a pattern with at most 64 octets between two '%' where there is a '_' at 8";
  EXPECT_EQ(mistake("a LIKE '%_" + std::string(63, 'x') + "%'"), "");
  EXPECT_EQ(mistake("a LIKE '%_" + std::string(64, 'x') + "%'"), mistaken);
  EXPECT_EQ(mistake("a LIKE '%" + std::string(1000, 'x') + "%'"), "");
  EXPECT_EQ(mistake("a LIKE '_" + std::string(1000, 'x') + "%'"), "");
}

TEST(FilterLimit, IsOnNames) {
  const std::string longest(255, 'n');
  EXPECT_TRUE(matches(longest + " = 1", {{longest, 1}}));
  EXPECT_EQ(mistake("1 = " + longest + "n"), "expected a name of at most 255 octets at 5");
  EXPECT_EQ(mistake("1 = \"" + longest + "n\""), "expected a name of at most 255 octets at 5");
}

// --- sameness ---

bool same(const Value& a, const Value& b) { return filter_of(a)->same_as(*filter_of(b)); }

TEST(FilterForm, IsTheSameHoweverItIsSpelt) {
  EXPECT_TRUE(same("color = 'red' AND size > 3", "((\"color\"='red'))and(size>3)"));
  EXPECT_TRUE(same("a = 1 AND b = 2", "b = 2 AND a = 1"));
  EXPECT_TRUE(same("a OR (b OR c)", "c OR b OR a OR a"));
  EXPECT_TRUE(same("3 < size", "size > 3"));
  EXPECT_TRUE(same("a IN (1, 2, 2)", "a IN (2, 1)"));
  EXPECT_TRUE(same("a <> 1.50", "1.5e0 != a"));
  EXPECT_TRUE(same("NOT a LIKE 'x%'", "a NOT LIKE 'x%%'"));
  EXPECT_TRUE(same("a LIKE '!%' ESCAPE '!'", "a LIKE '#%' ESCAPE '#'"));
}

TEST(FilterForm, DiffersWhereTheMeaningDoes) {
  EXPECT_FALSE(same("a AND b OR c", "a AND (b OR c)"));
  EXPECT_FALSE(same("a - b - c = 1", "a - (b - c) = 1"));
  EXPECT_FALSE(same("a = '1'", "a = 1"));
  EXPECT_FALSE(same("a = 'it''s'", "a = 'its'"));
  EXPECT_FALSE(same("a LIKE '%'", "a LIKE '!%' ESCAPE '!'"));
  EXPECT_FALSE(same("\"routing_key\" = 'a'", "routing_key = 'a'"));
  EXPECT_FALSE(same("\"properties.type\" = 'a'", "properties.type = 'a'"));
  EXPECT_FALSE(same("NOT (a AND b)", "NOT a AND b"));
}

TEST(FilterForm, OfATableKnowsNoOrderAndNoWidth) {
  EXPECT_TRUE(same(Table{{"a", std::int8_t{1}}, {"b", "x"}}, Table{{"b", "x"}, {"a", std::int64_t{1}}}));
  EXPECT_TRUE(same(Table{{"a", 1.5F}}, Table{{"a", 1.5}}));
  EXPECT_FALSE(same(Table{{"a", 1}}, Table{{"a", 1.0}}));
  EXPECT_FALSE(same(Table{{"a", 1}}, Table{{"a", true}}));
  EXPECT_FALSE(same(Table{{"a", "x"}}, "a = 'x'"));
}

TEST(FilterForm, IsAConditionOfTheSameForm) {
  for (const char* condition :
       {"a", "NOT (a AND a)", "((b OR a) AND (a OR b)) OR c", "-(0) = +(3) - -4", "-(-a) = +a", "a = b - (c - d) * -e",
        "(a = b) = (c AND d)", "a NOT BETWEEN 1 AND 2 + b", "(a BETWEEN 1 AND 2) IS NOT NULL",
        "a LIKE '\\_%''' OR routing_key NOT IN (TRUE, -5, 1e3, 'x')", "properties.priority > -9223372036854775808"}) {
    const std::string form = normal_form(condition);
    EXPECT_EQ(normal_form(form), form) << condition;
  }
}

}  // namespace
}  // namespace mq::broker::test
