// The rules of one queue, composed of its parts: logs (one per priority level), consumers, expiry, length limits, dead letters and
// residency. Pure: a call is told the time and says in Effects what must happen; clocks, disks, sockets and other queues are not here.
//
// A turn: any number of calls, then finish_turn(). Deliveries gather in the consumers' batches and go out once per turn.
// Ownership: one QueueActor owns it; used on that actor's strand only.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "broker/id_window.hpp"
#include "broker/queue/consumers.hpp"
#include "broker/queue/dead_letter.hpp"
#include "broker/queue/get_pace.hpp"
#include "broker/queue/message_log.hpp"
#include "broker/queue/selector.hpp"
#include "broker/queue_settings.hpp"
#include "broker/topology.hpp"
#include "mq/base/deque.hpp"

namespace mq::broker {

class FilterSelector;

/// Level in the top byte, offset within the level below it.
inline constexpr unsigned kLevelShift = 56;
[[nodiscard]] constexpr Position position_of(std::uint8_t level, Offset offset) noexcept {
  return (Position{level} << kLevelShift) | offset;
}
[[nodiscard]] constexpr std::uint8_t level_of(Position position) noexcept { return static_cast<std::uint8_t>(position >> kLevelShift); }
[[nodiscard]] constexpr Offset offset_of(Position position) noexcept { return position & ((Position{1} << kLevelShift) - 1); }
/// Each level of a queue is a log of its own in the store: queue ids are multiples of this, levels are added.
inline constexpr QueueId kLogsPerQueue = 256;

/// One message on its way into a queue.
struct Incoming {
  MessagePtr message;
  std::uint64_t sequence = 0;  ///< the publisher's number for its confirm; 0 = it does not want one
};

/// Answers to publishers: each sequence was accepted (and is on disk if it has to be), or refused.
struct ConfirmRun {
  PeerPtr peer;
  std::uint32_t channel = 0;
  bool refused = false;
  std::vector<std::uint64_t> sequences;
};

/// A message that leaves for the dead-letter exchange. It stays in the queue, invisible, until settle_moved() is called.
struct Departure {
  MessagePtr message;
  DeathReason reason = DeathReason::kRejected;
  std::optional<Position> position;  ///< nullopt when it was refused before it entered
};

/// What must happen after a call.
struct Effects {
  std::vector<Consumer*> deliver_to;  ///< consumers with a batch to be taken away
  std::vector<ConfirmRun> confirms;
  std::vector<Departure> departures;
  std::vector<LoadRequest> loads;

  void clear() {
    deliver_to.clear();
    confirms.clear();
    departures.clear();
    loads.clear();
  }
};

/// What becomes of a message that was out. The last two put it back; they differ only in what retry with backoff makes of them.
enum class Settlement : std::uint8_t {
  kAck,
  kReject,   ///< dead-lettered, or dropped
  kRequeue,  ///< the client gives it back: basic.nack, basic.recover
  kFailed,   ///< it could not be handled: basic.reject with requeue, or whoever had it is gone
};

/// Numbers as operators see them.
struct QueueCounts {
  std::uint64_t ready = 0, ready_bytes = 0, waiting = 0, unacked = 0, unacked_bytes = 0, hidden = 0, memory_bytes = 0, persistent = 0,
                consumers = 0;
  std::uint64_t duplicates = 0;  ///< messages that did not enter because their id had
  std::uint64_t ids_bytes = 0;   ///< memory of the ids that are remembered
};

class Queue {
 public:
  Queue(QueueInfo info, QueueSettings settings, const Storage& codec);

  [[nodiscard]] const QueueInfo& info() const noexcept { return info_; }
  [[nodiscard]] const QueueSettings& settings() const noexcept { return settings_; }
  /// Other settings from now on; how messages are grouped stays as it was.
  void apply(QueueSettings settings);
  /// What an operator stops it from doing from now on. While publishing is paused, publishes are refused as by a full queue with
  /// `reject-publish`; what enters by an atomic commit enters. While delivery is paused, everything but delivery goes on.
  void pause(QueuePause paused) noexcept { info_.paused = paused; }

