#include "server/mend_metadata.hpp"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "broker/queue/queue.hpp"
#include "engine/damaged_metadata.hpp"
#include "engine/metadata.hpp"
#include "mq/base/bytes.hpp"

namespace mq::server {
namespace {

namespace metadata = engine::metadata;
using store::MetadataRecords;

constexpr QueueId queue_of(QueueId log) noexcept { return log - log % broker::kLogsPerQueue; }

/// Calls `visit(key, value)` for each record of a kind.
template <class Visit>
void each(const MetadataRecords& records, std::string_view kind, Visit&& visit) {
  for (auto at = records.lower_bound(kind); at != records.end() && at->first.starts_with(kind); ++at) visit(at->first, at->second);
}

std::set<QueueId> queues_in(const MetadataRecords& records) {
  std::set<QueueId> ids;
  each(records, metadata::kQueues, [&](const std::string&, const std::string& value) {
    if (const auto queue = metadata::decode_queue(value)) ids.insert(queue->id);
  });
  return ids;
}

std::set<std::uint64_t> numbers_in(const MetadataRecords& records, std::string_view kind) {
  std::set<std::uint64_t> numbers;
  each(records, kind, [&](const std::string&, const std::string& value) {
    if (const auto number = metadata::decode_delayed_book(value)) numbers.insert(*number);
  });
  return numbers;
}

class Mender {
 public:
  Mender(MetadataRecords& whole, const MetadataRecords& damaged, const store::StoredNumbers& numbers)
      : whole_(whole), damaged_(damaged), numbers_(numbers) {}

  std::vector<std::string> run() {
    find_next_id();
    mend_vhosts();
    mend_from_keys();
    leave_out();
    mend_queues();
    mend_books();
    drop_notes();
    put_next_id();
    return std::move(notes_);
  }

 private:
  void note(std::string text) { notes_.push_back(std::move(text)); }
  void put(std::string key, std::string value) { whole_.insert_or_assign(std::move(key), std::move(value)); }

  // --- numbers ---

  void find_next_id() {
    auto used = [this](std::uint64_t number) { next_id_ = std::max(next_id_, queue_of(number) + broker::kLogsPerQueue); };
    if (const auto record = whole_.find(metadata::kNextQueueId); record != whole_.end()) {
      next_id_ = std::max(next_id_, ByteReader(record->second).u64());
    }
    for (QueueId id : queues_in(whole_)) used(id);
    for (std::string_view kind : {metadata::kDelayedBooks, metadata::kSeenWindows})
      for (std::uint64_t number : numbers_in(whole_, kind)) used(number);
    for (const auto* stored : {&numbers_.logs, &numbers_.books, &numbers_.windows})
      for (std::uint64_t number : *stored) used(number);
    if (damaged_.contains(metadata::kNextQueueId)) {
      next_id_ += QueueId{1} << 40;  // over those that were given out and are gone
      note("the next number of a queue is damaged; numbers go on at " + std::to_string(next_id_));
      must_put_next_id_ = true;
    }
  }
  QueueId take_id() {
    must_put_next_id_ = true;
    return std::exchange(next_id_, next_id_ + broker::kLogsPerQueue);
  }
  void put_next_id() {
    if (!must_put_next_id_) return;
    std::string value;
    ByteWriter(value).u64(next_id_);
    put(std::string(metadata::kNextQueueId), std::move(value));
  }

  // --- vhosts ---

  void make_vhost(const std::string& name, const std::string& why) {
    if (whole_.contains(metadata::vhost_key(name))) return;
    put(metadata::vhost_key(name), metadata::encode_record({{"name", name}}));
    note("vhost '" + name + "' is made anew: " + why);
  }
  void mend_vhosts() {
    each(damaged_, metadata::kVHosts, [this](const std::string& key, const std::string&) {
      if (const auto parts = metadata::key_parts(key); parts.size() == 1) make_vhost(parts[0], "its record was damaged, its name was not");
    });
    std::set<std::string> spoken_of;
    for (const MetadataRecords* records : {&std::as_const(whole_), &damaged_})
      for (std::string_view kind : {metadata::kQueues, metadata::kExchanges, metadata::kBindings, metadata::kPermissions,
                                    metadata::kPolicies, metadata::kDelayedBooks})
        each(*records, kind, [&](const std::string& key, const std::string&) {
          if (const auto parts = metadata::key_parts(key); !parts.empty()) spoken_of.insert(parts[0]);
        });
    for (const std::string& name : spoken_of) make_vhost(name, "its record is lost, others speak of it");
  }

