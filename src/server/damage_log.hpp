// What recovery could not read of queues, a line each in the log, with their names.
#pragma once

#include <string>
#include <vector>

#include "engine/broker.hpp"
#include "store/rocks_options.hpp"

namespace mq::server {

/// The store tells numbers, while queues are being restored; afterwards the broker knows their names.
class DamageLog {
 public:
  void add(const store::RecoveryDamage& damage) { found_.push_back(damage); }
  /// Writes the lines. Before anybody changes queues.
  void tell(const engine::Broker& broker, const std::string& data_dir) const;

 private:
  std::vector<store::RecoveryDamage> found_;
};

}  // namespace mq::server
