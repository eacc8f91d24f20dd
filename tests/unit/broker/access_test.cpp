// Users, passwords, permissions and the texts of refusal.
#include "broker/access.hpp"

#include <gtest/gtest.h>

namespace mq::broker {
namespace {

using Names = std::vector<std::string>;

constexpr PasswordSalt kSalt = {1, 2, 3, 4};

User user_named(const std::string& name, const std::string& password = "secret") {
  User user;
  user.name = name;
  user.password_hash = hash_password(password, kSalt);
  return user;
}

class AccessTest : public testing::Test {
 protected:
  AccessTest() {
    EXPECT_TRUE(access_.put_user(user_named("u")));
    EXPECT_TRUE(access_.put_user(user_named("guest")));
  }
  void permit(const std::string& configure, const std::string& write, const std::string& read) {
    ASSERT_TRUE(access_.put_permission({"u", "/", configure, write, read}));
  }
  bool lets_in(const std::string& user, const std::string& password, bool from_loopback) {
    return check_login(access_.login_record(user, from_loopback), password, kLowestScryptCost, {}).passed;
  }
  bool may_write(const std::string& exchange) { return access_.check_exchange("u", "/", exchange, Right::kWrite).has_value(); }

  Access access_;
};

template <class T>
std::string text_of(const Result<T>& result) {
  return result ? "no error" : result.error().reply_text();
}

TEST_F(AccessTest, LetsAUserInWithThePassword) { EXPECT_TRUE(lets_in("u", "secret", false)); }

TEST_F(AccessTest, LetsNobodyElseIn) {
  EXPECT_FALSE(lets_in("u", "wrong", true));
  EXPECT_FALSE(lets_in("nobody", "secret", true));
  EXPECT_FALSE(lets_in("guest", "secret", false));
}

TEST_F(AccessTest, LetsLoopbackUsersInFromThisMachineOnly) {
  EXPECT_TRUE(lets_in("guest", "secret", true));
  access_.set_loopback_users({"u"});
  EXPECT_TRUE(lets_in("guest", "secret", false));
  EXPECT_FALSE(lets_in("u", "secret", false));
}

TEST_F(AccessTest, NeverTakesABlankPassword) {
  ASSERT_TRUE(access_.put_user(user_named("blank", "")));
  EXPECT_FALSE(lets_in("blank", "", true));
  User without;
  without.name = "without";
  ASSERT_TRUE(access_.put_user(without));
  EXPECT_FALSE(lets_in("without", "", true));
}

TEST_F(AccessTest, TakesHashesOfOtherAlgorithms) {
  User old = user_named("old");
  old.hashing = PasswordHashing::kMd5;
  old.password_hash = hash_password("secret", kSalt, PasswordHashing::kMd5);
  ASSERT_TRUE(access_.put_user(old));
  EXPECT_TRUE(lets_in("old", "secret", false));
}

TEST_F(AccessTest, RefusesUsersWithoutNameOrWithABrokenHash) {
  EXPECT_EQ(access_.put_user({}).error().code, ReplyCode::kPreconditionFailed);
  User broken;
  broken.name = "broken";
  broken.password_hash = "abc";
  EXPECT_EQ(text_of(access_.put_user(broken)), "PRECONDITION_FAILED - invalid password hash for user 'broken'");
}

TEST_F(AccessTest, OpensAVhostToUsersWithAPermissionThere) {
  EXPECT_EQ(text_of(access_.check_vhost("u", "/")), "NOT_ALLOWED - access to vhost '/' refused for user 'u'");
  permit("", "", "");
  EXPECT_TRUE(access_.check_vhost("u", "/"));
  EXPECT_FALSE(access_.check_vhost("u", "other"));
}

TEST_F(AccessTest, SaysWhichRightIsMissing) {
  permit("", "", "");
  EXPECT_EQ(text_of(access_.check_exchange("u", "/", "x", Right::kWrite)),
            "ACCESS_REFUSED - write access to exchange 'x' in vhost '/' refused for user 'u'");
  EXPECT_EQ(text_of(access_.check_queue("u", "/", "q", Right::kRead)),
            "ACCESS_REFUSED - read access to queue 'q' in vhost '/' refused for user 'u'");
  EXPECT_EQ(text_of(access_.check_queue("u", "/", "q", Right::kConfigure)),
            "ACCESS_REFUSED - configure access to queue 'q' in vhost '/' refused for user 'u'");
  EXPECT_EQ(text_of(access_.check_exchange("u", "/", "", Right::kWrite)),
            "ACCESS_REFUSED - write access to exchange 'amq.default' in vhost '/' refused for user 'u'");
}

TEST_F(AccessTest, RefusesEverythingWithoutAPermission) {
  EXPECT_FALSE(may_write("x"));
  EXPECT_FALSE(access_.check_queue("nobody", "/", "q", Right::kRead));
}

TEST_F(AccessTest, KeepsTheThreeRightsApart) {
  permit("^c", "^w", "^r");
  const std::vector<std::pair<Right, std::string>> kRights = {{Right::kConfigure, "c"}, {Right::kWrite, "w"}, {Right::kRead, "r"}};
  for (const auto& [right, name] : kRights)
    for (const auto& [other, queue] : kRights) EXPECT_EQ(access_.check_queue("u", "/", queue, right).has_value(), right == other);
}

TEST_F(AccessTest, MatchesPatternsAnywhereInAName) {
  permit("", "order", "");
  EXPECT_TRUE(may_write("order"));
  EXPECT_TRUE(may_write("new-orders"));
  EXPECT_FALSE(may_write("Order"));
  permit("", "^order$", "");
  EXPECT_TRUE(may_write("order"));
  EXPECT_FALSE(may_write("orders"));
}

TEST_F(AccessTest, TakesTheEmptyPatternForNothingAndTheFullOneForAll) {
  permit("", "", "");
  EXPECT_FALSE(may_write("x"));
  permit("", ".*", "");
  EXPECT_TRUE(may_write("x"));
  EXPECT_TRUE(may_write(""));
  EXPECT_TRUE(may_write("line\nbreak and \xff bytes"));
}

TEST_F(AccessTest, MatchesTheDefaultExchangeByItsAlias) {
  permit("", "^amq\\.default$", "");
  EXPECT_TRUE(may_write(""));
  EXPECT_FALSE(may_write("amq.direct"));
}

TEST_F(AccessTest, RefusesPatternsThatDoNotCompile) {
  permit("", "x", "");
  auto refused = access_.put_permission({"u", "/", ".*", "(", ".*"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ReplyCode::kPreconditionFailed);
  EXPECT_FALSE(may_write("other"));
}

TEST_F(AccessTest, RefusesPermissionsOfUnknownUsers) {
  EXPECT_EQ(text_of(access_.put_permission({"nobody", "/", "", "", ""})), "NOT_FOUND - no user 'nobody'");
  EXPECT_EQ(text_of(access_.put_topic_permission({"nobody", "/", "x", "", ""})), "NOT_FOUND - no user 'nobody'");
}

TEST_F(AccessTest, AllowsEveryTopicWithoutATopicPermission) {
  permit(".*", ".*", ".*");
  EXPECT_TRUE(access_.check_topic("u", "/", "amq.topic", "a.b", Right::kWrite));
  ASSERT_TRUE(access_.put_topic_permission({"u", "/", "other", "", ""}));
  EXPECT_TRUE(access_.check_topic("u", "/", "amq.topic", "a.b", Right::kWrite));
}

TEST_F(AccessTest, SaysWhichTopicIsRefused) {
  ASSERT_TRUE(access_.put_topic_permission({"u", "/", "amq.topic", "^mine\\.", "^yours\\."}));
  EXPECT_TRUE(access_.check_topic("u", "/", "amq.topic", "mine.a", Right::kWrite));
  EXPECT_TRUE(access_.check_topic("u", "/", "amq.topic", "yours.a", Right::kRead));
  EXPECT_EQ(text_of(access_.check_topic("u", "/", "amq.topic", "a.b", Right::kWrite)),
            "ACCESS_REFUSED - write access to topic 'a.b' in exchange 'amq.topic' in vhost '/' refused for user 'u'");
}

TEST_F(AccessTest, PutsNamesInPlaceOfVariables) {
  ASSERT_TRUE(access_.put_user(user_named("a.b")));
  ASSERT_TRUE(access_.put_topic_permission({"a.b", "v", "x", "^{vhost}\\.{username}\\.", ".*"}));
  EXPECT_TRUE(access_.check_topic("a.b", "v", "x", "v.a.b.key", Right::kWrite));
  EXPECT_FALSE(access_.check_topic("a.b", "v", "x", "v.axb.key", Right::kWrite));
}

TEST_F(AccessTest, RemovesPermissions) {
  permit("", ".*", "");
  ASSERT_TRUE(access_.put_topic_permission({"u", "/", "x", "^a", ""}));
  EXPECT_TRUE(access_.remove_permission("u", "/"));
  EXPECT_FALSE(access_.remove_permission("u", "/"));
  EXPECT_FALSE(may_write("x"));
  EXPECT_FALSE(access_.check_vhost("u", "/"));
  EXPECT_TRUE(access_.remove_topic_permissions("u", "/", ""));
  EXPECT_FALSE(access_.remove_topic_permissions("u", "/", ""));
}

TEST_F(AccessTest, ForgetsThePermissionsOfARemovedUser) {
  permit(".*", ".*", ".*");
  EXPECT_TRUE(access_.remove_user("u"));
  EXPECT_FALSE(access_.remove_user("u"));
  ASSERT_TRUE(access_.put_user(user_named("u")));
  EXPECT_FALSE(access_.check_vhost("u", "/"));
}

TEST_F(AccessTest, KeepsPermissionsWhenAUserChanges) {
  permit(".*", ".*", ".*");
  ASSERT_TRUE(access_.put_user(user_named("u", "other")));
  EXPECT_TRUE(access_.check_vhost("u", "/"));
  EXPECT_TRUE(lets_in("u", "other", false));
}

TEST_F(AccessTest, ForgetsThePermissionsOfARemovedVhost) {
  permit(".*", ".*", ".*");
  access_.remove_vhost("/");
  EXPECT_FALSE(access_.check_vhost("u", "/"));
  EXPECT_TRUE(access_.permissions().empty());
}

TEST_F(AccessTest, KnowsTags) {
  User user = user_named("u");
  user.tags = {"administrator", "impersonator"};
  ASSERT_TRUE(access_.put_user(user));
  EXPECT_TRUE(access_.has_tag("u", "impersonator"));
  EXPECT_FALSE(access_.has_tag("u", "monitoring"));
  EXPECT_FALSE(access_.has_tag("nobody", "administrator"));
}

TEST_F(AccessTest, LimitsConnectionsAndChannels) {
  User user = user_named("u");
  user.max_connections = 2;
  user.max_channels = 0;
  ASSERT_TRUE(access_.put_user(user));
  EXPECT_TRUE(access_.check_connection_limit("u", 1));
  EXPECT_EQ(text_of(access_.check_connection_limit("u", 2)),
            "NOT_ALLOWED - connection refused for user 'u': user connection limit (2) is reached");
  EXPECT_EQ(text_of(access_.check_channel_limit("u", 0)),
            "NOT_ALLOWED - number of channels opened for user 'u' has reached the maximum allowed user limit of (0)");
  EXPECT_TRUE(access_.check_connection_limit("guest", 1'000'000));
}

TEST_F(AccessTest, GrowsItsRevisionWithEveryChange) {
  std::uint64_t revision = access_.revision();
  auto grew = [&] { return std::exchange(revision, access_.revision()) < access_.revision(); };
  EXPECT_TRUE((permit("", "", ""), grew()));
  EXPECT_TRUE((access_.put_topic_permission({"u", "/", "x", "", ""}).has_value() && grew()));
  EXPECT_TRUE((access_.put_user(user_named("v")).has_value() && grew()));
  EXPECT_TRUE((access_.remove_topic_permissions("u", "/", "x") && grew()));
  EXPECT_TRUE((access_.remove_permission("u", "/") && grew()));
  EXPECT_TRUE((access_.remove_user("v") && grew()));
  EXPECT_FALSE(access_.remove_user("v") || grew());
}

TEST_F(AccessTest, ListsInOrderOfNames) {
  ASSERT_TRUE(access_.put_permission({"u", "b", "1", "2", "3"}));
  ASSERT_TRUE(access_.put_permission({"u", "a", "4", "5", "6"}));
  ASSERT_TRUE(access_.put_topic_permission({"u", "a", "x", "7", "8"}));
  ASSERT_EQ(access_.users().size(), 2u);
  EXPECT_EQ(access_.users()[0].name, "guest");
  EXPECT_EQ(access_.permissions(), (std::vector<Permission>{{"u", "a", "4", "5", "6"}, {"u", "b", "1", "2", "3"}}));
  EXPECT_EQ(access_.topic_permissions(), (std::vector<TopicPermission>{{"u", "a", "x", "7", "8"}}));
}

TEST(AccessRecords, ComeBackAsTheyWere) {
  User user = user_named("u");
  user.tags = {"administrator", "management"};
  user.hashing = PasswordHashing::kSha512;
  user.max_channels = 7;
  user.max_publish_rate = 8;
  user.max_publish_byte_rate = 9;
  EXPECT_EQ(decode_user(encode(user)), user);
  const Permission kPermission = {"u", "/", "c", "w", ""};
  EXPECT_EQ(decode_permission(encode(kPermission)), kPermission);
  const TopicPermission kTopic = {"u", "/", "x", "w", "r"};
  EXPECT_EQ(decode_topic_permission(encode(kTopic)), kTopic);
}

TEST(AccessRecords, AreRefusedWithAFieldMissingOrOfAnotherType) {
  for (const char* field : {"name", "password_hash", "hashing_algorithm", "tags", "max_connections", "max_channels"}) {
    amqp::Table record = encode(user_named("u"));
    record.set(field, true);
    EXPECT_EQ(decode_user(record), std::nullopt) << field;
    record.erase(field);
    EXPECT_EQ(decode_user(record), std::nullopt) << field;
  }
  amqp::Table permission = encode(Permission{"u", "/", "c", "w", "r"});
  permission.erase("read");
  EXPECT_EQ(decode_permission(permission), std::nullopt);
}

TEST(AccessRecords, MayBeOfAVersionThatKnewNoRates) {
  amqp::Table record = encode(user_named("u"));
  record.erase("max_publish_rate");
  record.erase("max_publish_byte_rate");
  EXPECT_EQ(decode_user(record), user_named("u"));
}

TEST(AccessRecords, PassOverFieldsOfLaterVersions) {
  amqp::Table record = encode(user_named("u"));
  record.append("favourite_colour", "green");
  EXPECT_EQ(decode_user(record), user_named("u"));
}

}  // namespace
}  // namespace mq::broker
