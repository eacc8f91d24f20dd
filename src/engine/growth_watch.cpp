#include "engine/growth_watch.hpp"

#include <algorithm>
#include <utility>

#include "base/log.hpp"
#include "engine/vhost.hpp"

namespace mq::engine {
namespace {

constexpr std::uint64_t kPerMessageBytes = 256;     // what the smallest message costs
constexpr std::uint64_t kLeastGrowthBytes = 65536;  // between two looks; less is nobody's fault
constexpr std::uint64_t kLargeShare = 8;            // who grows by an eighth of all growth is to blame
constexpr std::uint64_t kVHostShare = 4;            // and a vhost by a quarter, when its queues are too many to be to blame each

std::uint64_t backlog_of(const QueueActor& queue) {
  const QueueGauges& gauges = queue.gauges();
  return gauges.ready_bytes.load(std::memory_order_relaxed) + gauges.unacked_bytes.load(std::memory_order_relaxed) +
         kPerMessageBytes * (gauges.ready.load(std::memory_order_relaxed) + gauges.unacked.load(std::memory_order_relaxed));
}

}  // namespace

struct GrowthWatch::Growing {
  std::shared_ptr<QueueActor> queue;
  const VHost* vhost = nullptr;
  std::uint64_t backlog_bytes = 0;
  std::uint64_t growth_bytes = 0;
};

GrowthWatch::GrowthWatch() = default;
GrowthWatch::~GrowthWatch() = default;

std::optional<std::string> GrowthWatch::hold_back(const InboxPtr& inbox, QueueId queue) {
  std::lock_guard lock(mutex_);
  auto found = holds_.find(queue);
  if (found == holds_.end()) return std::nullopt;
  std::vector<std::weak_ptr<SessionInbox>>& waiting = found->second.waiting;
  if (waiting.size() == waiting.capacity()) std::erase_if(waiting, [](const auto& each) { return each.expired(); });
  waiting.push_back(inbox);
  return found->second.reason;
}

void GrowthWatch::lift(Hold& hold) {
  hold.queue->hold_publishers(false);
  for (const auto& waiting : hold.waiting)
    if (const InboxPtr inbox = waiting.lock()) inbox->put(HoldLifted{});
}

void GrowthWatch::lift_drained() {
  boost::unordered::erase_if(holds_, [this](auto& entry) {
    if (backlog_of(*entry.second.queue) > entry.second.backlog_bytes / 2) return false;
    lift(entry.second);
    return true;
  });
}

void GrowthWatch::hold(const Growing& growing, std::string reason) {
  if (holds_.contains(growing.queue->id())) return;
  growing.queue->hold_publishers(true);
  holds_.emplace(growing.queue->id(), Hold{growing.queue, growing.backlog_bytes, std::move(reason), {}});
}

std::vector<GrowthWatch::Growing> GrowthWatch::find_growing(const std::vector<std::shared_ptr<VHost>>& vhosts) {
  std::vector<Growing> growing;
  boost::unordered_flat_map<QueueId, std::uint64_t> backlogs;
  for (const auto& vhost : vhosts)
    for (auto& queue : vhost->queues()) {
      const std::uint64_t backlog = backlog_of(*queue);
      backlogs.emplace(queue->id(), backlog);
      const auto before = backlogs_.find(queue->id());
      if (before == backlogs_.end() || before->second >= backlog) continue;
      const std::uint64_t growth = backlog - before->second;
      growing.push_back({std::move(queue), vhost.get(), backlog, growth});
    }
  backlogs_ = std::move(backlogs);
  return growing;
}

void GrowthWatch::look(bool memory_is_short, const std::vector<std::shared_ptr<VHost>>& vhosts) {
  std::lock_guard lock(mutex_);
  if (!memory_is_short) {
    backlogs_.clear();
    if (!holds_.empty()) log::info("there is memory again: no queue holds its publishers back any more");
    for (auto& [id, hold] : holds_) lift(hold);
    holds_.clear();
    return;
  }
  lift_drained();
  const std::vector<Growing> growing = find_growing(vhosts);
  std::uint64_t all = 0, blamed = 0;
  boost::unordered_flat_map<const VHost*, std::uint64_t> by_vhost;
  for (const Growing& each : growing) {
    all += each.growth_bytes;
    by_vhost[each.vhost] += each.growth_bytes;
  }
  if (all < kLeastGrowthBytes) return;
  const std::size_t before = holds_.size();
  for (const Growing& each : growing) {
    if (each.growth_bytes < all / kLargeShare) continue;
    blamed += each.growth_bytes;
    hold(each, "low on memory: queue '" + each.queue->name() + "' in vhost '" + each.vhost->name() + "' grows");
  }
  if (blamed < all / 2)
    for (const Growing& each : growing)
      if (by_vhost[each.vhost] >= all / kVHostShare) hold(each, "low on memory: vhost '" + each.vhost->name() + "' grows");
  if (holds_.size() > before)
    log::warn("memory is getting short: publishers of {} queues that grow are blocked, {} in all", holds_.size() - before, holds_.size());
}

}  // namespace mq::engine
