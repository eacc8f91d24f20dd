#include "broker/queue/queue.hpp"

#include <algorithm>

#include "broker/queue/retry.hpp"
#include "mq/base/check.hpp"

namespace mq::broker {
namespace {

constexpr std::size_t kMaxDeparturesPerTurn = 1000;
constexpr std::uint64_t kMaxExpectedDeliveries = 4096;

void append(std::vector<ConfirmRun>& to, std::vector<ConfirmRun>&& from) {
  if (to.empty()) to = std::move(from);
  else to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
  from.clear();
}

}  // namespace

Queue::Queue(QueueInfo info, QueueSettings settings, const Storage& codec)
    : info_(std::move(info)), settings_(std::move(settings)), codec_(codec) {
  consumers_.set_single_active(settings_.single_active_consumer);
  set_groups();
  set_deduplication();
}

void Queue::apply(QueueSettings settings) {
  const bool regroups = settings.group_by != settings_.group_by;
  settings_ = std::move(settings);
  if (regroups) set_groups();
  consumers_.set_single_active(settings_.single_active_consumer);
  set_deduplication();
}

// --- levels ---

MessageLog& Queue::log_at(Position position) {
  const std::uint8_t level = level_of(position);
  if (level >= levels_.size()) levels_.resize(level + 1u);
  if (!levels_[level]) {
    levels_[level] = std::make_unique<MessageLog>(info_.id + level, level, info_.durable);
    used_.insert(std::find_if(used_.begin(), used_.end(), [&](MessageLog* other) { return other->id() < info_.id + level; }),
                 levels_[level].get());
  }
  return *levels_[level];
}

MessageLog& Queue::log_for(const Message& message) {
  const auto highest = static_cast<std::uint8_t>(std::min<std::uint64_t>(settings_.max_priority.value_or(0), 255));
  return log_at(position_of(std::min(message.priority(), highest), 0));
}

MessageLog* Queue::highest_ready() {
  for (MessageLog* log : used_)
    if (log->totals().ready > 0) return log;
  return nullptr;
}

MessageLog* Queue::lowest_ready() {
  for (auto log = used_.rbegin(); log != used_.rend(); ++log)
    if ((*log)->totals().ready > 0) return *log;
  return nullptr;
}

// --- publishing ---

UnixMillis Queue::deadline_of(const Message& message, UnixMillis now) const {
  std::optional<Millis> ttl_ms = settings_.message_ttl_ms;
  if (message.has_expiration())
    if (auto own = parse_expiration(message.properties().expiration)) ttl_ms = std::min(ttl_ms.value_or(*own), *own);
  return ttl_ms ? now + *ttl_ms : kNever;
}

bool Queue::full() const noexcept {
  if (!settings_.max_length && !settings_.max_length_bytes) return false;
  const QueueCounts now = counts();
  return (settings_.max_length && now.ready >= *settings_.max_length) ||
         (settings_.max_length_bytes && now.ready_bytes >= *settings_.max_length_bytes);
}

bool Queue::over_limit() const noexcept {
  if (!settings_.max_length && !settings_.max_length_bytes) return false;
  const QueueCounts now = counts();
  return (settings_.max_length && now.ready > *settings_.max_length) ||
         (settings_.max_length_bytes && now.ready_bytes > *settings_.max_length_bytes);
}

void Queue::refuse_all(std::span<const Incoming> messages, ConfirmRun refused, Effects& effects) {
  refused_ += messages.size();
  for (const Incoming& incoming : messages)
    if (incoming.sequence != 0) refused.sequences.push_back(incoming.sequence);
  if (!refused.sequences.empty()) effects.confirms.push_back(std::move(refused));
}

void Queue::refuse(const Incoming& incoming, ConfirmRun& refused, Effects& effects) {
  ++refused_;
  if (incoming.sequence != 0) refused.sequences.push_back(incoming.sequence);
  if (settings_.overflow == Overflow::kRejectPublishDlx && settings_.dead_letter_exchange)
    effects.departures.push_back({incoming.message, DeathReason::kMaxLength, std::nullopt});
}

void Queue::publish(std::span<const Incoming> messages, const PeerPtr& peer, std::uint32_t channel, UnixMillis now, Effects& effects) {
  if (info_.paused.publish) return refuse_all(messages, {peer, channel, true, {}}, effects);
  Publishing call;
  call.limited = limited();
  call.refuses = limit_refuses();
  call.multi_level = settings_.max_priority.value_or(0) > 0;
  call.refused = {peer, channel, true, {}};
  call.done = call.waiting = {peer, channel, false, {}};
  if (!call.multi_level) call.log = &log_at(0);
  if (unique_) publish_unseen(messages, call, now, effects);
  else
    for (const Incoming& incoming : messages) (void)enter(incoming, call, now, effects);
  if (!call.waiting.sequences.empty()) pending_confirms_.push_back({std::move(call.waiting), publish_mark(), unique_ ? ids_->next() : 0});
  if (!call.done.sequences.empty()) effects.confirms.push_back(std::move(call.done));
  if (!call.refused.sequences.empty()) effects.confirms.push_back(std::move(call.refused));
}

// False when it is refused.
bool Queue::enter(const Incoming& incoming, Publishing& call, UnixMillis now, Effects& effects) {
  if (call.refuses && full()) {
    refuse(incoming, call.refused, effects);
    return false;
  }
  const Message& message = *incoming.message;
  if (call.multi_level) call.log = &log_for(message);
  const UnixMillis deadline = settings_.message_ttl_ms || message.has_expiration() ? deadline_of(message, now) : kNever;
  call.offset = call.log->append(incoming.message, now, deadline, EntryState::kReady);
  if (incoming.sequence != 0) {
    if (!info_.durable || !message.persistent()) call.done.sequences.push_back(incoming.sequence);
    else call.waiting.sequences.push_back(incoming.sequence);
  }
  if (!call.limited) return true;
  pump(now, effects);  // what a consumer takes at once does not count against the limit
  if (!call.refuses) trim(effects);
  return true;
}

// --- settling ---

void Queue::release_consumer(Entry& entry) {
  if (entry.consumer != kNoConsumer) consumers_.settled(entry.consumer);
  entry.consumer = kNoConsumer;
}

void Queue::bury(MessageLog& log, Offset offset, DeathReason reason, Effects& effects) {
  if (selection_) selection_->selector->left(*log.find(offset)->message);
  if (!settings_.dead_letter_exchange) return log.settle(offset);
  effects.departures.push_back({log.find(offset)->message, reason, position_of(static_cast<std::uint8_t>(log.id() - info_.id), offset)});
  log.hold(offset);
}

void Queue::put_back(MessageLog& log, Offset offset, Entry& entry, Settlement how, UnixMillis now, Effects& effects) {
  const ReturnKind kind = how == Settlement::kFailed ? ReturnKind::kFailed : ReturnKind::kReturned;
  const Millis delay_ms = retry_delay_ms(settings_.retry, kind, entry.returns + 1u, (log.id() << 40) ^ (offset << 8) ^ entry.returns);
  log.count_return(offset, delay_ms > 0 ? now + delay_ms : 0);
  if (settings_.delivery_limit && *settings_.delivery_limit >= 0 && entry.returns > *settings_.delivery_limit)
    bury(log, offset, DeathReason::kDeliveryLimit, effects);
  else if (delay_ms > 0) {
    log.put_aside(offset, now + delay_ms);
    if (selection_) selection_->selector->waits(position_in(log, offset), *entry.message);
  } else {
    log.put_back(offset);
  }
}

void Queue::settle(std::span<const Position> positions, Settlement how, UnixMillis now, Effects& effects) {
  for (Position position : positions) {
    MessageLog& log = log_at(position);
    const Offset offset = offset_of(position);
    Entry* entry = log.find(offset);
    MQ_CHECK(entry != nullptr && entry->state == EntryState::kOut);
    release_consumer(*entry);
    if (selection_) left_consumer(*entry);
    if (how == Settlement::kAck) {
      log.settle(offset);
    } else if (how == Settlement::kReject) {
      bury(log, offset, DeathReason::kRejected, effects);
    } else {
      put_back(log, offset, *entry, how, now, effects);
    }
  }
}

// --- consuming ---

Consumer& Queue::add_consumer(ConsumerSpec spec) {
  if (spec.filter) spec.want = join_filter(spec.filter);
  return consumers_.add(std::move(spec));
}

bool Queue::remove_consumer(const Peer* peer, std::uint32_t number, bool gives_back) {
  const Consumer* consumer = consumers_.find(peer, number);
  if (consumer == nullptr) return false;
  if (consumer->spec_.want != 0) leave_filter(consumer->spec_.want);
  return consumers_.remove(peer, number, gives_back);
}

void Queue::return_window(const Peer* peer, std::uint32_t number, std::uint64_t bytes) {
  Consumer* consumer = consumers_.find(peer, number);
  if (consumer == nullptr) return;
  consumer->in_transit_bytes_ -= std::min(bytes, consumer->in_transit_bytes_);
  consumers_.credit_changed(*consumer);
}

void Queue::retry_consumer(const Peer* peer, std::uint32_t number) {
  if (Consumer* consumer = consumers_.find(peer, number)) consumers_.credit_changed(*consumer);
}

void Queue::share_prefetch(const Peer* peer, std::uint32_t number, std::shared_ptr<ChannelPrefetch> shared) {
  Consumer* consumer = consumers_.find(peer, number);
  if (consumer == nullptr) return;
  consumer->spec_.channel_prefetch = std::move(shared);
  consumers_.credit_changed(*consumer);
}

std::uint16_t Queue::told_returns(const Entry& entry) const noexcept {
  if (entry.returns == 0) return 0;
  const bool told = settings_.type == QueueType::kQuorum || settings_.delivery_limit || settings_.retry.on != RetryOn::kNothing;
  return told ? entry.returns : std::uint16_t{0};
}

bool Queue::give(Consumer& consumer, MessageLog& log, Offset offset, Entry& entry, Effects& effects) {
  if (DeliveryWindow& window = consumer.spec_.peer->deliveries; consumer.batch.empty() && !window.open()) {
    window.want();
    if (!window.open()) return false;  // asked twice: it may have opened before the wish was seen
  }
  ChannelPrefetch* shared = consumer.spec_.no_ack ? nullptr : consumer.spec_.channel_prefetch.get();
  if (shared != nullptr && !shared->try_acquire()) {
    shared->want();
    if (!shared->try_acquire()) return false;  // asked twice: a place may have become free before the wish was seen
  }
  if (consumer.batch.empty()) effects.deliver_to.push_back(&consumer);
  consumer.batch.push_back({entry.message, position_of(static_cast<std::uint8_t>(log.id() - info_.id), offset), told_returns(entry),
                            entry.redelivered, shared != nullptr});
  const std::uint64_t bytes = entry.message->memory_bytes();
  consumer.in_transit_bytes_ += bytes;
  consumer.batch_bytes += bytes;
  log.take(offset, consumer.slot_);
  if (consumer.spec_.no_ack) log.settle(offset);
  else ++consumer.unacked_;
  return true;
}

void Queue::pump(UnixMillis now, Effects& effects) {
  if (info_.paused.delivery) return;
  if (selection_) return pump_selected(now, effects);
  while (Consumer* consumer = consumers_.next()) {
    MessageLog* log = highest_ready();
    if (log == nullptr) return;
    Offset offset = 0;
    Entry* entry = nullptr;
    if (log->next(offset, entry) != MessageLog::Next::kReady) return;
    // A deadline of this very moment is in time for whoever has waited for the message, but not for one that had it already.
    if (entry->deadline < now || (entry->redelivered && entry->deadline == now)) bury(*log, offset, DeathReason::kExpired, effects);
    else if (give(*consumer, *log, offset, *entry, effects)) consumers_.served(*consumer);
    else consumers_.refused(*consumer);
  }
}

Queue::GetStatus Queue::get(bool no_ack, UnixMillis now, Delivery& out) {
  if (info_.paused.delivery) return GetStatus::kEmpty;
  if (selection_) return get_selected(no_ack, now, out);
  while (MessageLog* log = highest_ready()) {
    Offset offset = 0;
    Entry* entry = nullptr;
    const MessageLog::Next found = log->next(offset, entry);
    if (found == MessageLog::Next::kBlocked) return GetStatus::kLater;
    if (found == MessageLog::Next::kNone) return GetStatus::kEmpty;
    if (entry->deadline < now) return GetStatus::kLater;  // the end of the turn buries it
    out = {entry->message, position_of(static_cast<std::uint8_t>(log->id() - info_.id), offset), told_returns(*entry), entry->redelivered,
           false};
    log->take(offset, kNoConsumer);
    get_pace_.took_one(now);
    if (no_ack) log->settle(offset);
    return GetStatus::kMessage;
  }
  return GetStatus::kEmpty;
}

std::uint64_t Queue::purge() {
  std::uint64_t purged = 0;
  for (MessageLog* log : used_) purged += log->purge();
  if (selection_) {
    selection_->lots.clear();
    selection_->calls.clear();
    selection_->selector->purged();
  }
  return purged;
}

// --- turns ---

bool Queue::expire(UnixMillis now, Effects& effects) {
  bool more = false;
  for (MessageLog* log : used_) {
    scratch_.clear();
    log->expired(now, kMaxDeparturesPerTurn, scratch_);
    for (Offset offset : scratch_) {
      if (selection_) selection_->selector->wait_ended(position_in(*log, offset));
      bury(*log, offset, DeathReason::kExpired, effects);
    }
    more = more || scratch_.size() >= kMaxDeparturesPerTurn;
  }
  return more;
}

bool Queue::trim(Effects& effects) {
  for (std::size_t dropped = 0; over_limit(); ++dropped) {
    if (dropped == kMaxDeparturesPerTurn) return true;
    MessageLog* log = settings_.overflow == Overflow::kDropLowest ? lowest_ready() : highest_ready();
    if (log == nullptr) return false;
    Offset offset = 0;
    Entry* entry = nullptr;
    if (log->oldest(offset, entry) != MessageLog::Next::kReady) return false;
    bury(*log, offset, DeathReason::kMaxLength, effects);
  }
  return false;
}

bool Queue::finish_turn(UnixMillis now, Effects& effects) {
  for (MessageLog* log : used_)
    if (log->totals().waiting > 0) {
      log->wake(now, selection_ ? &selection_->report : nullptr);
      if (selection_) hear(*log, std::exchange(selection_->report, {}));
    }
  pump(now, effects);
  bool more = expire(now, effects);
  if (!limit_refuses()) more = trim(effects) || more;
  if (selection_) {
    more = std::exchange(selection_->more, false) || more;
    end_selection_when_unused();
  }
  if (ids_) finish_ids(now, effects);
  release_confirms(effects);
  for (MessageLog* log : used_) log->take_loads(effects.loads);
  return more;
}

void Queue::release_confirms(Effects& effects) {
  if (pending_confirms_.empty()) return;
  const Offset from = unwritten() == 0 ? MessageLog::kEverything : used_.size() == 1 ? used_.front()->unwritten_from() : 0;
  const std::uint64_t ids_from = ids_ ? ids_->settled_below() : UINT64_MAX;
  while (!pending_confirms_.empty() && pending_confirms_.front().below <= from && pending_confirms_.front().ids_below <= ids_from) {
    effects.confirms.push_back(std::move(pending_confirms_.front().run));
    pending_confirms_.pop_front();
  }
}

UnixMillis Queue::next_wake() {
  UnixMillis wake = kNever;
  for (MessageLog* log : used_) {
    wake = std::min(wake, log->next_deadline());
    if (log->totals().waiting > 0) wake = std::min(wake, log->next_wake());
  }
  return ids_ ? std::min(wake, ids_->next_expiry()) : wake;
}

// --- disk ---

std::uint64_t Queue::unwritten() const noexcept {
  std::uint64_t sum = 0;
  for (const MessageLog* log : used_) sum += log->unwritten();
  return sum;
}

Offset Queue::publish_mark() const noexcept {
  return used_.size() == 1 && settings_.max_priority.value_or(0) == 0 ? used_.front()->next_offset() : MessageLog::kEverything;
}

bool Queue::wants_write(std::uint64_t memory_target_bytes, Offset below) const {
  for (MessageLog* log : used_)
    if (log->dirty(below) || log->totals().memory_bytes > memory_target_bytes) return true;
  return ids_ && ids_->dirty(below);
}

void Queue::collect(std::uint64_t memory_target_bytes, WriteSet& out, Offset below) {
  if (ids_) ids_->collect(below, out);
  const std::uint64_t ids_below = ids_ ? ids_->collected_below() : UINT64_MAX;
  std::vector<ConfirmRun>& confirms = written_confirms_.emplace_back();
  while (!pending_confirms_.empty() && pending_confirms_.front().below <= below && pending_confirms_.front().ids_below <= ids_below) {
    confirms.push_back(std::move(pending_confirms_.front().run));
    pending_confirms_.pop_front();
  }
  if (!confirms.empty()) out.needs_sync = true;
  std::uint64_t expected = 0;
  if (!info_.paused.delivery) expected = get_pace_.expected() + (consumers_.empty() ? 0 : consumers_.total_room(kMaxExpectedDeliveries));
  for (MessageLog* log : used_) log->collect(codec_, expected, memory_target_bytes, out, below);
  written_logs_.push_back(used_);
}

void Queue::written(Effects& effects) {
  MQ_CHECK(!written_logs_.empty());
  for (MessageLog* log : written_logs_.front()) log->written();
  if (ids_) ids_->written();
  written_logs_.pop_front();
  append(effects.confirms, std::move(written_confirms_.front()));
  written_confirms_.pop_front();
}

void Queue::restore(std::uint8_t level, const RecoveredQueue& recovered, UnixMillis now) {
  log_at(position_of(level, 0)).restore(recovered, now);
}

void Queue::collect_shutdown(WriteSet& out) {
  for (MessageLog* log : used_) log->collect_shutdown(out);
}

std::uint64_t Queue::loaded(std::uint8_t level, Offset segment_first, std::span<const PageRecord> records, std::span<const Mark> marks,
                            UnixMillis now) {
  MessageLog& log = log_at(position_of(level, 0));
  if (!selection_) return log.loaded(segment_first, records, marks, now);
  WaitReport report;
  const std::uint64_t lost = log.loaded(segment_first, records, marks, now, &report);
  hear(log, report);
  return lost;
}

std::vector<QueueId> Queue::logs() const {
  std::vector<QueueId> ids;
  for (const MessageLog* log : used_)
    if (log->ever_stored()) ids.push_back(log->id());
  return ids;
}

QueueCounts Queue::counts() const noexcept {
  QueueCounts sum;
  for (const MessageLog* log : used_) {
    const MessageLog::Totals& totals = log->totals();
    sum.ready += totals.ready;
    sum.ready_bytes += totals.ready_bytes;
    sum.waiting += totals.waiting;
    sum.unacked += totals.out;
    sum.unacked_bytes += totals.out_bytes;
    sum.hidden += totals.hidden;
    sum.memory_bytes += totals.memory_bytes;
    sum.persistent += totals.persistent;
  }
  sum.consumers = consumers_.size();
  sum.duplicates = duplicates_;
  if (ids_) sum.ids_bytes = ids_->memory_bytes();
  return sum;
}

UnixMillis Queue::oldest_ready_at() {
  UnixMillis oldest = kNever;
  for (MessageLog* log : used_) oldest = std::min(oldest, log->oldest_ready_at());
  return oldest;
}

}  // namespace mq::broker
