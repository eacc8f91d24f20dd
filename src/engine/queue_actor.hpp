// One queue on its strand: takes batches from its mailbox, applies the rules of broker::Queue, and carries out their effects: sends
// deliveries and confirms to sessions, pages to the committer, dead letters to their targets, and reads evicted segments back.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "broker/queue/queue.hpp"
#include "broker/topology.hpp"
#include "engine/actor_timer.hpp"
#include "engine/committer.hpp"
#include "engine/joint_commit.hpp"
#include "engine/pace.hpp"
#include "engine/publish_pacer.hpp"
#include "engine/session_inbox.hpp"
#include "engine/write_patience.hpp"
#include "mq/base/deque.hpp"

namespace mq::engine {

class VHost;

struct PublishBatch {
  std::vector<broker::Incoming> messages;
  InboxPtr from;
  std::uint32_t channel = 0;
  std::uint64_t bytes = 0;  ///< to be returned to the publish window
};
struct SettleBatch {
  broker::Settlement how = broker::Settlement::kAck;
  std::vector<broker::Position> positions;
};
struct AddConsumer {
  broker::ConsumerSpec spec;
  ReplyTo reply;
};
struct RemoveConsumer {
  InboxPtr peer;
  std::uint32_t number = 0;
  bool gives_back = false;  ///< its channel goes: what it has out comes back right behind the answer, and then others go on
  ReplyTo reply;
};
struct ReturnWindow {
  InboxPtr peer;
  std::uint32_t number = 0;
  std::uint64_t bytes = 0;
};
struct RetryConsumer {
  InboxPtr peer;
  std::uint32_t number = 0;
};
/// basic.qos with global=true came after the consumer.
struct SharePrefetch {
  InboxPtr peer;
  std::uint32_t number = 0;
  std::shared_ptr<broker::ChannelPrefetch> shared;
};
struct GetMessage {
  bool no_ack = false;
  ReplyTo reply;
};
struct PurgeQueue {
  ReplyTo reply;
};
/// queue.declare of a queue that is there; counts as use (x-expires).
struct AskStats {
  ReplyTo reply;
};
struct DeleteIf {
  bool if_unused = false;
  bool if_empty = false;
  bool if_expired = false;  ///< only if it is still past its x-expires
  ReplyTo reply;
};
struct AskPart {
  JointCommitPtr joint;
  std::size_t part = 0;
};
struct PreparePart {
  JointCommitPtr joint;
  std::size_t part = 0;
};
struct FinishPart {
  JointCommitPtr joint;
  std::size_t part = 0;
};
struct Written {};
struct Loaded {
  std::uint8_t level = 0;
  Offset segment_first = 0;
  std::vector<PageRecord> records;
  std::vector<Mark> marks;
};
/// The disk could not be read; what was asked for is there all the same.
struct LoadFailed {
  broker::LoadRequest request;
  std::string why;
};
struct ApplySettings {
  broker::QueueSettings settings;
};
/// What an operator stops the queue from doing, instead of what it was stopped from before.
struct ApplyPause {
  broker::QueuePause paused;
  ReplyTo reply;  ///< answered when it holds: nothing is delivered, or taken in, behind the answer
};
struct WakeUp {};
struct TimerFired {};
/// Has everything written that is not, and tells when everything put before it has been handled.
struct Barrier {
  std::function<void()> passed;
};
using QueueItem = std::variant<PublishBatch, SettleBatch, AddConsumer, RemoveConsumer, ReturnWindow, RetryConsumer, SharePrefetch,
                               GetMessage, PurgeQueue, AskStats, DeleteIf, AskPart, PreparePart, FinishPart, Written, Loaded, LoadFailed,
                               ApplySettings, ApplyPause, WakeUp, TimerFired, Barrier>;

/// What operators and policies read without visiting the strand; written once per turn.
struct QueueGauges {
  std::atomic<std::uint64_t> ready{0}, unacked{0}, consumers{0}, ready_bytes{0}, unacked_bytes{0}, memory_bytes{0};
  std::atomic<std::uint64_t> published{0}, delivered{0}, acknowledged{0}, returned{0}, dead_lettered{0}, lost{0}, refused{0}, duplicates{0};
};

/// What every queue of a broker shares.
struct QueueServices {
  Scheduler& scheduler;
  Storage& storage;
  Committer& committer;
  std::shared_ptr<Strand> reader;                        ///< may block: reads pages
  std::atomic<std::uint64_t> queue_memory_bytes{0};      ///< a queue keeps no more than this in memory once it is on disk
  std::atomic<std::uint64_t> total_memory_bytes{0};      ///< beyond this all queues keep less
  std::atomic<std::int64_t> default_delivery_limit{20};  ///< of quorum queues that set none; negative = no limit
  /// What a vhost may hold at most; 0 = no limit. A vhost's own max-queues goes before the first.
  std::atomic<std::uint64_t> queues_per_vhost{0}, exchanges_per_vhost{0}, bindings_per_vhost{0};
  std::atomic<std::int64_t> memory_used_bytes{0};
  std::atomic<bool> memory_is_short{false};  ///< of the whole process, whatever takes it: queues keep as little as they can
  PublishBudget publish_budget;

