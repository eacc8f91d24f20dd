#include "store/checksum.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <boost/crc.hpp>

namespace mq::store {

std::uint64_t fingerprint(std::string_view bytes) noexcept { return XXH3_64bits(bytes.data(), bytes.size()); }

std::uint32_t checksum(std::string_view bytes) noexcept { return static_cast<std::uint32_t>(fingerprint(bytes)); }

std::uint32_t masked_crc32c(std::string_view bytes) noexcept {
  boost::crc_optimal<32, 0x1EDC6F41, 0xFFFFFFFF, 0xFFFFFFFF, true, true> crc;
  crc.process_bytes(bytes.data(), bytes.size());
  const std::uint32_t sum = crc.checksum();
  return (sum >> 15 | sum << 17) + 0xA282EAD8;
}

}  // namespace mq::store
