// The exchanges of one vhost that let each id in once: what is published to them comes here first, on a strand of its own. Made when the
// first such message comes.
//
// What waits is taken in order, as much as there is: duplicates are known, the rest enters all its queues in one joint commit, together
// with its ids, and then publishers are told. There is one commit at a time, so whatever the window knows is on disk, and the order in
// which messages came is the order in which they enter. Transactions take their turn like others.
// Where a queue refuses, nothing of the commit has happened: a smaller one is tried, until it is known which message is refused.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "broker/exchanges/deduplicating.hpp"
#include "broker/id_window.hpp"
#include "engine/actor_timer.hpp"
#include "engine/queue_actor.hpp"
#include "mq/base/deque.hpp"

namespace mq::engine {

/// A publish whose id is to be new, and what is to become of it then.
struct UniquePublish {
  broker::MessagePtr message;
  broker::ExchangeDeduplicationPtr exchange;
  std::vector<std::shared_ptr<QueueActor>> queues;
  std::optional<UnixMillis> due;  ///< it waits until then, and finds its queues by itself
  std::uint64_t sequence = 0;     ///< the publisher's number for its confirm; 0 = it does not want one
};
struct UniqueBatch {
  std::vector<UniquePublish> messages;
  InboxPtr from;
  std::uint32_t channel = 0;
  std::uint64_t bytes = 0;  ///< to be returned to the publish window
};
/// A commit in which such publishes take part; not started yet.
struct UniqueTransaction {
  JointCommitPtr joint;
  std::vector<UniquePublish> messages;
};
/// The exchange is gone.
struct ForgetIds {
  std::string exchange;
};
struct UniqueCommitted {};
struct UniqueWritten {};
struct UniqueTimer {};
using UniqueItem = std::variant<UniqueBatch, UniqueTransaction, ForgetIds, UniqueCommitted, UniqueWritten, UniqueTimer, WakeUp, Barrier>;

class Deduplicator final : public Actor<UniqueItem> {
 public:
  Deduplicator(std::shared_ptr<Strand> strand, std::shared_ptr<QueueServices> services, std::weak_ptr<VHost> vhost, std::string vhost_name,
               std::function<SeenWindow()> new_window);
  ~Deduplicator() override;

  /// Before the first item is put: what recovery found.
  void restore(const broker::ExchangeDeduplicationPtr& exchange, SeenWindow window, const RecoveredSeen& recovered);

 protected:
  void begin_of_turn() override;
  void handle(UniqueItem& item) override;
  void end_of_turn() override;

 private:
  static constexpr std::size_t kMaxMessages = 1024;  // in one commit
  static constexpr std::uint64_t kMaxBytes = 1 << 20;

  /// What one exchange remembers.
  struct Window {
    broker::ExchangeDeduplicationPtr exchange;
    SeenWindow number = 0;
    broker::IdWindow ids;
    bool named = false;      // metadata knows the number
    std::size_t writes = 0;  // under way
    bool touched = false;    // by the commit under way,
    std::uint64_t from = 0;  // which has its ids from there on

    Window(broker::ExchangeDeduplicationPtr of, SeenWindow number_) : exchange(std::move(of)), number(number_), ids(number_) {}
  };
  /// Takes its turn: a publish, or else a transaction, or else the end of an exchange.
  struct Waiting {
    UniquePublish publish;
    InboxPtr from;
    std::uint32_t channel = 0;
    std::uint64_t bytes = 0;
    std::unique_ptr<UniqueTransaction> transaction;
    std::string gone;
    [[nodiscard]] bool is_publish() const noexcept { return !transaction && gone.empty(); }
  };

  void on(UniqueBatch& item);
  void on(UniqueTransaction& item);
  void on(ForgetIds& item);
  void on(UniqueCommitted& item);
  void on(UniqueWritten& item);
  void on(UniqueTimer& item);
  void on(WakeUp& item);
  void on(Barrier& item);

  [[nodiscard]] std::shared_ptr<Deduplicator> self() { return std::static_pointer_cast<Deduplicator>(shared_from_this()); }
  [[nodiscard]] Window* window_of(const broker::ExchangeDeduplicationPtr& exchange);
  [[nodiscard]] broker::IdWindow::Keep keep_id_of(const UniquePublish& publish) const;
  void work();
  void commit_publishes();
  void commit_transaction();
  void start(const JointCommitPtr& joint);
  void admit(const UniquePublish& publish, JointCommit& joint);
  void turn_away(const UniquePublish& publish, JointCommit& joint);
  void add_records(JointCommit& joint);
  void finish(bool refused);
  void answer(bool refused);
  void forget(const std::string& exchange);
  void write_drops();
  void arm_timer();
  void update_memory();

  std::shared_ptr<QueueServices> services_;
  std::weak_ptr<VHost> vhost_;
  const std::string vhost_name_;
  std::function<SeenWindow()> new_window_;
  boost::unordered_flat_map<std::string, std::unique_ptr<Window>> windows_;  // by exchange
  Deque<Waiting> waiting_;
  std::vector<Waiting> committing_;
  JointCommitPtr under_way_;
  std::size_t most_messages_ = kMaxMessages;  // in the next commit
  std::vector<Barrier> barriers_;
  ActorTimer<UniqueTimer> timer_;
  UnixMillis now_ = 0;
  std::uint64_t memory_counted_bytes_ = 0;
};

}  // namespace mq::engine
