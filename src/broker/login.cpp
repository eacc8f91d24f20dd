#include "broker/login.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <cstring>
#include <utility>

#include "mq/base/check.hpp"

namespace mq::broker {

LoginCheck check_login(const LoginRecord& record, std::string_view password, unsigned cost, const ScryptSalt& salt) {
  const bool is_scrypt = record.hashing == PasswordHashing::kScrypt && is_password_hash(record.password_hash, record.hashing);
  // A blank password never fits.
  const bool fits = password_matches(record.password_hash, password, record.hashing) && !password.empty();
  LoginCheck check;
  check.passed = fits && record.admitted;
  if (is_scrypt && (!check.passed || scrypt_cost(record.password_hash) == cost)) return check;
  // Others have cost (nearly) nothing yet. Where the password was right, the work is not done in vain.
  std::string better = hash_with_scrypt(password, salt, cost);
  if (check.passed) check.better_hash = std::move(better);
  return check;
}

Error login_refused(std::string_view mechanism) {
  std::string text = "Login was refused using authentication mechanism ";
  return fail(ReplyCode::kAccessRefused, text.append(mechanism).append(". For details see the broker logfile."));
}

std::size_t VerifiedLogins::Hash::operator()(const Proof& proof) const noexcept {
  std::size_t bits = 0;
  std::memcpy(&bits, proof.data(), sizeof bits);
  return bits;
}

VerifiedLogins::Proof VerifiedLogins::proof(std::string_view user, const LoginRecord& record, std::string_view password) const {
  // Lengths first: no two different triples read alike.
  std::string text;
  for (std::string_view part : {user, std::string_view(record.password_hash), password})
    text.append(std::to_string(part.size())).append(1, ':').append(part);
  text.append(record.admitted ? "+" : "-");
  Proof proof{};
  unsigned int bytes = 0;
  const auto* done = HMAC(EVP_sha256(), key_.data(), static_cast<int>(key_.size()), reinterpret_cast<const unsigned char*>(text.data()),
                          text.size(), proof.data(), &bytes);
  wipe(text);
  MQ_CHECK(done != nullptr && bytes == proof.size());
  return proof;
}

void VerifiedLogins::age(Millis now) {
  if (now - young_since_ < lasts_ms_) return;
  if (now - young_since_ >= 2 * lasts_ms_) young_.clear();
  old_ = std::exchange(young_, {});
  young_since_ = now;
}

bool VerifiedLogins::knows(const Proof& proof, Millis now) {
  age(now);
  if (young_.contains(proof)) return true;
  if (!old_.contains(proof)) return false;
  add(proof, now);
  return true;
}

void VerifiedLogins::add(const Proof& proof, Millis now) {
  age(now);
  if (young_.size() >= half_) {
    old_ = std::exchange(young_, {});
    young_since_ = now;
  }
  young_[proof] = true;
}

}  // namespace mq::broker
