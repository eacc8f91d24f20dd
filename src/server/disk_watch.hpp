// Watches the free space of the data directory: below the limit publishers are blocked, before the disk is full; above it they go on.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "engine/broker.hpp"

namespace mq::server {

class DiskWatch {
 public:
  DiskWatch(Scheduler& scheduler, engine::Broker& broker, std::string directory, std::uint64_t limit_bytes);
  ~DiskWatch();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace mq::server
