// Whether a name and password are right: what is asked, at what price, and what is remembered of the answer. Pure; the slow part of a
// login is check_login(), which belongs on a thread that may block (engine/login_desk).
//
// Nothing tells a stranger who exists: unknown users, wrong passwords, users without a password and users who may not log in from there
// cost the same hashing and get the same text.
#pragma once

#include <array>
#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "broker/password.hpp"
#include "mq/base/clock.hpp"
#include "mq/base/result.hpp"

namespace mq::broker {

/// What a login is held against: a copy, so that no lock is held while hashing.
struct LoginRecord {
  std::string password_hash;  ///< empty = there is no such user, or no password to log in with
  PasswordHashing hashing = PasswordHashing::kScrypt;
  bool admitted = false;  ///< the user exists and may log in from where the peer is
};

struct LoginCheck {
  bool passed = false;
  /// What is to be stored instead of the old hash, because that was RabbitMQ's or cheaper than they are made now.
  std::optional<std::string> better_hash;
};

/// One slow hash of `cost`, whatever the record. `salt` is for a better hash.
[[nodiscard]] LoginCheck check_login(const LoginRecord& record, std::string_view password, unsigned cost, const ScryptSalt& salt);

/// 403 `Login was refused using authentication mechanism PLAIN. For details see the broker logfile.`: one text for every reason.
[[nodiscard]] Error login_refused(std::string_view mechanism);

/// Remembers which passwords were found right a while ago, so that clients who come and go do not pay for the slow hash each time. Kept
/// are keyed digests (HMAC-SHA-256) over the user, the stored hash and the password: a changed password is another digest, a removed user
/// has none, and without the key, which never leaves the process, they say nothing. A wrong guess is never answered quickly.
class VerifiedLogins {
 public:
  using Proof = std::array<std::uint8_t, 32>;

  /// `capacity`: how many are kept; those asked for least lately go first. Unused they last one to two times
  /// `lasts_ms`.
  VerifiedLogins(const Proof& key, std::size_t capacity, Millis lasts_ms) : key_(key), half_(capacity / 2), lasts_ms_(lasts_ms) {}

  [[nodiscard]] Proof proof(std::string_view user, const LoginRecord& record, std::string_view password) const;
  [[nodiscard]] bool knows(const Proof& proof, Millis now);
  void add(const Proof& proof, Millis now);

 private:
  struct Hash {
    std::size_t operator()(const Proof& proof) const noexcept;
  };
  using Set = boost::unordered_flat_map<Proof, bool, Hash>;

  void age(Millis now);

  const Proof key_;
  const std::size_t half_;
  const Millis lasts_ms_;
  Set young_, old_;  // when the young ones are many or have been so for long, they become the old ones and those go
  Millis young_since_ = 0;
};

}  // namespace mq::broker
