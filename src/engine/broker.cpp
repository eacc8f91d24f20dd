#include "engine/broker.hpp"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <map>

#include "base/log.hpp"
#include "broker/password.hpp"
#include "engine/deduplicator.hpp"
#include "engine/delayed.hpp"
#include "engine/metadata.hpp"

namespace mq::engine {
namespace {

using metadata::decode_record;
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

}  // namespace

Broker::Broker(Scheduler& scheduler, Storage& storage, BrokerOptions options, std::function<void(const StorageError&)> on_store_failure)
    : scheduler_(scheduler), storage_(storage), options_(std::move(options)) {
  committer_ = std::make_shared<Committer>(scheduler_.make_blocking_strand("committer"), storage_, std::move(on_store_failure));
  services_ = std::make_shared<QueueServices>(scheduler_, storage_, *committer_, options_.threads);
  services_->reader = scheduler_.make_blocking_strand("reader");
  apply(options_);
}

void Broker::apply(const BrokerOptions& options) {
  services_->queue_memory_bytes = options.queue_memory_bytes;
  services_->total_memory_bytes = options.total_memory_bytes;
  services_->default_delivery_limit = options.default_delivery_limit;
  std::unique_lock lock(access_mutex_);
  access_.set_loopback_users(options.loopback_users);
  access_revision_ = access_.revision();
}

Broker::~Broker() = default;

// --- recovery ---

std::shared_ptr<VHost> Broker::make_vhost(const std::string& name) {
  auto vhost = std::make_shared<VHost>(scheduler_.make_strand(), services_, name,
                                       [this] { return next_queue_id_.fetch_add(broker::kLogsPerQueue); });
  std::unique_lock lock(vhosts_mutex_);
  vhosts_[name] = vhost;
  return vhost;
}

StorageResult<> Broker::recover() {
  bool fresh = true;
  if (auto read = recover_access(fresh); !read) return read;
  if (fresh) {
    if (auto made = create_defaults(); !made) return made;
  }
  if (auto read = recover_parameters(); !read) return read;
  return recover_topology();
}

StorageResult<> Broker::create_defaults() {
  broker::User user;
  user.name = options_.default_user;
  std::array<std::uint8_t, 4> salt{};
  const std::uint64_t random = scheduler_.random();
  std::memcpy(salt.data(), &random, salt.size());
  user.password_hash = broker::hash_password(options_.default_password, salt, user.hashing);
  user.tags = {"administrator"};
  const broker::Permission permission{user.name, options_.default_vhost, ".*", ".*", ".*"};
  if (auto put = access_.put_user(user); !put) return StorageError{StorageError::Kind::kIo, put.error().text};
  (void)make_vhost(options_.default_vhost);
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

StorageResult<> Broker::recover_access(bool& fresh) {
  std::size_t damaged = 0;
  // Each kind of record: what its value must decode to, and what is done with it.
  auto scan = [&](std::string_view kind, auto&& use) {
    return storage_.scan_metadata(kind, [&](std::string_view, std::string_view value) {
      const auto record = decode_record(value);
      if (!record || !use(*record)) ++damaged;
    });
  };
  auto vhosts = scan(metadata::kVHosts, [&](const amqp::Table& record) {
    const amqp::Value* name = record.find("name");
    if (name == nullptr || name->string() == nullptr) return false;
    fresh = false;
    (void)make_vhost(*name->string());
    return true;
  });
  if (!vhosts) return vhosts;
  auto users = scan(metadata::kUsers, [&](const amqp::Table& record) {
    auto user = broker::decode_user(record);
    return user && access_.put_user(std::move(*user)).has_value();
  });
  if (!users) return users;
  auto permissions = scan(metadata::kPermissions, [&](const amqp::Table& record) {
    auto permission = broker::decode_permission(record);
    return permission && access_.put_permission(std::move(*permission)).has_value();
  });
  if (!permissions) return permissions;
  auto topics = scan(metadata::kTopicPermissions, [&](const amqp::Table& record) {
    auto permission = broker::decode_topic_permission(record);
    return permission && access_.put_topic_permission(std::move(*permission)).has_value();
  });
  access_revision_ = access_.revision();
  if (damaged != 0) log::error("{} damaged records of users, permissions or vhosts were passed over", damaged);
  return topics;
}

StorageResult<> Broker::recover_topology() {
  std::vector<std::shared_ptr<QueueActor>> queues;
  std::size_t damaged = 0;
  auto scan = [&](std::string_view kind, auto&& use) {
    return storage_.scan_metadata(kind, [&](std::string_view key, std::string_view value) {
      const std::vector<std::string> parts = metadata::key_parts(key);
      auto vhost = parts.empty() ? nullptr : find_vhost(parts.front());
      if (!vhost || !use(*vhost, value)) ++damaged;
    });
  };
  auto read = storage_.scan_metadata(metadata::kNextQueueId,
                                     [&](std::string_view, std::string_view value) { next_queue_id_ = ByteReader(value).u64(); });
  if (!read) return read;
  read = scan(metadata::kExchanges, [](VHost& vhost, std::string_view value) {
    auto exchange = metadata::decode_exchange(value);
    if (exchange) vhost.restore_exchange(*exchange);
    return exchange.has_value();
  });
  if (!read) return read;
  read = scan(metadata::kQueues, [&](VHost& vhost, std::string_view value) {
    auto queue = metadata::decode_queue(value);
    if (queue) {
      queues.push_back(vhost.restore_queue(*queue));
      next_queue_id_ = std::max<QueueId>(next_queue_id_, queue->id + broker::kLogsPerQueue);  // vhosts write theirs in any order
    }
    return queue.has_value();
  });
  if (!read) return read;
  read = scan(metadata::kBindings, [](VHost& vhost, std::string_view value) {
    auto binding = metadata::decode_binding(value);
    if (binding) vhost.restore_binding(*binding);
    return binding.has_value();
  });
  if (!read) return read;
  if (damaged != 0) log::error("{} damaged records of exchanges, queues or bindings were passed over", damaged);
  return recover_messages(queues);
}

StorageResult<> Broker::recover_messages(const std::vector<std::shared_ptr<QueueActor>>& queues) {
  boost::unordered_flat_map<QueueId, std::shared_ptr<QueueActor>> by_id;
  for (const auto& queue : queues) by_id[queue->id()] = queue;
  auto logs = storage_.stored_queues();
  if (!logs) return logs.error();
  WriteSet orphans;
  for (QueueId log : *logs) {
    const auto level = static_cast<std::uint8_t>(log % broker::kLogsPerQueue);
    auto owner = by_id.find(log - level);
    if (owner == by_id.end()) {
      orphans.operations.emplace_back(WriteSet::DropQueue{log});
      continue;
    }
    auto recovered = storage_.recover_queue(log);
    if (!recovered) return recovered.error();
    owner->second->restore(level, *recovered);
  }
  if (auto read = recover_seen_ids(by_id, orphans); !read) return read;
  if (auto read = recover_delayed(); !read) return read;
  for (const auto& queue : queues) queue->put(WakeUp{});
  for (const auto& vhost : vhosts())
    if (auto delayed = vhost->delayed_if_any()) delayed->put(WakeUp{});
  for (const auto& vhost : vhosts())
    if (auto deduplicator = vhost->deduplicator_if_any()) deduplicator->put(WakeUp{});
  if (orphans.empty()) return {};
  WriteSet* sets[] = {&orphans};
  return storage_.commit(sets);
}

StorageResult<> Broker::recover_seen_ids(const boost::unordered_flat_map<QueueId, std::shared_ptr<QueueActor>>& queues, WriteSet& orphans) {
  auto windows = storage_.stored_seen_windows();
  if (!windows) return windows.error();
  std::map<SeenWindow, std::pair<std::shared_ptr<VHost>, std::string>> exchanges;
  auto read = storage_.scan_metadata(metadata::kSeenWindows, [&](std::string_view key, std::string_view value) {
    const std::vector<std::string> parts = metadata::key_parts(key);
    auto vhost = parts.size() < 2 ? nullptr : find_vhost(parts.front());
    const auto window = metadata::decode_delayed_book(value);
    const bool known = vhost && window && vhost->with_topology([&](const broker::Topology& topology) {
      return topology.find_deduplication(parts[1]) != nullptr;
    });
    if (known) exchanges[*window] = {std::move(vhost), parts[1]};
    else orphans.operations.emplace_back(WriteSet::DeleteMetadata{std::string(key)});
  });
  if (!read) return read;
  for (SeenWindow window : *windows) {
    next_queue_id_ = std::max<QueueId>(next_queue_id_, window - window % broker::kLogsPerQueue + broker::kLogsPerQueue);
    const auto queue = queues.find(window);
    const auto exchange = exchanges.find(window);
    if (queue == queues.end() && exchange == exchanges.end()) {
      orphans.operations.emplace_back(WriteSet::DropSeenWindow{window});
      continue;
    }
    auto recovered = storage_.recover_seen(window);
    if (!recovered) return recovered.error();
    if (queue != queues.end()) queue->second->restore_ids(*recovered);
    else (void)exchange->second.first->restore_seen_ids(exchange->second.second, window, *recovered);
  }
  // A window that is empty by now keeps its number.
  for (const auto& [window, exchange] : exchanges)
    if (!std::binary_search(windows->begin(), windows->end(), window)) (void)exchange.first->restore_seen_ids(exchange.second, window, {});
  return {};
}

StorageResult<> Broker::recover_delayed() {
  WriteSet orphans;
  boost::unordered_flat_map<DelayedBook, std::shared_ptr<VHost>> known;
  auto read = storage_.scan_metadata(metadata::kDelayedBooks, [&](std::string_view key, std::string_view value) {
    const std::vector<std::string> parts = metadata::key_parts(key);
    auto vhost = parts.empty() ? nullptr : find_vhost(parts.front());
    const auto book = metadata::decode_delayed_book(value);
    if (vhost && book) known[*book] = std::move(vhost);
    else orphans.operations.emplace_back(WriteSet::DeleteMetadata{std::string(key)});
  });
  if (!read) return read;
  auto stored = storage_.stored_delayed_books();
  if (!stored) return stored.error();
  for (DelayedBook book : *stored)
    if (!known.contains(book)) orphans.operations.emplace_back(WriteSet::DropDelayedBook{book});
  for (const auto& [book, vhost] : known) {
    auto state = storage_.recover_delayed(book);
    if (!state) return state.error();
    vhost->restore_delayed(book, *state);
    next_queue_id_ = std::max<QueueId>(next_queue_id_, book + broker::kLogsPerQueue);
  }
  if (orphans.empty()) return {};
  WriteSet* sets[] = {&orphans};
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
