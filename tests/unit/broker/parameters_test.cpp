// Runtime parameters and limits: which are known, what their values may be, how RabbitMQ says no.
#include "broker/parameters.hpp"

#include <gtest/gtest.h>

namespace mq::broker {
namespace {

using amqp::Table;
using amqp::Value;

std::string text_of(const Result<>& result) { return result ? "no error" : result.error().text; }

std::string limits(const Value& value, const char* name = "limits") { return text_of(validate_parameter({"vhost-limits", name, value})); }

TEST(Parameters, AreThoseOfKnownComponents) {
  EXPECT_EQ(text_of(validate_parameter({"foo", "n", std::int64_t{1}})), "Validation failed\n\ncomponent foo not found\n");
}

TEST(VHostLimits, AreAnObjectOfNumbers) {
  EXPECT_EQ(limits(Table{{"max-queues", std::int64_t{10}}, {"max-connections", std::int64_t{-1}}}), "no error");
  EXPECT_EQ(limits(std::int64_t{1}), "Validation failed\n\nlimits not a list 1\n");
  EXPECT_EQ(limits(Table{{"max-foo", std::int64_t{10}}}), "Validation failed\n\nUnrecognised terms [{<<\"max-foo\">>,10}] in limits\n");
  EXPECT_EQ(limits(Table{{"max-queues", "x"}}), "Validation failed\n\nmax-queues should be a number, actually was <<\"x\">>\n");
  EXPECT_EQ(limits(Table{{"max-queues", 1.5}}), "Validation failed\n\nmax-queues should be a number, actually was 1.5\n");
}

TEST(VHostLimits, HaveOneName) {
  EXPECT_EQ(limits(Table{}, "other"), "Validation failed\n\nthe limits of a vhost are called 'limits', not 'other'\n");
}

TEST(VHostLimits, AreNoneUnlessSet) {
  EXPECT_EQ(vhost_limits_of(Table{}), (VHostLimits{-1, -1}));
  EXPECT_EQ(vhost_limits_of(Table{{"max-queues", std::int64_t{0}}}), (VHostLimits{-1, 0}));
  EXPECT_EQ(vhost_limits_of(Table{{"max-connections", std::int64_t{-7}}}), (VHostLimits{-1, -1}));
}

TEST(VHostSettings, SayWhetherRedeclaringIsRelaxed) {
  auto settings = [](const Value& value) { return text_of(validate_parameter({"vhost-settings", "settings", value})); };
  EXPECT_EQ(settings(Table{{"redeclare", "relaxed"}}), "no error");
  EXPECT_EQ(settings(Table{{"redeclare", "strict"}}), "no error");
  EXPECT_EQ(settings(Table{{"redeclare", true}}), "Validation failed\n\nredeclare should be strict or relaxed, actually was true\n");
  EXPECT_EQ(settings(Table{{"foo", std::int64_t{1}}}), "Validation failed\n\nUnrecognised terms [{<<\"foo\">>,1}] in settings\n");
  EXPECT_EQ(settings(std::int64_t{1}), "Validation failed\n\nsettings not a list 1\n");
  EXPECT_TRUE(vhost_settings_of(Table{{"redeclare", "relaxed"}}).relaxed_redeclare);
  for (const Value& value : {Value(Table{{"redeclare", "strict"}}), Value(Table{}), Value("x")})
    EXPECT_FALSE(vhost_settings_of(value).relaxed_redeclare);
}

TEST(UserLimits, ChangeOneByOne) {
  UserLimits user;
  EXPECT_EQ(text_of(set_user_limits(user, Table{{"max-connections", std::int64_t{5}}})), "no error");
  EXPECT_EQ(text_of(set_user_limits(user, Table{{"max-channels", std::int64_t{7}}})), "no error");
  EXPECT_EQ(encode(user), (Table{{"max-channels", std::int64_t{7}}, {"max-connections", std::int64_t{5}}}));
  EXPECT_EQ(text_of(set_user_limits(user, Table{{"max-connections", std::int64_t{-1}}})), "no error");
  EXPECT_EQ(encode(user), (Table{{"max-channels", std::int64_t{7}}}));
}

TEST(VHostLimits, KnowRatesOfPublishing) {
  EXPECT_EQ(limits(Table{{"max-publish-rate", std::int64_t{10}}, {"max-publish-byte-rate", std::int64_t{0}}}), "no error");
  const VHostLimits limits = vhost_limits_of(Table{{"max-publish-rate", std::int64_t{10}}, {"max-publish-byte-rate", std::int64_t{20}}});
  EXPECT_EQ(limits.max_publish_rate, 10);
  EXPECT_EQ(limits.max_publish_byte_rate, 20);
}

TEST(UserLimits, KnowRatesOfPublishing) {
  UserLimits user;
  EXPECT_EQ(text_of(set_user_limits(user, Table{{"max-publish-byte-rate", std::int64_t{7}}})), "no error");
  EXPECT_EQ(user.max_publish_byte_rate, 7);
  EXPECT_EQ(encode(user), (Table{{"max-publish-byte-rate", std::int64_t{7}}}));
  EXPECT_TRUE(is_user_limit("max-publish-rate"));
}

TEST(UserLimits, AreRefusedWithRabbitsTexts) {
  UserLimits user;
  EXPECT_EQ(text_of(set_user_limits(user, Table{{"max-foo", std::int64_t{5}}})), "Unrecognised terms [{<<\"max-foo\">>,5}] in user-limits");
  EXPECT_EQ(text_of(set_user_limits(user, Table{{"max-channels", "7"}})), "max-channels should be a number, actually was <<\"7\">>");
  EXPECT_EQ(encode(user), Table{});
}

TEST(ParameterRecord, ComesBackAsItWas) {
  const Parameter before{"vhost-limits", "limits", Table{{"max-queues", std::int64_t{1}}, {"deep", amqp::Array{true, amqp::Void{}, 1.5}}}};
  EXPECT_EQ(decode_parameter(encode(before)), before);
  EXPECT_EQ(decode_parameter({{"name", "p"}}), std::nullopt);
}

}  // namespace
}  // namespace mq::broker
