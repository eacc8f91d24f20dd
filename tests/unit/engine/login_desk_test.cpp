// Where logins are checked: at once or later, each once, in turns, and slower for those who guess.
#include "engine/login_desk.hpp"

#include <gtest/gtest.h>

#include <map>

#include "base/log.hpp"
#include "support/manual_scheduler.hpp"

namespace mq::engine {
namespace {

enum class Outcome { kPending, kIn, kRefused };

class Desk : public ::testing::Test {
 protected:
  Desk() {
    log::set_level(log::Level::kOff);
    options_.password_cost = broker::kLowestScryptCost;
    options_.throttle.failures = 2;
    desk_ = std::make_shared<LoginDesk>(scheduler_, broker::VerifiedLogins::Proof{1},
                                        LoginDesk::Users{[this](std::string_view user, bool) {
                                                           const auto found = users_.find(std::string(user));
                                                           return found == users_.end() ? broker::LoginRecord{} : found->second;
                                                         },
                                                         [this](const std::string& user, const std::string&, std::string better) {
                                                           users_[user] = {std::move(better), broker::PasswordHashing::kScrypt, true};
                                                         }});
    desk_->set_options(options_);
    for (const char* user : {"u", "v", "w"})
      users_[user] = {broker::hash_with_scrypt("secret", {}, broker::kLowestScryptCost), broker::PasswordHashing::kScrypt, true};
  }
  ~Desk() override {
    scheduler_.drop_everything();
    log::set_level(log::Level::kInfo);
  }

  /// What the answer is, or will be.
  std::shared_ptr<Outcome> asks(const std::string& user, const std::string& password, const std::string& network = "n",
                                bool loopback = false) {
    auto outcome = std::make_shared<Outcome>(Outcome::kPending);
    const auto tell = [this, outcome, user](bool in) {
      *outcome = in ? Outcome::kIn : Outcome::kRefused;
      order_.push_back(user);
    };
    const auto later = [&] { return reply_to([tell](const Result<Answer>& given) { tell(given.has_value()); }); };
    if (const auto known = desk_->log_in({user, password, "PLAIN", "a peer", network, loopback}, later)) tell(known->has_value());
    return outcome;
  }
  Outcome logs_in(const std::string& user, const std::string& password, const std::string& network = "n", bool loopback = false) {
    const auto outcome = asks(user, password, network, loopback);
    scheduler_.run_until_idle();
    return *outcome;
  }

