// What a start finds on disk, and how it goes on where something is damaged: without that thing alone, with a line in the log for each.
#include <algorithm>
#include <iterator>
#include <map>

#include "base/log.hpp"
#include "engine/broker.hpp"
#include "engine/damaged_metadata.hpp"
#include "engine/deduplicator.hpp"
#include "engine/delayed.hpp"
#include "engine/metadata.hpp"

namespace mq::engine {
namespace {

using metadata::decode_record;
using metadata::KeptAside;

constexpr QueueId kLeap = QueueId{1} << 40;  // over numbers that may have been given out when nobody knows any more which were

constexpr QueueId queue_of(QueueId log) noexcept { return log - log % broker::kLogsPerQueue; }
/// The first number that is free for sure when this one was given out.
constexpr QueueId behind(QueueId number) noexcept { return queue_of(number) + broker::kLogsPerQueue; }

/// Vhosts write the number of their last queue in any order, so what is there has a say too.
void use_up(std::atomic<QueueId>& next, QueueId number) { next = std::max<QueueId>(next, behind(number)); }

void pass_over(std::string_view key, std::string_view why) {
  log::error("the record of the {} is passed over: {}", metadata::describe_key(key), why);
}

}  // namespace

StorageResult<> Broker::recover() {
  bool fresh = true;
  if (auto read = recover_access(fresh); !read) return read;
  const bool nobody = with_access([](const broker::Access& access) { return access.users().empty(); });
  if (nobody && !fresh)
    log::error("{} holds no user that can be read: the default user is made, as for a new directory", storage_.location());
  if (fresh || nobody) {
    if (auto made = create_defaults(); !made) return made;
  }
  if (auto read = recover_parameters(); !read) return read;
  return recover_topology();
}

StorageResult<> Broker::recover_access(bool& fresh) {
  auto vhosts = storage_.scan_metadata(metadata::kVHosts, [&](std::string_view key, std::string_view) {
    fresh = false;
    const std::vector<std::string> parts = metadata::key_parts(key);
    if (parts.size() == 1) (void)make_vhost(parts.front());  // its name is all there is to say of it
    else pass_over(key, "it is damaged");
  });
  if (!vhosts) return vhosts;
  // Each kind of record: what its value must decode to, and what is done with it.
  auto scan = [&](std::string_view kind, auto&& use) {
    return storage_.scan_metadata(kind, [&](std::string_view key, std::string_view value) {
      fresh = false;
      const auto record = decode_record(value);
      if (!record || !use(*record)) pass_over(key, "it is damaged");
    });
  };
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
  if (!fresh && this->vhosts().empty()) {
    log::error("{} speaks of no vhost, but of users: its records of vhosts are lost", storage_.location());
  }
  return topics;
}

StorageResult<> Broker::recover_topology() {
  std::vector<std::shared_ptr<QueueActor>> queues;
  auto scan = [&](std::string_view kind, auto&& use) {
    return storage_.scan_metadata(kind, [&](std::string_view key, std::string_view value) {
      const std::vector<std::string> parts = metadata::key_parts(key);
      auto vhost = parts.empty() ? nullptr : find_vhost(parts.front());
      if (!vhost) pass_over(key, "its vhost is not there");
      else if (!use(*vhost, key, value)) pass_over(key, "it is damaged");
    });
  };
  auto read = storage_.scan_metadata(metadata::kNextQueueId, [&](std::string_view key, std::string_view value) {
    ByteReader in(value);
    const QueueId next = in.u64();
    if (!in.failed()) next_queue_id_ = next;
    else next_queue_id_ = kLeap, pass_over(key, "it is damaged; numbers go on far behind those that are known");
  });
  if (!read) return read;
  read = scan(metadata::kExchanges, [](VHost& vhost, std::string_view, std::string_view value) {
    auto exchange = metadata::decode_exchange(value);
    if (exchange) vhost.restore_exchange(*exchange);
    return exchange.has_value();
  });
  if (!read) return read;
  read = scan(metadata::kQueues, [&](VHost& vhost, std::string_view key, std::string_view value) {
    auto queue = metadata::decode_queue(value);
    if (!queue || !metadata::is_whole(key, value) || queue->id % broker::kLogsPerQueue != 0) return false;
    queues.push_back(vhost.restore_queue(*queue));
    use_up(next_queue_id_, queue->id);
    return true;
  });
  if (!read) return read;
  read = scan(metadata::kBindings, [](VHost& vhost, std::string_view key, std::string_view value) {
    auto binding = metadata::decode_binding(value);
    if (!binding) binding = metadata::binding_of_key(key);
    if (binding) vhost.restore_binding(*binding);
    return binding.has_value();
  });
  if (!read) return read;
  return recover_messages(queues);
}

StorageResult<> Broker::recover_messages(const std::vector<std::shared_ptr<QueueActor>>& queues) {
  boost::unordered_flat_map<QueueId, std::shared_ptr<QueueActor>> by_id;
  for (const auto& queue : queues) by_id[queue->id()] = queue;
  KeptAside aside(storage_);
  auto logs = storage_.stored_queues();
  if (!logs) return logs.error();
  WriteSet orphans;
  for (QueueId log : *logs) {
    use_up(next_queue_id_, log);
    if (auto owner = by_id.find(queue_of(log)); owner != by_id.end()) {
      auto recovered = storage_.recover_queue(log);
      if (!recovered) return recovered.error();
      owner->second->restore(static_cast<std::uint8_t>(log % broker::kLogsPerQueue), *recovered);
    } else if (aside.keep(queue_of(log), orphans)) {
      log::error("the messages of queue number {} (log {}) are kept aside: the record that names the queue is damaged", queue_of(log), log);
    } else {
      log::warn("what is left of queue number {} (log {}) is dropped: no record speaks of it, and none is damaged", queue_of(log), log);
      orphans.operations.emplace_back(WriteSet::DropQueue{log});
    }
  }
  if (auto read = recover_seen_ids(by_id, orphans); !read) return read;
  if (auto read = recover_delayed(); !read) return read;
  for (const auto& queue : queues) queue->put(WakeUp{});
  for (const auto& vhost : vhosts())
    if (auto delayed = vhost->delayed_if_any()) delayed->put(WakeUp{});
  for (const auto& vhost : vhosts())
    if (auto deduplicator = vhost->deduplicator_if_any()) deduplicator->put(WakeUp{});
  if (aside.damaged() != 0)
    log::error(
        "{} records in {} are damaged: with the broker stopped, `brokerctl store verify` lists them, `brokerctl store repair` mends "
        "what can be mended",
        aside.damaged(), storage_.location());
  if (orphans.empty()) return {};
  WriteSet* sets[] = {&orphans};
  return storage_.commit(sets);
}

StorageResult<> Broker::recover_seen_ids(const boost::unordered_flat_map<QueueId, std::shared_ptr<QueueActor>>& queues, WriteSet& orphans) {
  KeptAside aside(storage_);
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
    if (!window) pass_over(key, "it is damaged; those ids are forgotten");
    if (known) exchanges[*window] = {std::move(vhost), parts[1]};
    else orphans.operations.emplace_back(WriteSet::DeleteMetadata{std::string(key)});
  });
  if (!read) return read;
  for (SeenWindow window : *windows) {
    use_up(next_queue_id_, window);
    const auto queue = queues.find(window);
    const auto exchange = exchanges.find(window);
    if (queue == queues.end() && exchange == exchanges.end()) {
      if (aside.keep(queue_of(window), orphans)) continue;  // it stays with the messages of its queue
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
  std::vector<std::pair<std::string, std::shared_ptr<VHost>>> damaged;  // records, and whose they are
  auto read = storage_.scan_metadata(metadata::kDelayedBooks, [&](std::string_view key, std::string_view value) {
    const std::vector<std::string> parts = metadata::key_parts(key);
    auto vhost = parts.empty() ? nullptr : find_vhost(parts.front());
    const auto book = metadata::decode_delayed_book(value);
    if (vhost && book) known[*book] = std::move(vhost);
    else if (vhost) damaged.emplace_back(key, std::move(vhost));
    else pass_over(key, "its vhost is not there");
  });
  if (!read) return read;
  auto stored = storage_.stored_delayed_books();
  if (!stored) return stored.error();
  std::vector<DelayedBook> nobodys;
  std::copy_if(stored->begin(), stored->end(), std::back_inserter(nobodys), [&](DelayedBook book) { return !known.contains(book); });
  if (damaged.size() == 1 && nobodys.size() == 1) {  // then they belong together
    pass_over(damaged.front().first, "it is damaged, and made anew: there is but one number that it can be");
    known[nobodys.front()] = damaged.front().second;
    orphans.operations.emplace_back(WriteSet::PutMetadata{damaged.front().first, metadata::encode_delayed_book(nobodys.front())});
    nobodys.clear();
  } else {
    for (const auto& [key, vhost] : damaged) pass_over(key, "it is damaged");
  }
  KeptAside aside(storage_);
  for (DelayedBook book : nobodys) {
    use_up(next_queue_id_, book);
    if (aside.keep(book, orphans))
      log::error("the delayed messages of book {} are kept aside: the record that says whose they are is damaged", book);
    else orphans.operations.emplace_back(WriteSet::DropDelayedBook{book});
  }
  for (const auto& [book, vhost] : known) {
    auto state = storage_.recover_delayed(book);
    if (!state) return state.error();
    vhost->restore_delayed(book, *state);
    use_up(next_queue_id_, book);
  }
  if (orphans.empty()) return {};
  WriteSet* sets[] = {&orphans};
  return storage_.commit(sets);
}

}  // namespace mq::engine
