#include "queue_world.hpp"

#include <algorithm>
#include <array>

#include "broker/filter.hpp"

namespace mq::broker::test {
namespace {

std::uint64_t id_of(const Message& message) { return std::stoull(std::string(message.body().substr(0, message.body().find(' ')))); }

const PeerPtr& publisher() {
  static const PeerPtr peer = std::make_shared<Peer>();
  return peer;
}

}  // namespace

QueueWorld::QueueWorld(QueueSettings settings, bool durable) : settings_(std::move(settings)), durable_(durable) {
  shared_->set_limit(5);
  queue_ = std::make_unique<Queue>(QueueInfo{.name = "q", .id = kId, .durable = durable_, .arguments = {}}, settings_, *disk_);
}

std::string QueueWorld::words(const std::string& what, std::uint64_t id) const {
  return what + ": message " + std::to_string(id) + " at level " + std::to_string(known_.at(id).level);
}

// --- the model ---

MessagePtr QueueWorld::learn(const Text& text, std::uint64_t padding_bytes, Known::State state, std::uint64_t& id) {
  id = next_id_++;
  Text whole = text;
  whole.body = std::to_string(id) + " " + std::string(padding_bytes, 'x');
  whole.type = std::array{"order", "invoice", "letter"}[id % 3];
  MessagePtr made = message(whole);
  Known known;
  known.message = made;
  known.level = std::min<int>(text.priority.value_or(0), settings_.max_priority.value_or(0));
  known.persistent = durable_ && text.persistent;
  known.memory_bytes = made->memory_bytes();
  known.body_bytes = made->body_bytes();
  std::optional<Millis> ttl_ms = settings_.message_ttl_ms;
  if (text.expiration) ttl_ms = std::min(ttl_ms.value_or(kNever), Millis{std::stoll(*text.expiration)});
  if (ttl_ms) known.deadline = now_ + *ttl_ms;
  known.enters_with = next_write_;
  known_.emplace(id, known).first->second.state = Known::State::kGone;
  become(id, state);
  return made;
}

void QueueWorld::become(std::uint64_t id, Known::State state) {
  Known& known = known_.at(id);
  if (known.state == Known::State::kReady) ready_.erase(key_of(id));
  if (known.state == Known::State::kOut) out_.erase(id);
  if (known.state == Known::State::kWaiting) waiting_.erase(id);
  known.state = state;
  if (state == Known::State::kReady) ready_.insert(key_of(id));
  if (state == Known::State::kOut) out_.insert(id);
  if (state == Known::State::kWaiting) waiting_.insert(id);
}

void QueueWorld::gone(std::uint64_t id) {
  become(id, Known::State::kGone);
  Known& known = known_.at(id);
  known.leaves_with = std::min(known.leaves_with, next_write_);
}

bool QueueWorld::survives(const Known& known) const {
  return known.persistent && known.enters_with <= committed_write_ && known.leaves_with > committed_write_;
}

// --- clients ---

void QueueWorld::publish(const Text& text, std::uint64_t padding_bytes, bool confirm) {
  std::uint64_t id = 0;
  const bool refuses = settings_.max_length && refuses_when_full(settings_.overflow) && ready_in_queue() >= *settings_.max_length;
  const Incoming incoming{learn(text, padding_bytes, Known::State::kReady, id), confirm ? id : 0};
  if (confirm) unconfirmed_.insert(id);
  if (refuses) gone(id);
  queue_->publish(std::span(&incoming, 1), publisher(), 1, now_, effects_);
  take_effects();
}

void QueueWorld::consume(ConsumerSpec spec) {
  spec.number = next_consumer_++;
  spec.peer = std::make_shared<Peer>();
  consumers_[spec.number] = {spec.peer, spec, 0, {}};
  queue_->add_consumer(std::move(spec));
}

void QueueWorld::cancel(std::uint32_t consumer, Random& random) {
  take_effects();
  KnownConsumer& known = consumers_.at(consumer);
  require(queue_->remove_consumer(known.peer.get(), consumer), "an unknown consumer");
  // Its channel may be closed as well, and returns what it has; or it stays open and settles later.
  if (random() % 2 == 0)
    for (std::uint64_t id : std::set<std::uint64_t>(known.out))
      if (known_.at(id).state == Known::State::kOut) settle(id, Settlement::kFailed);
  for (std::uint64_t id : consumers_.at(consumer).out) known_.at(id).consumer = 0;
  consumers_.erase(consumer);
}

void QueueWorld::release(Known& known, std::uint64_t id) {
  if (auto consumer = consumers_.find(known.consumer); consumer != consumers_.end()) consumer->second.out.erase(id);
  known.consumer = 0;
  if (!std::exchange(known.counted, false)) return;
  shared_->release(1);
  if (!shared_->take_want()) return;
  for (auto& [number, each] : consumers_)
    if (each.spec.channel_prefetch) queue_->retry_consumer(each.peer.get(), number);
}

bool QueueWorld::waits_after(Settlement how) const {
  const RetryOn on = settings_.retry.on;
  return (how == Settlement::kRequeue && on == RetryOn::kReturned) || (how == Settlement::kFailed && on == RetryOn::kFailed) ||
         ((how == Settlement::kRequeue || how == Settlement::kFailed) && on == RetryOn::kAll);
}

void QueueWorld::settle(std::uint64_t id, Settlement how) {
  Known& known = known_.at(id);
  const Position position = known.position.value();
  known.until = 0;
  if (how == Settlement::kRequeue || how == Settlement::kFailed) {
    ++known.returns;
    become(id, Known::State::kReady);
  } else if (how == Settlement::kAck || !settings_.dead_letter_exchange) {
    gone(id);
  } else {
    become(id, Known::State::kReady);  // until its departure is seen in the effects
  }
  queue_->settle(std::span(&position, 1), how, now_, effects_);
  release(known, id);
  if (how != Settlement::kAck) {
    const std::size_t before = leaving_.size();
    take_effects();
    if (how == Settlement::kReject && settings_.dead_letter_exchange)
      require(leaving_.size() == before + 1, words("rejected, but it did not leave", id));
  }
  if (known.state != Known::State::kReady || !waits_after(how)) return;
  known.until = now_ + settings_.retry.min_ms;
  become(id, Known::State::kWaiting);
}

void QueueWorld::pass(Millis time) {
  now_ += time;
  for (std::uint64_t id : std::set<std::uint64_t>(waiting_))
    if (known_.at(id).until <= now_) become(id, Known::State::kReady);
}

void QueueWorld::get(bool no_ack) {
  Delivery delivery;
  switch (queue_->get(no_ack, now_, delivery)) {
    case Queue::GetStatus::kEmpty:
      // What has waited may not be back yet.
      return require(std::all_of(ready_.begin(), ready_.end(), [&](const Key& key) { return known_.at(key.second).until != 0; }),
                     "get finds nothing in a queue that is not empty");
    case Queue::GetStatus::kLater: return require(!ready_.empty(), "get is to come back to an empty queue");
    case Queue::GetStatus::kMessage: break;
  }
  const std::uint64_t id = id_of(*delivery.message);
  learn_delivery(delivery, id, 0);
  if (no_ack) gone(id);
  check_order(key_of(id));
}

void QueueWorld::purge() {
  require(queue_->purge() == ready_.size() + waiting_.size(), "purge counts wrong");
  for (std::uint64_t id : std::set<std::uint64_t>(waiting_)) gone(id);
  for (const Key& key : std::set<Key>(ready_)) gone(key.second);
}

void QueueWorld::return_window(std::uint32_t consumer) {
  KnownConsumer& known = consumers_.at(consumer);
  queue_->return_window(known.peer.get(), consumer, std::exchange(known.in_transit_bytes, 0));
}

void QueueWorld::transaction(const std::vector<Text>& texts, const std::vector<std::uint64_t>& acks) {
  if (queue_->wants_write(UINT64_MAX)) write_now(memory_target_bytes_);
  std::vector<MessagePtr> messages;
  std::vector<std::uint64_t> entering;
  for (const Text& text : texts) {
    messages.push_back(learn(text, 10, Known::State::kHidden, entering.emplace_back()));
    known_.at(entering.back()).enters_with = UINT64_MAX;
  }
  Submitted joint;
  const std::vector<Position> entered = queue_->prepare(messages, now_, joint.set);
  std::vector<Position> left;
  for (std::uint64_t id : acks) left.push_back(known_.at(id).position.value());
  for (std::uint64_t id : acks) become(id, Known::State::kMoving);
  queue_->prepare_settlement(left, joint.set);
  joint.committed = [this, entering, acks] {
    for (std::uint64_t id : entering) known_.at(id).enters_with = 0;
    for (std::uint64_t id : acks) known_.at(id).leaves_with = 0;
  };
  joint.told = [this, entering, acks, entered, left] {
    queue_->reveal(entered);
    queue_->settle_moved(left);
    for (std::uint64_t id : entering) become(id, Known::State::kReady);
    for (std::uint64_t id : acks) {
      release(known_.at(id), id);
      gone(id);
    }
  };
  submitted_.push_back(std::move(joint));
}

// --- effects ---

void QueueWorld::check_order(Key last_delivered, const Filter* filter) const {
  for (const Key& key : ready_) {
    if (key > last_delivered) return;
    const Known& known = known_.at(key.second);
    if (filter != nullptr && !filter->matches(*known.message)) continue;
    if (known.until != 0) continue;                             // has waited, and may have to be read back first
    const bool had = known.delivered || known.maybe_delivered;  // then its very deadline is too late
    require(had ? known.deadline <= now_ : known.deadline < now_, words("delivered before one that was to come first", key.second));
  }
}

void QueueWorld::learn_delivery(const Delivery& delivery, std::uint64_t id, std::uint32_t consumer) {
  require(known_.contains(id), "an unknown message is delivered: " + std::to_string(id));
  Known& known = known_.at(id);
  require(known.state == Known::State::kReady, words("delivered, but not ready", id));
  require(known.deadline >= now_, words("delivered past its deadline", id));
  if (known.delivered) require(delivery.redelivered, words("not said to be redelivered", id));
  if (!known.delivered && !known.maybe_delivered) require(!delivery.redelivered, words("said to be redelivered", id));
  const bool told = settings_.delivery_limit || settings_.retry.on != RetryOn::kNothing;
  const unsigned returns = told ? known.returns : 0;
  require(known.returns_known ? delivery.returns == returns : delivery.returns <= returns, words("wrong count of returns", id));
  known.delivered = true;
  known.position = delivery.position;
  known.consumer = consumer;
  known.counted = delivery.counted;
  last_delivered_[known.level] = std::max(last_delivered_[known.level], id);
  become(id, Known::State::kOut);
}

void QueueWorld::take_deliveries() {
  Key last{INT32_MIN, 0};
  std::vector<std::pair<Key, std::shared_ptr<const Filter>>> filtered;
  for (Consumer* consumer : effects_.deliver_to) {
    KnownConsumer& known = consumers_.at(consumer->spec().number);
    Key before{INT32_MIN, 0};
    for (const Delivery& delivery : consumer->batch) {
      const std::uint64_t id = id_of(*delivery.message);
      learn_delivery(delivery, id, known.spec.number);
      require(before < key_of(id), words("out of order", id));
      if (known.spec.filter) require(known.spec.filter->matches(*delivery.message), words("does not match the filter", id));
      before = key_of(id);
      if (!known.spec.filter) last = std::max(last, before);
      known.in_transit_bytes += delivery.message->memory_bytes();
      if (known.spec.no_ack) gone(id);
      else known.out.insert(id);
    }
    if (known.spec.prefetch != 0) require(known.out.size() <= known.spec.prefetch, "more unacknowledged than the prefetch");
    consumer->batch.clear();
    if (known.spec.filter) filtered.emplace_back(before, known.spec.filter);
  }
  effects_.deliver_to.clear();
  check_order(last);
  for (const auto& [last_of_one, filter] : filtered) check_order(last_of_one, filter.get());
}

void QueueWorld::take_departure(const Departure& departure) {
  const std::uint64_t id = id_of(*departure.message);
  const Known& known = known_.at(id);
  if (!departure.position) return require(known.state == Known::State::kGone, words("refused, but in the queue", id));
  const bool expires_waiting = known.state == Known::State::kWaiting && departure.reason == DeathReason::kExpired;
  require(known.state == Known::State::kReady || expires_waiting, words("leaves, but is not ready", id));
  switch (departure.reason) {
    case DeathReason::kRejected:
    case DeathReason::kDuplicate: break;
    case DeathReason::kExpired: require(known.deadline <= now_, words("expires too early", id)); break;
    case DeathReason::kMaxLength: require(settings_.max_length.has_value(), words("dropped without a limit", id)); break;
    case DeathReason::kDeliveryLimit:
      require(known.returns > static_cast<unsigned>(*settings_.delivery_limit), words("gives up too early", id));
      break;
  }
  become(id, Known::State::kMoving);
  known_.at(id).position = departure.position;
  leaving_.push_back(id);
}

void QueueWorld::take_confirms() {
  for (const ConfirmRun& run : effects_.confirms)
    for (std::uint64_t id : run.sequences) {
      require(unconfirmed_.erase(id) == 1, words("confirmed twice", id));
      const Known& known = known_.at(id);
      const bool safe = !known.persistent || known.enters_with <= committed_write_ || known.state == Known::State::kGone;
      if (!run.refused) require(safe, words("confirmed too early", id));
    }
}

void QueueWorld::take_effects() {
  take_deliveries();
  for (const Departure& departure : effects_.departures) take_departure(departure);
  take_confirms();
  for (LoadRequest& load : effects_.loads) loads_.push_back(std::move(load));
  effects_.clear();
}

// --- the broker ---

void QueueWorld::turn() {
  more_ = queue_->finish_turn(now_, effects_);
  take_effects();
}

void QueueWorld::write_now(std::uint64_t memory_target_bytes, PublishMark mark) {
  Submitted write;
  queue_->collect(memory_target_bytes, write.set, mark.below);
  const std::uint64_t number = next_write_++;
  if (mark.below != MessageLog::kEverything)
    for (auto known = known_.lower_bound(mark.id); known != known_.end(); ++known)
      if (known->second.enters_with == number) known->second.enters_with = number + 1;
  if (write.set.empty() && writes_under_way_ == 0) {
    committed_write_ = number;
    queue_->written(effects_);
    return take_effects();
  }
  ++writes_under_way_;
  write.committed = [this, number] { committed_write_ = number; };
  write.told = [this] {
    --writes_under_way_;
    queue_->written(effects_);
    take_effects();
  };
  submitted_.push_back(std::move(write));
}

void QueueWorld::write(std::uint64_t memory_target_bytes) {
  memory_target_bytes_ = memory_target_bytes;
  if (queue_->wants_write(memory_target_bytes)) write_now(memory_target_bytes);
}

void QueueWorld::write_patiently(std::uint64_t memory_target_bytes) {
  memory_target_bytes_ = memory_target_bytes;
  if (queue_->wants_write(memory_target_bytes, mark_.below)) write_now(memory_target_bytes, mark_);
}

void QueueWorld::commit_one() {
  if (submitted_.empty()) return;
  Submitted next = std::move(submitted_.front());
  submitted_.pop_front();
  commit(*disk_, next.set);
  next.committed();
  untold_.push_back(std::move(next.told));
}

void QueueWorld::tell_one() {
  if (untold_.empty()) return;
  auto told = std::move(untold_.front());
  untold_.pop_front();
  told();
}

void QueueWorld::answer_load(std::size_t which) {
  const LoadRequest request = std::move(loads_[which]);
  loads_.erase(loads_.begin() + static_cast<std::ptrdiff_t>(which));
  std::vector<PageRecord> records;
  for (Offset first : request.pages)
    if (auto page = disk_->read_page(request.log, first)) records.insert(records.end(), page->begin(), page->end());
  const std::vector<Mark> marks = read_marks(*disk_, request.log, request.marked_pages);
  require(queue_->loaded(request.level, request.segment_first, records, marks, now_) == 0, "messages are lost");
}

void QueueWorld::start_departures() {
  if (leaving_.empty()) return;
  if (queue_->wants_write(UINT64_MAX)) write_now(memory_target_bytes_);
  Submitted joint;
  std::vector<Position> positions;
  for (std::uint64_t id : leaving_) positions.push_back(known_.at(id).position.value());
  queue_->prepare_departure(positions, joint.set);
  joint.committed = [this, ids = leaving_] {
    for (std::uint64_t id : ids) known_.at(id).leaves_with = 0;
  };
  joint.told = [this, ids = leaving_, positions] {
    queue_->settle_moved(positions);
    for (std::uint64_t id : ids) gone(id);
  };
  leaving_.clear();
  submitted_.push_back(std::move(joint));
}

void QueueWorld::crash() { restart(false); }

void QueueWorld::stop_cleanly() {
  take_effects();
  while (!submitted_.empty() || !untold_.empty() || queue_->wants_write(UINT64_MAX)) {
    commit_one();
    tell_one();
    if (submitted_.empty() && untold_.empty()) write(UINT64_MAX);
  }
  WriteSet last;
  queue_->collect_shutdown(last);
  commit(*disk_, last);
  restart(true);
}

UnixMillis QueueWorld::waits_on_disk(const Known& known) const {
  if (!known.position) return 0;  // never delivered
  const RecoveredQueue stored = disk_->recover_queue(kId + static_cast<QueueId>(known.level)).value();
  for (const RecoveredPage& page : stored.pages)
    for (const Mark& mark : page.marks)
      if (mark.offset == offset_of(*known.position)) return mark.until > now_ ? mark.until : 0;
  return 0;
}

void QueueWorld::restart(bool clean) {
  effects_.clear();
  submitted_.clear();
  untold_.clear();
  loads_.clear();
  leaving_.clear();
  consumers_.clear();
  unconfirmed_.clear();
  writes_under_way_ = 0;
  more_ = false;
  mark_ = {0, 0};
  for (auto& [id, known] : known_) {
    const bool stays = survives(known);
    const UnixMillis until = stays ? waits_on_disk(known) : 0;  // also of what expired or was purged, and the disk does not know yet
    if (clean && stays && known.state == Known::State::kWaiting) require(until == known.until, words("forgot how long it waits", id));
    const bool waits = until != 0;
    if (known.state != Known::State::kGone) become(id, Known::State::kGone);
    if (!stays) continue;
    known.enters_with = 0;
    known.leaves_with = UINT64_MAX;
    known.until = until;
    if (!waits) known.position.reset();
    known.consumer = 0;
    known.counted = false;
    known.maybe_delivered = known.maybe_delivered || !clean || id < last_delivered_[known.level];
    known.returns_known = known.returns_known && clean;
    become(id, waits ? Known::State::kWaiting : Known::State::kReady);
  }
  std::erase_if(known_, [](const auto& each) { return each.second.state == Known::State::kGone; });
  bytes_known_ = false;
  shared_ = std::make_shared<ChannelPrefetch>();
  shared_->set_limit(5);

  auto fresh = std::make_unique<store::MemoryStore>();
  if (durable_)
    for (int level = 0; level < kLevels; ++level) carry_over(*disk_, *fresh, kId + static_cast<QueueId>(level));
  queue_.reset();
  disk_ = std::move(fresh);
  queue_ = std::make_unique<Queue>(QueueInfo{.name = "q", .id = kId, .durable = durable_, .arguments = {}}, settings_, *disk_);
  if (durable_)
    for (int level = 0; level < kLevels; ++level)
      queue_->restore(static_cast<std::uint8_t>(level), disk_->recover_queue(kId + static_cast<QueueId>(level)).value(), now_);
}

}  // namespace mq::broker::test
