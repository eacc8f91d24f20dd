// The checksum of everything the store writes: XXH3, cut to 32 bits. RocksDB guards its own blocks; this one goes with the bytes from
// the moment they are encoded, and tells one damaged record from its whole neighbours.
#pragma once

#include <cstdint>
#include <string_view>

namespace mq::store {

[[nodiscard]] std::uint32_t checksum(std::string_view bytes) noexcept;

inline constexpr std::size_t kChecksumBytes = 4;

/// As RocksDB has it in its logs and manifests: CRC-32C, turned and shifted.
[[nodiscard]] std::uint32_t masked_crc32c(std::string_view bytes) noexcept;

/// The first hash uncut, for keys that stand for a longer text.
[[nodiscard]] std::uint64_t fingerprint(std::string_view bytes) noexcept;

}  // namespace mq::store
