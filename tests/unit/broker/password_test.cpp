// Hashes of passwords: RabbitMQ's, and scrypt.
#include "broker/password.hpp"

#include <gtest/gtest.h>

#include <string>

namespace mq::broker {
namespace {

constexpr PasswordSalt kSalt = {1, 2, 3, 4};
constexpr ScryptSalt kScryptSalt = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

}  // namespace

TEST(Password, IsHashedAsRabbitDoes) {
  // salt 90 8D C6 0A and the password test12, the example of RabbitMQ's documentation
  EXPECT_EQ(hash_password("test12", {0x90, 0x8D, 0xC6, 0x0A}), "kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR");
}

TEST(Password, MatchesItsHashAlone) {
  for (PasswordHashing hashing : {PasswordHashing::kSha256, PasswordHashing::kSha512, PasswordHashing::kMd5}) {
    std::string hash = hash_password("secret", kSalt, hashing);
    EXPECT_TRUE(is_password_hash(hash, hashing)) << password_hashing_name(hashing);
    EXPECT_TRUE(password_matches(hash, "secret", hashing)) << password_hashing_name(hashing);
    EXPECT_FALSE(password_matches(hash, "Secret", hashing)) << password_hashing_name(hashing);
    EXPECT_FALSE(password_matches(hash, "", hashing)) << password_hashing_name(hashing);
  }
}

TEST(Password, MatchesNoIllFormedHash) {
  EXPECT_FALSE(password_matches("", "", PasswordHashing::kSha256));
  EXPECT_FALSE(password_matches("short", "secret", PasswordHashing::kSha256));
  EXPECT_FALSE(password_matches(std::string(48, '!'), "secret", PasswordHashing::kSha256));
  EXPECT_FALSE(password_matches(hash_password("secret", kSalt, PasswordHashing::kMd5), "secret", PasswordHashing::kSha256));
}

TEST(Password, HashingIsFoundByItsNameInDefinitions) {
  EXPECT_EQ(find_password_hashing("rabbit_password_hashing_sha512"), PasswordHashing::kSha512);
  EXPECT_EQ(find_password_hashing("brokerd_password_hashing_scrypt"), PasswordHashing::kScrypt);
  EXPECT_EQ(find_password_hashing("rot13"), std::nullopt);
}

TEST(ScryptPassword, IsWhatAnotherLibraryMakesOfIt) {
  // Python: hashlib.scrypt(b"secret", salt=bytes(range(16)), n=1024, r=8, p=1, dklen=32), in base64
  EXPECT_EQ(hash_with_scrypt("secret", kScryptSalt, 10),
            "$scrypt$ln=10,r=8,p=1$AAECAwQFBgcICQoLDA0ODw$Mdc/jTCPy+uU8aSLbM+FGBQC/AXSzfWCsAUkF/VYCgk");
}

TEST(ScryptPassword, MatchesItsHashAlone) {
  const std::string hash = hash_with_scrypt("secret", kScryptSalt, kLowestScryptCost);
  EXPECT_TRUE(is_password_hash(hash, PasswordHashing::kScrypt));
  EXPECT_EQ(scrypt_cost(hash), kLowestScryptCost);
  EXPECT_TRUE(password_matches(hash, "secret", PasswordHashing::kScrypt));
  EXPECT_FALSE(password_matches(hash, "Secret", PasswordHashing::kScrypt));
  EXPECT_FALSE(password_matches(hash, "", PasswordHashing::kScrypt));
}

TEST(ScryptPassword, MatchesNoIllFormedHash) {
  const std::string good = hash_with_scrypt("secret", kScryptSalt, kLowestScryptCost);
  const std::string rest = good.substr(good.find(",r="));
  for (const std::string& text :
       {std::string(), std::string("$scrypt$"), good + "A", good.substr(0, good.size() - 1), "$scrypt$ln=99" + rest, "$scrypt$ln=3" + rest,
        "$scrypt$ln=-4" + rest, "$scrypt$ln=" + rest, "$scrypt$ln=4,r=9,p=1" + rest.substr(8), good.substr(0, good.size() - 1) + "!"}) {
    EXPECT_FALSE(is_password_hash(text, PasswordHashing::kScrypt)) << text;
    EXPECT_FALSE(password_matches(text, "secret", PasswordHashing::kScrypt)) << text;
  }
}

TEST(ScryptPassword, MayCostMoreOneDay) {
  const std::string dearer = hash_with_scrypt("secret", kScryptSalt, kLowestScryptCost + 1);
  EXPECT_EQ(scrypt_cost(dearer), kLowestScryptCost + 1);
  EXPECT_TRUE(password_matches(dearer, "secret", PasswordHashing::kScrypt));
}

TEST(Secret, IsGoneWhenItIsWiped) {
  std::string secret = "a secret that is too long for the small string";
  const char* at = secret.data();
  const std::size_t bytes = secret.size();
  wipe(secret);
  EXPECT_TRUE(secret.empty());
  EXPECT_EQ(std::string(at + 1, bytes - 1), std::string(bytes - 1, '\0'));
}

}  // namespace mq::broker
