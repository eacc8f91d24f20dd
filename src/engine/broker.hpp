// The engine as the layers above see it: vhosts, users, sessions, alarms; opened on a store, closed in order.
#pragma once

#include <atomic>
#include <boost/unordered/unordered_flat_map.hpp>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <vector>

#include "broker/access.hpp"
#include "engine/growth_watch.hpp"
#include "engine/health.hpp"
#include "engine/login_desk.hpp"
#include "engine/publish_rate.hpp"
#include "engine/reply_registry.hpp"
#include "engine/usage.hpp"
#include "engine/vhost.hpp"

namespace mq::engine {

struct BrokerOptions {
  std::string default_user = "guest";
  std::string default_password = "guest";
  std::string default_vhost = "/";
  std::vector<std::string> loopback_users = {"guest"};
  std::uint64_t queue_memory_bytes = 64ULL << 20;
  std::uint64_t total_memory_bytes = 512ULL << 20;
  std::int64_t default_delivery_limit = 20;  ///< of quorum queues that set none; negative = no limit
  unsigned threads = 2;                      ///< that serve connections and queues
  LoginOptions logins;
  std::string node = "brokerd@localhost";  ///< its name in error texts
  /// How much there may be at most; 0 = no limit. A vhost's own max-queues goes before the general one.
  std::uint64_t max_channels = 0;
  std::uint64_t queues_per_vhost = 0, exchanges_per_vhost = 0, bindings_per_vhost = 0;
};

/// What a session gets that may open its vhost.
struct Admission {
  std::shared_ptr<VHost> vhost;
  Usage::Place place;
  PublishRatePtr user_rate, vhost_rate;  ///< what its publishes are charged to
};

class Broker {
 public:
  /// `scheduler` and `storage` outlive the broker. `on_store_failure` is called when a commit failed, but for want of space: the process
  /// must end.
  Broker(Scheduler& scheduler, Storage& storage, BrokerOptions options, std::function<void(const StorageError&)> on_store_failure);
  ~Broker();
  Broker(const Broker&) = delete;
  Broker& operator=(const Broker&) = delete;

  /// Brings back what the store holds; on an empty store makes the default user and vhost. Before anything else runs.
  [[nodiscard]] StorageResult<> recover();

  // --- any thread ---
  /// Takes over what may change while running: memory limits, the delivery limit of queues made from now on, loopback users, logins.
  void apply(const BrokerOptions& options);
  [[nodiscard]] std::shared_ptr<VHost> find_vhost(std::string_view name) const;
  [[nodiscard]] std::vector<std::shared_ptr<VHost>> vhosts() const;
  /// Calls `read(const broker::Access&)` under the shared lock.
  template <class Read>
  auto with_access(Read&& read) const {
    std::shared_lock lock(access_mutex_);
    return read(access_);
  }
  [[nodiscard]] std::uint64_t access_revision() const noexcept { return access_revision_.load(std::memory_order_acquire); }
  [[nodiscard]] Scheduler& scheduler() noexcept { return scheduler_; }
  [[nodiscard]] ReplyRegistry& replies() noexcept { return replies_; }
  /// Checks names and passwords.
  [[nodiscard]] LoginDesk& logins() noexcept { return *logins_; }

  /// May the user open that vhost with one more connection? Errors: 530 for an unknown vhost, a vhost without permission, and for the
  /// vhost's or the user's limit of connections.
  [[nodiscard]] Result<Admission> admit(const std::string& user, const std::string& vhost);
  /// One more channel of that connection. Error: 530 with the user's limit, or with the broker's.
  [[nodiscard]] Result<> admit_channel(const std::string& user, Usage::Place& place);
  [[nodiscard]] const Usage& usage() const noexcept { return *usage_; }

  /// Sets the user's limits that `limits` (an object of numbers) speaks of; answered when synced. Errors: 404 for an unknown user, 406.
  void change_user_limits(const std::string& user, const amqp::Value& limits, const ReplyTo& reply);
  /// Sets a parameter of the whole broker or, without a value, clears it; answered when synced. Error: 404 when there is none to clear.
  void change_global_parameter(const std::string& name, const std::optional<amqp::Value>& value, const ReplyTo& reply);
  /// By name.
  [[nodiscard]] std::map<std::string, amqp::Value> global_parameters() const;