  // --- publishing ---
  /// All from one channel of one peer. Confirms come in Effects, now or after the write.
  void publish(std::span<const Incoming> messages, const PeerPtr& peer, std::uint32_t channel, UnixMillis now, Effects& effects);
  /// Whether publishes are refused: when it is full, or all of them.
  [[nodiscard]] bool may_refuse() const noexcept { return info_.paused.publish || limit_refuses(); }
  /// How many publishes it refused since it was made.
  [[nodiscard]] std::uint64_t refused() const noexcept { return refused_; }
  /// For an atomic commit, before it enters: false when some of these would be refused, one after the other.
  [[nodiscard]] bool would_take(std::span<const MessagePtr> messages, UnixMillis now);
  /// For an atomic commit: the messages enter, invisible; what must be written is added to `out`.
  [[nodiscard]] std::vector<Position> prepare(std::span<const MessagePtr> messages, UnixMillis now, WriteSet& out);
  /// What prepare() was just told of duplicates of messages in other atomic commits: it counts once committed_ids_below() is as high.
  /// 0 = nothing.
  [[nodiscard]] std::uint64_t take_awaited_ids() noexcept { return std::exchange(awaited_ids_, 0); }
  [[nodiscard]] std::uint64_t committed_ids_below() const noexcept { return ids_ ? ids_->joined_below() : UINT64_MAX; }
  /// The atomic commit is done: they become visible.
  void reveal(std::span<const Position> positions);

  // --- settling ---
  void settle(std::span<const Position> positions, Settlement how, UnixMillis now, Effects& effects);
  /// For an atomic commit: these outstanding messages will be acknowledged by it.
  void prepare_settlement(std::span<const Position> positions, WriteSet& out);
  /// For an atomic commit: these departures will be settled by it.
  void prepare_departure(std::span<const Position> positions, WriteSet& out);
  /// The atomic commit that took them away is done.
  void settle_moved(std::span<const Position> positions);

  // --- consuming ---
  /// Could a consumer with that filter be added now? Errors: 406, in queues with groups, and where too many others are in use.
  [[nodiscard]] Result<> check_filter(const Filter& filter) const;
  Consumer& add_consumer(ConsumerSpec spec);
  /// Cancels; false when unknown. `gives_back`: what it has out is about to be settled or given back, and nobody is served before.
  bool remove_consumer(const Peer* peer, std::uint32_t number, bool gives_back = false);
  /// Bytes reached the socket.
  void return_window(const Peer* peer, std::uint32_t number, std::uint64_t bytes);
  /// Places became free in a shared prefetch.
  void retry_consumer(const Peer* peer, std::uint32_t number);
  /// From now on the consumer's deliveries count against its channel's shared prefetch too.
  void share_prefetch(const Peer* peer, std::uint32_t number, std::shared_ptr<ChannelPrefetch> shared);
  [[nodiscard]] Consumers& consumers() noexcept { return consumers_; }
  [[nodiscard]] const Consumers& consumers() const noexcept { return consumers_; }

  enum class GetStatus : std::uint8_t { kMessage, kEmpty, kLater };
  /// basic.get. kLater: there is a message, but it must be read back or covered first; ask again after the next write or load.
  GetStatus get(bool no_ack, UnixMillis now, Delivery& out);
  /// Settles all that is ready or waits to be tried again; returns how many.
  std::uint64_t purge();

  // --- turns ---
  /// Delivers what can be delivered, expires, trims to the length limits, releases confirms that wait for nothing, asks for loads.
  /// True when there is more to expire or trim at once.
  bool finish_turn(UnixMillis now, Effects& effects);
  /// When finish_turn() should be called at the latest; kNever when nothing is due.
  [[nodiscard]] UnixMillis next_wake();

