// Watches memory in use and free disk space, once a second: beyond their limits publishers are blocked, before either runs out; when both
// are well again they go on.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "engine/broker.hpp"

namespace mq::server {

struct ResourceLimits {
  std::string directory;              ///< whose free space counts; empty = disk not watched
  std::uint64_t disk_free_bytes = 0;  ///< 0 = not watched
  std::uint64_t memory_bytes = 0;     ///< 0 = not watched
  bool operator==(const ResourceLimits&) const = default;
};

/// Memory of this machine, or of the control group this process lives in if that has less.
[[nodiscard]] std::uint64_t total_memory_bytes();

class ResourceWatch {
 public:
  ResourceWatch(Scheduler& scheduler, engine::Broker& broker, ResourceLimits limits);
  ~ResourceWatch();
  void set_limits(ResourceLimits limits);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace mq::server
