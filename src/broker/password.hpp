// Password hashes as RabbitMQ stores them, so that definitions can be taken over: base64(salt || H(salt || password)), a salt of four
// bytes, H one of SHA-256 (the default), SHA-512, MD5 (old ones only). Pure: the caller draws the salt.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace mq::broker {

enum class PasswordHashing : std::uint8_t { kSha256, kSha512, kMd5 };

using PasswordSalt = std::array<std::uint8_t, 4>;

/// The name in definitions: `rabbit_password_hashing_sha256`, ...
[[nodiscard]] std::string_view password_hashing_name(PasswordHashing hashing) noexcept;
[[nodiscard]] std::optional<PasswordHashing> find_password_hashing(std::string_view name) noexcept;

[[nodiscard]] std::string hash_password(std::string_view password, const PasswordSalt& salt,
                                        PasswordHashing hashing = PasswordHashing::kSha256);

/// Could `hash` come from hash_password()?
[[nodiscard]] bool is_password_hash(std::string_view hash, PasswordHashing hashing) noexcept;

/// Takes the same time whether or not it is the password. An ill-formed hash fits no password.
[[nodiscard]] bool password_matches(std::string_view hash, std::string_view password, PasswordHashing hashing = PasswordHashing::kSha256);

}  // namespace mq::broker
