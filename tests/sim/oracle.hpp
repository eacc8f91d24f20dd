// What must be true of a broker, seen from outside: every message that was ever published, and what became of each of its copies.
//
// The oracle hears what leaves the broker in the order in which it leaves, and what arrives there when it does. What a session has
// been given but may not have dealt with yet is judged later: a suspicion against a channel holds once the broker answers something that
// was asked behind it, and is dropped when the channel goes.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "mq/amqp/properties.hpp"
#include "sim/plan.hpp"

namespace mq::sim {

using MessageId = std::uint64_t;  ///< its number, and what its body starts with
inline constexpr MessageId kUnheeded = UINT64_MAX;

struct CopyKey {
  MessageId message = 0;
  QueueIndex queue = 0;
  auto operator<=>(const CopyKey&) const = default;
};

/// A transaction: what it publishes and acknowledges.
struct Transaction {
  enum class State : std::uint8_t { kOpen, kAsked, kCommitted, kRolledBack, kRefused };
  State state = State::kOpen;
  std::vector<MessageId> published;
  std::vector<CopyKey> acked;
};

/// One channel from open to close, as the broker has to see it.
struct ChannelLife {
  struct Consumer {
    QueueIndex queue = 0;
    std::uint32_t prefetch = 0;  ///< 0 = any number
    bool no_ack = false;
    bool leaves = false;    ///< its cancel is on its way
    bool unheeded = false;  ///< of a queue whose messages nobody follows
    const FilterPlan* filter = nullptr;
    std::uint32_t out = 0;
    std::map<const ChannelLife*, std::uint64_t> latest;  ///< of each publisher, what was delivered for the first time
  };
  struct Out {
    CopyKey copy;
    std::string consumer;  ///< empty = basic.get
  };
  struct Suspicion {
    std::string text;
    std::size_t open = 0;  ///< so many channels have to prove that they were there all the time
    bool dropped = false;  ///< one of them was not
  };

  std::string name;
  bool dead = false;
  bool failed = false;           ///< the broker closed it: what was said last may not count
  bool recovering = false;       ///< basic.recover was asked for
  std::uint64_t next_index = 1;  ///< of what the client does, in order
  std::uint64_t unanswered = 0;  ///< while something is, what was said behind it waits
  std::uint64_t sealed = 0;      ///< everything below was dealt with
  std::map<std::uint64_t, Out> out;
  std::map<std::string, Consumer, std::less<>> consumers;
  std::vector<std::pair<std::uint64_t, std::shared_ptr<Suspicion>>> suspicions;  ///< proved by the answer to what was asked at this index
  std::set<QueueIndex> takes_from;                 ///< without acknowledgement: what is on its way when it dies is gone
  std::map<std::uint64_t, MessageId> unconfirmed;  ///< by the number of the publish
  std::shared_ptr<Transaction> tx;
};
using LifePtr = std::shared_ptr<ChannelLife>;

enum class Settling : std::uint8_t { kAck, kDrop, kRequeue };

class Oracle {
 public:
  Oracle(const Plan& plan, std::function<UnixMillis()> now) : plan_(plan), now_(std::move(now)) {}

  // --- publishing ---
  struct Published {
    std::string exchange, key;
    bool persistent = true;
    std::optional<Millis> expiration_ms;
    std::size_t body_bytes = 0;
    std::optional<Millis> delay_ms;
    std::string group, id;
    bool mandatory = false;
    std::string colour;
    std::optional<std::int64_t> size;
  };
  /// A message is written by a client; its body is body_of().
  MessageId publishes(const LifePtr& by, Published what, std::uint64_t sequence);
  [[nodiscard]] std::string body_of(MessageId message) const;
  void arrived(MessageId message);
  /// Something whose way nobody follows is published, and will be confirmed.
  void publishes_unheeded(ChannelLife& life, std::uint64_t sequence) { life.unconfirmed.emplace(sequence, kUnheeded); }
  void returned(std::string_view body);
  /// From now on all together publish no faster than that, or as fast as they can; negative = no limit. `connections` are there.
  void paces(std::int64_t messages_per_s, std::int64_t bytes_per_s, std::size_t connections);
  void paces_nobody() { pace_.reset(); }
  void connected() {
    if (pace_) ++pace_->connections;
  }
  void confirmed(ChannelLife& life, std::uint64_t sequence, bool multiple, bool refused);

  // --- consuming ---
  /// A delivery, or the answer to basic.get, leaves the broker. Returns what it is; nullopt when it cannot be.
  std::optional<CopyKey> delivered(const LifePtr& life, std::string_view consumer, QueueIndex queue, std::uint64_t tag, bool redelivered,
                                   bool no_ack, std::string_view body, const amqp::Properties& properties, UnixMillis given_after);
  /// An acknowledgement arrives. Outside of transactions.
  void settles(const LifePtr& life, std::uint64_t tag, bool multiple, Settling how, std::uint64_t index);
  void recovers(ChannelLife& life);
  void recovered(ChannelLife& life);

  // --- transactions ---
  void commit_arrives(const LifePtr& life, const std::shared_ptr<Transaction>& tx, const std::vector<std::uint64_t>& tags,
                      std::uint64_t index);
  void committed(Transaction& tx);
  void rolled_back(ChannelLife& life);

  // --- channels ---
  /// The broker answered what the client did at `index`.
  void seals(ChannelLife& life, std::uint64_t index);
  /// Nothing that is said on it counts any more, and what it held goes back.
  void dies(ChannelLife& life);
  /// What the client's close gave back has gone back.
  void closed() { ++disturbances_; }

