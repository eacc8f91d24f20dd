#include "session/staging.hpp"

#include <algorithm>
#include <utility>

namespace mq::session {

Staging::StagedPublish& Staging::publish_slot(const std::shared_ptr<engine::QueueActor>& queue, std::uint32_t channel) {
  if (!publishes_.empty() && publishes_.back().queue == queue && publishes_.back().batch.channel == channel) return publishes_.back();
  if (publishes_.size() <= kScanFew) {
    for (StagedPublish& staged : publishes_)
      if (staged.queue == queue && staged.batch.channel == channel) return staged;
  } else {
    if (publish_index_.empty())
      for (std::size_t index = 0; index < publishes_.size(); ++index) publish_index_[publishes_[index].queue.get()] = index;
    auto known = publish_index_.find(queue.get());
    if (known != publish_index_.end() && publishes_[known->second].batch.channel == channel) return publishes_[known->second];
    publish_index_[queue.get()] = publishes_.size();
  }
  StagedPublish& staged = publishes_.emplace_back();
  staged.queue = queue;
  staged.batch.channel = channel;
  staged.batch.messages.reserve(expected_messages_);
  return staged;
}

void Staging::publish(const std::shared_ptr<engine::QueueActor>& queue, std::uint32_t channel, broker::MessagePtr message,
                      std::uint64_t sequence) {
  StagedPublish& staged = publish_slot(queue, channel);
  ++size_;
  staged.batch.bytes += message->memory_bytes();
  staged.batch.messages.push_back({std::move(message), sequence});
}

void Staging::delay(const std::shared_ptr<engine::DelayedMessages>& delayed, std::uint32_t channel, engine::DelayedPublish publish) {
  if (delays_.empty() || delays_.back().batch.channel != channel) {
    StagedDelay& staged = delays_.emplace_back();
    staged.delayed = delayed;
    staged.batch.channel = channel;
  }
  engine::DelayBatch& batch = delays_.back().batch;
  batch.bytes += publish.message->memory_bytes();
  batch.messages.push_back(std::move(publish));
}

void Staging::publish_unique(const std::shared_ptr<engine::Deduplicator>& deduplicator, std::uint32_t channel,
                             engine::UniquePublish publish) {
  if (uniques_.empty() || uniques_.back().batch.channel != channel) {
    StagedUnique& staged = uniques_.emplace_back();
    staged.deduplicator = deduplicator;
    staged.batch.channel = channel;
  }
  engine::UniqueBatch& batch = uniques_.back().batch;
  batch.bytes += publish.message->memory_bytes();
  batch.messages.push_back(std::move(publish));
}

void Staging::settle(const std::shared_ptr<engine::QueueActor>& queue, broker::Settlement how, broker::Position position) {
  for (auto staged = settles_.rbegin(); staged != settles_.rend(); ++staged) {
    if (staged->queue != queue) continue;
    if (staged->batch.how != how) break;  // the order between acks and requeues of one queue is kept
    staged->batch.positions.push_back(position);
    return;
  }
  settles_.push_back({queue, {how, {position}}});
}

std::shared_ptr<engine::QueueActor> Staging::flush(engine::SessionInbox& inbox) {
  for (StagedSettle& staged : settles_) staged.queue->put(std::move(staged.batch));
  settles_.clear();
  for (StagedDelay& staged : delays_) {
    inbox.window_take(staged.batch.bytes);
    staged.batch.from = inbox.shared_from_this();
    staged.delayed->put(std::move(staged.batch));
  }
  delays_.clear();
  for (StagedUnique& staged : uniques_) {
    inbox.window_take(staged.batch.bytes);
    staged.batch.from = inbox.shared_from_this();
    staged.deduplicator->put(std::move(staged.batch));
  }
  uniques_.clear();
  if (publishes_.empty()) return nullptr;
  std::shared_ptr<engine::QueueActor> holds;
  // The next read is likely to bring as much per queue as this one.
  expected_messages_ = std::min<std::size_t>(publishes_.front().batch.messages.size() + 4, 4096);
  for (StagedPublish& staged : publishes_) {
    inbox.window_take(staged.batch.bytes);
    staged.batch.from = inbox.shared_from_this();
    staged.queue->put(std::move(staged.batch));
    if (staged.queue->holds_publishers()) holds = std::move(staged.queue);
  }
  publishes_.clear();
  publish_index_.clear();
  size_ = 0;
  return holds;
}

}  // namespace mq::session
