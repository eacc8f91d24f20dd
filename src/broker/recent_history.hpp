// The newest messages that came through an exchange, for those that are bound to it later. Not thread-safe; pure.
#pragma once

#include <cstdint>

#include "broker/message.hpp"
#include "mq/base/deque.hpp"

namespace mq::broker {

class RecentHistory {
 public:
  /// Whatever the length allows, no more than this is kept; a message that is larger by itself is not.
  static constexpr std::uint64_t kMaxBytes = 16ULL << 20;

  explicit RecentHistory(std::uint64_t length) : length_(length) {}

  /// Takes the message in unless it asks not to be (`x-recent-history-no-store`), and lets go of those that are too many or too large.
  /// Returns by how many bytes of memory the history grew, or shrank.
  std::int64_t add(const MessagePtr& message);

  [[nodiscard]] std::size_t size() const noexcept { return messages_.size(); }
  [[nodiscard]] std::uint64_t memory_bytes() const noexcept { return bytes_; }
  /// Calls `visit(message)` for each, oldest first.
  template <class Visit>
  void for_each(Visit&& visit) const {
    for (std::size_t at = 0; at < messages_.size(); ++at) visit(messages_[at]);
  }

 private:
  std::uint64_t length_;
  std::uint64_t bytes_ = 0;
  Deque<MessagePtr> messages_;
};

}  // namespace mq::broker
