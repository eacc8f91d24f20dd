// scrypt hashes of passwords and their texts: `$scrypt$ln=14,r=8,p=1$SALT$HASH`, salt (16 octets) and hash (32) in base64 without padding.
// r and p are always these; others are not understood. Pure, slow.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "broker/password.hpp"

namespace mq::broker::scrypt {

using Digest = std::array<std::uint8_t, 32>;

struct Parts {
  unsigned cost = 0;
  ScryptSalt salt{};
  Digest digest{};
};

/// nullopt when it is no such text, or one that would cost too little or too much.
[[nodiscard]] std::optional<Parts> read(std::string_view text) noexcept;
[[nodiscard]] std::string hash(std::string_view password, const ScryptSalt& salt, unsigned cost);
[[nodiscard]] bool matches(std::string_view text, std::string_view password);

}  // namespace mq::broker::scrypt
