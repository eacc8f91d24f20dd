#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include "filter_bench.hpp"

namespace mq::broker::test {
namespace {

using amqp::Table;
using amqp::Value;

struct Row {
  const char* condition;
  bool matches;
};

const Table& shirt() {
  static const Table headers{{"color", "red"},
                             {"size", std::int32_t{5}},
                             {"price", 10.5},
                             {"sold", true},
                             {"returned", false},
                             {"stock", std::int8_t{-3}},
                             {"x-my-header", "dashed"},
                             {"food", "car\xF0\x9F\xA5\x95rot"},
                             {"empty", ""},
                             {"void", amqp::Void{}},
                             {"tags", amqp::Array{Value("new")}},
                             {"seen", amqp::Timestamp{1'700'000'000}}};
  return headers;
}

void expect_rows(const std::vector<Row>& rows, const Table& headers = shirt()) {
  for (const Row& row : rows) EXPECT_EQ(matches(row.condition, headers), row.matches) << row.condition;
}

TEST(Filter, ComparesTexts) {
  expect_rows({{"color = 'red'", true}, {"color = 'Red'", false}, {"color <> 'blue'", true}, {"color != 'red'", false}});
  expect_rows({{"color < 'rem'", true}, {"color > 'r'", true}, {"color <= 'red'", true}, {"color >= 'ree'", false}, {"empty = ''", true}});
}

TEST(Filter, ComparesNumbers) {
  expect_rows(
      {{"size = 5", true}, {"size <> 5", false}, {"size > 4", true}, {"size < 5", false}, {"size >= 5", true}, {"size <= 4", false}});
  expect_rows({{"size = 5.0", true}, {"size > 4.99", true}, {"price > 10", true}, {"price = 10.5", true}, {"stock = -3", true}});
}

TEST(Filter, ComparesNumbersOfEveryWidth) {
  for (const Value& seven :
       {Value(std::int8_t{7}), Value(std::uint8_t{7}), Value(std::int16_t{7}), Value(std::uint16_t{7}), Value(std::int32_t{7}),
        Value(std::uint32_t{7}), Value(std::int64_t{7}), Value(7.0F), Value(7.0), Value(amqp::Decimal{1, 70}), Value(amqp::Timestamp{7})})
    EXPECT_TRUE(matches("n = 7 AND n < 7.5 AND n + 1 = 8", {{"n", seven}})) << seven.type_name();
}

TEST(Filter, ComparesIntegersWithDecimalsExactly) {
  const Table big{{"n", std::int64_t{9'007'199'254'740'993}}, {"most", std::numeric_limits<std::int64_t>::max()}};
  expect_rows({{"n = 9007199254740992.0", false}, {"n > 9007199254740992.0", true}, {"9007199254740994.0 > n", true}}, big);
  expect_rows({{"most < 9223372036854775808.0", true}, {"most < 1e300", true}, {"most > -1e300", true}, {"-most > -1e19", true}}, big);
}

TEST(Filter, ComparesBooleansForEqualityOnly) {
  expect_rows({{"sold = TRUE", true}, {"sold <> false", true}, {"returned = false", true}, {"sold = returned", false}});
  expect_rows({{"sold > returned", false}, {"NOT sold > returned", false}, {"sold >= sold", false}});
}

TEST(Filter, TakesTimestampsAsSeconds) {
  expect_rows({{"seen = 1700000000", true}, {"seen > 1699999999.5", true}, {"seen + 60 < 1700000061", true}});
  EXPECT_TRUE(matches("late > 9223372036854775807", {{"late", amqp::Timestamp{std::uint64_t{1} << 63}}}));
}

TEST(Filter, TakesByteArraysAsTexts) { EXPECT_TRUE(matches("bytes LIKE 'a%'", {{"bytes", amqp::ByteArray{"abc"}}})); }

TEST(Filter, KnowsNothingOfUnlikeTypes) {
  for (const char* condition :
       {"color = 5", "size = '5'", "sold = 1", "sold = 'true'", "tags = 'new'", "tags = tags", "color < 1", "size LIKE '5'",
        "color + 1 = 2", "-color = 1", "+color = 'red'", "color AND TRUE", "size", "color", "tags"}) {
    EXPECT_FALSE(matches(condition, shirt())) << condition;
    EXPECT_FALSE(matches(std::string("NOT (") + condition + ")", shirt())) << condition;
  }
}

TEST(Filter, KnowsNothingOfWhatIsNotANumber) {
  const Table headers{{"nan", std::numeric_limits<double>::quiet_NaN()}};
  expect_rows({{"nan = nan", false}, {"nan <> 1", false}, {"nan IS NULL", false}, {"nan + 1 IS NULL", true}}, headers);
}

TEST(Filter, KnowsNothingOfAHeaderThatIsMissing) {
  for (const char* condition : {"gone = 1", "gone <> 1", "gone > 0", "gone = gone", "gone LIKE '%'", "gone IN (1)", "gone BETWEEN 1 AND 2",
                                "gone + 1 = 1", "-gone = 0", "gone", "void = 1"}) {
    EXPECT_FALSE(matches(condition, shirt())) << condition;
    EXPECT_FALSE(matches(std::string("NOT (") + condition + ")", shirt())) << condition;
  }
}

TEST(Filter, AsksWhetherSomethingIsNull) {
  expect_rows({{"gone IS NULL", true}, {"gone IS NOT NULL", false}, {"void IS NULL", true}, {"color IS NULL", false}});
  expect_rows({{"color IS NOT NULL", true}, {"tags IS NOT NULL", true}, {"size / 0 IS NULL", true}, {"gone + 1 IS NULL", true}});
  expect_rows({{"(gone = 1) IS NULL", true}, {"(size = 1) IS NULL", false}, {"properties.type IS NULL", true}});
}

// t is true, f false, u unknown.
void expect_truth(const std::string& condition, char truth) {
  const Table headers{{"t", true}, {"f", false}};
  EXPECT_EQ(matches(condition, headers), truth == 't') << condition;
  EXPECT_EQ(matches("NOT (" + condition + ")", headers), truth == 'f') << condition;
  EXPECT_EQ(matches("(" + condition + ") IS NULL", headers), truth == 'u') << condition;
}

TEST(Filter, JoinsThreeTruthsByAnd) {
  const char* rows[] = {"ttt", "tff", "tuu", "ftf", "fff", "fuf", "utu", "uff", "uuu"};
  for (std::string_view row : rows) expect_truth(std::string{row[0]} + " AND " + row[1], row[2]);
}

TEST(Filter, JoinsThreeTruthsByOr) {
  const char* rows[] = {"ttt", "tft", "tut", "ftt", "fff", "fuu", "utt", "ufu", "uuu"};
  for (std::string_view row : rows) expect_truth(std::string{row[0]} + " OR " + row[1], row[2]);
}

TEST(Filter, DeniesThreeTruths) {
  expect_truth("NOT t", 'f');
  expect_truth("NOT f", 't');
  expect_truth("NOT u", 'u');
  expect_truth("NOT NOT t", 't');
}

TEST(Filter, BindsNotBeforeAndBeforeOr) {
  expect_truth("t OR t AND f", 't');
  expect_truth("(t OR t) AND f", 'f');
  expect_truth("NOT f AND f", 'f');
  expect_truth("NOT (f AND f)", 't');
  expect_truth("NOT t OR t", 't');
  expect_truth("f AND f OR t AND t", 't');
}

TEST(Filter, BindsProductsBeforeSumsBeforeComparisons) {
  expect_rows({{"size + 2 * 3 = 11", true}, {"(size + 2) * 3 = 21", true}, {"2 * size - 3 = 7", true}, {"10 - 3 - 2 = size", true}});
  expect_rows({{"100 / 10 / 2 = size", true}, {"101 % 75 % size = 1", true}, {"NOT size = 5 + 1", true}, {"-size + 10 = 5", true}});
  expect_rows({{"size - -stock = 2", true}, {"6--1=7", true}, {"- - size = 5", true}, {"-(-size) = +size", true}, {"+(2) = 2", true}});
}

TEST(Filter, Calculates) {
  expect_rows(
      {{"size + 1 = 6", true}, {"size - 1.5 = 3.5", true}, {"price * 2 = 21", true}, {"size / 2 = 2.5", true}, {"10 / size = 2", true}});
  expect_rows({{"7 % size = 2", true}, {"-7 % size = -2", true}, {"7 % -size = 2", true}, {"price % 3 = 1.5", true}});
}

TEST(Filter, KnowsNothingOfADivisionByZero) {
  expect_rows({{"size / 0 = 0", false}, {"NOT size / 0 = 0", false}, {"size % 0 IS NULL", true}, {"1 / 0.0 IS NULL", true}});
}

TEST(Filter, GoesOnInDecimalsWhereIntegersEnd) {
  const Table ends{{"most", std::numeric_limits<std::int64_t>::max()}, {"least", std::numeric_limits<std::int64_t>::min()}};
  expect_rows({{"most + 1 = 9223372036854775808.0", true}, {"least - 1 < 0", true}, {"most * 4 > most", true}, {"-least > most", true}},
              ends);
  expect_rows({{"least / -1 > most", true}, {"least % -1 = 0", true}, {"least = -9223372036854775808", true}}, ends);
}

TEST(Filter, LooksBetween) {
  expect_rows({{"size BETWEEN 5 AND 6", true},
               {"size BETWEEN 4 AND 5", true},
               {"size BETWEEN 6 AND 4", false},
               {"color BETWEEN 'a' AND 's'", true}});
  expect_rows({{"size NOT BETWEEN 6 AND 9", true}, {"size NOT BETWEEN 1 AND 9", false}, {"size + 1 BETWEEN 2 * 3 AND 6 AND sold", true}});
  expect_rows({{"size NOT BETWEEN gone AND 4", true}, {"size NOT BETWEEN gone AND 5", false}, {"size BETWEEN 'a' AND 9", false}});
}

TEST(Filter, LooksIntoLists) {
  expect_rows({{"color IN ('blue', 'red')", true}, {"color IN ('blue')", false}, {"size IN (1, 5.0, 7)", true}, {"stock IN (-3)", true}});
  expect_rows(
      {{"color NOT IN ('blue', 'green')", true}, {"color NOT IN ('red')", false}, {"sold IN (TRUE)", true}, {"size+1 IN (+6)", true}});
}

TEST(Filter, TakesAListForAnOrOfEqualities) {
  expect_rows({{"size IN ('5', 5)", true}, {"color NOT IN ('blue', 5)", false}, {"(color IN ('blue', 5)) IS NULL", true}});
}

TEST(Filter, ComparesWithPatterns) {
  expect_rows({{"color LIKE 'red'", true}, {"color LIKE 'r%'", true}, {"color LIKE '%d'", true}, {"color LIKE '%e%'", true}});
  expect_rows({{"color LIKE 'r_d'", true}, {"color LIKE '___'", true}, {"color LIKE '__'", false}, {"color LIKE '%'", true}});
  expect_rows({{"color LIKE 'r%r%d'", false}, {"color LIKE 're%ed'", false}, {"color LIKE 'blue'", false}, {"color NOT LIKE 'b%'", true}});
  expect_rows({{"empty LIKE ''", true}, {"empty LIKE '%%'", true}, {"empty LIKE '_'", false}, {"empty LIKE '%x%'", false}});
  expect_rows({{"color LIKE '%_e_%'", true}, {"color LIKE '%_d_%'", false}, {"color LIKE '_%_%_'", true}, {"color LIKE '_%_%_%_'", false}});
}

TEST(Filter, TakesAnUnderscoreForOneCharacter) {
  expect_rows({{"food LIKE 'car_rot'", true}, {"food LIKE '___\xF0\x9F\xA5\x95___'", true}, {"food LIKE 'car__rot'", false}});
  expect_rows({{"food LIKE '%_rot'", true}, {"food LIKE '%r_r%'", true}, {"food LIKE '%r__r%'", false}, {"food LIKE '%car_%'", true}});
  expect_rows({{"food LIKE '%_\xF0\x9F\xA5\x95_%'", true}, {"food LIKE '_______'", true}, {"food LIKE '%________%'", false}});
}

TEST(Filter, EscapesInPatterns) {
  const Table headers{{"a", "50%"}, {"b", "_id"}, {"c", "x"}, {"d", "a\\b"}};
  expect_rows({{"a LIKE '50!%' ESCAPE '!'", true}, {"c LIKE '!%' ESCAPE '!'", false}, {"b LIKE '\\_%' ESCAPE '\\'", true}}, headers);
  expect_rows({{"c LIKE '\\_' ESCAPE '\\'", false}, {"d LIKE 'a\\\\b' ESCAPE '\\'", true}, {"d LIKE 'a\\b'", true}}, headers);
  expect_rows({{"a LIKE '__\xC3\xA9%' ESCAPE '\xC3\xA9'", true}, {"a LIKE '%%' ESCAPE '%'", false}, {"a LIKE '50%%' ESCAPE '%'", true}},
              headers);
}

TEST(Filter, FindsAPatternInALongTextOfNearMatches) {
  const std::string nearly(100'000, 'a');
  const std::string condition = "a LIKE '%" + std::string(30, 'a') + "_" + std::string(30, 'a') + "b%c%'";
  EXPECT_FALSE(matches(condition, {{"a", nearly}}));
  EXPECT_TRUE(matches(condition, {{"a", nearly + "bc"}}));
}

TEST(Filter, ReadsLiterals) {
  expect_rows(
      {{"10 = 10.", true}, {".5 = 0.5", true}, {"5.E2 = 500", true}, {"1.2e3 = 1200", true}, {"-.5E-1 = -0.05", true}, {"0 = -0", true}});
  expect_rows({{"'it''s' = 'it''s'", true}, {"'''' <> ''", true}, {"TRUE", true}, {"fAlSe", false}, {"false = False", true}});
}

TEST(Filter, ReadsKeywordsInAnyCaseAndNamesInTheirOwn) {
  expect_rows({{"color In ('red') aNd NOT gone is Not nulL oR FALSE", true}, {"Color = 'red'", false}, {"color='red'AND size=5", true}});
  expect_rows({{" \t\n\r\f\vcolor\n=\n'red' ", true}});
}

TEST(Filter, ReadsNames) {
  const Table headers{{"_a", 1}, {"$b9", 2}, {"c.d", 3}, {"\xC3\xA9t\xC3\xA9", 4}, {"and", 5}, {"say \"hi\"", 6}, {"", 7}};
  expect_rows({{"_a = 1", true}, {"$b9 = 2", true}, {"c.d = 3", true}, {"\xC3\xA9t\xC3\xA9 = 4", true}}, headers);
  expect_rows({{"\"and\" = 5", true}, {"\"say \"\"hi\"\"\" = 6", true}, {"\"\" = 7", true}, {"\"_a\" = 1", true}}, headers);
  expect_rows({{"\"x-my-header\" = 'dashed'", true}});
}

TEST(Filter, TakesTheFirstHeaderOfAName) {
  Table twice{{"n", 1}};
  twice.append("n", 2);
  twice.append("m", 3);
  expect_rows({{"n = 1", true}, {"n = 2", false}, {"m = 3 AND n = 1", true}, {"m = 3 AND n = 2", false}}, twice);
}

TEST(Filter, ReadsProperties) {
  amqp::Properties all;
  all.content_type = "text/plain";
  all.content_encoding = "gzip";
  all.headers = Table{{"color", "red"}};
  all.delivery_mode = std::uint8_t{2};
  all.priority = std::uint8_t{7};
  all.correlation_id = "c-1";
  all.reply_to = "back";
  all.expiration = "60000";
  all.message_id = "id-1";
  all.timestamp = 1'700'000'000;
  all.type = "order";
  all.user_id = "guest";
  all.app_id = "shop";
  all.cluster_id = "one";
  const MessagePtr message = make_message("", "", all, "");
  for (const char* condition :
       {"properties.content_type = 'text/plain'", "properties.content_encoding = 'gzip'", "properties.delivery_mode = 2",
        "properties.priority > 6", "properties.correlation_id = 'c-1'", "properties.reply_to = 'back'", "properties.expiration = '60000'",
        "properties.message_id LIKE 'id-%'", "properties.timestamp = 1700000000", "properties.type = 'order' AND color = 'red'",
        "properties.user_id = 'guest'", "properties.app_id = 'shop'", "properties.cluster_id = 'one'"}) {
    EXPECT_TRUE(filter_of(condition)->matches(*message)) << condition;
    EXPECT_FALSE(matches(condition)) << condition << " of a message that has none";
  }
}

TEST(Filter, ReadsHeadersBehindOtherProperties) {
  amqp::Properties properties;
  properties.content_encoding = "gzip";
  properties.headers = Table{{"n", 1}};
  EXPECT_TRUE(filter_of("n = 1")->matches(*make_message("", "", properties, "")));
}

TEST(Filter, ReadsWhereAMessageWasPublished) {
  expect_rows({{"routing_key = 'order.eu'", true},
               {"routing_key LIKE 'order.%'", true},
               {"exchange = 'amq.topic'", true},
               {"exchange = ''", false}});
  expect_rows({{"\"routing_key\" IS NULL", true}});
}

TEST(Filter, NeedsNoHeaders) { expect_rows({{"TRUE", true}, {"color IS NULL", true}, {"color = 'red'", false}}, {}); }

TEST(Filter, FindsManyHeadersAmongMany) {
  Table headers;
  std::string condition = "TRUE";
  for (int number = 0; number < 100; ++number) {
    const std::string name = "header" + std::to_string(number);
    headers.append(name, number);
    if (number % 2 == 0) condition += " AND " + name + " = " + std::to_string(number);
  }
  EXPECT_TRUE(matches(condition, headers));
  headers.set("header98", 0);
  EXPECT_FALSE(matches(condition, headers));
}

TEST(Filter, MayBeAskedByManyThreads) {
  const auto filter = filter_of("color = 'red' AND properties.type IS NULL");
  const MessagePtr red = message_with(shirt()), bare = message_with({});
  std::vector<std::thread> threads;
  for (int number = 0; number < 4; ++number)
    threads.emplace_back([&] {
      for (int round = 0; round < 1'000; ++round) {
        EXPECT_TRUE(filter->matches(*red));
        EXPECT_FALSE(filter->matches(*bare));
      }
    });
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace mq::broker::test
