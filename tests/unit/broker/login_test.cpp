// Logins: what is checked, what is remembered of it, and how those who guess are slowed down.
#include "broker/login.hpp"

#include <gtest/gtest.h>

#include "broker/login_throttle.hpp"

namespace mq::broker {
namespace {

constexpr ScryptSalt kSalt = {1, 2, 3};
constexpr unsigned kCost = kLowestScryptCost;

LoginRecord scrypt_record(bool admitted = true) { return {hash_with_scrypt("secret", kSalt, kCost), PasswordHashing::kScrypt, admitted}; }

LoginRecord rabbit_record() { return {hash_password("secret", {1, 2, 3, 4}), PasswordHashing::kSha256, true}; }

}  // namespace

// --- the check ---

TEST(LoginCheck, PassesTheRightPassword) {
  EXPECT_TRUE(check_login(scrypt_record(), "secret", kCost, kSalt).passed);
  EXPECT_TRUE(check_login(rabbit_record(), "secret", kCost, kSalt).passed);
}

TEST(LoginCheck, PassesNothingElse) {
  EXPECT_FALSE(check_login(scrypt_record(), "Secret", kCost, kSalt).passed);
  EXPECT_FALSE(check_login(rabbit_record(), "Secret", kCost, kSalt).passed);
  EXPECT_FALSE(check_login(scrypt_record(false), "secret", kCost, kSalt).passed);
  EXPECT_FALSE(check_login({}, "secret", kCost, kSalt).passed);
  EXPECT_FALSE(check_login({}, "", kCost, kSalt).passed);
  EXPECT_FALSE(check_login({hash_with_scrypt("", kSalt, kCost), PasswordHashing::kScrypt, true}, "", kCost, kSalt).passed);
}

TEST(LoginCheck, MakesABetterHashOfRabbitsWhenThePasswordWasRight) {
  const LoginCheck check = check_login(rabbit_record(), "secret", kCost, kSalt);
  ASSERT_TRUE(check.better_hash);
  EXPECT_EQ(*check.better_hash, hash_with_scrypt("secret", kSalt, kCost));
  EXPECT_FALSE(check_login(rabbit_record(), "wrong", kCost, kSalt).better_hash);
}

TEST(LoginCheck, MakesABetterHashOfACheaperOne) {
  const LoginCheck check = check_login(scrypt_record(), "secret", kCost + 1, kSalt);
  ASSERT_TRUE(check.better_hash);
  EXPECT_EQ(scrypt_cost(*check.better_hash), kCost + 1);
}

TEST(LoginCheck, LeavesAGoodHashAlone) { EXPECT_FALSE(check_login(scrypt_record(), "secret", kCost, kSalt).better_hash); }

TEST(LoginRefusal, HasRabbitsText) {
  EXPECT_EQ(login_refused("PLAIN").reply_text(),
            "ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN. For details see the broker logfile.");
}

// --- what is remembered ---

class Verified : public ::testing::Test {
 protected:
  VerifiedLogins logins_{VerifiedLogins::Proof{7}, 4, 1000};
  VerifiedLogins::Proof proof(const std::string& user) { return logins_.proof(user, scrypt_record(), "secret"); }
};

TEST_F(Verified, KnowsWhatItWasTold) {
  EXPECT_FALSE(logins_.knows(proof("u"), 0));
  logins_.add(proof("u"), 0);
  EXPECT_TRUE(logins_.knows(proof("u"), 0));
}

TEST_F(Verified, TakesNothingElseForIt) {
  logins_.add(proof("u"), 0);
  EXPECT_FALSE(logins_.knows(logins_.proof("u", scrypt_record(), "secres"), 0));
  EXPECT_FALSE(logins_.knows(logins_.proof("u", rabbit_record(), "secret"), 0));
  EXPECT_FALSE(logins_.knows(logins_.proof("u", scrypt_record(false), "secret"), 0));
  EXPECT_NE(logins_.proof("ab", {}, "c"), logins_.proof("a", {}, "bc"));
  EXPECT_NE(VerifiedLogins(VerifiedLogins::Proof{8}, 4, 1000).proof("u", scrypt_record(), "secret"), proof("u"));
}

TEST_F(Verified, ForgetsWhatWasNotAskedForLately) {
  for (const char* user : {"a", "b", "c"}) logins_.add(proof(user), 0);
  EXPECT_TRUE(logins_.knows(proof("a"), 0));  // asked for: it is a young one again
  for (const char* user : {"d", "e"}) logins_.add(proof(user), 0);
  EXPECT_TRUE(logins_.knows(proof("a"), 0));
  EXPECT_FALSE(logins_.knows(proof("b"), 0));
}

TEST_F(Verified, ForgetsWithTime) {
  logins_.add(proof("u"), 0);
  EXPECT_TRUE(logins_.knows(proof("u"), 999));
  EXPECT_FALSE(logins_.knows(proof("u"), 3000));
}

// --- those who guess ---

class Throttle : public ::testing::Test {
 protected:
  Throttle() { throttle_.set_limits({.failures = 3, .window_ms = 300'000, .longest_bar_ms = 4000}); }
  void fails(const std::string& network, const std::string& user, int times, Millis now = 0) {
    while (times-- > 0) last_bar_ = throttle_.failed(network, user, now);
  }
  LoginThrottle throttle_;
  std::optional<LoginThrottle::Bar> last_bar_;
};

TEST_F(Throttle, ForgivesAFewMistakes) {
  fails("n", "u", 3);
  EXPECT_FALSE(last_bar_);
  EXPECT_FALSE(throttle_.ask("n", "u", 0).refused);
}

TEST_F(Throttle, RefusesForLongerAndLonger) {
  for (const Millis bar : {1000, 2000, 4000, 4000}) {
    fails("n", "u", bar == 1000 ? 4 : 1);
    ASSERT_TRUE(last_bar_);
    EXPECT_EQ(last_bar_->ms, bar);
    EXPECT_FALSE(last_bar_->whole_network);
    EXPECT_TRUE(throttle_.ask("n", "u", bar - 1).refused);
    EXPECT_FALSE(throttle_.ask("n", "u", bar).refused);
  }
}

TEST_F(Throttle, LeavesTheNeighboursOfAnUnluckyUserAlone) {
  fails("n", "u", 6);
  EXPECT_FALSE(throttle_.ask("n", "v", 0).refused);
  EXPECT_FALSE(throttle_.ask("m", "u", 0).refused);
}

TEST_F(Throttle, NeverLocksOutTheNeighboursOfAClientThatTriesForEver) {
  Millis now = 0;
  for (int attempt = 0; attempt < 1000; ++attempt) {
    while (throttle_.ask("n", "u", now).refused) now += 1000;
    fails("n", "u", 1, now);
    now += 60'000;
    EXPECT_FALSE(throttle_.ask("n", "v", now).refused) << attempt;
  }
}

TEST_F(Throttle, RefusesANetworkThatTriesManyNames) {
  for (int user = 0; user < 13; ++user) fails("n", "u" + std::to_string(user), 1);
  ASSERT_TRUE(last_bar_);
  EXPECT_TRUE(last_bar_->whole_network);
  EXPECT_TRUE(throttle_.ask("n", "somebody", 0).refused);
  EXPECT_FALSE(throttle_.ask("m", "somebody", 0).refused);
}

TEST_F(Throttle, MakesANameWaitThatIsTriedFromEverywhereAndNeverRefusesIt) {
  for (int network = 0; network < 200; ++network) fails("n" + std::to_string(network), "u", 1);
  const auto verdict = throttle_.ask("m", "u", 0);
  EXPECT_FALSE(verdict.refused);
  EXPECT_EQ(verdict.wait_ms, 2000);
  EXPECT_EQ(throttle_.ask("m", "v", 0).wait_ms, 0);
}

TEST_F(Throttle, ForgetsWithTime) {
  fails("n", "u", 3);
  fails("n", "u", 3, 300'000);
  EXPECT_FALSE(last_bar_);
}

TEST_F(Throttle, ForgetsTheMistakesOfWhoGetsIn) {
  fails("n", "u", 3);
  throttle_.succeeded("n", "u");
  fails("n", "u", 3);
  EXPECT_FALSE(last_bar_);
}

TEST_F(Throttle, DoesNothingWithoutALimit) {
  throttle_.set_limits({.failures = 0, .window_ms = 1000, .longest_bar_ms = 1000});
  fails("n", "u", 1000);
  EXPECT_FALSE(throttle_.ask("n", "u", 0).refused);
}

TEST(FailureBook, HoldsNoMoreThanItsCapacity) {
  FailureBook book(8);
  const ThrottleLimits limits{.failures = 1, .window_ms = 1000, .longest_bar_ms = 1000};
  for (int name = 0; name < 100; ++name) (void)book.failed(std::to_string(name), limits, 1000, name);
  EXPECT_EQ(book.size(), 8u);
}

TEST(FailureBook, ForgetsWhoeverFailedLongestAgo) {
  FailureBook book(2);
  const ThrottleLimits limits{.failures = 1, .window_ms = 1000, .longest_bar_ms = 1000};
  for (const char* name : {"a", "a"}) (void)book.failed(name, limits, 1000, 0);
  for (const char* name : {"b", "b"}) (void)book.failed(name, limits, 1000, 1);
  (void)book.failed("c", limits, 1000, 2);
  EXPECT_EQ(book.barred_ms("a", 2), 0);
  EXPECT_GT(book.barred_ms("b", 2), 0);
}

}  // namespace mq::broker
