#include "broker/password.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <algorithm>

#include "broker/scrypt.hpp"
#include "mq/base/check.hpp"

namespace mq::broker {

namespace {

struct Row {
  PasswordHashing hashing;
  std::string_view name;
  std::size_t digest_bytes;
  const EVP_MD* (*digest)();
};
constexpr Row kRows[] = {
    {PasswordHashing::kSha256, "rabbit_password_hashing_sha256", 32, EVP_sha256},
    {PasswordHashing::kSha512, "rabbit_password_hashing_sha512", 64, EVP_sha512},
    {PasswordHashing::kMd5, "rabbit_password_hashing_md5", 16, EVP_md5},
    {PasswordHashing::kScrypt, "brokerd_password_hashing_scrypt", 32, nullptr},
};

const Row& row_of(PasswordHashing hashing) noexcept { return kRows[static_cast<std::size_t>(hashing)]; }

constexpr std::string_view kBase64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::size_t base64_bytes(PasswordHashing hashing) noexcept { return (row_of(hashing).digest_bytes + sizeof(PasswordSalt) + 2) / 3 * 4; }

/// The salt is in the first six characters; the hash is well-formed.
PasswordSalt salt_of(std::string_view hash) noexcept {
  std::uint64_t bits = 0;
  for (char c : hash.substr(0, 6)) bits = (bits << 6) | kBase64.find(c);
  bits >>= 4;  // 36 bits, of which the salt is the first 32
  return {static_cast<std::uint8_t>(bits >> 24), static_cast<std::uint8_t>(bits >> 16), static_cast<std::uint8_t>(bits >> 8),
          static_cast<std::uint8_t>(bits)};
}

}  // namespace

std::string_view password_hashing_name(PasswordHashing hashing) noexcept { return row_of(hashing).name; }

std::optional<PasswordHashing> find_password_hashing(std::string_view name) noexcept {
  for (const Row& row : kRows)
    if (row.name == name) return row.hashing;
  return std::nullopt;
}

std::string hash_password(std::string_view password, const PasswordSalt& salt, PasswordHashing hashing) {
  MQ_CHECK(hashing != PasswordHashing::kScrypt);
  std::string salted(salt.begin(), salt.end());
  salted += password;
  std::array<unsigned char, sizeof(PasswordSalt) + EVP_MAX_MD_SIZE> bytes{};
  std::copy(salt.begin(), salt.end(), bytes.begin());
  unsigned int digest_bytes = 0;
  const int done = EVP_Digest(salted.data(), salted.size(), bytes.data() + salt.size(), &digest_bytes, row_of(hashing).digest(), nullptr);
  OPENSSL_cleanse(salted.data(), salted.size());
  MQ_CHECK(done == 1 && digest_bytes == row_of(hashing).digest_bytes);
  std::string text(base64_bytes(hashing) + 1, '\0');  // EVP_EncodeBlock ends it with a zero
  const int written =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), bytes.data(), static_cast<int>(salt.size() + digest_bytes));
  text.resize(static_cast<std::size_t>(written));
  return text;
}

bool is_password_hash(std::string_view hash, PasswordHashing hashing) noexcept {
  if (hashing == PasswordHashing::kScrypt) return scrypt::read(hash).has_value();
  if (hash.size() != base64_bytes(hashing)) return false;
  const std::size_t padding = (3 - (row_of(hashing).digest_bytes + sizeof(PasswordSalt)) % 3) % 3;
  std::string_view digits = hash.substr(0, hash.size() - padding);
  return digits.find_first_not_of(kBase64) == std::string_view::npos &&
         hash.substr(digits.size()).find_first_not_of('=') == std::string_view::npos;
}

bool password_matches(std::string_view hash, std::string_view password, PasswordHashing hashing) {
  if (hashing == PasswordHashing::kScrypt) return scrypt::matches(hash, password);
  const bool well_formed = is_password_hash(hash, hashing);
  std::string computed = hash_password(password, well_formed ? salt_of(hash) : PasswordSalt{}, hashing);
  return well_formed && CRYPTO_memcmp(computed.data(), hash.data(), hash.size()) == 0;
}

std::string hash_with_scrypt(std::string_view password, const ScryptSalt& salt, unsigned cost) {
  return scrypt::hash(password, salt, cost);
}

unsigned scrypt_cost(std::string_view hash) noexcept {
  const auto parts = scrypt::read(hash);
  return parts ? parts->cost : 0;
}

void wipe(std::string& secret) noexcept {
  OPENSSL_cleanse(secret.data(), secret.size());
  secret.clear();
}

}  // namespace mq::broker
