// A queue's share of an atomic commit: what enters is invisible, and what leaves is held, until everybody's share is on disk.
#include <algorithm>

#include "broker/queue/queue.hpp"

namespace mq::broker {

// --- in ---

bool Queue::would_take(std::span<const MessagePtr> messages, UnixMillis now) {
  if (messages.empty()) return true;
  if (info_.paused.publish) return false;
  const bool taken_at_once = !info_.paused.delivery && consumers_.next() != nullptr;  // what consumers take so does not count
  if (taken_at_once || !limit_refuses()) return true;
  return unique_ ? has_room_for(unseen_of(messages, now)) : has_room_for(messages);
}

bool Queue::has_room_for(std::span<const MessagePtr> messages) const {
  if (messages.empty()) return true;
  const QueueCounts there = counts();
  if (settings_.max_length && there.ready + messages.size() > *settings_.max_length) return false;
  std::uint64_t bytes = there.ready_bytes;
  for (const MessagePtr& message : messages.first(messages.size() - 1)) bytes += message->body_bytes();
  return !settings_.max_length_bytes || bytes < *settings_.max_length_bytes;
}

std::vector<Position> Queue::prepare(std::span<const MessagePtr> messages, UnixMillis now, WriteSet& out) {
  if (unique_) return prepare_unseen(messages, now, out);
  return prepare_all(messages, now, out);
}

std::vector<Position> Queue::prepare_all(std::span<const MessagePtr> messages, UnixMillis now, WriteSet& out) {
  std::vector<Position> positions;
  std::vector<std::pair<MessageLog*, std::vector<Offset>>> by_log;
  for (const MessagePtr& message : messages) {
    MessageLog& log = log_for(*message);
    const Offset offset = log.append(message, now, deadline_of(*message, now), EntryState::kHidden);
    positions.push_back(position_of(static_cast<std::uint8_t>(log.id() - info_.id), offset));
    auto known = std::find_if(by_log.begin(), by_log.end(), [&](const auto& group) { return group.first == &log; });
    if (known == by_log.end()) by_log.push_back({&log, {offset}});
    else known->second.push_back(offset);
  }
  for (auto& [log, offsets] : by_log) log->collect_hidden(codec_, offsets, out);
  return positions;
}

void Queue::reveal(std::span<const Position> positions) {
  for (Position position : positions) log_at(position).put_back(offset_of(position));
  if (ids_ && !positions.empty()) ids_->joint_done(positions.front());
}

// --- out ---

void Queue::prepare_settlement(std::span<const Position> positions, WriteSet& out) {
  for (Position position : positions) {
    MessageLog& log = log_at(position);
    if (selection_) left_consumer(*log.find(offset_of(position)));
    log.hold(offset_of(position));
    log.collect_settlement(offset_of(position), out);
  }
}

void Queue::prepare_departure(std::span<const Position> positions, WriteSet& out) {
  for (Position position : positions) log_at(position).collect_settlement(offset_of(position), out);
}

void Queue::settle_moved(std::span<const Position> positions) {
  for (Position position : positions) {
    MessageLog& log = log_at(position);
    release_consumer(*log.find(offset_of(position)));
    log.settle(offset_of(position));
  }
}

}  // namespace mq::broker