  // --- disk ---
  /// What is published from here on is not below it. kEverything where publishes do not come in one order (several priorities).
  [[nodiscard]] Offset publish_mark() const noexcept;
  /// True when collect() with the same bounds would do something.
  [[nodiscard]] bool wants_write(std::uint64_t memory_target_bytes, Offset below = MessageLog::kEverything) const;
  /// What is to be written now, and the confirms that wait for it. Followed by one written() each, in order. Messages that were
  /// published since publish_mark() gave `below` may wait for another time.
  void collect(std::uint64_t memory_target_bytes, WriteSet& out, Offset below = MessageLog::kEverything);
  void written(Effects& effects);
  void restore(std::uint8_t level, const RecoveredQueue& recovered, UnixMillis now);
  /// After the messages: the ids that are on disk.
  void restore_ids(const RecoveredSeen& recovered, UnixMillis now);
  /// The queue goes: nobody waits for ids to be on disk any more.
  void abandon_ids() {
    if (ids_) ids_->abandon();
  }
  [[nodiscard]] bool has_stored_ids() const noexcept { return ids_ && ids_->has_records(); }
  void collect_shutdown(WriteSet& out);
  /// Returns how many messages were missing from what was read.
  std::uint64_t loaded(std::uint8_t level, Offset segment_first, std::span<const PageRecord> records, std::span<const Mark> marks,
                       UnixMillis now);
  /// The logs of this queue that the store has ever heard of.
  [[nodiscard]] std::vector<QueueId> logs() const;

  [[nodiscard]] QueueCounts counts() const noexcept;
  [[nodiscard]] UnixMillis oldest_ready_at();
  /// Calls `visit(position, entry)` for the ready messages in memory, in order, until it says false.
  template <class Visit>
  void for_each_ready(Visit&& visit);

 private:
  static constexpr std::uint32_t kNoConsumer = UINT32_MAX;

  MessageLog& log_for(const Message& message);
  MessageLog& log_at(Position position);
  [[nodiscard]] UnixMillis deadline_of(const Message& message, UnixMillis now) const;
  [[nodiscard]] bool limited() const noexcept { return settings_.max_length || settings_.max_length_bytes; }
  [[nodiscard]] bool limit_refuses() const noexcept { return limited() && refuses_when_full(settings_.overflow); }
  [[nodiscard]] bool full() const noexcept;
  [[nodiscard]] bool over_limit() const noexcept;
  void refuse_all(std::span<const Incoming> messages, ConfirmRun refused, Effects& effects);
  void refuse(const Incoming& incoming, ConfirmRun& refused, Effects& effects);
  /// What publish() keeps in mind from message to message.
  struct Publishing {
    bool limited = false, refuses = false, multi_level = false;
    ConfirmRun refused, done, waiting;
    MessageLog* log = nullptr;
    Offset offset = 0;  // of the message that entered last
  };
  bool enter(const Incoming& incoming, Publishing& call, UnixMillis now, Effects& effects);
  void publish_unseen(std::span<const Incoming> messages, Publishing& call, UnixMillis now, Effects& effects);
  [[nodiscard]] bool has_room_for(std::span<const MessagePtr> messages) const;
  [[nodiscard]] std::vector<MessagePtr> unseen_of(std::span<const MessagePtr> messages, UnixMillis now) const;
  std::vector<Position> prepare_all(std::span<const MessagePtr> messages, UnixMillis now, WriteSet& out);
  std::vector<Position> prepare_unseen(std::span<const MessagePtr> messages, UnixMillis now, WriteSet& out);
  void set_deduplication();
  void finish_ids(UnixMillis now, Effects& effects);
  [[nodiscard]] IdWindow::Keep keep_id_of(const Message& message) const noexcept;
  void turn_away(const MessagePtr& duplicate, std::vector<Departure>& departures);
  void pump(UnixMillis now, Effects& effects);
  bool give(Consumer& consumer, MessageLog& log, Offset offset, Entry& entry, Effects& effects);
  MessageLog* highest_ready();
  MessageLog* lowest_ready();
  [[nodiscard]] Position position_in(const MessageLog& log, Offset offset) const noexcept {
    return position_of(static_cast<std::uint8_t>(log.id() - info_.id), offset);
  }
  void select_by(std::unique_ptr<Selector> selector, FilterSelector* filters);
  void set_groups();
  void tell_absent(Selector& selector);
  void pump_selected(UnixMillis now, Effects& effects);
  GetStatus get_selected(bool no_ack, UnixMillis now, Delivery& out);
  /// The message to give out next. Without a log: there is none; without an entry: it must be read back first.
  struct Candidate {
    MessageLog* log = nullptr;
    Offset offset = 0;
    Entry* entry = nullptr;
  };
  /// Among those that are not passed over.
  Candidate first_in_order();
  /// Among these and those that `call` brings back.
  template <class Call>
  Candidate next_selected(Call&& call);
  /// Answers calls; false when nothing came of it.
  bool bring_back();
  std::uint8_t join_filter(const std::shared_ptr<const Filter>& filter);
  void leave_filter(std::uint8_t want);
  void end_selection_when_unused();
  [[nodiscard]] bool stands_behind(LotKey key, Position position);
  void park(MessageLog& log, Offset offset, LotKey key);
  void left_consumer(const Entry& entry);
  void hear(const MessageLog& log, const WaitReport& report);
  /// How often the message came back, as far as consumers are told.
  [[nodiscard]] std::uint16_t told_returns(const Entry& entry) const noexcept;
  void put_back(MessageLog& log, Offset offset, Entry& entry, Settlement how, UnixMillis now, Effects& effects);
  bool expire(UnixMillis now, Effects& effects);
  bool trim(Effects& effects);
  void bury(MessageLog& log, Offset offset, DeathReason reason, Effects& effects);
  void release_consumer(Entry& entry);
  [[nodiscard]] std::uint64_t unwritten() const noexcept;

