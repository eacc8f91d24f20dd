#include "mq/amqp/table.hpp"

#include <gtest/gtest.h>

#include "random_values.hpp"

namespace mq::amqp {
namespace {

using namespace std::string_literals;

std::string body_of(const Table& table) {
  std::string encoded;
  encode_table(table, encoded);
  return encoded.substr(4);
}

/// A table body that nests `levels` tables in one another, the outermost included.
std::string nested_tables(int levels) {
  Table table;
  for (int i = 1; i < levels; ++i) table = Table{{"n", table}};
  return body_of(table);
}

std::string nested_arrays(int levels) {
  Array array;
  for (int i = 1; i < levels; ++i) array = Array{Value(array)};
  return body_of(Table{{"n", array}});
}

TEST(Table, FindsTheFirstOfDuplicateNames) {
  Table table{{"a", std::int32_t{1}}, {"a", std::int32_t{2}}};
  EXPECT_EQ(table.find("a")->integer(), 1);
}

TEST(Table, FindsNothingUnderAnUnknownName) { EXPECT_EQ(Table({{"a", true}}).find("b"), nullptr); }

TEST(Table, SetReplacesTheFirstOfThatNameInPlace) {
  Table table{{"a", true}, {"b", true}, {"a", true}};
  table.set("a", "new");
  EXPECT_EQ(table, (Table{{"a", "new"}, {"b", true}, {"a", true}}));
}

TEST(Table, SetAppendsANewName) {
  Table table{{"a", true}};
  table.set("b", false);
  EXPECT_EQ(table, (Table{{"a", true}, {"b", false}}));
}

TEST(Table, EraseRemovesAllOfThatName) {
  Table table{{"a", true}, {"b", true}, {"a", true}};
  EXPECT_TRUE(table.erase("a"));
  EXPECT_EQ(table, (Table{{"b", true}}));
}

TEST(Table, EraseTellsThatThereWasNone) { EXPECT_FALSE(Table({{"a", true}}).erase("b")); }

TEST(Value, HasTheTagItIsWrittenWith) {
  const std::pair<Value, char> rows[] = {{Void{}, 'V'},
                                         {true, 't'},
                                         {std::int8_t{}, 'b'},
                                         {std::uint8_t{}, 'B'},
                                         {std::int16_t{}, 's'},
                                         {std::uint16_t{}, 'u'},
                                         {std::int32_t{}, 'I'},
                                         {std::uint32_t{}, 'i'},
                                         {std::int64_t{}, 'l'},
                                         {1.0F, 'f'},
                                         {1.0, 'd'},
                                         {Decimal{}, 'D'},
                                         {"text", 'S'},
                                         {Timestamp{}, 'T'},
                                         {Table{}, 'F'},
                                         {Array{}, 'A'},
                                         {ByteArray{}, 'x'}};
  for (const auto& [value, tag] : rows) EXPECT_EQ(value.tag(), tag) << value.type_name();
}

TEST(Value, IsNamedAsInErrorTexts) {
  EXPECT_EQ(Value("text").type_name(), "longstr");
  EXPECT_EQ(Value(std::int32_t{1}).type_name(), "signedint");
  EXPECT_EQ(Value(std::int64_t{1}).type_name(), "long");
  EXPECT_EQ(Value(std::uint8_t{1}).type_name(), "unsignedbyte");
  EXPECT_EQ(Value(ByteArray{}).type_name(), "binary");
}

TEST(Value, ReadsAnyIntegerTypeAsOneKind) {
  EXPECT_EQ(Value(std::int8_t{-5}).integer(), -5);
  EXPECT_EQ(Value(std::uint32_t{4'000'000'000}).integer(), 4'000'000'000);
}

TEST(Value, DoesNotTakeBoolsTimestampsOrFloatsForIntegers) {
  EXPECT_EQ(Value(true).integer(), std::nullopt);
  EXPECT_EQ(Value(Timestamp{5}).integer(), std::nullopt);
  EXPECT_EQ(Value(5.0).integer(), std::nullopt);
}

TEST(TableCodec, ReturnsWhatWasEncodedForRandomTables) {
  test::RandomValues random(1);
  for (int round = 0; round < 2000; ++round) {
    Table table = random.table(4);
    std::string body = body_of(table);
    ASSERT_TRUE(is_valid_table(body)) << "round " << round;
    ASSERT_EQ(decode_table(body), table) << "round " << round;
  }
}

TEST(TableCodec, LeadsWithTheLengthOfTheBody) {
  std::string encoded;
  encode_table(Table{{"a", true}}, encoded);
  EXPECT_EQ(encoded, "\0\0\0\4\1at\1"s);
}

TEST(TableCodec, CutsNamesToAShortstr) {
  std::optional<Table> table = decode_table(body_of(Table{{std::string(300, 'n'), true}}));
  ASSERT_TRUE(table);
  EXPECT_EQ(table->entries().front().first, std::string(255, 'n'));
}

TEST(TableCodec, ReadsTheTagLAsSigned64Bit) {
  EXPECT_EQ(decode_table("\1aL\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFE"s), (Table{{"a", std::int64_t{-2}}}));
}

TEST(TableCodec, ReadsAnyNonZeroOctetAsTrue) { EXPECT_EQ(decode_table("\1at\7"s), (Table{{"a", true}})); }

TEST(TableCodec, RefusesAnUnknownTag) {
  EXPECT_FALSE(decode_table("\1aU\1\1"s));
  EXPECT_FALSE(is_valid_table("\1aU\1\1"s));
}

TEST(TableCodec, RefusesEveryTruncationOrEndsAtAnEntry) {
  test::RandomValues random(2);
  for (int round = 0; round < 50; ++round) {
    std::string body = body_of(random.table(4));
    for (std::size_t size = 0; size < body.size(); ++size) {
      std::string cut = body.substr(0, size);  // its own allocation, so that a sanitizer sees a read past the end
      ASSERT_EQ(decode_table(cut).has_value(), is_valid_table(cut)) << "round " << round << ", " << size << " bytes";
    }
  }
}

TEST(TableCodec, RefusesALengthBeyondTheBody) { EXPECT_FALSE(is_valid_table("\1aS\xFF\xFF\xFF\xFFxx"s)); }

TEST(TableCodec, RefusesAMalformedNestedTable) { EXPECT_FALSE(is_valid_table("\1aF\0\0\0\3\1bU"s)); }

TEST(TableCodec, RefusesAMalformedArray) { EXPECT_FALSE(is_valid_table("\1aA\0\0\0\3t\1U"s)); }

TEST(TableCodec, AllowsNestingUpToTheLimit) {
  EXPECT_TRUE(is_valid_table(nested_tables(kMaxTableDepth)));
  EXPECT_TRUE(decode_table(nested_tables(kMaxTableDepth)));
}

TEST(TableCodec, RefusesNestingBeyondTheLimit) {
  EXPECT_FALSE(is_valid_table(nested_tables(kMaxTableDepth + 1)));
  EXPECT_FALSE(decode_table(nested_tables(kMaxTableDepth + 1)));
  EXPECT_FALSE(is_valid_table(nested_arrays(kMaxTableDepth)));
  EXPECT_FALSE(decode_table(nested_arrays(kMaxTableDepth)));
}

TEST(TableView, FindsTheFirstOfThatName) {
  std::string body = body_of(Table{{"a", "x"}, {"b", "first"}, {"b", "second"}});
  EXPECT_EQ(TableView(body).find("b")->string(), "first");
}

TEST(TableView, VisitsEntriesInOrderUntilToldToStop) {
  std::string body = body_of(Table{{"a", true}, {"b", true}, {"c", true}});
  std::string seen;
  TableView(body).for_each([&](std::string_view name, const ValueView&) {
    seen += name;
    return name != "b";
  });
  EXPECT_EQ(seen, "ab");
}

TEST(TableView, StopsAtTheFirstMalformedEntry) {
  std::string seen;
  TableView("\1at\1\1bU\1ct\1").for_each([&](std::string_view name, const ValueView&) {
    seen += name;
    return true;
  });
  EXPECT_EQ(seen, "a");
}

TEST(TableView, ReadsIntegersOfEveryWidth) {
  std::string body = body_of(Table{{"b", std::int8_t{-1}},
                                   {"B", std::uint8_t{200}},
                                   {"s", std::int16_t{-2}},
                                   {"u", std::uint16_t{65535}},
                                   {"I", std::int32_t{-3}},
                                   {"i", std::uint32_t{4'000'000'000}},
                                   {"l", std::int64_t{-4}}});
  TableView view(body);
  EXPECT_EQ(view.find("b")->integer(), -1);
  EXPECT_EQ(view.find("B")->integer(), 200);
  EXPECT_EQ(view.find("s")->integer(), -2);
  EXPECT_EQ(view.find("u")->integer(), 65535);
  EXPECT_EQ(view.find("I")->integer(), -3);
  EXPECT_EQ(view.find("i")->integer(), 4'000'000'000);
  EXPECT_EQ(view.find("l")->integer(), -4);
}

TEST(TableView, DecodesAFoundValue) {
  Table inner{{"x", Array{Value(true), Value("s")}}};
  std::string body = body_of(Table{{"a", inner}});
  EXPECT_EQ(TableView(body).find("a")->decode(), Value(inner));
}

TEST(TableView, DecodesToAnEmptyTableWhenMalformed) { EXPECT_TRUE(TableView("\1aU").decode().empty()); }

TEST(ValueView, RefusesToDecodeBytesThatDoNotFitTheTag) { EXPECT_FALSE((ValueView{'I', "abc"}.decode())); }

}  // namespace
}  // namespace mq::amqp
