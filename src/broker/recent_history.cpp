#include "broker/recent_history.hpp"

namespace mq::broker {

namespace {

bool wants_to_be_forgotten(const Message& message) {
  if (!message.has_headers()) return false;
  const auto value = message.properties().headers.find("x-recent-history-no-store");
  return value && value->tag == 't' && value->bytes != std::string_view("\0", 1);
}

}  // namespace

std::int64_t RecentHistory::add(const MessagePtr& message) {
  if (message->memory_bytes() > kMaxBytes || wants_to_be_forgotten(*message)) return 0;
  const std::uint64_t before = bytes_;
  messages_.push_back(message);
  bytes_ += message->memory_bytes();
  while (messages_.size() > length_ || bytes_ > kMaxBytes) {
    bytes_ -= messages_.front()->memory_bytes();
    messages_.pop_front();
  }
  return static_cast<std::int64_t>(bytes_ - before);
}

}  // namespace mq::broker