  QueueInfo info_;
  QueueSettings settings_;
  const Storage& codec_;
  std::vector<std::unique_ptr<MessageLog>> levels_;  // index = priority; null = never used
  std::vector<MessageLog*> used_;                    // highest level first
  Consumers consumers_;
  GetPace get_pace_;
  /// Where not everybody may have every message; null in other queues.
  struct Selection {
    std::unique_ptr<Selector> selector;
    FilterSelector* filters = nullptr;  // the selector, where it is one of filters
    Lots lots;
    std::vector<LotKey> calls;  // lots to bring a message back from
    WaitReport report;
    bool more = false;  // too much was passed over for one turn
  };
  std::unique_ptr<Selection> selection_;
  /// A confirm that waits until no message below `below` is unwritten.
  struct PendingConfirm {
    ConfirmRun run;
    Offset below = 0;
    std::uint64_t ids_below = 0;  // and no id below that
  };
  void release_confirms(Effects& effects);

  Deque<PendingConfirm> pending_confirms_;           // wait for a write, or for their messages to be settled
  Deque<std::vector<ConfirmRun>> written_confirms_;  // wait for the writes under way
  Deque<std::vector<MessageLog*>> written_logs_;
  std::vector<Offset> scratch_;
  std::uint64_t refused_ = 0;

  std::unique_ptr<IdWindow> ids_;  // null until the queue looks for duplicates for the first time
  bool unique_ = false;            // it does
  std::uint64_t duplicates_ = 0;
  std::uint64_t awaited_ids_ = 0;
  std::vector<Departure> duplicates_leaving_;  // of atomic commits
};

template <class Visit>
void Queue::for_each_ready(Visit&& visit) {
  bool more = true;
  for (MessageLog* log : used_) {
    const auto level = static_cast<std::uint8_t>(log->id() - info_.id);
    log->for_each_ready([&](Offset offset, const Entry& entry) { return more = visit(position_of(level, offset), entry); });
    if (!more) return;
  }
}

/// Why an `expiration` property is none, as RabbitMQ words it: `no_integer`, `{value_negative,-1}`, ...
struct ExpirationFault {
  std::string text;
};
[[noreturn]] void throw_exception_from_error(const ExpirationFault& fault, const boost::source_location& where);

/// The value of an `expiration` property.
[[nodiscard]] boost::system::result<Millis, ExpirationFault> parse_expiration(std::string_view text);

}  // namespace mq::broker
