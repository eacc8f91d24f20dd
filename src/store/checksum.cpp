#include "store/checksum.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace mq::store {

std::uint64_t fingerprint(std::string_view bytes) noexcept { return XXH3_64bits(bytes.data(), bytes.size()); }

std::uint32_t checksum(std::string_view bytes) noexcept { return static_cast<std::uint32_t>(fingerprint(bytes)); }

}  // namespace mq::store
