// Field tables with every tag RabbitMQ knows, octet by octet.
#include <gtest/gtest.h>

#include "hex.hpp"
#include "mq/amqp/table.hpp"

namespace mq::amqp {
namespace {

using golden::from_hex;
using golden::squeezed;
using golden::to_hex;

struct Row {
  const char* what;
  Value value;
  std::string_view hex;  ///< the entry: name "a", tag, value
};

const Row kRows[] = {
    {"bool", true, "01 61 74 01"},
    {"int8", std::int8_t{-1}, "01 61 62 ff"},
    {"uint8", std::uint8_t{255}, "01 61 42 ff"},
    {"int16", std::int16_t{-2}, "01 61 73 fffe"},
    {"uint16", std::uint16_t{65534}, "01 61 75 fffe"},
    {"int32", std::int32_t{-3}, "01 61 49 fffffffd"},
    {"uint32", std::uint32_t{4294967293}, "01 61 69 fffffffd"},
    {"int64", std::int64_t{-4}, "01 61 6c fffffffffffffffc"},
    {"float", 1.5F, "01 61 66 3fc00000"},
    {"double", -2.5, "01 61 64 c004000000000000"},
    {"decimal", Decimal{2, 12345}, "01 61 44 02 00003039"},
    {"longstr", "\xC3\xA9!", "01 61 53 00000003 c3a921"},
    {"timestamp", Timestamp{1'700'000'000}, "01 61 54 000000006553f100"},
    {"byte array", ByteArray{std::string("\0\xFF", 2)}, "01 61 78 00000002 00ff"},
    {"void", Void{}, "01 61 56"},
    {"table", Table{{"x", Table{}}}, "01 61 46 00000007 01 78 46 00000000"},
    {"array", Array{Value(true), Value(Array{}), Value("s")}, "01 61 41 0000000d 74 01 41 00000000 53 00000001 73"},
};

TEST(GoldenTable, WritesEveryTag) {
  for (const Row& row : kRows) {
    std::string encoded;
    encode_table(Table{{"a", row.value}}, encoded);
    EXPECT_EQ(to_hex(std::string_view(encoded).substr(4)), squeezed(row.hex)) << row.what;
  }
}

TEST(GoldenTable, ReadsEveryTag) {
  for (const Row& row : kRows) EXPECT_EQ(decode_table(from_hex(row.hex)), (Table{{"a", row.value}})) << row.what;
}

TEST(GoldenTable, ReadsTheOtherTagOfInt64) {
  EXPECT_EQ(decode_table(from_hex("01 61 4c fffffffffffffffc")), (Table{{"a", std::int64_t{-4}}}));
}

TEST(GoldenTable, KeepsTheOrderAndTheDuplicates) {
  std::string encoded;
  encode_table(Table{{"b", true}, {"a", false}, {"b", false}}, encoded);
  EXPECT_EQ(to_hex(encoded), squeezed("0000000c 01 62 74 01 01 61 74 00 01 62 74 00"));
}

}  // namespace
}  // namespace mq::amqp
