#include "engine/deduplicator.hpp"

#include <algorithm>
#include <utility>

#include "base/log.hpp"
#include "broker/deduplication.hpp"
#include "broker/delay.hpp"
#include "engine/delayed.hpp"
#include "engine/metadata.hpp"
#include "engine/vhost.hpp"

namespace mq::engine {
namespace {

constexpr std::uint64_t kOnlyName = 0;  // there is one commit at a time

}  // namespace

Deduplicator::Deduplicator(std::shared_ptr<Strand> strand, std::shared_ptr<QueueServices> services, std::weak_ptr<VHost> vhost,
                           std::string vhost_name, std::function<SeenWindow()> new_window)
    : Actor(std::move(strand)), services_(std::move(services)), vhost_(std::move(vhost)), vhost_name_(std::move(vhost_name)),
      new_window_(std::move(new_window)) {}

Deduplicator::~Deduplicator() { services_->memory_used_bytes.fetch_sub(static_cast<std::int64_t>(memory_counted_bytes_)); }

void Deduplicator::restore(const broker::ExchangeDeduplicationPtr& exchange, SeenWindow number, const RecoveredSeen& recovered) {
  if (!recovered.damaged.empty())
    log::error("vhost '{}': exchange '{}': {} records of seen ids are damaged; those ids are forgotten", vhost_name_, exchange->exchange,
               recovered.damaged.size());
  auto& window = windows_[exchange->exchange] = std::make_unique<Window>(exchange, number);
  window->named = true;
  window->ids.set_max_ids(exchange->settings.max_ids());
  window->ids.restore(recovered);
  window->ids.trim(services_->scheduler.now());
}

void Deduplicator::begin_of_turn() { now_ = services_->scheduler.now(); }

void Deduplicator::handle(UniqueItem& item) {
  std::visit([this](auto& each) { on(each); }, item);
}

// --- what comes ---

void Deduplicator::on(UniqueBatch& item) {
  for (UniquePublish& publish : item.messages) {
    Waiting& waiting = waiting_.emplace_back();
    waiting.publish = std::move(publish);
    waiting.from = item.from;
    waiting.channel = item.channel;
  }
  if (!item.messages.empty()) waiting_.back().bytes = item.bytes;
}

void Deduplicator::on(UniqueTransaction& item) {
  waiting_.emplace_back().transaction = std::make_unique<UniqueTransaction>(std::move(item));
}

void Deduplicator::on(ForgetIds& item) { waiting_.emplace_back().gone = std::move(item.exchange); }

void Deduplicator::on(UniqueCommitted&) { finish(under_way_->refused); }

void Deduplicator::on(UniqueWritten&) {
  for (auto& [name, window] : windows_)
    for (; window->writes != 0; --window->writes) window->ids.written();
}

void Deduplicator::on(UniqueTimer&) { timer_.fired(); }

void Deduplicator::on(WakeUp&) {}

void Deduplicator::on(Barrier& item) { barriers_.push_back(std::move(item)); }

// --- one commit at a time ---

void Deduplicator::work() {
  while (!under_way_ && !waiting_.empty()) {
    if (waiting_.front().transaction) {
      commit_transaction();
    } else if (!waiting_.front().gone.empty()) {
      forget(waiting_.front().gone);
      waiting_.pop_front();
    } else {
      commit_publishes();
    }
  }
}

void Deduplicator::commit_publishes() {
  auto joint = std::make_shared<JointCommit>();
  std::uint64_t bytes = 0;
  while (!waiting_.empty() && waiting_.front().is_publish() && committing_.size() < most_messages_ && bytes < kMaxBytes) {
    committing_.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
    bytes += committing_.back().publish.message->memory_bytes();
    admit(committing_.back().publish, *joint);
  }
  joint->asks_first = true;
  joint->done = [actor = self()] { actor->put(UniqueCommitted{}); };
  start(joint);
}

void Deduplicator::commit_transaction() {
  committing_.push_back(std::move(waiting_.front()));
  waiting_.pop_front();
  UniqueTransaction& transaction = *committing_.back().transaction;
  for (const UniquePublish& publish : transaction.messages) admit(publish, *transaction.joint);
  transaction.joint->done = [actor = self(), told = std::move(transaction.joint->done)] {
    told();
    actor->put(UniqueCommitted{});
  };
  start(transaction.joint);
}

void Deduplicator::start(const JointCommitPtr& joint) {
  under_way_ = joint;
  if (!joint->empty()) {
    add_records(*joint);
    return start_joint_commit(joint);
  }
  if (committing_.front().transaction) return joint->done();  // nothing but duplicates
  finish(/*refused=*/false);
}

// What is routed by an exchange that is gone by now is taken as it comes.
Deduplicator::Window* Deduplicator::window_of(const broker::ExchangeDeduplicationPtr& exchange) {
  if (auto known = windows_.find(exchange->exchange); known != windows_.end())
    return known->second->exchange == exchange ? known->second.get() : nullptr;
  const auto vhost = vhost_.lock();
  const bool current = vhost && vhost->with_topology([&](const broker::Topology& topology) {
    return topology.find_deduplication(exchange->exchange) == exchange;
  });
  if (!current) return nullptr;
  auto& made = windows_[exchange->exchange] = std::make_unique<Window>(exchange, new_window_());
  made->ids.set_max_ids(exchange->settings.max_ids());
  return made.get();
}

broker::IdWindow::Keep Deduplicator::keep_id_of(const UniquePublish& publish) const {
  const auto lasts = [](const std::shared_ptr<QueueActor>& queue) { return queue->durable(); };
  const bool message_lasts =
      publish.message->persistent() && (publish.due || std::any_of(publish.queues.begin(), publish.queues.end(), lasts));
  return publish.exchange->durable && message_lasts && !publish.exchange->settings.in_memory ? broker::IdWindow::Keep::kDisk
                                                                                             : broker::IdWindow::Keep::kMemory;
}

void Deduplicator::admit(const UniquePublish& publish, JointCommit& joint) {
  const broker::DeduplicationSettings& settings = publish.exchange->settings;
  const std::optional<IdHash> id = broker::id_of(settings, *publish.message);
  Window* window = id ? window_of(publish.exchange) : nullptr;
  if (window != nullptr) {
    if (window->ids.find(*id, now_)) return turn_away(publish, joint);
    if (!std::exchange(window->touched, true)) window->from = window->ids.next();
    window->ids.enter(*id, broker::remembered_until(settings, *publish.message, now_), keep_id_of(publish), 0);
  }
  if (publish.due) {
    const auto vhost = vhost_.lock();
    if (!vhost) return;
    joint.delayed.messages = vhost->delayed();
    joint.delayed.publishes.push_back({broker::make_delayed(publish.message), *publish.due, 0});
    return;
  }
  for (const auto& queue : publish.queues) joint.part_of(queue).publishes.push_back(publish.message);
}

void Deduplicator::turn_away(const UniquePublish& publish, JointCommit& joint) {
  publish.exchange->duplicates.fetch_add(1, std::memory_order_relaxed);
  const broker::DeduplicationSettings& settings = publish.exchange->settings;
  const auto vhost = settings.duplicate_exchange ? vhost_.lock() : nullptr;
  if (!vhost) return;
  const broker::Message& message = *publish.message;
  const broker::MessagePtr twin = broker::make_message_encoded(*settings.duplicate_exchange,
                                                               settings.duplicate_routing_key.value_or(std::string(message.routing_key())),
                                                               message.encoded_properties(), message.body());
  for (const auto& queue : vhost->route_dead_letter(twin, /*with_copies=*/!settings.duplicate_routing_key))
    joint.part_of(queue).publishes.push_back(twin);
}

void Deduplicator::add_records(JointCommit& joint) {
  for (auto& [name, window] : windows_) {
    if (!window->touched) continue;
    const std::size_t before = joint.write.operations.size();
    window->ids.collect_joint(window->from, kOnlyName, joint.write);
    if (joint.write.operations.size() == before || window->named) continue;
    joint.write.operations.emplace_back(
        WriteSet::PutMetadata{metadata::seen_window_key(vhost_name_, name), metadata::encode_delayed_book(window->number)});
  }
}

void Deduplicator::finish(bool refused) {
  for (auto& [name, window] : windows_) {
    if (!std::exchange(window->touched, false)) continue;
    window->ids.joint_done(kOnlyName);
    if (refused) {
      window->ids.take_back(window->from);
      continue;
    }
    window->named = window->named || window->ids.has_records();
    window->ids.trim(now_);
  }
  under_way_ = nullptr;
  answer(refused);
}

void Deduplicator::answer(bool refused) {
  std::vector<Waiting> committed = std::exchange(committing_, {});
  if (refused && committed.size() > 1) {
    most_messages_ = committed.size() / 2;
    for (auto again = committed.rbegin(); again != committed.rend(); ++again) waiting_.push_front(std::move(*again));
    return;
  }
  if (!committed.front().transaction) most_messages_ = refused ? 1 : std::min(2 * most_messages_, kMaxMessages);
  for (auto first = committed.begin(); first != committed.end();) {
    Confirms confirms{first->channel, refused, {}};
    const InboxPtr from = first->from;
    std::uint64_t bytes = 0;
    for (; first != committed.end() && first->from == from && first->channel == confirms.channel; ++first) {
      if (first->publish.sequence != 0) confirms.sequences.push_back(first->publish.sequence);
      bytes += first->bytes;
    }
    if (!confirms.sequences.empty()) from->put(std::move(confirms));
    if (bytes != 0) from->window_return(bytes);
  }
}

void Deduplicator::forget(const std::string& exchange) {
  auto known = windows_.find(exchange);
  if (known == windows_.end()) return;
  WriteSet set;
  if (known->second->named) {
    set.operations.emplace_back(WriteSet::DropSeenWindow{known->second->number});
    set.operations.emplace_back(WriteSet::DeleteMetadata{metadata::seen_window_key(vhost_name_, exchange)});
  }
  windows_.erase(known);
  if (!set.empty()) services_->committer.submit(std::move(set), nullptr);
}

// --- turns ---

// Between commits, so that no record is dropped before it is written.
void Deduplicator::write_drops() {
  if (under_way_) return;
  WriteSet set;
  for (auto& [name, window] : windows_) {
    window->ids.trim(now_);
    if (window->writes != 0 || !window->ids.dirty(0)) continue;
    window->ids.collect(0, set);
    ++window->writes;
  }
  if (!set.empty()) services_->committer.submit(std::move(set), [actor = self()] { actor->put(UniqueWritten{}); });
}

void Deduplicator::end_of_turn() {
  work();
  write_drops();
  if (!under_way_ && waiting_.empty())
    for (Barrier& barrier : std::exchange(barriers_, {})) barrier.passed();
  arm_timer();
  update_memory();
}

void Deduplicator::arm_timer() {
  UnixMillis wake = kNever;
  for (const auto& [name, window] : windows_) wake = std::min(wake, window->ids.next_expiry());
  if (under_way_) wake = kNever;
  timer_.set(wake, *this, strand(), services_->scheduler);
}

void Deduplicator::update_memory() {
  std::uint64_t memory_bytes = 0;
  for (const auto& [name, window] : windows_) memory_bytes += window->ids.memory_bytes();
  services_->memory_used_bytes.fetch_add(static_cast<std::int64_t>(memory_bytes) - static_cast<std::int64_t>(memory_counted_bytes_),
                                         std::memory_order_relaxed);
  memory_counted_bytes_ = memory_bytes;
}

}  // namespace mq::engine
