// Integers as RocksDB's files hold them.
#pragma once

#include <cstddef>
#include <string_view>

namespace mq::store {

/// The first octets of `bytes`, as many as the number has; the caller vouches for their being there.
template <class Number>
[[nodiscard]] Number load_little_endian(std::string_view bytes) noexcept {
  Number number = 0;
  for (std::size_t i = sizeof(Number); i-- > 0;) number = static_cast<Number>(number << 8 | static_cast<unsigned char>(bytes[i]));
  return number;
}

}  // namespace mq::store
