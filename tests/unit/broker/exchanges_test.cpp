#include <gtest/gtest.h>

#include "exchange_bench.hpp"

namespace mq::broker::test {
namespace {

using amqp::Table;
using amqp::Value;

TEST(DirectExchange, ReachesTheTargetsOfTheVeryKey) {
  ExchangeBench direct("direct");
  direct.bind(1, "a").bind(2, "a").bind(3, "a.b");
  EXPECT_EQ(direct.reached("a"), (Targets{1, 2}));
  EXPECT_EQ(direct.reached("a.b"), Targets{3});
  EXPECT_EQ(direct.reached(""), Targets{});
}

TEST(DirectExchange, TakesWildcardsLiterally) {
  ExchangeBench direct("direct");
  direct.bind(1, "#").bind(2, "*");
  EXPECT_EQ(direct.reached("a"), Targets{});
  EXPECT_EQ(direct.reached("#"), Targets{1});
}

TEST(DirectExchange, KeepsATargetWhileOneOfItsBindingsIsLeft) {
  ExchangeBench direct("direct");
  direct.bind(1, "k").bind(1, "k", {{"n", std::int32_t{1}}}).unbind(1, "k");
  EXPECT_EQ(direct.reached("k"), Targets{1});
  direct.unbind(1, "k", {{"n", std::int32_t{1}}});
  EXPECT_EQ(direct.reached("k"), Targets{});
}

TEST(FanoutExchange, ReachesEveryTargetWhateverTheKey) {
  ExchangeBench fanout("fanout");
  fanout.bind(2, "x").bind(1, "y");
  EXPECT_EQ(fanout.reached("z"), (Targets{1, 2}));
  fanout.unbind(2, "x");
  EXPECT_EQ(fanout.reached("z"), Targets{1});
}

struct TopicRow {
  const char* pattern;
  std::vector<const char*> matching;
  std::vector<const char*> other;
};

void expect_rows(const std::vector<TopicRow>& rows) {
  for (const TopicRow& row : rows) {
    ExchangeBench topic("topic");
    topic.bind(1, row.pattern);
    for (const char* key : row.matching) EXPECT_TRUE(topic.reaches(key)) << row.pattern << " should match '" << key << "'";
    for (const char* key : row.other) EXPECT_FALSE(topic.reaches(key)) << row.pattern << " should not match '" << key << "'";
  }
}

TEST(TopicExchange, MatchesPlainWords) {
  expect_rows({{"a.b", {"a.b"}, {"a", "b", "a.b.c", "a.bb", "A.b", ""}}, {"a", {"a"}, {"", "a.", ".a"}}});
}

TEST(TopicExchange, MatchesOneWordWithAStar) {
  expect_rows({{"*", {"a", "#", "*"}, {"", ".", "a.b"}},
               {"*.*", {".", "a.", ".a", "a.b"}, {"", "a", "a..b", ".."}},
               {"a.*.b", {"a..b", "a.x.b"}, {"a.b", "a.x.y.b"}},
               {"a.*", {"a.", "a.b", "a.#"}, {"a", "a..b", ""}}});
}

TEST(TopicExchange, MatchesAnyNumberOfWordsWithAHash) {
  const std::vector<const char*> kEverything = {"", "a", ".", "a.", ".a", "a.b", "a..b", "..", "a.x.b", "#"};
  expect_rows({{"#", kEverything, {}},
               {"#.#", kEverything, {}},
               {"a.#", {"a", "a.", "a.b", "a..b", "a.x.b"}, {"", ".", ".a", "b"}},
               {"#.a", {"a", ".a", "b.a", "a.a"}, {"", "a.", "a.b"}},
               {"a.#.b", {"a.b", "a..b", "a.x.b", "a.b.b", "a.x.y.b"}, {"", "a", "b", "a.b.c"}}});
}

TEST(TopicExchange, MatchesOneWordOrMoreWithBothWildcards) {
  const std::vector<const char*> kOneOrMore = {"a", ".", "a.b", "..", "a.x.b"};
  expect_rows({{"#.*", kOneOrMore, {""}},
               {"*.#", kOneOrMore, {""}},
               {"#.*.#", kOneOrMore, {""}},
               {"#.*.#.*", {"a.b", ".", "a.b.c"}, {"", "a"}},
               {"#.*.a", {"b.a", ".a", "a.a", "x.y.a"}, {"a", "", "a.b"}}});
}

TEST(TopicExchange, MatchesEmptyWords) {
  expect_rows({{"", {""}, {".", "a"}},
               {".", {"."}, {"", "a", ".."}},
               {"..", {".."}, {".", "a.b.c"}},
               {".*", {".", ".a"}, {"a.", ".."}},
               {"*.", {".", "a."}, {".a"}}});
}

TEST(TopicExchange, TakesWildcardsInsideWordsLiterally) {
  expect_rows({{"a#", {"a#"}, {"a", "ab"}}, {"*a", {"*a"}, {"a", "xa"}}, {"**", {"**"}, {"a"}}});
}

TEST(TopicExchange, TakesWildcardsInARoutingKeyLiterally) { expect_rows({{"a.b", {}, {"a.*", "#", "*.b"}}}); }

TEST(TopicExchange, ReachesATargetThroughEveryPatternThatFits) {
  ExchangeBench topic("topic");
  topic.bind(1, "a.*").bind(1, "#").bind(2, "*.b").bind(3, "a.b").bind(4, "a.c");
  EXPECT_EQ(topic.reached("a.b"), (Targets{1, 2, 3}));
}

TEST(TopicExchange, KeepsEquivalentPatternsApart) {
  ExchangeBench topic("topic");
  topic.bind(1, "#.*").bind(1, "*.#").unbind(1, "#.*");
  EXPECT_TRUE(topic.reaches("a"));
  topic.unbind(1, "*.#");
  EXPECT_FALSE(topic.reaches("a"));
}

TEST(TopicExchange, ForgetsAPatternButNotItsNeighbours) {
  ExchangeBench topic("topic");
  topic.bind(1, "a.b.c").bind(2, "a.b").bind(3, "a.b.*").unbind(1, "a.b.c");
  EXPECT_EQ(topic.reached("a.b.c"), Targets{3});
  EXPECT_EQ(topic.reached("a.b"), Targets{2});
  topic.unbind(2, "a.b").unbind(3, "a.b.*").bind(4, "a");
  EXPECT_EQ(topic.reached("a"), Targets{4});
}

TEST(TopicExchange, MatchesKeysLongerThanAShortString) {
  std::string key = "a";
  for (int i = 0; i < 1000; ++i) key += ".b";
  ExchangeBench topic("topic");
  topic.bind(1, "a.#.b");
  EXPECT_TRUE(topic.reaches(key));
}

TEST(TopicExchange, IsNotSlowedDownByManyHashes) {
  ExchangeBench topic("topic");
  std::string pattern, key;
  for (int i = 0; i < 40; ++i) pattern += i % 2 == 0 ? "#." : "a.";
  for (int i = 0; i < 120; ++i) key += "a.";
  topic.bind(1, pattern + "x");  // never matches: backtracking would try C(120, 20) ways
  topic.bind(2, "#.#.#.#.#.#.#.#.#.#.#.#");
  EXPECT_EQ(topic.reached(key), Targets{2});
}

TEST(HeadersExchange, WantsAllHeadersUnlessToldOtherwise) {
  ExchangeBench headers("headers");
  headers.bind(1, "", {{"a", std::int32_t{1}}, {"b", std::int32_t{2}}});
  EXPECT_TRUE(headers.reaches("", {{"b", std::int32_t{2}}, {"c", "more"}, {"a", std::int32_t{1}}}));
  EXPECT_FALSE(headers.reaches("", {{"a", std::int32_t{1}}}));
  EXPECT_FALSE(headers.reaches("", {{"a", std::int32_t{1}}, {"b", std::int32_t{3}}}));
}

TEST(HeadersExchange, IsContentWithAnyHeaderWhenAsked) {
  ExchangeBench headers("headers");
  headers.bind(1, "", {{"x-match", "any"}, {"a", std::int32_t{1}}, {"b", std::int32_t{2}}});
  EXPECT_TRUE(headers.reaches("", {{"b", std::int32_t{2}}}));
  EXPECT_FALSE(headers.reaches("", {{"b", std::int32_t{1}}, {"a", std::int32_t{2}}}));
}

TEST(HeadersExchange, MatchesEverythingWhenAllOfNothingIsWanted) {
  ExchangeBench headers("headers");
  headers.bind(1, "", {{"x-match", "all"}}).bind(2, "").bind(3, "", {{"x-match", "all-with-x"}});
  EXPECT_EQ(headers.reached(""), (Targets{1, 2, 3}));
  EXPECT_EQ(headers.reached("", {{"q", "v"}}), (Targets{1, 2, 3}));
}

TEST(HeadersExchange, MatchesNothingWhenAnyOfNothingIsWanted) {
  ExchangeBench headers("headers");
  headers.bind(1, "", {{"x-match", "any"}}).bind(2, "", {{"x-match", "any-with-x"}});
  EXPECT_EQ(headers.reached(""), Targets{});
  EXPECT_EQ(headers.reached("", {{"q", "v"}}), Targets{});
}

TEST(HeadersExchange, LooksAtXHeadersOnlyWhenAsked) {
  ExchangeBench headers("headers");
  headers.bind(1, "", {{"x-match", "all"}, {"x-a", "v"}}).bind(2, "", {{"x-match", "any"}, {"x-a", "v"}});
  headers.bind(3, "", {{"x-match", "all-with-x"}, {"x-a", "v"}}).bind(4, "", {{"x-match", "any-with-x"}, {"x-a", "v"}});
  EXPECT_EQ(headers.reached("", {{"x-a", "v"}}), (Targets{1, 3, 4}));
  EXPECT_EQ(headers.reached("", {{"x-a", "w"}}), Targets{1});
}

TEST(HeadersExchange, AsksForPresenceAloneWithAVoid) {
  ExchangeBench headers("headers");
  headers.bind(1, "", {{"a", amqp::Void{}}});
  EXPECT_TRUE(headers.reaches("", {{"a", "anything"}}));
  EXPECT_TRUE(headers.reaches("", {{"a", amqp::Void{}}}));
  EXPECT_FALSE(headers.reaches("", {{"b", "anything"}}));
}

struct ComparisonRow {
  const char* what;
  Value wanted;
  Value sent;
  bool same;
};

TEST(HeadersExchange, ComparesByValueNotByWidth) {
  const std::vector<ComparisonRow> kRows = {
      {"int32 and int64", std::int32_t{1}, std::int64_t{1}, true},
      {"int8 and uint32", std::int8_t{5}, std::uint32_t{5}, true},
      {"negative numbers", std::int8_t{-1}, std::int64_t{-1}, true},
      {"a negative and a large number", std::int8_t{-1}, std::uint8_t{255}, false},
      {"float and double", 1.5f, 1.5, true},
      {"integer and double", std::int32_t{1}, 1.0, false},
      {"integer and its digits", std::int32_t{1}, "1", false},
      {"integer and true", std::int32_t{1}, true, false},
      {"true and true", true, true, true},
      {"string and byte array", "x", amqp::ByteArray{"x"}, true},
      {"timestamps", amqp::Timestamp{5}, amqp::Timestamp{5}, true},
      {"timestamp and integer", amqp::Timestamp{5}, std::int64_t{5}, true},
      {"a huge timestamp and minus one", amqp::Timestamp{0xFFFFFFFFFFFFFFFF}, std::int64_t{-1}, false},
      {"decimals", amqp::Decimal{1, 5}, amqp::Decimal{1, 5}, true},
      {"decimals of other scale", amqp::Decimal{1, 50}, amqp::Decimal{2, 50}, false},
      {"tables", Table{{"b", std::int32_t{1}}}, Table{{"b", std::int32_t{1}}}, true},
      {"tables with other widths inside", Table{{"b", std::int32_t{1}}}, Table{{"b", std::int64_t{1}}}, false},
      {"a value and a void", std::int32_t{1}, amqp::Void{}, false},
  };
  for (const ComparisonRow& row : kRows) {
    for (const char* mode : {"all", "any"}) {
      ExchangeBench headers("headers");
      headers.bind(1, "", {{"x-match", mode}, {"a", row.wanted}});
      EXPECT_EQ(headers.reaches("", {{"a", row.sent}}), row.same) << row.what << ", " << mode;
    }
  }
}

TEST(HeadersExchange, PairsRepeatedNamesInTheirOrder) {
  ExchangeBench headers("headers");
  headers.bind(1, "", {{"a", std::int32_t{1}}, {"a", std::int32_t{2}}}).bind(2, "", {{"a", std::int32_t{1}}});
  EXPECT_EQ(headers.reached("", {{"a", std::int32_t{1}}, {"a", std::int32_t{2}}}), (Targets{1, 2}));
  EXPECT_EQ(headers.reached("", {{"a", std::int32_t{2}}, {"a", std::int32_t{1}}}), Targets{});
}

TEST(HeadersExchange, TakesTheSameArgumentsInAnyOrder) {
  ExchangeBench headers("headers");
  headers.bind(1, "", {{"a", "1"}, {"b", "2"}}).unbind(1, "", {{"b", "2"}, {"a", "1"}});
  EXPECT_EQ(headers.reached("", {{"a", "1"}, {"b", "2"}}), Targets{});
}

TEST(HeadersExchange, RefusesAnUnknownMatchMode) {
  ExchangeBench headers("headers");
  auto refused = headers.table().validate("", {{"x-match", "foo"}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reply_text(),
            "PRECONDITION_FAILED - Invalid x-match field value <<\"foo\">>; expected all, any, all-with-x, or any-with-x");
}

TEST(HeadersExchange, RefusesAMatchModeThatIsNoString) {
  ExchangeBench headers("headers");
  auto refused = headers.table().validate("", {{"x-match", std::int32_t{1}}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().text, "Invalid x-match field type signedint (value 1); expected longstr");
}

TEST(ExchangeTypes, AreFoundByName) {
  EXPECT_NE(find_exchange_type("topic"), nullptr);
  EXPECT_EQ(find_exchange_type("x-unheard-of"), nullptr);
}

}  // namespace
}  // namespace mq::broker::test