  // --- the whole ---
  /// Everything that arrived was dealt with.
  void is_idle();
  /// And everything that the broker said has left it.
  void is_quiet();
  void crashed();
  /// Its octets on disk are damaged: it may be gone, wherever it is.
  void damaged(std::string_view body);
  /// In good order: what was acknowledged is gone for good. What is not durable is gone as well.
  void restarted();
  /// A queue gave it in the end.
  void drained(QueueIndex queue, std::string_view body, const amqp::Properties& properties);
  /// When everything was drained: nothing is missing, nothing is there that must not be.
  void judge();

  /// Who wants to hear of every delivery, settlement and confirm.
  void set_trace(std::function<void(const std::string&)> trace) { trace_ = std::move(trace); }
  void violated(std::string text) {
    if (violation_.empty()) violation_ = std::move(text);
  }
  [[nodiscard]] const std::string& violation() const noexcept { return violation_; }
  struct Counts {
    std::uint64_t published = 0, confirmed = 0, delivered = 0, redelivered = 0, acked = 0, dead_lettered = 0, transactions = 0, drained = 0,
                  damaged = 0;
  };
  [[nodiscard]] const Counts& counts() const noexcept { return counts_; }

 private:
  struct Message {
    LifePtr by;
    std::uint64_t sequence = 0;
    Published what;
    std::vector<QueueIndex> queues;
    std::shared_ptr<Transaction> tx;
    UnixMillis arrived_at = kNever;
    UnixMillis entered_by = kNever;  ///< at the latest
    std::uint64_t disturbances = 0;  ///< when it was published
    bool confirmed = false;
    bool refused = false;
    bool returned = false;
    bool damaged = false;
    bool rolled_back = false;
    bool taken_in = false;           ///< by the broker, for sure
    std::uint64_t paced = 0;         ///< by which of the paces, when it arrived
    std::uint64_t confirmed_in = 0;  ///< which run of the broker
  };
  struct Copy {
    LifePtr holder;
    std::string held_by;      ///< consumer, in queues with groups
    std::uint64_t times = 0;  ///< given out
    LifePtr acked_by;
    std::uint64_t acked_at = 0, acked_in = 0, given_in = 0;
    bool acked = false;       ///< perhaps
    bool gone = false;        ///< for sure
    bool dropped = false;     ///< rejected, perhaps
    bool given_away = false;  ///< without acknowledgement
    bool dead = false;        ///< seen where its queue's dead letters go
    bool drained = false;
  };

  /// What all that is published may come to in a while.
  struct Pace {
    UnixMillis since = 0;
    std::int64_t messages_per_s = -1, bytes_per_s = -1;
    std::uint64_t connections = 0;  ///< that were there meanwhile
    std::uint64_t messages = 0, bytes = 0, largest_bytes = 0;
  };

  [[nodiscard]] std::optional<MessageId> message_of(std::string_view body);
  void takes_in(Message& message);
  [[nodiscard]] bool may_be_in(const Message& message, QueueIndex queue) const;
  [[nodiscard]] std::optional<Millis> time_to_live(const Message& message, QueueIndex queue) const;
  void look_at_death(QueueIndex queue, MessageId message, const amqp::Properties& properties);
  void suspect(std::initializer_list<std::pair<LifePtr, std::uint64_t>> channels, std::string text);
  void check_group(const LifePtr& life, std::string_view consumer, CopyKey key, bool redelivered);
  void check_active(const LifePtr& life, std::string_view consumer, CopyKey key);
  void check_order(ChannelLife::Consumer& consumer, const Message& message, CopyKey key);
  [[nodiscard]] std::string name_of(CopyKey key) const;
  void release(ChannelLife& life, std::map<std::uint64_t, ChannelLife::Out>::iterator out);
  [[nodiscard]] bool must_be_there(const Message& message, QueueIndex queue) const;
  [[nodiscard]] bool may_be_gone(const Message& message, const Copy& copy, QueueIndex queue) const;
  [[nodiscard]] bool another_stands_for(const Message& message, MessageId id, QueueIndex queue) const;
  void judge_ids();
  void judge(const Transaction& tx);

  const Plan& plan_;
  std::function<UnixMillis()> now_;
  std::deque<Message> messages_;
  std::map<CopyKey, Copy> copies_;
  std::vector<MessageId> not_entered_;  // arrived since the broker was last idle
  std::vector<std::shared_ptr<Transaction>> transactions_;
  std::map<std::pair<QueueIndex, std::string>, std::vector<MessageId>> by_id_;  // in queues that take each once
  std::map<QueueIndex, std::pair<LifePtr, std::string>> active_;                // who got something last, of single active consumers
  std::map<std::tuple<QueueIndex, std::string, const ChannelLife*>, std::uint64_t> group_order_;
  std::vector<bool> gives_away_;  // by queue: what was given without acknowledgement may have been lost on its way
  std::optional<Pace> pace_;
  std::uint64_t paces_ = 0;
  std::uint64_t run_ = 0;
  std::uint64_t disturbances_ = 0;                                  // what may have returned messages to queues
  std::vector<std::pair<std::uint64_t, std::string>> unexplained_;  // unless something is heard that explains it
  std::function<void(const std::string&)> trace_;
  std::string violation_;
  Counts counts_;
};

}  // namespace mq::sim
