#include "server/resource_watch.hpp"

#include <sys/sysinfo.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <mutex>

#include "base/log.hpp"

namespace mq::server {
namespace {

constexpr Millis kLookEveryMs = 1000;

class Look final : public Runnable {
 public:
  explicit Look(std::function<void()> look) : look_(std::move(look)) {}
  void run() override { look_(); }

 private:
  std::function<void()> look_;
};

std::uint64_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  std::uint64_t size_pages = 0, resident_pages = 0;
  statm >> size_pages >> resident_pages;
  return resident_pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace

std::uint64_t total_memory_bytes() {
  struct sysinfo info {};
  std::uint64_t total = ::sysinfo(&info) == 0 ? std::uint64_t{info.totalram} * info.mem_unit : std::uint64_t{1} << 30;
  std::uint64_t group = 0;
  if (std::ifstream limit("/sys/fs/cgroup/memory.max"); limit >> group && group != 0) total = std::min(total, group);
  return total;
}

struct ResourceWatch::State {
  State(Scheduler& scheduler_, engine::Broker& broker_, ResourceLimits limits_)
      : scheduler(scheduler_), broker(broker_), strand(scheduler.make_strand()), limits(std::move(limits_)) {}

  Scheduler& scheduler;
  engine::Broker& broker;
  std::shared_ptr<Strand> strand;
  std::unique_ptr<Timer> timer;
  std::mutex mutex;  // against new limits and the end of the watch
  ResourceLimits limits;
  bool stopped = false;
  bool low_disk = false;
  bool low_memory = false;

  void look_at_disk() {
    bool low = false;
    if (!limits.directory.empty() && limits.disk_free_bytes != 0) {
      std::error_code error;
      const auto space = std::filesystem::space(limits.directory, error);
      low = !error && space.available < limits.disk_free_bytes;
      if (low && !low_disk)
        log::warn("only {} bytes are free in '{}', less than {}: publishers are blocked", space.available, limits.directory,
                  limits.disk_free_bytes);
    }
    if (!low && low_disk) log::info("there is disk space again");
    low_disk = low;
  }

  void look_at_memory() {
    const std::uint64_t used = limits.memory_bytes != 0 ? resident_bytes() : 0;
    const bool low = limits.memory_bytes != 0 && used > limits.memory_bytes;
    if (low && !low_memory) log::warn("{} bytes of memory are in use, more than {}: publishers are blocked", used, limits.memory_bytes);
    if (!low && low_memory) log::info("memory in use is below its limit again");
    low_memory = low;
  }

  void look() {
    std::lock_guard lock(mutex);
    if (stopped) return;
    look_at_disk();
    look_at_memory();
    std::optional<std::string> reason;
    if (low_memory) reason = "low on memory";
    if (low_disk) reason = low_memory ? "low on memory & disk" : "low on disk";
    broker.set_alarm(std::move(reason));
    timer->arm(scheduler.now() + kLookEveryMs);
  }
};

ResourceWatch::ResourceWatch(Scheduler& scheduler, engine::Broker& broker, ResourceLimits limits)
    : state_(std::make_shared<State>(scheduler, broker, std::move(limits))) {
  state_->timer = scheduler.make_timer(state_->strand, [weak = std::weak_ptr<State>(state_)] {
    if (auto state = weak.lock()) state->look();
  });
  state_->strand->post(std::make_shared<Look>([state = state_] { state->look(); }));
}

ResourceWatch::~ResourceWatch() {
  std::lock_guard lock(state_->mutex);
  state_->stopped = true;
}

void ResourceWatch::set_limits(ResourceLimits limits) {
  std::lock_guard lock(state_->mutex);
  state_->limits = std::move(limits);
}

}  // namespace mq::server
