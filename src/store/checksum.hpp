// The checksum of everything the store writes: XXH3, cut to 32 bits. RocksDB guards its own blocks; this one goes with the bytes from
// the moment they are encoded, and tells one damaged record from its whole neighbours.
#pragma once

#include <cstdint>
#include <string_view>

namespace mq::store {

[[nodiscard]] std::uint32_t checksum(std::string_view bytes) noexcept;

inline constexpr std::size_t kChecksumBytes = 4;

/// The same hash uncut, for keys that stand for a longer text.
[[nodiscard]] std::uint64_t fingerprint(std::string_view bytes) noexcept;

}  // namespace mq::store
