// Watches memory in use, free disk space and the store: beyond the limits publishers are blocked, before either runs out; when both are
// well again they go on. Looks once a second, and sooner where much is written (disk_watch.hpp) or in memory. What it sees is the
// broker's health.
// Shortly before the limit of memory those are blocked who publish to queues that grow (engine/growth_watch), queues write out what they
// hold, and what is free goes back to the machine.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "engine/broker.hpp"
#include "mq/ports/disk_care.hpp"
#include "server/process_memory.hpp"

namespace mq::server {

struct ResourceLimits {
  std::string directory;              ///< whose free space counts; empty = disk not watched
  std::uint64_t disk_free_bytes = 0;  ///< 0 = not watched
  std::uint64_t memory_bytes = 0;     ///< 0 = not watched
  bool operator==(const ResourceLimits&) const = default;
};

class ResourceWatch {
 public:
  /// `care` is that of the broker's store; null: it has none.
  ResourceWatch(Scheduler& scheduler, engine::Broker& broker, DiskCare* care, ResourceLimits limits, ProcessMemory memory);
  ~ResourceWatch();
  void set_limits(ResourceLimits limits);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace mq::server