  // --- what stands in keys, and what does not ---

  void mend_from_keys() {
    each(damaged_, metadata::kBindings, [this](const std::string& key, const std::string&) {
      const auto binding = metadata::binding_of_key(key);
      if (!binding) return;
      put(key, metadata::encode(*binding));
      note("the " + metadata::describe_key(key) + " is made anew: its record was damaged, its key tells it");
    });
    each(damaged_, metadata::kExchanges, [this](const std::string& key, const std::string& raw) {
      const auto exchange = metadata::decode_exchange(raw);
      const auto parts = metadata::key_parts(key);
      if (!exchange || parts.size() != 2 || parts[1] != exchange->name || exchange->type.empty()) return;
      put(key, metadata::encode(*exchange));
      note("the " + metadata::describe_key(key) + " is kept as a '" + exchange->type +
           "': its record is damaged but can be read; look at it");
    });
  }

  void leave_out() {
    for (const auto& [key, raw] : damaged_) {
      if (whole_.contains(key) || key.starts_with(metadata::kQueues) || key.starts_with(metadata::kDelayedBooks) ||
          key.starts_with(metadata::kKeptAside) || key == metadata::kNextQueueId)
        continue;
      note("the " + metadata::describe_key(key) + " is left out: its record cannot be read");
      if (key.starts_with(metadata::kExchanges)) leave_out_bindings(metadata::key_parts(key));
    }
    const auto user = whole_.lower_bound(metadata::kUsers);
    if (!damaged_.empty() && (user == whole_.end() || !user->first.starts_with(metadata::kUsers)))
      note("no user is left; the broker will make its default user, as for a new directory");
  }
  void leave_out_bindings(const std::vector<std::string>& exchange) {
    std::vector<std::string> gone;
    each(whole_, metadata::kBindings, [&](const std::string& key, const std::string& value) {
      const auto binding = metadata::decode_binding(value);
      const auto parts = metadata::key_parts(key);
      if (!binding || parts.empty() || exchange.size() != 2 || parts[0] != exchange[0]) return;
      const bool to_it = binding->to == broker::BindTo::kExchange && binding->destination == exchange[1];
      if (binding->source == exchange[1] || to_it) gone.push_back(key);
    });
    for (const std::string& key : gone) {
      note("the " + metadata::describe_key(key) + " is left out with it");
      whole_.erase(key);
    }
  }

  // --- queues ---

  /// Queues of nobody, and the highest priority level that has messages.
  std::map<QueueId, std::uint64_t> lost_queues() const {
    const std::set<QueueId> known = queues_in(whole_);
    std::map<QueueId, std::uint64_t> lost;
    for (QueueId log : numbers_.logs)
      if (!known.contains(queue_of(log))) lost[queue_of(log)] = std::max(lost[queue_of(log)], log % broker::kLogsPerQueue);
    return lost;
  }
  void put_queue(const std::string& vhost, const broker::QueueInfo& queue) {
    put(metadata::queue_key(vhost, queue.name), metadata::encode(queue));
  }
  static broker::QueueInfo plain_queue(std::string name, QueueId id, std::uint64_t highest_level) {
    broker::QueueInfo queue;
    queue.name = std::move(name);
    queue.id = id;
    queue.durable = true;
    if (highest_level != 0) queue.arguments.append("x-max-priority", static_cast<std::int64_t>(highest_level));
    return queue;
  }