  /// A new session's inbox; it is told about alarms and shutdown until it is let go.
  [[nodiscard]] InboxPtr open_inbox(std::shared_ptr<Strand> strand);
  void close_inbox(const SessionInbox& inbox);
  [[nodiscard]] std::size_t session_count() const;
  /// Asks every session to close its connection.
  void close_sessions(ReplyCode code, const std::string& text);

  /// Publishers are to be blocked, for `reason`; nullopt = no longer.
  void set_alarm(std::optional<std::string> reason);
  [[nodiscard]] std::optional<std::string> alarm() const;
  [[nodiscard]] Committer& committer() noexcept { return *committer_; }
  void set_health(Health health);
  [[nodiscard]] Health health() const;
  /// While memory is short, queues write out what they need not keep, and publishers to those that grow are held back (GrowthWatch).
  /// Called at every look at memory.
  void set_memory_is_short(bool is_short);
  /// A session published into a queue that holds its publishers back: why, and HoldLifted comes when that is over; nullopt: it is over.
  [[nodiscard]] std::optional<std::string> hold_back(const InboxPtr& inbox, const QueueActor& queue);

  /// True once everything put before this call has been handled by the queues and committed. Blocks; for shutdown and tests.
  bool drain(Millis timeout_ms);
  /// With all threads stopped: writes what makes the next start exact, synced.
  [[nodiscard]] StorageResult<> finish();

 private:
  void replace_password_hash(const std::string& user, const std::string& old_hash, std::string better_hash);
  [[nodiscard]] std::shared_ptr<VHost> make_vhost(const std::string& name);
  [[nodiscard]] PublishRatePtr rate_of_user(const std::string& user);
  [[nodiscard]] StorageResult<> recover_access(bool& fresh);
  [[nodiscard]] StorageResult<> recover_parameters();
  [[nodiscard]] StorageResult<> recover_topology();
  [[nodiscard]] StorageResult<> recover_messages(const std::vector<std::shared_ptr<QueueActor>>& queues);
  [[nodiscard]] StorageResult<> recover_seen_ids(const boost::unordered_flat_map<QueueId, std::shared_ptr<QueueActor>>& queues,
                                                 WriteSet& orphans);
  [[nodiscard]] StorageResult<> recover_delayed();
  [[nodiscard]] StorageResult<> create_defaults();

  Scheduler& scheduler_;
  Storage& storage_;
  BrokerOptions options_;
  std::shared_ptr<Committer> committer_;
  std::shared_ptr<QueueServices> services_;
  std::atomic<QueueId> next_queue_id_{broker::kLogsPerQueue};

  mutable std::shared_mutex vhosts_mutex_;
  boost::unordered_flat_map<std::string, std::shared_ptr<VHost>> vhosts_;

  mutable std::shared_mutex access_mutex_;
  broker::Access access_;
  std::atomic<std::uint64_t> access_revision_{0};
  std::shared_ptr<LoginDesk> logins_;

  std::shared_ptr<Usage> usage_ = std::make_shared<Usage>();
  /// By user, for those who are connected; changed and added to under access_mutex_.
  boost::unordered_flat_map<std::string, std::weak_ptr<PublishRate>> user_rates_;
  std::atomic<std::uint64_t> max_channels_{0};
  GrowthWatch growth_;
  mutable std::mutex parameters_mutex_;
  std::map<std::string, amqp::Value> global_parameters_;

  ReplyRegistry replies_;
  mutable std::mutex sessions_mutex_;
  boost::unordered_flat_map<std::uint64_t, std::weak_ptr<SessionInbox>> sessions_;
  std::uint64_t next_session_id_ = 1;
  std::optional<std::string> alarm_;
  mutable std::mutex health_mutex_;
  Health health_;
};

}  // namespace mq::engine
