// What operators do to single queues while they are in use; and declaring again what is there.
#include "base/log.hpp"
#include "broker/names.hpp"
#include "broker/queue_arguments.hpp"
#include "engine/metadata.hpp"
#include "engine/vhost.hpp"

namespace mq::engine {
namespace {

constexpr std::size_t kMaxReported = 1000;  // queues and exchanges remembered as declared again with other arguments

}  // namespace

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

// --- arguments ---

void VHost::on(ChangeArguments& item) {
  auto queue = queue_named(item.queue);
  if (!queue) return item.reply.send(broker::not_found("queue", item.queue, name_));
  auto changed = broker::change_arguments(name_, queue->info, item.changes);
  if (!changed) return item.reply.send(changed.error());
  queue->info.arguments = std::move(*changed);
  change_topology([&](broker::Topology& topology) { return topology.set_queue_arguments(item.queue, queue->info.arguments), true; });
  queue->actor->put(ApplySettings{settings_of(queue->info)});
  store_queue(queue->info, [reply = std::move(item.reply)] { reply.send(Answer{Done{}}); });
}

// --- declaring again ---

Result<> VHost::check_redeclared(const broker::QueueInfo& existing, const broker::QueueInfo& wanted, broker::OwnerId asking) {
  auto same = broker::check_equivalent(name_, existing, wanted, asking);
  if (same || !settings_.relaxed_redeclare || !broker::check_same_properties(name_, existing, wanted, asking)) return same;
  report_redeclared(broker::resource_text("queue", wanted.name, name_), same.error().text);
  return {};
}

Result<> VHost::check_redeclared(const broker::ExchangeInfo& wanted, Error difference) {
  if (!settings_.relaxed_redeclare || wanted.name.empty()) return difference;
  const bool same = with_topology([&](const broker::Topology& topology) {
    const broker::ExchangeInfo* existing = topology.find_exchange(wanted.name);
    return existing != nullptr && broker::check_same_properties(name_, *existing, wanted).has_value();
  });
  if (!same) return difference;
  report_redeclared(broker::resource_text("exchange", wanted.name, name_), difference.text);
  return {};
}

void VHost::report_redeclared(std::string resource, const std::string& difference) {
  if (redeclared_.size() >= kMaxReported || !redeclared_.insert(std::move(resource)).second) return;
  log::warn("declared again with other arguments, which keeps those it has: {} (reported once)", difference);
}

}  // namespace mq::engine
