// Direct reply-to: who waits for replies under which generated name. A reply goes straight from the publisher's session to the
// requester's inbox, through no queue; at most once (docs/semantics.md, "Direct reply-to").
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>

#include "engine/session_inbox.hpp"

namespace mq::engine {

/// What a client consumes from, and puts into reply_to.
inline constexpr std::string_view kReplyQueue = "amq.rabbitmq.reply-to";
/// What the server makes of it in a request: this and an opaque token.
inline constexpr std::string_view kReplyPrefix = "amq.rabbitmq.reply-to.";

struct ReplyTarget {
  InboxPtr inbox;
  std::uint32_t consumer = 0;
};

class ReplyRegistry {
 public:
  /// Any thread. `name` has kReplyPrefix and a token nobody can guess.
  void add(const std::string& name, std::weak_ptr<SessionInbox> inbox, std::uint32_t consumer) {
    std::unique_lock lock(mutex_);
    targets_[name] = {std::move(inbox), consumer};
  }
  void remove(const std::string& name) {
    std::unique_lock lock(mutex_);
    targets_.erase(name);
  }
  /// Who waits under that name; nullopt when nobody does any more.
  [[nodiscard]] std::optional<ReplyTarget> find(std::string_view name) const {
    std::shared_lock lock(mutex_);
    auto found = targets_.find(std::string(name));
    if (found == targets_.end()) return std::nullopt;
    InboxPtr inbox = found->second.inbox.lock();
    if (!inbox) return std::nullopt;
    return ReplyTarget{std::move(inbox), found->second.consumer};
  }

 private:
  struct Entry {
    std::weak_ptr<SessionInbox> inbox;
    std::uint32_t consumer = 0;
  };
  mutable std::shared_mutex mutex_;
  boost::unordered_flat_map<std::string, Entry> targets_;
};

}  // namespace mq::engine
