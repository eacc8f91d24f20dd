// One virtual host: its topology and its queues. Changes are items in its mailbox, handled one at a time on its strand and answered
// once they are on disk; routes are read by sessions and queues under a shared lock, and cached by them until version() moves.
//
// The topology is the one thing that several strands read directly: asking this strand for every route would put a hop into each
// publish. The lock is held only to change a few maps or to follow them, never across disk or socket work.
#pragma once

#include <atomic>
#include <boost/unordered/unordered_flat_map.hpp>
#include <boost/unordered/unordered_flat_set.hpp>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "broker/parameters.hpp"
#include "broker/policy.hpp"
#include "broker/topology.hpp"
#include "engine/committer.hpp"
#include "engine/publish_rate.hpp"
#include "engine/queue_actor.hpp"
#include "engine/session_inbox.hpp"

namespace mq::engine {

class Deduplicator;
class DelayedMessages;

struct DeclareQueue {
  broker::QueueInfo wanted;  ///< id is given by the vhost
  bool passive = false;
  bool generated = false;  ///< the name is the server's own
  ReplyTo reply;           ///< answered with QueueStats
};
struct DeleteQueue {
  std::string name;
  bool if_unused = false;
  bool if_empty = false;
  broker::OwnerId asking = 0;
  ReplyTo reply;  ///< answered with MessageCount
};
/// The queue found itself unused (auto-delete) or expired.
struct RemoveUnused {
  std::string name;
  QueueId id = 0;
  bool expired = false;
  ReplyTo reply;  ///< answered when the queue is gone, or is known to stay
};
/// The queue's answer to DeleteIf.
struct QueueGone {
  std::string name;
  QueueId id = 0;
  Result<Answer> outcome;
  ReplyTo reply;
  std::vector<QueueId> logs;                                  ///< what it ever put on disk
  std::vector<std::pair<InboxPtr, std::uint32_t>> consumers;  ///< to be told, after whoever asked for the deletion
  bool has_seen_ids = false;                                  ///< on disk
};
struct DeclareExchange {
  broker::ExchangeInfo wanted;
  bool passive = false;
  ReplyTo reply;
};
struct DeleteExchange {
  std::string name;
  bool if_unused = false;
  ReplyTo reply;
};
struct ChangeBinding {
  broker::BindingInfo binding;
  bool add = true;
  broker::OwnerId asking = 0;
  ReplyTo reply;
};
/// The connection is gone: its exclusive queues go.
struct DropOwner {
  broker::OwnerId owner = 0;
  ReplyTo reply;
};
/// Sets a policy or, without one, clears that of the name. Applied to what is there at once, answered when synced. Errors: what
/// PolicySet::put() refuses, 404 when there is none to clear.
struct ChangePolicy {
  broker::PolicyKind kind = broker::PolicyKind::kPolicy;
  std::string name;
  std::optional<broker::Policy> policy;
  ReplyTo reply;
};
/// Sets a runtime parameter or, without a value, clears it. Errors: what validate_parameter() refuses, 404 when there is none to clear.
struct ChangeParameter {
  std::string component, name;
  std::optional<amqp::Value> value;
  ReplyTo reply;
};
/// Sets one of the vhost's limits or, without a value, lifts it; the others stay.
struct ChangeLimit {
  std::string limit;
  std::optional<amqp::Value> value;
  ReplyTo reply;
};
/// Sets how the vhost behaves in one respect (broker::VHostSettings); the others stay.
struct ChangeSetting {
  std::string setting;
  amqp::Value value;
  ReplyTo reply;
};
/// An operator changes arguments of a queue that is in use; a void takes one away. In force at once, answered when on disk. Errors: 404,
/// what broker::change_arguments() says.
struct ChangeArguments {
  std::string queue;
  amqp::Table changes;
  ReplyTo reply;
};
/// An operator stops a queue from delivering, from taking in what is published, or from both; or lets it go on. Answered when that is on
/// disk and holds. Error: 404.
struct ChangePause {
  std::string queue;
  bool delivery = false;  ///< whether it is about this one
  bool publish = false;
  bool paused = true;  ///< false = it goes on
  ReplyTo reply;
};
using VHostItem = std::variant<DeclareQueue, DeleteQueue, RemoveUnused, QueueGone, DeclareExchange, DeleteExchange, ChangeBinding,
                               DropOwner, ChangePolicy, ChangeParameter, ChangeLimit, ChangeSetting, ChangePause, ChangeArguments>;

/// Where a delayed message goes when it is due.
struct LateRoute {
  std::vector<std::shared_ptr<QueueActor>> queues;
  broker::MessagePtr message;  ///< as they get it: without BCC
  bool key_only = false;       ///< the same exchange and routing key lead there, without copies
  bool exchange_known = true;
};

/// A queue as a session finds it.
struct FoundQueue {
  broker::QueueInfo info;
  std::shared_ptr<QueueActor> actor;
};

class VHost final : public Actor<VHostItem> {
 public:
  VHost(std::shared_ptr<Strand> strand, std::shared_ptr<QueueServices> services, std::string name, std::function<QueueId()> new_queue_id);
  ~VHost() override;

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  /// Grows with every change of the topology.
  [[nodiscard]] std::uint64_t version() const noexcept { return version_.load(std::memory_order_acquire); }

