// The session's end of every conversation with the engine: queues, vhosts and the committer put items here; the transport that owns
// the session empties it on its own strand.
//
// Also carries the publish window: how many bytes of this connection's publishes are still on their way into queues.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "broker/queue/consumers.hpp"
#include "engine/mailbox.hpp"
#include "mq/base/result.hpp"

namespace mq::engine {

struct QueueStats {
  std::string name;
  std::uint64_t ready = 0;
  std::uint64_t consumers = 0;
};
struct MessageCount {
  std::uint64_t messages = 0;
};
struct GetReply {
  bool found = false;
  broker::Delivery delivery;
  std::uint64_t remaining = 0;
  std::optional<Millis> ack_timeout_ms;  ///< what the queue says; 0 = none
};
struct Done {};
using Answer = std::variant<Done, QueueStats, MessageCount, GetReply>;

/// Who asks the engine for something: a session, or an operator's request.
class Asker {
 public:
  virtual ~Asker() = default;
  /// Any thread: the answer to that request.
  virtual void answered(std::uint64_t request, Result<Answer> answer) = 0;
  /// Owner of the exclusive queues it declares; 0 = it has none.
  [[nodiscard]] virtual std::uint64_t owner_id() const noexcept { return 0; }
};

/// What a session finds in its inbox.
struct Deliveries {
  std::uint32_t consumer = 0;
  std::vector<broker::Delivery> messages;
  std::optional<Millis> ack_timeout_ms;  ///< what the queue says; 0 = none
};
struct Confirms {
  std::uint32_t channel = 0;
  bool refused = false;
  std::vector<std::uint64_t> sequences;
};
struct Reply {
  std::uint64_t request = 0;
  Result<Answer> answer{Done{}};
};
/// The queue took the consumer away (it was deleted): basic.cancel to the client.
struct ConsumerCancelled {
  std::uint32_t consumer = 0;
};
struct WindowOpened {};
struct AlarmChanged {
  bool blocked = false;
  std::string reason;
};
/// The queue that the session was held back for holds nobody back any more.
struct HoldLifted {};
/// Close the connection from our side.
struct CloseRequested {
  ReplyCode code = ReplyCode::kConnectionForced;
  std::string text;
};
using SessionItem = std::variant<Deliveries, Confirms, Reply, ConsumerCancelled, WindowOpened, AlarmChanged, HoldLifted, CloseRequested>;

class SessionInbox final : public broker::Peer, public Asker, public Runnable, public std::enable_shared_from_this<SessionInbox> {
 public:
  SessionInbox(std::shared_ptr<Strand> strand, std::uint64_t id) : strand_(std::move(strand)), id_(id) {}

  /// Unique among all sessions of this process; owner id of exclusive queues.
  [[nodiscard]] std::uint64_t id() const noexcept { return id_; }
  [[nodiscard]] const std::shared_ptr<Strand>& strand() const noexcept { return strand_; }

  /// Any thread.
  void put(SessionItem item) {
    if (mailbox_.put(std::move(item))) strand_->post(shared_from_this());
  }
  void answered(std::uint64_t request, Result<Answer> answer) override { put(Reply{request, std::move(answer)}); }
  [[nodiscard]] std::uint64_t owner_id() const noexcept override { return id_; }
  /// On the strand: called when items wait. Cleared when the transport goes; what comes later is dropped.
  void on_wake(std::function<void()> wake) { wake_ = std::move(wake); }
  template <class Handle>
  bool drain(Handle&& handle) {
    return mailbox_.drain(std::forward<Handle>(handle));
  }
  void run() override {
    if (wake_) wake_();
    else mailbox_.drain([](SessionItem&) {});
  }

  // --- publish window ---
  void window_take(std::uint64_t bytes) noexcept { window_used_.fetch_add(static_cast<std::int64_t>(bytes)); }
  [[nodiscard]] std::int64_t window_used() const noexcept { return window_used_.load(); }
  /// The session stopped reading; it wants WindowOpened when less than `below_bytes` are on their way.
  void window_want(std::int64_t below_bytes) noexcept { window_wanted_below_.store(below_bytes); }
  /// A queue has taken in what was sent to it.
  void window_return(std::uint64_t bytes) {
    const std::int64_t left = window_used_.fetch_sub(static_cast<std::int64_t>(bytes)) - static_cast<std::int64_t>(bytes);
    std::int64_t wanted = window_wanted_below_.load();
    if (wanted > 0 && left < wanted && window_wanted_below_.exchange(0) > 0) put(WindowOpened{});
  }

 private:
  Mailbox<SessionItem> mailbox_;
  std::shared_ptr<Strand> strand_;
  const std::uint64_t id_;
  std::function<void()> wake_;
  std::atomic<std::int64_t> window_used_{0};
  std::atomic<std::int64_t> window_wanted_below_{0};
};
using InboxPtr = std::shared_ptr<SessionInbox>;

/// Where an answer goes.
struct ReplyTo {
  std::shared_ptr<Asker> asker;
  std::uint64_t request = 0;

  void send(Result<Answer> answer) const {
    if (asker) asker->answered(request, std::move(answer));
  }
};

/// An answer goes to `then`, on whatever thread it comes from.
[[nodiscard]] inline ReplyTo reply_to(std::function<void(Result<Answer>)> then) {
  class Caller final : public Asker {
   public:
    explicit Caller(std::function<void(Result<Answer>)> call) : call_(std::move(call)) {}
    void answered(std::uint64_t, Result<Answer> answer) override { call_(std::move(answer)); }

   private:
    std::function<void(Result<Answer>)> call_;
  };
  return {std::make_shared<Caller>(std::move(then)), 0};
}

}  // namespace mq::engine
