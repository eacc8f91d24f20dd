// How a queue keeps out messages whose id has entered before. A duplicate is as good as taken: its publisher is told so when what it
// repeats is on disk.
#include "broker/deduplication.hpp"
#include "broker/queue/queue.hpp"

namespace mq::broker {

void Queue::set_deduplication() {
  const DeduplicationSettings& wanted = settings_.deduplication;
  if (wanted.on && !ids_) ids_ = std::make_unique<IdWindow>(info_.id, written_logs_.size());
  if (wanted.on) ids_->set_max_ids(wanted.max_ids());
  else if (unique_) ids_->forget_all();
  unique_ = wanted.on;
}

void Queue::restore_ids(const RecoveredSeen& recovered, UnixMillis now) {
  if (!ids_) ids_ = std::make_unique<IdWindow>(info_.id, written_logs_.size());
  ids_->restore(recovered);
  if (unique_) ids_->trim(now);
  else ids_->forget_all();
}

IdWindow::Keep Queue::keep_id_of(const Message& message) const noexcept {
  if (!info_.durable || !message.persistent()) return IdWindow::Keep::kMemory;
  return settings_.deduplication.in_memory ? IdWindow::Keep::kUnnoted : IdWindow::Keep::kDisk;
}

void Queue::turn_away(const MessagePtr& duplicate, std::vector<Departure>& departures) {
  ++duplicates_;
  if (settings_.deduplication.duplicate_exchange) departures.push_back({duplicate, DeathReason::kDuplicate, std::nullopt});
}

void Queue::publish_unseen(std::span<const Incoming> messages, Publishing& call, UnixMillis now, Effects& effects) {
  ids_->trim(now);
  for (const Incoming& incoming : messages) {
    const std::optional<IdHash> id = id_of(settings_.deduplication, *incoming.message);
    if (!id) {
      (void)enter(incoming, call, now, effects);
      continue;
    }
    if (const auto original = ids_->find(*id, now)) {
      turn_away(incoming.message, effects.departures);
      if (incoming.sequence == 0) continue;
      ConfirmRun& run = *original < ids_->settled_below() ? call.done : call.waiting;
      run.sequences.push_back(incoming.sequence);
      continue;
    }
    if (!enter(incoming, call, now, effects)) continue;  // what is refused leaves no id behind
    const UnixMillis until = remembered_until(settings_.deduplication, *incoming.message, now);
    ids_->enter(*id, until, keep_id_of(*incoming.message), call.offset);
    ids_->trim(now);
  }
}

std::vector<MessagePtr> Queue::unseen_of(std::span<const MessagePtr> messages, UnixMillis now) const {
  std::vector<MessagePtr> unseen;
  for (const MessagePtr& message : messages) {
    const std::optional<IdHash> id = id_of(settings_.deduplication, *message);
    if (!id || !ids_->find(*id, now)) unseen.push_back(message);
  }
  return unseen;
}

std::vector<Position> Queue::prepare_unseen(std::span<const MessagePtr> messages, UnixMillis now, WriteSet& out) {
  ids_->trim(now);
  const std::uint64_t first = ids_->next();
  std::vector<MessagePtr> unseen;
  for (const MessagePtr& message : messages) {
    const std::optional<IdHash> id = id_of(settings_.deduplication, *message);
    const auto original = id ? ids_->find(*id, now) : std::nullopt;
    if (original) {
      turn_away(message, duplicates_leaving_);
      if (*original < first && *original >= ids_->joined_below()) awaited_ids_ = std::max(awaited_ids_, *original + 1);
      continue;
    }
    unseen.push_back(message);
    if (!id) continue;
    ids_->enter(*id, remembered_until(settings_.deduplication, *message, now), keep_id_of(*message), 0);
    ids_->trim(now);
  }
  std::vector<Position> positions = prepare_all(unseen, now, out);
  if (!positions.empty()) ids_->collect_joint(first, positions.front(), out);
  return positions;
}

void Queue::finish_ids(UnixMillis now, Effects& effects) {
  ids_->trim(now);
  effects.departures.insert(effects.departures.end(), duplicates_leaving_.begin(), duplicates_leaving_.end());
  duplicates_leaving_.clear();
}

}  // namespace mq::broker