  // --- any thread ---
  /// Calls `read(const broker::Topology&)` under the shared lock.
  template <class Read>
  auto with_topology(Read&& read) const {
    std::shared_lock lock(mutex_);
    return read(topology_);
  }
  /// Where a message goes (broker::Topology::route). Exchanges on its way that keep recent messages keep `passing`: the message as queues
  /// get it, or null when somebody only asks.
  void route(std::string_view exchange, broker::RoutingInput input, std::span<const std::string_view> more_keys,
             const broker::MessagePtr& passing, broker::Route& out) const;
  /// 404 when missing, 405 when it is exclusive to another connection.
  [[nodiscard]] Result<FoundQueue> find_queue(std::string_view name, broker::OwnerId asking) const;
  /// Where a dead letter goes; nowhere when its exchange is missing (logged once per exchange).
  [[nodiscard]] std::vector<std::shared_ptr<QueueActor>> route_dead_letter(const broker::MessagePtr& message, bool with_copies);
  /// The queue of that name, whoever owns it; for operators.
  [[nodiscard]] std::optional<FoundQueue> queue_named(std::string_view name) const;
  [[nodiscard]] std::vector<std::shared_ptr<QueueActor>> queues() const;
  /// All queues with their actors, exclusive ones too.
  [[nodiscard]] std::vector<FoundQueue> found_queues() const;
  /// Both sets as they are now; never null.
  [[nodiscard]] std::shared_ptr<const broker::Policies> policies() const;
  /// In order of components and names.
  [[nodiscard]] std::vector<broker::Parameter> parameters() const;
  [[nodiscard]] broker::VHostLimits limits() const;
  [[nodiscard]] broker::VHostSettings settings() const;
  /// What its limits come to for publishers; never null, the same as long as the vhost lives.
  [[nodiscard]] const PublishRatePtr& publish_rate() const noexcept { return publish_rate_; }
  /// `out` is overwritten.
  void route_delayed(const broker::MessagePtr& message, LateRoute& out) const;
  /// When a dead letter is due that goes to an exchange for delaying and asks for that; nullopt = at once, as all others are.
  [[nodiscard]] std::optional<UnixMillis> dead_letter_due(const broker::Message& letter, UnixMillis now) const;
  /// Its delayed messages; made when first asked for. The reference stays good.
  [[nodiscard]] const std::shared_ptr<DelayedMessages>& delayed();
  /// Null when it never had any.
  [[nodiscard]] std::shared_ptr<DelayedMessages> delayed_if_any() const;

  /// What publishes to exchanges go through that let each id in once; made when first asked for. The reference stays good.
  [[nodiscard]] const std::shared_ptr<Deduplicator>& deduplicator();
  /// Null when there were no such publishes.
  [[nodiscard]] std::shared_ptr<Deduplicator> deduplicator_if_any() const;

  // --- recovery, before anything runs ---
  void restore_exchange(const broker::ExchangeInfo& info);
  std::shared_ptr<QueueActor> restore_queue(const broker::QueueInfo& info);
  void restore_binding(const broker::BindingInfo& info);
  /// Before exchanges and queues. False: it is not a policy any more.
  bool restore_policy(broker::PolicyKind kind, broker::Policy policy);
  void restore_parameter(broker::Parameter parameter);
  void restore_delayed(DelayedBook book, const DelayedState& state);
  /// After exchanges. False: the exchange is not there, or remembers no ids.
  bool restore_seen_ids(const std::string& exchange, SeenWindow window, const RecoveredSeen& recovered);

 protected:
  void handle(VHostItem& item) override;
  void end_of_turn() override {}

 private:
  void on(DeclareQueue& item);
  void on(DeleteQueue& item);
  void on(RemoveUnused& item);
  void on(QueueGone& item);
  void on(DeclareExchange& item);
  void on(DeleteExchange& item);
  void on(ChangeBinding& item);
  void on(DropOwner& item);
  void on(ChangePolicy& item);
  void on(ChangeParameter& item);
  void on(ChangeLimit& item);
  void on(ChangeSetting& item);
  void on(ChangePause& item);
  void on(ChangeArguments& item);

