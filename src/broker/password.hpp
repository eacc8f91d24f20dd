// Password hashes. New ones are scrypt (RFC 7914), which is slow and takes memory on purpose. Those of RabbitMQ are understood beside it,
// so that definitions can be taken over: base64(salt || H(salt || password)), a salt of four bytes, H one of SHA-256, SHA-512, MD5 (old
// ones only). Pure: the caller draws the salt.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace mq::broker {

enum class PasswordHashing : std::uint8_t { kSha256, kSha512, kMd5, kScrypt };

using PasswordSalt = std::array<std::uint8_t, 4>;
using ScryptSalt = std::array<std::uint8_t, 16>;

/// What a scrypt hash costs, as the logarithm of its N: 2^cost KiB of memory (r = 8, p = 1), and time in proportion.
inline constexpr unsigned kLowestScryptCost = 4, kHighestScryptCost = 18;
inline constexpr unsigned kUsualScryptCost = 14;  // 16 MiB and some 40 ms

/// The name in definitions: `rabbit_password_hashing_sha256`, ..., `brokerd_password_hashing_scrypt`.
[[nodiscard]] std::string_view password_hashing_name(PasswordHashing hashing) noexcept;
[[nodiscard]] std::optional<PasswordHashing> find_password_hashing(std::string_view name) noexcept;

/// One of RabbitMQ's; `hashing` is not kScrypt.
[[nodiscard]] std::string hash_password(std::string_view password, const PasswordSalt& salt,
                                        PasswordHashing hashing = PasswordHashing::kSha256);
/// `$scrypt$ln=14,r=8,p=1$SALT$HASH`: the parameters are in the text, so that they can grow. Takes its time: not on a strand that others
/// wait for.
[[nodiscard]] std::string hash_with_scrypt(std::string_view password, const ScryptSalt& salt, unsigned cost = kUsualScryptCost);

/// Could `hash` come from hash_password() or hash_with_scrypt()?
[[nodiscard]] bool is_password_hash(std::string_view hash, PasswordHashing hashing) noexcept;
/// The cost of a well-formed scrypt hash.
[[nodiscard]] unsigned scrypt_cost(std::string_view hash) noexcept;

/// Takes the same time whether or not it is the password. An ill-formed hash fits no password.
[[nodiscard]] bool password_matches(std::string_view hash, std::string_view password, PasswordHashing hashing = PasswordHashing::kSha256);

/// Overwrites a secret that is no longer needed, in a way that the compiler does not leave out.
void wipe(std::string& secret) noexcept;

}  // namespace mq::broker
