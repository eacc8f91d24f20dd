// The delayed messages of one vhost, on a strand of their own: taken in, written, confirmed, and when they are due moved into the queues
// they are routed to then, each batch in one joint commit with its disappearance here. Made when the first one comes.
//
// Every message is on disk before it is confirmed or moved. In memory are only those due next (delayed_window.hpp) and those that are
// not written yet. The wall clock decides: set forward it makes messages due, set back it lets them wait.
#pragma once

#include <atomic>
#include <boost/unordered/unordered_flat_map.hpp>
#include <boost/unordered/unordered_flat_set.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "engine/actor_timer.hpp"
#include "engine/delayed_window.hpp"
#include "engine/queue_actor.hpp"
#include "mq/base/deque.hpp"

namespace mq::engine {

struct DelayBatch {
  std::vector<DelayedPublish> messages;
  InboxPtr from;
  std::uint32_t channel = 0;
  std::uint64_t bytes = 0;  ///< to be returned to the publish window
};
struct PrepareDelayed {
  JointCommitPtr joint;
};
struct FinishDelayed {
  JointCommitPtr joint;
};
struct DelayedWritten {};
struct DelayedLoaded {
  StorageResult<DelayedScan> scan;
};
/// By the property message-id, which several messages may share, or by its key.
using DelayedName = std::variant<std::string, DelayedKey>;
struct CancelDelayed {
  DelayedName which;
  std::function<void(std::uint64_t)> answer;  ///< how many will not be delivered; called on the strand, when that is on disk
  std::uint64_t below = 0;                    ///< filled in when it comes: what was accepted before it
};
struct DelayedFound {
  std::vector<DelayedRecord> records;
};
struct DelayedDropped {
  DelayedRecords records;
  std::function<void(std::uint64_t)> answer;
};
struct DelayedTimer {};
/// The vhost goes, and all of this with it. What still comes is confirmed and forgotten. A vhost of the same name must not be made before
/// `closed` was called.
struct CloseDelayed {
  std::function<void()> closed;  ///< called on the committer's strand, when nothing is left on disk
};
using DelayedItem = std::variant<DelayBatch, PrepareDelayed, FinishDelayed, DelayedWritten, DelayedLoaded, CancelDelayed, DelayedFound,
                                 DelayedDropped, DelayedTimer, CloseDelayed, WakeUp, Barrier>;

/// What operators read without visiting the strand; written once per turn.
struct DelayedGauges {
  std::atomic<std::uint64_t> waiting{0};       ///< messages, on disk
  std::atomic<std::uint64_t> body_bytes{0};    ///< of those
  std::atomic<std::uint64_t> memory_bytes{0};  ///< what this costs in memory
  std::atomic<std::uint64_t> accepted{0}, delivered{0}, unroutable{0}, cancelled{0}, lost{0};
};

class DelayedMessages final : public Actor<DelayedItem> {
 public:
  struct Limits {
    DelayedWindow::Limits window;
    std::size_t move_messages = 1024;  ///< in one joint commit
    std::uint64_t move_bytes = 1 << 20;
    std::size_t moves = 4;                    ///< under way at a time
    std::uint64_t unwritten_bytes = 4 << 20;  ///< beyond this publishers wait for the disk
  };

  DelayedMessages(std::shared_ptr<Strand> strand, std::shared_ptr<QueueServices> services, std::weak_ptr<VHost> vhost,
                  std::string vhost_name, DelayedBook book, Limits limits);
  DelayedMessages(std::shared_ptr<Strand> strand, std::shared_ptr<QueueServices> services, std::weak_ptr<VHost> vhost,
                  std::string vhost_name, DelayedBook book);
  ~DelayedMessages() override;

  /// Before the first item is put: what recovery found.
  void restore(const DelayedState& state);

  // --- any thread ---
  [[nodiscard]] DelayedBook book() const noexcept { return book_; }
  [[nodiscard]] const DelayedGauges& gauges() const noexcept { return gauges_; }
  /// Lists waiting messages in order of their due time: up to `max_messages` from key `from` on, no more once they come to some megabytes.
  /// What is being delivered at the moment may be among them. `answer` is called on the strand that reads the disk. For the next page
  /// go on from the key behind the last one: the same due time, the next sequence.
  void list(DelayedKey from, std::size_t max_messages, std::function<void(StorageResult<DelayedScan>)> answer) const;

 protected:
  void begin_of_turn() override;
  void handle(DelayedItem& item) override;
  void end_of_turn() override;

 private:
  struct Window {
    InboxPtr inbox;
    std::uint64_t bytes = 0;
  };
  /// What is written by one commit, and who waits for that.
  struct Write {
    std::vector<DelayedRecord> records;
    std::vector<std::pair<InboxPtr, Confirms>> confirms;
    std::vector<Window> windows;
    std::uint64_t bytes = 0;
  };

  void on(DelayBatch& item);
  void on(PrepareDelayed& item);
  void on(FinishDelayed& item);
  void on(DelayedWritten& item);
  void on(DelayedLoaded& item);
  void on(CancelDelayed& item);
  void on(DelayedFound& item);
  void on(DelayedDropped& item);
  void on(DelayedTimer& item);
  void on(CloseDelayed& item);
  void on(WakeUp& item);
  void on(Barrier& item);

  [[nodiscard]] std::shared_ptr<DelayedMessages> self() { return std::static_pointer_cast<DelayedMessages>(shared_from_this()); }
  void put_name(WriteSet& out) const;
  void entered(const std::vector<DelayedRecord>& records);
  void left(const std::vector<DelayedRecord>& records);
  [[nodiscard]] std::uint64_t written_below() const noexcept { return entering_.empty() ? next_sequence_ : *entering_.begin(); }
  void write();
  void move_due();
  void route(VHost& vhost, JointCommit& joint, const std::vector<DelayedRecord>& batch);
  void drop(std::vector<DelayedRecord> records, std::function<void(std::uint64_t)> answer);
  void look_for_cancelled();
  void load();
  void close_when_quiet();
  void arm_timer();
  void update_gauges();
  void report_missing(const std::string& exchange);

  std::shared_ptr<QueueServices> services_;
  std::weak_ptr<VHost> vhost_;
  const std::string vhost_name_;
  const DelayedBook book_;
  const Limits limits_;
  DelayedWindow window_;
  std::uint64_t next_sequence_ = 0;
  std::set<std::uint64_t> entering_;  // the first sequence of each batch that is on its way to disk
  Write gathering_;
  std::shared_ptr<const std::vector<DelayedRecord>> writing_;  // null = no write of our own is under way
  Write written_next_;                                         // of that write: who waits
  std::size_t moves_ = 0;                                      // under way
  std::size_t joint_entries_ = 0;
  std::size_t drops_ = 0;
  Deque<CancelDelayed> cancels_;
  bool looking_ = false;  // for what the first of cancels_ names
  bool named_ = false;    // metadata knows the book
  std::optional<CloseDelayed> close_;
  bool closed_ = false;
  ActorTimer<DelayedTimer> timer_;
  UnixMillis now_ = 0;
  UnixMillis load_again_at_ = 0;
  std::uint64_t body_bytes_ = 0;
  std::uint64_t memory_counted_bytes_ = 0;
  boost::unordered_flat_set<std::string> missing_exchanges_;  // reported
  DelayedGauges gauges_;
};

}  // namespace mq::engine
