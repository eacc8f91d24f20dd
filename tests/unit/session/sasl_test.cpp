#include "session/sasl.hpp"

#include <gtest/gtest.h>

#include "mq/amqp/table.hpp"

namespace mq::session {
namespace {

using std::string_view_literals::operator""sv;

std::string amqplain(const amqp::Table& table) {
  std::string encoded;
  amqp::encode_table(table, encoded);
  return encoded.substr(4);
}

}  // namespace

TEST(Sasl, OffersItsMechanisms) {
  EXPECT_EQ(offered_mechanisms(false), "PLAIN AMQPLAIN");
  EXPECT_TRUE(is_offered("PLAIN", false));
  EXPECT_TRUE(is_offered("AMQPLAIN", false));
  for (const char* name : {"", "plain", "EXTERNAL", "PLAIN "}) EXPECT_FALSE(is_offered(name, false)) << name;
}

TEST(Sasl, OffersExternalToWhoHasACertificate) {
  EXPECT_EQ(offered_mechanisms(true), "PLAIN AMQPLAIN EXTERNAL");
  EXPECT_TRUE(is_offered("EXTERNAL", true));
}

TEST(Sasl, ReadsPlain) {
  const auto read = read_credentials("PLAIN", "\0user\0pass\0word"sv);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->user, "user");
  EXPECT_EQ(read->password, "pass\0word"sv);
}

TEST(Sasl, ReadsPlainWithEmptyParts) {
  const auto read = read_credentials("PLAIN", "\0\0"sv);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->user + read->password, "");
}

TEST(Sasl, RefusesPlainWithoutItsSeparators) {
  for (std::string_view response : {""sv, "user"sv, "\0user"sv}) EXPECT_FALSE(read_credentials("PLAIN", response)) << response;
}

TEST(Sasl, ReadsAmqplain) {
  const auto read = read_credentials("AMQPLAIN", amqplain({{"PASSWORD", "secret"}, {"LOGIN", "user"}}));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->user, "user");
  EXPECT_EQ(read->password, "secret");
}

TEST(Sasl, RefusesAmqplainWithoutLoginOrPassword) {
  EXPECT_FALSE(read_credentials("AMQPLAIN", ""));
  EXPECT_FALSE(read_credentials("AMQPLAIN", amqplain({{"LOGIN", "user"}})));
  EXPECT_FALSE(read_credentials("AMQPLAIN", amqplain({{"LOGIN", 1}, {"PASSWORD", "secret"}})));
  EXPECT_FALSE(read_credentials("AMQPLAIN", "\5LOGINS\0\0\0\xFFuser"sv));
}

}  // namespace mq::session
