// A queue in a small world of its own: a disk that commits when told, reads that are answered late and out of order, a clock, crashes
// and clean stops. Beside it a naive model, a sorted map of messages, says what the queue may do and what it must hold.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <stdexcept>
#include <utility>

#include "broker/queue/queue.hpp"
#include "queue_words.hpp"

namespace mq::broker::test {

/// Thrown when the queue does what the model does not allow.
struct Contradiction : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// What the model knows of one message.
struct Known {
  enum class State { kReady, kWaiting, kOut, kHidden, kMoving, kGone };
  int level = 0;
  MessagePtr message;
  bool persistent = false;
  std::uint64_t memory_bytes = 0;
  std::uint64_t body_bytes = 0;
  UnixMillis deadline = kNever;
  State state = State::kReady;
  std::uint64_t enters_with = 0;           // the write that must contain it, if it is persistent and not settled before
  std::uint64_t leaves_with = UINT64_MAX;  // the write that must contain its end
  UnixMillis until = 0;                    // what it waits or has waited for since it came back; 0 = nothing
  bool delivered = false;
  bool maybe_delivered = false;  // a stop left it open
  unsigned returns = 0;
  bool returns_known = true;
  std::optional<Position> position;
  std::uint32_t consumer = 0;  // 0 = basic.get
  bool counted = false;
};

struct KnownConsumer {
  PeerPtr peer;
  ConsumerSpec spec;
  std::uint64_t in_transit_bytes = 0;
  std::set<std::uint64_t> out;
};

/// A place in the stream of publishes, as the queue and as the model know it.
struct PublishMark {
  Offset below = MessageLog::kEverything;
  std::uint64_t id = UINT64_MAX;
};

class QueueWorld {
 public:
  using Random = std::mt19937_64;

  QueueWorld(QueueSettings settings, bool durable);

  // --- what clients do ---
  void publish(const Text& text, std::uint64_t padding_bytes, bool confirm);
  void consume(ConsumerSpec spec);
  void cancel(std::uint32_t consumer, Random& random);
  void settle(std::uint64_t id, Settlement how);
  void get(bool no_ack);
  void purge();
  void return_window(std::uint32_t consumer);
  /// An atomic commit: publishes and acknowledges at once.
  void transaction(const std::vector<Text>& texts, const std::vector<std::uint64_t>& acks);

  // --- what the broker does ---
  void turn();
  void write(std::uint64_t memory_target_bytes);
  /// What is published from now on is not part of the next write_patiently().
  void mark() { mark_ = {queue_->publish_mark(), next_id_}; }
  void write_patiently(std::uint64_t memory_target_bytes);
  void commit_one();
  void tell_one();
  void answer_load(std::size_t which);
  void start_departures();
  void pass(Millis time);
  void crash();
  void stop_cleanly();

  // --- what must hold ---
  void check_counts();
  /// Everything that is to be read is read: nothing that is due is left, and the next wake-up is not late.
  void check_time();
  /// A consumer takes all; nothing is left in the queue or on disk.
  void drain();

  [[nodiscard]] const std::map<std::uint32_t, KnownConsumer>& consumers() const { return consumers_; }
  [[nodiscard]] const std::set<std::uint64_t>& out() const { return out_; }
  [[nodiscard]] std::size_t loads() const { return loads_.size(); }
  [[nodiscard]] std::size_t live() const { return known_.size(); }
  [[nodiscard]] std::size_t writes_under_way() const { return writes_under_way_; }
  [[nodiscard]] const std::shared_ptr<ChannelPrefetch>& shared() const { return shared_; }

 private:
  static constexpr QueueId kId = 2 * kLogsPerQueue;
  static constexpr int kLevels = 3;

  struct Submitted {
    WriteSet set;
    std::function<void()> committed, told;
  };
  using Key = std::pair<int, std::uint64_t>;  // highest level first, then in order of arrival

  static void require(bool condition, const std::string& what) {
    if (!condition) throw Contradiction(what);
  }
  [[nodiscard]] Key key_of(std::uint64_t id) const { return {-known_.at(id).level, id}; }
  [[nodiscard]] MessagePtr learn(const Text& text, std::uint64_t padding_bytes, Known::State state, std::uint64_t& id);
  void become(std::uint64_t id, Known::State state);
  void gone(std::uint64_t id);
  void write_now(std::uint64_t memory_target_bytes, PublishMark mark = {});
  void take_effects();
  void take_deliveries();
  void learn_delivery(const Delivery& delivery, std::uint64_t id, std::uint32_t consumer);
  void check_order(Key last_delivered, const Filter* filter = nullptr) const;
  void take_departure(const Departure& departure);
  void take_confirms();
  void release(Known& known, std::uint64_t id);
  [[nodiscard]] bool waits_after(Settlement how) const;
  [[nodiscard]] UnixMillis waits_on_disk(const Known& known) const;
  /// Without what has waited long enough and is not back yet.
  [[nodiscard]] std::size_t ready_in_queue() const { return ready_.size() - (queue_->counts().waiting - waiting_.size()); }
  void restart(bool clean);
  [[nodiscard]] bool survives(const Known& known) const;
  [[nodiscard]] std::string words(const std::string& what, std::uint64_t id) const;

  const QueueSettings settings_;
  const bool durable_;
  std::unique_ptr<store::MemoryStore> disk_ = std::make_unique<store::MemoryStore>();
  std::unique_ptr<Queue> queue_;
  Effects effects_;
  UnixMillis now_ = 1'000'000;
  std::deque<Submitted> submitted_;           // in order; not committed
  std::deque<std::function<void()>> untold_;  // committed; the queue does not know yet
  std::size_t writes_under_way_ = 0;
  std::vector<LoadRequest> loads_;
  std::vector<std::uint64_t> leaving_;  // departures that no atomic commit carries yet
  bool more_ = false;
  PublishMark mark_ = {0, 0};

  std::map<std::uint64_t, Known> known_;
  std::set<Key> ready_;
  std::set<std::uint64_t> out_;
  std::set<std::uint64_t> waiting_;
  std::map<std::uint32_t, KnownConsumer> consumers_;
  std::set<std::uint64_t> unconfirmed_;
  std::shared_ptr<ChannelPrefetch> shared_ = std::make_shared<ChannelPrefetch>();
  std::map<int, std::uint64_t> last_delivered_;     // by level: no later message was ever delivered
  std::uint64_t memory_target_bytes_ = UINT64_MAX;  // of the last write
  std::uint64_t next_id_ = 1;
  std::uint64_t next_write_ = 1;
  std::uint64_t committed_write_ = 0;
  std::uint32_t next_consumer_ = 1;
  bool bytes_known_ = true;  // false once restored: what is on disk alone is an estimate
};

}  // namespace mq::broker::test
