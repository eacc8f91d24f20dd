#include "server/disk_watch.hpp"

#include <filesystem>
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

}  // namespace

struct DiskWatch::State {
  State(Scheduler& scheduler_, engine::Broker& broker_, std::string directory_, std::uint64_t limit_bytes_)
      : scheduler(scheduler_), broker(broker_), directory(std::move(directory_)), limit_bytes(limit_bytes_), strand(scheduler.make_strand()) {}

  Scheduler& scheduler;
  engine::Broker& broker;
  std::string directory;
  std::uint64_t limit_bytes;
  std::shared_ptr<Strand> strand;
  std::unique_ptr<Timer> timer;
  std::mutex mutex;  // against the end of the watch
  bool stopped = false;
  bool low = false;

  void look() {
    std::lock_guard lock(mutex);
    if (stopped) return;
    std::error_code error;
    const auto space = std::filesystem::space(directory, error);
    const bool now_low = !error && space.available < limit_bytes;
    if (now_low != low) {
      low = now_low;
      if (low) log::warn("only {} bytes are free in '{}', less than {}: publishers are blocked", space.available, directory, limit_bytes);
      else log::info("{} bytes are free in '{}' again: publishers go on", space.available, directory);
      broker.set_alarm(low ? std::optional<std::string>("low on disk") : std::nullopt);
    }
    timer->arm(scheduler.now() + kLookEveryMs);
  }
};

DiskWatch::DiskWatch(Scheduler& scheduler, engine::Broker& broker, std::string directory, std::uint64_t limit_bytes)
    : state_(std::make_shared<State>(scheduler, broker, std::move(directory), limit_bytes)) {
  state_->timer = scheduler.make_timer(state_->strand, [weak = std::weak_ptr<State>(state_)] {
    if (auto state = weak.lock()) state->look();
  });
  state_->strand->post(std::make_shared<Look>([state = state_] { state->look(); }));
}

DiskWatch::~DiskWatch() {
  std::lock_guard lock(state_->mutex);
  state_->stopped = true;
}

}  // namespace mq::server
