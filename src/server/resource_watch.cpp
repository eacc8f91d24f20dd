#include "server/resource_watch.hpp"

#include <algorithm>
#include <filesystem>
#include <mutex>

#include "base/log.hpp"
#include "server/disk_watch.hpp"

namespace mq::server {
namespace {

// Shares of the limit of memory, in hundredths: beyond the first it is getting short, below the second no longer.
constexpr std::uint64_t kShort = 90;
constexpr std::uint64_t kPlenty = 80;
// From this share on it is looked at so often, for it may fill quickly.
constexpr std::uint64_t kMuch = 50;
constexpr Millis kOftenMs = 50;
constexpr Millis kGrowthEveryMs = 1000;  // growth is what came in so long, however often the disk is looked at

class Look final : public Runnable {
 public:
  explicit Look(std::function<void()> look) : look_(std::move(look)) {}
  void run() override { look_(); }

 private:
  std::function<void()> look_;
};

}  // namespace

struct ResourceWatch::State {
  State(Scheduler& scheduler_, engine::Broker& broker_, DiskCare* care_, ResourceLimits limits_, ProcessMemory memory_)
      : scheduler(scheduler_), broker(broker_), care(care_), strand(scheduler.make_strand()), limits(std::move(limits_)),
        memory(std::move(memory_)) {}

  Scheduler& scheduler;
  engine::Broker& broker;
  DiskCare* care;
  std::shared_ptr<Strand> strand;
  std::unique_ptr<Timer> timer;
  std::mutex mutex;  // against new limits and the end of the watch
  ResourceLimits limits;
  const ProcessMemory memory;
  bool memory_is_short = false;
  Millis growth_seen_at = 0;
  DiskWatch disk;
  engine::Health health;
  bool stopped = false;

  [[nodiscard]] DiskSight see_disk() {
    DiskSight sight;
    engine::CommitGauges& commits = broker.committer().gauges();
    sight.now = scheduler.monotonic_now();
    if (!limits.directory.empty()) {
      std::error_code error;
      const auto space = std::filesystem::space(limits.directory, error);
      if (!error) sight.free_bytes = space.available;
    }
    sight.written_bytes = commits.message_bytes;
    if (care != nullptr) sight.trouble = care->trouble();
    if (!sight.trouble && commits.waits_for_space)
      sight.trouble = StorageError{StorageError::Kind::kNoSpace, "the last commit did not fit"};
    if (const Millis since = commits.under_way_since; since != 0) sight.commit_under_way_ms = std::max<Millis>(1, sight.now - since);
    sight.longest_commit_ms = commits.longest_ms.exchange(0);
    return sight;
  }

  /// Until when to look again at the latest.
  Millis look_at_disk() {
    const DiskSight sight = see_disk();
    const std::uint64_t limit = sight.free_bytes ? limits.disk_free_bytes : 0;
    DiskVerdict verdict = disk.look(sight, limit);
    broker.committer().gauges().tell_at = verdict.look_at_bytes;
    health.disk_free_bytes = sight.free_bytes.value_or(0);
    health.disk_free_limit_bytes = limit;
    if (verdict.store != health.store) tell_store(verdict);
    health.store_text = std::move(verdict.store_text);
    if (verdict.low && !health.low_on_disk && verdict.store != engine::StoreState::kFull)
      log::warn("{} bytes are free in '{}', and {} are to stay free: publishers are blocked", health.disk_free_bytes, limits.directory,
                limit + disk.headroom_bytes());
    if (!verdict.low && health.low_on_disk) log::info("there is disk space again: publishers go on");
    health.low_on_disk = verdict.low;
    if (verdict.low && care != nullptr) care->save_space();
    return verdict.look_again_ms;
  }

  /// Once on entering a state, and once on leaving it.
  void tell_store(const DiskVerdict& verdict) {
    using engine::StoreState;
    const Millis lasted_ms = scheduler.now() - health.store_since;
    if (health.store == StoreState::kFull)
      log::info("the disk is not full any more, after {} ms: what waited for it is written", lasted_ms);
    if (health.store == StoreState::kSlow) log::info("the disk is as quick again as it should be, after {} ms", lasted_ms);
    if (verdict.store == StoreState::kFull)
      log::error("the disk is full, commits wait until there is space and publishers are blocked: {}", verdict.store_text);
    if (verdict.store == StoreState::kSlow) log::warn("the disk is slow: {}", verdict.store_text);
    if (verdict.store == StoreState::kFailing) {
      log::error("the store cannot write any more: {}", verdict.store_text);
      // The next commit ends the process. It need not wait for one, with publishers blocked perhaps.
      WriteSet next{{WriteSet::DeleteMetadata{"nothing"}}, true};
      broker.committer().submit(std::move(next), nullptr);
    }
    health.store = verdict.store;
    health.store_since = scheduler.now();
  }

  /// Until when to look again at the latest.
  Millis look_at_memory() {
    const std::uint64_t used = memory.resident_bytes();
    const bool low = limits.memory_bytes != 0 && used > limits.memory_bytes;
    if (low && !health.low_on_memory)
      log::warn("{} bytes of memory are in use, more than {}: publishers are blocked", used, limits.memory_bytes);
    if (!low && health.low_on_memory) log::info("memory in use is below its limit again");
    health.low_on_memory = low;
    health.memory_bytes = used;
    health.memory_limit_bytes = limits.memory_bytes;
    look_at_growth(used);
    return limits.memory_bytes != 0 && used > limits.memory_bytes / 100 * kMuch ? kOftenMs : kNever;
  }

  void look_at_growth(std::uint64_t used) {
    const Millis now = scheduler.monotonic_now();
    memory_is_short = limits.memory_bytes != 0 && used > limits.memory_bytes / 100 * (memory_is_short ? kPlenty : kShort);
    if (memory_is_short && now - growth_seen_at < kGrowthEveryMs) return;
    growth_seen_at = now;
    broker.set_memory_is_short(memory_is_short);
    if (memory_is_short && care != nullptr) care->save_memory();
    memory.spare(memory_is_short);
  }

  void look() {
    std::lock_guard lock(mutex);
    if (stopped) return;
    const Millis again_ms = std::min(look_at_disk(), look_at_memory());
    std::optional<std::string> reason;
    if (health.low_on_memory) reason = "low on memory";
    if (health.low_on_disk) reason = health.low_on_memory ? "low on memory & disk" : "low on disk";
    broker.set_alarm(std::move(reason));
    broker.set_health(health);
    timer->arm(scheduler.now() + again_ms);
  }
};

ResourceWatch::ResourceWatch(Scheduler& scheduler, engine::Broker& broker, DiskCare* care, ResourceLimits limits, ProcessMemory memory)
    : state_(std::make_shared<State>(scheduler, broker, care, std::move(limits), std::move(memory))) {
  state_->timer = scheduler.make_timer(state_->strand, [weak = std::weak_ptr<State>(state_)] {
    if (auto state = weak.lock()) state->look();
  });
  const auto look = std::make_shared<Look>([weak = std::weak_ptr<State>(state_)] {
    if (auto state = weak.lock()) state->look();
  });
  broker.committer().set_watcher([strand = state_->strand, look] { strand->post(look); });
  state_->strand->post(look);
}

ResourceWatch::~ResourceWatch() {
  state_->broker.committer().set_watcher(nullptr);
  std::lock_guard lock(state_->mutex);
  state_->stopped = true;
}

void ResourceWatch::set_limits(ResourceLimits limits) {
  std::lock_guard lock(state_->mutex);
  state_->limits = std::move(limits);
}

}  // namespace mq::server
