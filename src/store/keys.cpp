#include "store/keys.hpp"

#include <limits>

#include "mq/base/bytes.hpp"

namespace mq::store {

EncodedKey<kPageKeyBytes> encode_key(PageKey key) noexcept {
  EncodedKey<kPageKeyBytes> encoded;
  store_big_endian(encoded.bytes, key.queue);
  store_big_endian(encoded.bytes + kQueueKeyBytes, key.first);
  return encoded;
}

EncodedKey<kQueueKeyBytes> encode_key(QueueId queue) noexcept {
  EncodedKey<kQueueKeyBytes> encoded;
  store_big_endian(encoded.bytes, queue);
  return encoded;
}

std::optional<PageKey> decode_page_key(std::string_view key) noexcept {
  if (key.size() != kPageKeyBytes) return std::nullopt;
  return PageKey{load_big_endian<QueueId>(key.data()), load_big_endian<Offset>(key.data() + kQueueKeyBytes)};
}

std::optional<QueueId> decode_queue_key(std::string_view key) noexcept {
  if (key.size() != kQueueKeyBytes) return std::nullopt;
  return load_big_endian<QueueId>(key.data());
}

std::string key_behind(QueueId queue) {
  if (queue == std::numeric_limits<QueueId>::max()) return std::string(kLongestKeyBytes + 1, '\xFF');
  return std::string(encode_key(queue + 1).view());
}

std::string key_behind_prefix(std::string_view prefix) {
  std::string key(prefix);
  while (!key.empty() && key.back() == '\xFF') key.pop_back();
  if (!key.empty()) key.back() = static_cast<char>(static_cast<unsigned char>(key.back()) + 1);
  return key;
}

std::string describe(PageKey key) { return "page " + std::to_string(key.first) + " of queue " + std::to_string(key.queue); }

}  // namespace mq::store
