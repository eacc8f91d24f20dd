// Patterns of permissions, names they are asked about, and password hashes as definitions and records bring them.
#include "broker/access.hpp"

#include "broker/access_pattern.hpp"
#include "fuzz.hpp"
#include "support/input.hpp"

using namespace mq;
using namespace mq::broker;

namespace {

void matches(std::string_view pattern, std::string_view name) {
  const auto compiled = AccessPattern::compile(pattern);
  if (compiled && pattern.empty()) FUZZ_CLAIM(compiled->matches(name) == name.empty());
  if (compiled) static_cast<void>(compiled->matches(name));
  const auto quoted = AccessPattern::compile("^" + AccessPattern::quote(name) + "$");
  FUZZ_CLAIM(quoted && quoted->matches(name));
}

void logs_in(PasswordHashing hashing, std::string_view hash, std::string_view password) {
  const bool well_formed = is_password_hash(hash, hashing);
  const bool fits = password_matches(hash, password, hashing);
  FUZZ_CLAIM(well_formed || !fits);
  const std::string own = hash_password(password, {1, 2, 3, 4}, hashing);
  FUZZ_CLAIM(is_password_hash(own, hashing) && password_matches(own, password, hashing));
}

void asks(std::string_view pattern, std::string_view name, fuzz::Input& input) {
  Access access;
  User user;
  user.name = std::string(input.text());
  user.tags = {std::string(input.text())};
  const bool there = access.put_user(user).has_value();
  FUZZ_CLAIM(there == !user.name.empty());
  if (!there) return;
  const std::string text(pattern);
  const bool given = access.put_permission({user.name, "/", text, text, text}).has_value();
  FUZZ_CLAIM(access.check_vhost(user.name, "/").has_value() == given);
  const bool limited = access.put_topic_permission({user.name, "/", "x", text, text}).has_value();
  const bool allowed = access.check_queue(user.name, "/", name, Right::kRead).has_value();
  if (!given) FUZZ_CLAIM(!allowed);
  const bool topic = access.check_topic(user.name, "/", "x", name, Right::kWrite).has_value();
  if (!limited) FUZZ_CLAIM(topic);
  FUZZ_CLAIM(!check_login(access.login_record(user.name, true), "", kLowestScryptCost, {}).passed);  // there is no hash
  const auto record = decode_user(encode(user));
  FUZZ_CLAIM(record && *record == user);
}

// A hash's text says what it costs; dear ones are only read.
void logs_in_with_scrypt(std::string_view hash, std::string_view password) {
  const bool well_formed = is_password_hash(hash, PasswordHashing::kScrypt);
  FUZZ_CLAIM(well_formed == (scrypt_cost(hash) != 0));
  if (scrypt_cost(hash) > kLowestScryptCost + 2) return;
  FUZZ_CLAIM(well_formed || !password_matches(hash, password, PasswordHashing::kScrypt));
  const std::string own = hash_with_scrypt(password, {1, 2, 3, 4}, kLowestScryptCost);
  FUZZ_CLAIM(is_password_hash(own, PasswordHashing::kScrypt) && password_matches(own, password, PasswordHashing::kScrypt));
}

}  // namespace

FUZZ_TARGET(bytes) {
  fuzz::Input input(bytes);
  const std::uint8_t how = input.u8();
  const std::string_view pattern = input.text(), name = input.text();
  if ((how & 31) == 12) return logs_in_with_scrypt(pattern, name);
  if ((how & 3) == 0) return logs_in(static_cast<PasswordHashing>((how >> 2) % 3), pattern, name);
  matches(pattern, name);
  asks(pattern, name, input);
}
