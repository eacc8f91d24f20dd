#include "engine/broker.hpp"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <map>
#include <random>

#include "base/log.hpp"
#include "broker/password.hpp"
#include "engine/deduplicator.hpp"
#include "engine/delayed.hpp"
#include "engine/metadata.hpp"

namespace mq::engine {
namespace {

using metadata::encode_record;

// Waits until a number of events has happened, or too long.
class Countdown {
 public:
  explicit Countdown(std::size_t events) : left_(events) {}
  void happened() {
    std::lock_guard lock(mutex_);
    if (left_ > 0 && --left_ == 0) done_.notify_all();
  }
  bool wait_until(std::chrono::steady_clock::time_point until) {
    std::unique_lock lock(mutex_);
    return done_.wait_until(lock, until, [this] { return left_ == 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable done_;
  std::size_t left_;
};

// From the operating system, whatever the scheduler's chance is made of: it stands between a memory dump's reader and passwords.
broker::VerifiedLogins::Proof draw_proof_key() {
  broker::VerifiedLogins::Proof key{};
  std::random_device device;
  for (std::size_t at = 0; at < key.size(); at += sizeof(unsigned)) {
    const unsigned random = device();
    std::memcpy(key.data() + at, &random, sizeof random);
  }
  return key;
}

}  // namespace

Broker::Broker(Scheduler& scheduler, Storage& storage, BrokerOptions options, std::function<void(const StorageError&)> on_store_failure)
    : scheduler_(scheduler), storage_(storage), options_(std::move(options)) {
  committer_ = std::make_shared<Committer>(scheduler_.make_blocking_strand("committer"), scheduler_, storage_, std::move(on_store_failure));
  services_ = std::make_shared<QueueServices>(scheduler_, storage_, *committer_, options_.threads);
  services_->reader = scheduler_.make_blocking_strand("reader");
  logins_ = std::make_shared<LoginDesk>(
      scheduler_, draw_proof_key(),
      LoginDesk::Users{[this](std::string_view user, bool from_loopback) {
                         return with_access([&](const broker::Access& access) { return access.login_record(user, from_loopback); });
                       },
                       [this](const std::string& user, const std::string& old_hash, std::string better_hash) {
                         replace_password_hash(user, old_hash, std::move(better_hash));
                       }});
  apply(options_);
}

void Broker::apply(const BrokerOptions& options) {
  services_->queue_memory_bytes = options.queue_memory_bytes;
  services_->total_memory_bytes = options.total_memory_bytes;
  services_->default_delivery_limit = options.default_delivery_limit;
  logins_->set_options(options.logins);
  services_->queues_per_vhost = options.queues_per_vhost;
  services_->exchanges_per_vhost = options.exchanges_per_vhost;
  services_->bindings_per_vhost = options.bindings_per_vhost;
  max_channels_ = options.max_channels;
  std::unique_lock lock(access_mutex_);
  access_.set_loopback_users(options.loopback_users);
  access_revision_ = access_.revision();
}

Broker::~Broker() = default;

// --- making ---

std::shared_ptr<VHost> Broker::make_vhost(const std::string& name) {
  auto vhost = std::make_shared<VHost>(scheduler_.make_strand(), services_, name,
                                       [this] { return next_queue_id_.fetch_add(broker::kLogsPerQueue); });
  std::unique_lock lock(vhosts_mutex_);
  vhosts_[name] = vhost;
  return vhost;
}

StorageResult<> Broker::create_defaults() {
  broker::User user;
  user.name = options_.default_user;
  user.hashing = broker::PasswordHashing::kScrypt;
  user.password_hash = broker::hash_with_scrypt(options_.default_password, draw_salt(scheduler_), options_.logins.password_cost);
  user.tags = {"administrator"};
  const broker::Permission permission{user.name, options_.default_vhost, ".*", ".*", ".*"};
  if (auto put = access_.put_user(user); !put) return StorageError{StorageError::Kind::kIo, put.error().text};
  if (!find_vhost(options_.default_vhost)) (void)make_vhost(options_.default_vhost);
  if (auto put = access_.put_permission(permission); !put) return StorageError{StorageError::Kind::kIo, put.error().text};
  access_revision_ = access_.revision();
  WriteSet set;
  set.needs_sync = true;
  set.operations.emplace_back(
      WriteSet::PutMetadata{metadata::vhost_key(options_.default_vhost), encode_record({{"name", options_.default_vhost}})});
  set.operations.emplace_back(WriteSet::PutMetadata{metadata::user_key(user.name), encode_record(broker::encode(user))});
  set.operations.emplace_back(
      WriteSet::PutMetadata{metadata::permission_key(permission.vhost, permission.user), encode_record(broker::encode(permission))});
  WriteSet* sets[] = {&set};
  return storage_.commit(sets);
}

// --- any thread ---

std::shared_ptr<VHost> Broker::find_vhost(std::string_view name) const {
  std::shared_lock lock(vhosts_mutex_);
  auto found = vhosts_.find(std::string(name));
  return found == vhosts_.end() ? nullptr : found->second;
}

std::vector<std::shared_ptr<VHost>> Broker::vhosts() const {
  std::shared_lock lock(vhosts_mutex_);
  std::vector<std::shared_ptr<VHost>> all;
  for (const auto& [name, vhost] : vhosts_) all.push_back(vhost);
  return all;
}

InboxPtr Broker::open_inbox(std::shared_ptr<Strand> strand) {
  std::lock_guard lock(sessions_mutex_);
  auto inbox = std::make_shared<SessionInbox>(std::move(strand), next_session_id_++);
  sessions_[inbox->id()] = inbox;
  if (alarm_) inbox->put(AlarmChanged{true, *alarm_});
  return inbox;
}

void Broker::close_inbox(const SessionInbox& inbox) {
  std::lock_guard lock(sessions_mutex_);
  sessions_.erase(inbox.id());
}

std::size_t Broker::session_count() const {
  std::lock_guard lock(sessions_mutex_);
  return sessions_.size();
}

void Broker::close_sessions(ReplyCode code, const std::string& text) {
  std::lock_guard lock(sessions_mutex_);
  for (auto& [id, weak] : sessions_)
    if (auto inbox = weak.lock()) inbox->put(CloseRequested{code, text});
}

void Broker::set_alarm(std::optional<std::string> reason) {
  std::lock_guard lock(sessions_mutex_);
  if (alarm_ == reason) return;
  alarm_ = std::move(reason);
  for (auto& [id, weak] : sessions_)
    if (auto inbox = weak.lock()) inbox->put(AlarmChanged{alarm_.has_value(), alarm_.value_or("")});
}

std::optional<std::string> Broker::alarm() const {
  std::lock_guard lock(sessions_mutex_);
  return alarm_;
}

void Broker::set_health(Health health) {
  std::lock_guard lock(health_mutex_);
  health_ = std::move(health);
}

Health Broker::health() const {
  std::lock_guard lock(health_mutex_);
  return health_;
}

void Broker::set_memory_is_short(bool is_short) {
  services_->memory_is_short = is_short;
  const auto all = vhosts();
  growth_.look(is_short, all);
  if (!is_short) return;
  for (const auto& vhost : all)
    for (const auto& queue : vhost->queues()) queue->squeeze();
}

std::optional<std::string> Broker::hold_back(const InboxPtr& inbox, const QueueActor& queue) {
  return growth_.hold_back(inbox, queue.id());
}

// --- the end ---

bool Broker::drain(Millis timeout_ms) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
  std::vector<std::shared_ptr<QueueActor>> queues;
  std::vector<std::shared_ptr<DelayedMessages>> delayed;
  std::vector<std::shared_ptr<Deduplicator>> deduplicators;
  for (const auto& vhost : vhosts()) {
    for (auto& queue : vhost->queues()) queues.push_back(std::move(queue));
    if (auto messages = vhost->delayed_if_any()) delayed.push_back(std::move(messages));
    if (auto deduplicator = vhost->deduplicator_if_any()) deduplicators.push_back(std::move(deduplicator));
  }
  // A queue writes one batch at a time and the next when that is done: two rounds through queues and committer see the last of it.
  for (int round = 0; round < 3; ++round) {
    auto queues_done = std::make_shared<Countdown>(queues.size() + delayed.size() + deduplicators.size());
    for (const auto& queue : queues) queue->put(Barrier{[queues_done] { queues_done->happened(); }});
    for (const auto& messages : delayed) messages->put(Barrier{[queues_done] { queues_done->happened(); }});
    for (const auto& deduplicator : deduplicators) deduplicator->put(Barrier{[queues_done] { queues_done->happened(); }});
    if (!queues_done->wait_until(until)) return false;
    auto committed = std::make_shared<Countdown>(1);
    committer_->submit(WriteSet{}, [committed] { committed->happened(); });
    if (!committed->wait_until(until)) return false;
  }
  return true;
}

StorageResult<> Broker::finish() {
  // As after a crash: nothing may stand on disk that comes behind what is not there.
  if (committer_->gauges().waits_for_space)
    return StorageError{StorageError::Kind::kNoSpace, "what was to be written before does not fit on the disk"};
  WriteSet last;
  last.needs_sync = true;
  for (const auto& vhost : vhosts())
    for (const auto& queue : vhost->queues()) queue->collect_shutdown(last);
  if (!last.empty()) {
    WriteSet* sets[] = {&last};
    if (auto written = storage_.commit(sets); !written) return written;
  }
  return storage_.sync();
}

}  // namespace mq::engine
