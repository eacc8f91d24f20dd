#include "mq/amqp/utf8.hpp"

#include <gtest/gtest.h>

#include <string>

namespace mq::amqp {
namespace {

TEST(Utf8, AcceptsWellFormedTextOfEveryWidth) {
  for (const char* text :
       {"", "plain", "plain and longer than eight", "\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xED\x9F\xBF", "\xEE\x80\x80", "\xEF\xBF\xBF",
        "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF", "twelve chars\xC3\xA9", "1234567\xE2\x82\xAC"})
    EXPECT_TRUE(is_valid_utf8(text)) << text;
}

TEST(Utf8, AcceptsAZeroOctet) { EXPECT_TRUE(is_valid_utf8(std::string_view("a\0b", 3))); }

TEST(Utf8, RefusesOverlongForms) {
  for (const char* text : {"\xC0\xAF", "\xC1\xBF", "\xE0\x80\xAF", "\xE0\x9F\xBF", "\xF0\x80\x80\xAF", "\xF0\x8F\xBF\xBF"})
    EXPECT_FALSE(is_valid_utf8(text));
}

TEST(Utf8, RefusesSurrogates) {
  for (const char* text : {"\xED\xA0\x80", "\xED\xBF\xBF"}) EXPECT_FALSE(is_valid_utf8(text));
}

TEST(Utf8, RefusesCodePointsBeyondTheLast) {
  for (const char* text : {"\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFE", "\xFF"}) EXPECT_FALSE(is_valid_utf8(text));
}

TEST(Utf8, RefusesLoneContinuationsAndCutCharacters) {
  for (const char* text :
       {"\x80", "abc\xBF", "\xC3", "\xE2\x82", "\xF0\x9F\x90", "\xE2(\xA1", "\xC3\xA9\xA9", "longer than eight \xE2\x82"})
    EXPECT_FALSE(is_valid_utf8(text)) << text;
}

TEST(Utf8, IsCutBetweenCharactersOnly) {
  EXPECT_EQ(cut_utf8("ab\xE2\x82\xAC"
                     "cd",
                     5),
            "ab\xE2\x82\xAC");
  EXPECT_EQ(cut_utf8("ab\xE2\x82\xAC"
                     "cd",
                     4),
            "ab");
  EXPECT_EQ(cut_utf8("ab\xE2\x82\xAC"
                     "cd",
                     3),
            "ab");
  EXPECT_EQ(cut_utf8("ab\xF0\x9F\x90\x87", 5), "ab");
}

TEST(Utf8, IsNotCutWhenItFits) { EXPECT_EQ(cut_utf8("abc", 3), "abc"); }

}  // namespace
}  // namespace mq::amqp