  [[nodiscard]] std::shared_ptr<VHost> self() { return std::static_pointer_cast<VHost>(shared_from_this()); }
  std::shared_ptr<QueueActor> make_actor(const broker::QueueInfo& info, broker::QueueSettings settings);
  [[nodiscard]] broker::QueueSettings settings_of(const broker::QueueInfo& queue) const;
  // What is stored under a name of its own survives a restart; an exclusive queue never does, whatever it was declared as.
  [[nodiscard]] static bool is_stored(const broker::QueueInfo& queue) { return queue.durable && !queue.exclusive; }
  /// Has the queue as it is now written, if it is stored at all.
  void store_queue(const broker::QueueInfo& queue, std::function<void()> done);
  /// Puts other policies in place and applies them to the queues and exchanges for which they make a difference.
  void adopt(std::shared_ptr<const broker::Policies> policies);
  void put_parameter(broker::Parameter parameter, const ReplyTo& reply);
  void clear_parameter(const std::string& component, const std::string& name, const ReplyTo& reply);
  /// Sets one member of the object that is the parameter of that name, or takes it away.
  void change_member(std::string_view component, std::string_view name, const std::string& member, std::optional<amqp::Value> value,
                     const ReplyTo& reply);
  /// What follows from a parameter that has this value now.
  void heed(std::string_view component, const amqp::Value& value);
  /// May it be declared again like this? Where that is taken as it comes, differences in arguments are logged, once.
  [[nodiscard]] Result<> check_redeclared(const broker::QueueInfo& existing, const broker::QueueInfo& wanted, broker::OwnerId asking);
  [[nodiscard]] Result<> check_redeclared(const broker::ExchangeInfo& wanted, Error difference);
  void report_redeclared(std::string resource, const std::string& difference);
  void create_queue(DeclareQueue& item);
  /// 406 when the vhost has as many queues as it may.
  [[nodiscard]] Result<> check_room_for_queue(const std::string& name) const;
  [[nodiscard]] std::shared_ptr<QueueActor> actor_of(const std::string& queue) const;
  /// Its end was refused to somebody else, but its owner's leave wants it all the same.
  [[nodiscard]] bool owner_is_leaving(const std::string& queue) const;
  bool park_if_going(const std::string& queue, VHostItem& item);
  void unpark(const std::string& queue);
  void forget(const broker::TopologyChange& change, bool queue_was_stored, WriteSet& out) const;
  [[nodiscard]] bool is_durable(const broker::BindingInfo& binding) const;
  void route_locked(std::string_view exchange, broker::RoutingInput input, std::span<const std::string_view> more_keys,
                    const broker::MessagePtr& passing, broker::Route& out) const;
  void replay_history(const broker::BindingInfo& binding) const;
  void commit(WriteSet set, std::function<void()> done);
  /// Runs `change(topology)` under the exclusive lock and moves version().
  template <class Change>
  auto change_topology(Change&& change) {
    std::unique_lock lock(mutex_);
    auto result = change(topology_);
    version_.store(topology_.version(), std::memory_order_release);
    return result;
  }

  std::shared_ptr<QueueServices> services_;
  const std::string name_;
  std::function<QueueId()> new_queue_id_;
  mutable std::shared_mutex mutex_;
  broker::Topology topology_;
  mutable std::mutex history_mutex_;  // of what exchanges keep; taken after mutex_, held for a few moves
  std::atomic<std::uint64_t> version_{0};
  std::shared_ptr<const broker::Policies> policies_ = std::make_shared<broker::Policies>();  // replaced, never changed
  std::map<std::pair<std::string, std::string>, amqp::Value> parameters_;                    // by component and name
  broker::VHostLimits limits_;                                                               // what the parameters come to

  const PublishRatePtr publish_rate_ = std::make_shared<PublishRate>();
  broker::VHostSettings settings_;
  boost::unordered_flat_set<std::string> redeclared_;  // queues and exchanges of which it was reported

  boost::unordered_flat_map<std::string, std::vector<VHostItem>> going_;  // queues being deleted, and what waits for the end of that
  boost::unordered_flat_map<broker::OwnerId, std::vector<std::string>> owned_;
  boost::unordered_flat_map<broker::OwnerId, std::pair<std::size_t, ReplyTo>> leaving_;  // owners whose queues are going: how many are left
  std::atomic<std::uint64_t> lost_letters_{0};
  mutable std::mutex delayed_mutex_;
  std::shared_ptr<DelayedMessages> delayed_;  // written once
  std::atomic<bool> has_delayed_{false};
  std::shared_ptr<Deduplicator> deduplicator_;  // written once
  std::atomic<bool> has_deduplicator_{false};
};

}  // namespace mq::engine
