// Where logins are checked. What is known to be right is answered at once; everything else costs a slow hash (broker/login.hpp), which one
// thread of its own makes, one at a time: a flood of logins takes that thread and no other, and the memory of one hash.
//
// Networks take turns, so that one that asks for much does not keep the others waiting. The same name and password asked for by many, as
// when all clients come back after a restart, is checked once. Failures are counted and slow down whoever causes them
// (broker/login_throttle.hpp). Logs refused logins; never a password.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "broker/login.hpp"
#include "broker/login_throttle.hpp"
#include "engine/session_inbox.hpp"
#include "mq/ports/scheduler.hpp"

namespace mq::engine {

struct LoginOptions {
  unsigned password_cost = broker::kUsualScryptCost;  ///< of hashes made from now on
  bool upgrade_hashes = true;                         ///< those of RabbitMQ and cheaper ones, when their user logs in
  broker::ThrottleLimits throttle;
  bool throttle_loopback = false;  ///< whether failures from this machine count; a proxy there speaks for everybody
};

struct Login {
  std::string user;
  std::string password;
  std::string mechanism;  ///< stands in the text of refusal
  std::string peer;       ///< as logs show it
  std::string network;    ///< whose failures count together
  bool loopback = false;
};

/// For a new scrypt hash.
[[nodiscard]] broker::ScryptSalt draw_salt(Scheduler& scheduler);

class LoginDesk final : public Runnable, public std::enable_shared_from_this<LoginDesk> {
 public:
  /// Called on any thread, the last one under no lock.
  struct Users {
    std::function<broker::LoginRecord(std::string_view user, bool from_loopback)> record;
    std::function<void(const std::string& user, const std::string& old_hash, std::string better_hash)> replace_hash;
  };

  /// `scheduler` outlives the desk; `proof_key` is not to be guessed.
  LoginDesk(Scheduler& scheduler, const broker::VerifiedLogins::Proof& proof_key, Users users);
  ~LoginDesk() override;

  // --- any thread ---
  void set_options(const LoginOptions& options);
  /// Done, or 403 with one text for every reason. nullopt: the answer goes to what `reply_to()` returns, which is called for that only.
  [[nodiscard]] std::optional<Result<>> log_in(Login login, const std::function<ReplyTo()>& reply_to);

  void run() override;

 private:
  using Proof = broker::VerifiedLogins::Proof;
  struct Waiter {
    ReplyTo reply;
    std::string mechanism;
  };
  /// One name and password to check.
  struct Check {
    ~Check() { broker::wipe(login.password); }
    Login login;
    broker::LoginRecord record;
    Proof proof{};
    Millis since = 0;
    std::vector<Waiter> waiters;
  };
  using CheckPtr = std::shared_ptr<Check>;

  [[nodiscard]] bool counts(const Login& login) const { return !login.loopback || options_.throttle_loopback; }
  void enqueue(CheckPtr check);
  void wake();
  [[nodiscard]] CheckPtr next(Millis now);
  void settle(const CheckPtr& check, broker::LoginCheck result);
  [[nodiscard]] std::vector<Waiter> take_waiters(Check& check, bool passed, Millis now);

  Scheduler& scheduler_;
  const Users users_;
  const std::shared_ptr<Strand> strand_;

  std::mutex mutex_;
  LoginOptions options_;
  broker::VerifiedLogins verified_;
  broker::LoginThrottle throttle_;
  std::map<Proof, CheckPtr> known_;                      // all that wait
  std::map<std::string, std::deque<CheckPtr>> waiting_;  // by network
  std::deque<std::string> turns_;                        // the networks of waiting_, in the order of their turns
  std::multimap<Millis, CheckPtr> held_back_;            // by when they may be looked at
  bool awake_ = false;
  std::unique_ptr<Timer> timer_;  // on the strand
};

}  // namespace mq::engine