  void mend_queues() {
    std::map<QueueId, std::uint64_t> lost = lost_queues();
    std::vector<std::string> nameless;  // keys of damaged records that do not tell their number
    each(damaged_, metadata::kQueues, [&](const std::string& key, const std::string& raw) {
      const auto queue = metadata::decode_queue(raw);
      const auto parts = metadata::key_parts(key);
      if (whole_.contains(key) || parts.size() != 2) return;
      if (!queue || queue->name != parts[1] || !lost.contains(queue->id)) return nameless.push_back(key);
      lost.erase(queue->id);
      put_queue(parts[0], *queue);
      note("the " + metadata::describe_key(key) + " is kept: its record is damaged but can be read; look at its arguments");
    });
    const bool certain = nameless.size() == 1 && lost.size() == 1;
    for (const std::string& key : nameless) {
      const auto parts = metadata::key_parts(key);
      if (certain) {
        const auto [id, level] = *lost.begin();
        put_queue(parts[0], plain_queue(parts[1], id, level));
        lost.clear();
        note("the " + metadata::describe_key(key) + " is kept with its messages: its record was damaged, its arguments are lost");
      } else {
        put_queue(parts[0], plain_queue(parts[1], take_id(), 0));
        note("the " + metadata::describe_key(key) + " is made anew, empty: its record was damaged, its arguments are lost");
      }
    }
    for (const auto& [id, level] : lost) {
      const std::string vhost = any_vhost();
      std::string name = "recovered-queue-" + std::to_string(id);
      while (whole_.contains(metadata::queue_key(vhost, name))) name += "-again";
      put_queue(vhost, plain_queue(name, id, level));
      note("messages of a queue whose name is lost are kept in queue '" + name + "' in vhost '" + vhost + "'");
    }
  }
  std::string any_vhost() {
    std::string usual = "/";
    if (whole_.contains(metadata::vhost_key(usual))) return usual;
    std::string found;
    each(whole_, metadata::kVHosts, [&](const std::string& key, const std::string&) {
      if (found.empty()) found = metadata::key_parts(key).front();
    });
    if (!found.empty()) return found;
    make_vhost(usual, "none is left");
    return usual;
  }

  // --- delayed messages ---

  void mend_books() {
    const std::set<std::uint64_t> known = numbers_in(whole_, metadata::kDelayedBooks);
    std::vector<std::string> vhosts;  // those that may own a book, the likeliest first
    each(damaged_, metadata::kDelayedBooks, [&](const std::string& key, const std::string&) {
      if (const auto parts = metadata::key_parts(key); parts.size() == 1 && !whole_.contains(key)) vhosts.push_back(parts[0]);
    });
    each(whole_, metadata::kVHosts, [&](const std::string& key, const std::string&) {
      const std::string name = metadata::key_parts(key).front();
      const bool free = !whole_.contains(metadata::delayed_key(name));
      if (free && std::find(vhosts.begin(), vhosts.end(), name) == vhosts.end()) vhosts.push_back(name);
    });
    std::size_t next = 0;
    for (DelayedBook book : numbers_.books) {
      if (known.contains(book)) continue;
      if (next == vhosts.size()) {
        vhosts.push_back("recovered-" + std::to_string(book));
        make_vhost(vhosts.back(), "for delayed messages whose vhost is lost");
      }
      const std::string& vhost = vhosts[next++];
      put(metadata::delayed_key(vhost), metadata::encode_delayed_book(book));
      note("the delayed messages of book " + std::to_string(book) + " are taken for those of vhost '" + vhost + "': the record is damaged");
    }
  }

  void drop_notes() {
    for (auto at = whole_.lower_bound(metadata::kKeptAside); at != whole_.end() && at->first.starts_with(metadata::kKeptAside);) {
      note("the " + metadata::describe_key(at->first) + " is not needed any more");
      at = whole_.erase(at);
    }
  }

  MetadataRecords& whole_;
  const MetadataRecords& damaged_;
  const store::StoredNumbers& numbers_;
  std::vector<std::string> notes_;
  QueueId next_id_ = broker::kLogsPerQueue;
  bool must_put_next_id_ = false;
};

}  // namespace

void sort_out(MetadataRecords& whole, MetadataRecords& damaged) {
  for (auto at = whole.begin(); at != whole.end();) {
    if (metadata::is_whole(at->first, at->second)) {
      ++at;
      continue;
    }
    damaged.emplace(at->first, at->second);
    at = whole.erase(at);
  }
}

store::StoredNumbers numbers_of_nobody(const MetadataRecords& whole, const store::StoredNumbers& numbers) {
  store::StoredNumbers nobodys;
  const std::set<QueueId> queues = queues_in(whole);
  const std::set<std::uint64_t> books = numbers_in(whole, metadata::kDelayedBooks);
  for (QueueId log : numbers.logs)
    if (!queues.contains(queue_of(log))) nobodys.logs.insert(log);
  for (DelayedBook book : numbers.books)
    if (!books.contains(book)) nobodys.books.insert(book);
  return nobodys;
}

std::vector<std::string> mend_metadata(MetadataRecords& whole, const MetadataRecords& damaged, const store::StoredNumbers& numbers) {
  return Mender(whole, damaged, numbers).run();
}

}  // namespace mq::server