  QueueServices(Scheduler& scheduler_, Storage& storage_, Committer& committer_, unsigned threads = 2)
      : scheduler(scheduler_), storage(storage_), committer(committer_), publish_budget(threads) {}
};

class QueueActor final : public Actor<QueueItem>, public broker::Destination {
 public:
  QueueActor(std::shared_ptr<Strand> strand, std::shared_ptr<QueueServices> services, std::weak_ptr<VHost> vhost, broker::QueueInfo info,
             broker::QueueSettings settings);
  ~QueueActor() override;

  /// Before the first item is put: what recovery found.
  void restore(std::uint8_t level, const RecoveredQueue& recovered) { queue_.restore(level, recovered, services_->scheduler.now()); }
  void restore_ids(const RecoveredSeen& recovered);
  /// After the last item was handled, with all strands stopped: what makes the next start exact.
  void collect_shutdown(WriteSet& out);

  [[nodiscard]] const std::string& name() const noexcept { return queue_.info().name; }
  [[nodiscard]] QueueId id() const noexcept { return queue_.info().id; }
  [[nodiscard]] bool durable() const noexcept { return queue_.info().durable; }
  [[nodiscard]] const QueueGauges& gauges() const noexcept { return gauges_; }
  /// Any thread: whether it refuses publishes, all or those beyond a limit.
  [[nodiscard]] bool may_refuse() const noexcept { return may_refuse_.load(std::memory_order_relaxed); }
  /// Any thread: whether sessions that publish into it are to stop doing so, because it grows while memory is short (engine/growth_watch).
  [[nodiscard]] bool holds_publishers() const noexcept { return holds_publishers_.load(std::memory_order_relaxed); }
  /// Any thread: has it write out what it need not keep, now that memory is short. One that keeps little is left alone.
  void squeeze();
  void hold_publishers(bool on) noexcept { holds_publishers_.store(on, std::memory_order_relaxed); }

 protected:
  void begin_of_turn() override;
  void handle(QueueItem& item) override;
  void end_of_turn() override;

 private:
  void on(PublishBatch& item);
  void on(SettleBatch& item);
  void on(AddConsumer& item);
  void on(RemoveConsumer& item);
  void on(ReturnWindow& item);
  void on(RetryConsumer& item);
  void on(SharePrefetch& item);
  void on(GetMessage& item);
  void on(PurgeQueue& item);
  void on(AskStats& item);
  void on(DeleteIf& item);
  void on(AskPart& item);
  void on(PreparePart& item);
  void on(FinishPart& item);
  void on(Written& item);
  void on(Loaded& item);
  void on(LoadFailed& item);
  void on(ApplySettings& item);
  void on(ApplyPause& item);
  void on(WakeUp& item);
  void on(TimerFired& item);
  void on(Barrier& item);

  [[nodiscard]] std::shared_ptr<QueueActor> self() { return std::static_pointer_cast<QueueActor>(shared_from_this()); }
  [[nodiscard]] std::string where() const;  ///< queue 'NAME' in vhost 'NAME', as error texts say it
  [[nodiscard]] std::uint64_t memory_target_bytes() const noexcept;
  /// What a moment of the steady clock is on the other, at least a millisecond from now.
  [[nodiscard]] UnixMillis wake_at(Millis steady) const noexcept {
    return steady == kNever ? kNever : now_ + std::max<Millis>(steady - steady_, 1);
  }
  /// What expires or can be delivered in this very turn no longer counts as waiting.
  void settle_turn();
  [[nodiscard]] bool expired() const noexcept;
  void answer_gets();
  void write();
  void write_now(Offset below = WritePatience::kEverything);
  void look_at_consumers();
  [[nodiscard]] bool disk_lags() const noexcept;
  void release_publishers();
  void send_deliveries();
  void send_effects();
  void send_departures();
  void request_loads();
  void arm_timer();
  void update_gauges();
  void release_joints();
  /// The queue is gone from here on; returns who consumed from it.
  std::vector<std::pair<InboxPtr, std::uint32_t>> die();

  std::shared_ptr<QueueServices> services_;
  std::weak_ptr<VHost> vhost_;
  broker::Queue queue_;
  broker::Effects effects_;
  Deque<GetMessage> waiting_gets_;
  /// Atomic commits with duplicates of messages in others that are not on disk yet.
  std::vector<std::pair<JointCommitPtr, std::uint64_t>> waiting_joints_;
  PublishPacer publishers_{services_->publish_budget};
  std::vector<broker::LoadRequest> failed_loads_;  // to be asked for again at load_again_at_
  Millis load_again_at_ = 0;
  bool cannot_read_ = false;  // said once
  Pace settled_;
  WritePatience patience_;
  ActorTimer<TimerFired> timer_;
  UnixMillis now_ = 0;
  Millis steady_ = 0;  // the same moment on the clock that never steps back
  UnixMillis last_used_ = 0;
  std::size_t writes_under_way_ = 0;
  std::uint64_t memory_counted_bytes_ = 0;
  bool had_consumer_ = false;
  bool more_to_do_ = false;
  bool dead_ = false;
  bool asked_to_go_ = false;
  std::atomic<bool> may_refuse_{false};
  std::atomic<bool> holds_publishers_{false};
  QueueGauges gauges_;
};

}  // namespace mq::engine
