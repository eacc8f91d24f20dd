// What the management API reads and writes: targets, JSON, base64.
#include <gtest/gtest.h>

#include <cmath>

#include "http/base64.hpp"
#include "http/json.hpp"
#include "http/message.hpp"

namespace mq::http {
namespace {

using Parts = std::vector<std::string>;

Parts path_of(std::string_view target) {
  Request request;
  EXPECT_TRUE(read_target(target, request)) << target;
  return request.path;
}

std::string shown(const amqp::Value& value) { return to_text(to_json(value)); }

std::optional<amqp::Value> read(std::string_view text) {
  auto value = parse_json(text);
  return value ? to_amqp(*value) : std::nullopt;
}

}  // namespace

// --- targets ---

TEST(HttpTarget, IsCutAtSlashesAndDecoded) {
  EXPECT_EQ(path_of("/api/queues/%2F/a%20b%2fc"), (Parts{"api", "queues", "/", "a b/c"}));
  EXPECT_EQ(path_of("/api/queues/a+b"), (Parts{"api", "queues", "a+b"}));
  EXPECT_EQ(path_of("/"), Parts{});
}

TEST(HttpTarget, MayEndInASlash) { EXPECT_EQ(path_of("/api/policies/"), (Parts{"api", "policies"})); }

TEST(HttpTarget, HasAQuery) {
  Request request;
  ASSERT_TRUE(read_target("/api/queues?columns=name%2Cvhost&name=a+b&flag&columns=x", request));
  EXPECT_EQ(request.path, (Parts{"api", "queues"}));
  EXPECT_EQ(request.query, (std::map<std::string, std::string>{{"columns", "x"}, {"name", "a b"}, {"flag", ""}}));
}

TEST(HttpTarget, IsRefusedWhenItIsMalformed) {
  for (const char* target : {"", "api", "*", "/%ZZ", "/a%2", "/a%", "/a?x=%Z1", "http://elsewhere/api"}) {
    Request request;
    EXPECT_FALSE(read_target(target, request)) << target;
  }
}

// --- JSON ---

TEST(ManagementJson, BecomesValuesTheBrokerKeeps) {
  EXPECT_EQ(read(R"({"a":1,"b":[true,null,"x",1.5],"c":{"d":-2}})"),
            amqp::Value(amqp::Table{
                {"a", std::int64_t{1}}, {"b", amqp::Array{true, amqp::Void{}, "x", 1.5}}, {"c", amqp::Table{{"d", std::int64_t{-2}}}}}));
}

TEST(ManagementJson, TakesNumbersBeyondAnIntegerForDoubles) {
  EXPECT_EQ(read("18446744073709551615"), amqp::Value(18446744073709551615.0));
  EXPECT_EQ(read("9223372036854775807"), amqp::Value(std::int64_t{9223372036854775807}));
}

TEST(ManagementJson, IsRefusedWhenItIsMalformedOrTooDeep) {
  for (const char* text : {"", "{", "{\"a\":}", "[1,]", "\"\xFF\"", "nul", "1 2"}) EXPECT_FALSE(read(text)) << text;
  EXPECT_FALSE(parse_json(std::string(1000, '[')));
}

TEST(ManagementJson, HoldsNoNumberBeyondADouble) {
  for (const char* text : {"1e400", "-1e400", "[1, [2, 1e999]]", R"({"a": {"b": 1e309}})"}) EXPECT_FALSE(parse_json(text)) << text;
  EXPECT_TRUE(parse_json("[1e308, 1e-400]"));
}

TEST(ManagementJson, HasNoNamesTooLongForATable) {
  EXPECT_TRUE(read("{\"" + std::string(255, 'n') + "\":1}"));
  EXPECT_FALSE(read("{\"" + std::string(256, 'n') + "\":1}"));
}

TEST(ManagementJson, ShowsEveryKindOfValue) {
  EXPECT_EQ(shown("x"), "\"x\"");
  EXPECT_EQ(shown(std::uint8_t{7}), "7");
  EXPECT_EQ(shown(true), "true");
  EXPECT_EQ(shown(amqp::Timestamp{5}), "5");
  EXPECT_EQ(shown(amqp::Void{}), "null");
  EXPECT_EQ(shown(amqp::Table{{"a", amqp::Array{std::int64_t{1}}}}), R"({"a":[1]})");
  EXPECT_EQ(shown(amqp::ByteArray{"ab"}), "\"ab\"");
}

TEST(ManagementJson, ShowsWhatItCannotHold) {
  EXPECT_EQ(shown(std::nan("")), "null");
  EXPECT_EQ(shown(HUGE_VAL), "null");
  EXPECT_EQ(shown("a\xFFz\xC3\xA4\xC3"), "\"a\xEF\xBF\xBDz\xC3\xA4\xEF\xBF\xBD\"");
}

TEST(ManagementJson, ShowsTheFirstOfTwoMembersOfOneName) {
  amqp::Table table;
  table.append("a", std::int64_t{1});
  table.append("a", std::int64_t{2});
  EXPECT_EQ(shown(table), R"({"a":1})");
}

// --- base64 ---

TEST(Base64, ComesBackAsItWas) {
  for (std::string bytes : {"", "a", "ab", "abc", "abcd"}) EXPECT_EQ(decode_base64(encode_base64(bytes)), bytes);
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
  EXPECT_EQ(decode_base64(encode_base64(all)), all);
  EXPECT_EQ(encode_base64("guest:guest"), "Z3Vlc3Q6Z3Vlc3Q=");
}

TEST(Base64, IsRefusedWhenItIsMalformed) {
  for (const char* text : {"a", "ab=", "====", "a===", "ab!=", "Z3V=c3Q6"}) EXPECT_EQ(decode_base64(text), std::nullopt) << text;
}

TEST(HttpResponse, EscapesWhatAConsoleWouldTakeForHtml) {
  EXPECT_EQ(escape_html("[{<<\"a\">>,1}] & so"), "[{&lt;&lt;\"a\"&gt;&gt;,1}] &amp; so");
}

}  // namespace mq::http
