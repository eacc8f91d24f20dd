// What operators do to single queues while they are in use.
#include "broker/names.hpp"
#include "engine/metadata.hpp"
#include "engine/vhost.hpp"

namespace mq::engine {

std::optional<FoundQueue> VHost::queue_named(std::string_view name) const {
  std::shared_lock lock(mutex_);
  const broker::QueueInfo* info = topology_.find_queue(name);
  if (info == nullptr) return std::nullopt;
  return FoundQueue{*info, std::static_pointer_cast<QueueActor>(topology_.destination(name))};
}

void VHost::store_queue(const broker::QueueInfo& queue, std::function<void()> done) {
  WriteSet set;
  if (is_stored(queue)) set.operations.emplace_back(WriteSet::PutMetadata{metadata::queue_key(name_, queue.name), metadata::encode(queue)});
  commit(std::move(set), std::move(done));
}

// --- pausing ---

void VHost::on(ChangePause& item) {
  auto queue = queue_named(item.queue);
  if (!queue) return item.reply.send(broker::not_found("queue", item.queue, name_));
  broker::QueuePause& paused = queue->info.paused;
  if (item.delivery) paused.delivery = item.paused;
  if (item.publish) paused.publish = item.paused;
  change_topology([&](broker::Topology& topology) { return topology.set_queue_pause(item.queue, paused), true; });
  // Behind the commit: what the queue answers holds after a crash as well.
  store_queue(queue->info, [actor = queue->actor, paused, reply = std::move(item.reply)] { actor->put(ApplyPause{paused, reply}); });
}

}  // namespace mq::engine