  mq::test::ManualScheduler scheduler_;
  LoginOptions options_;
  std::map<std::string, broker::LoginRecord> users_;
  std::vector<std::string> order_;
  std::shared_ptr<LoginDesk> desk_;
};

}  // namespace

TEST_F(Desk, LetsInWhoKnowsThePassword) {
  EXPECT_EQ(logs_in("u", "secret"), Outcome::kIn);
  EXPECT_EQ(logs_in("u", "wrong"), Outcome::kRefused);
  EXPECT_EQ(logs_in("nobody", "secret"), Outcome::kRefused);
}

TEST_F(Desk, AnswersAtOnceWhatItHasFoundRightBefore) {
  const auto first = asks("u", "secret");
  EXPECT_EQ(*first, Outcome::kPending);
  scheduler_.run_until_idle();
  EXPECT_EQ(*asks("u", "secret"), Outcome::kIn);
}

TEST_F(Desk, NeverAnswersAWrongPasswordAtOnce) {
  EXPECT_EQ(logs_in("u", "secret"), Outcome::kIn);
  for (const char* user : {"u", "nobody"}) {
    const auto outcome = asks(user, "wrong");
    EXPECT_EQ(*outcome, Outcome::kPending) << user;
    scheduler_.run_until_idle();
    EXPECT_EQ(*outcome, Outcome::kRefused) << user;
  }
}

TEST_F(Desk, NeverAnswersAtOnceWhoMayNotComeFromThere) {
  EXPECT_EQ(logs_in("u", "secret"), Outcome::kIn);
  users_["u"].admitted = false;
  const auto outcome = asks("u", "secret");
  EXPECT_EQ(*outcome, Outcome::kPending);
  scheduler_.run_until_idle();
  EXPECT_EQ(*outcome, Outcome::kRefused);
}

TEST_F(Desk, ForgetsAPasswordThatWasChanged) {
  EXPECT_EQ(logs_in("u", "secret"), Outcome::kIn);
  users_["u"].password_hash = broker::hash_with_scrypt("other", {}, broker::kLowestScryptCost);
  EXPECT_EQ(logs_in("u", "secret"), Outcome::kRefused);
  EXPECT_EQ(logs_in("u", "other"), Outcome::kIn);
}

TEST_F(Desk, ChecksWhatManyAskForOnce) {
  std::vector<std::shared_ptr<Outcome>> outcomes;
  for (int each = 0; each < 100; ++each) outcomes.push_back(asks("u", "secret", "n" + std::to_string(each)));
  EXPECT_EQ(scheduler_.run_until_idle(), 2u);  // the check, and a look whether there is another
  for (const auto& outcome : outcomes) EXPECT_EQ(*outcome, Outcome::kIn);
}

TEST_F(Desk, LetsNetworksTakeTurns) {
  for (const char* user : {"a", "b", "c"}) (void)asks(user, "x", "busy");
  (void)asks("u", "secret", "other");
  scheduler_.run_until_idle();
  EXPECT_EQ(order_, (std::vector<std::string>{"a", "u", "b", "c"}));
}

TEST_F(Desk, ReplacesAHashOfRabbits) {
  users_["u"] = {broker::hash_password("secret", {1, 2, 3, 4}), broker::PasswordHashing::kSha256, true};
  EXPECT_EQ(logs_in("u", "wrong"), Outcome::kRefused);
  EXPECT_EQ(users_["u"].hashing, broker::PasswordHashing::kSha256);
  EXPECT_EQ(logs_in("u", "secret"), Outcome::kIn);
  EXPECT_EQ(users_["u"].hashing, broker::PasswordHashing::kScrypt);
  EXPECT_EQ(*asks("u", "secret"), Outcome::kIn);
}

TEST_F(Desk, LeavesHashesAsTheyAreWhenToldSo) {
  options_.upgrade_hashes = false;
  desk_->set_options(options_);
  users_["u"] = {broker::hash_password("secret", {1, 2, 3, 4}), broker::PasswordHashing::kSha256, true};
  EXPECT_EQ(logs_in("u", "secret"), Outcome::kIn);
  EXPECT_EQ(users_["u"].hashing, broker::PasswordHashing::kSha256);
}

TEST_F(Desk, RefusesWhoFailedTooOftenUntilTimeHasPassed) {
  for (const char* guess : {"1", "2", "3"}) EXPECT_EQ(logs_in("u", guess), Outcome::kRefused);
  EXPECT_EQ(*asks("u", "secret"), Outcome::kRefused);  // at once: nothing is hashed for it
  EXPECT_EQ(logs_in("u", "secret", "elsewhere"), Outcome::kIn);
  scheduler_.advance(1000);
  EXPECT_EQ(logs_in("u", "secret"), Outcome::kIn);
}

TEST_F(Desk, DoesNotCountMistakesFromThisMachineUnlessToldSo) {
  for (int each = 0; each < 50; ++each) EXPECT_EQ(logs_in("u", std::to_string(each), "127.0.0.1", true), Outcome::kRefused);
  EXPECT_EQ(logs_in("u", "secret", "127.0.0.1", true), Outcome::kIn);
  options_.throttle_loopback = true;
  desk_->set_options(options_);
  for (const char* guess : {"1", "2", "3"}) EXPECT_EQ(logs_in("v", guess, "127.0.0.1", true), Outcome::kRefused);
  EXPECT_EQ(*asks("v", "secret", "127.0.0.1", true), Outcome::kRefused);
}

TEST_F(Desk, MakesANameWaitThatIsTriedFromEverywhere) {
  for (int network = 0; network < 9; ++network) EXPECT_EQ(logs_in("u", "wrong", "n" + std::to_string(network)), Outcome::kRefused);
  const auto outcome = asks("u", "secret", "elsewhere");
  scheduler_.run_until_idle();
  EXPECT_EQ(*outcome, Outcome::kPending);
  scheduler_.advance(250);
  EXPECT_EQ(*outcome, Outcome::kIn);
}

TEST_F(Desk, SparesItselfTheWorkForWhoHasLongGone) {
  scheduler_.hold("login", true);
  const auto outcome = asks("u", "secret");
  scheduler_.advance(10'001);
  scheduler_.hold("login", false);
  scheduler_.run_until_idle();
  EXPECT_EQ(*outcome, Outcome::kRefused);
  EXPECT_EQ(logs_in("u", "secret"), Outcome::kIn);
}

TEST_F(Desk, TakesNoMoreThanItCanHold) {
  scheduler_.hold("login", true);
  std::size_t refused = 0;
  for (int each = 0; each < 5000; ++each)
    if (*asks("nobody" + std::to_string(each), "x", "n" + std::to_string(each)) == Outcome::kRefused) ++refused;
  EXPECT_EQ(refused, 5000u - 4096u);
}

}  // namespace mq::engine
