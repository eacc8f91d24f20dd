// Keys of what belongs to a queue: queue id, then the page's first offset, both big-endian, so that key order is queue by queue and
// page by page. A queue's state lies under the id alone.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "mq/ports/storage.hpp"

namespace mq::store {

inline constexpr std::size_t kQueueKeyBytes = 8;
inline constexpr std::size_t kPageKeyBytes = 16;
inline constexpr std::size_t kLongestKeyBytes = 32;  ///< of all that start with a queue or a delayed book

struct PageKey {
  QueueId queue = 0;
  Offset first = 0;
  bool operator==(const PageKey&) const = default;
  bool operator<(const PageKey& other) const noexcept { return queue != other.queue ? queue < other.queue : first < other.first; }
};

/// A key on the stack: encoding one allocates nothing.
template <std::size_t Bytes>
struct EncodedKey {
  char bytes[Bytes];
  [[nodiscard]] std::string_view view() const noexcept { return {bytes, Bytes}; }
};

[[nodiscard]] EncodedKey<kPageKeyBytes> encode_key(PageKey key) noexcept;
[[nodiscard]] EncodedKey<kQueueKeyBytes> encode_key(QueueId queue) noexcept;

/// nullopt when `key` has another length.
[[nodiscard]] std::optional<PageKey> decode_page_key(std::string_view key) noexcept;
[[nodiscard]] std::optional<QueueId> decode_queue_key(std::string_view key) noexcept;

/// The first key behind all keys of `queue`, for exclusive bounds. Behind the last id there is no next one; a key longer than any other
/// and all ones stands in for it.
[[nodiscard]] std::string key_behind(QueueId queue);
/// The first key behind all that start with `prefix`; empty when there is none.
[[nodiscard]] std::string key_behind_prefix(std::string_view prefix);

/// "page 17 of queue 4", for error texts.
[[nodiscard]] std::string describe(PageKey key);

}  // namespace mq::store
