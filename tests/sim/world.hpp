// A whole life: a broker on one thread with a clock, a disk and clients that are all made up, from its first declaration to the day
// when every message is accounted for.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "sim/client.hpp"
#include "sim/faulty_disk.hpp"
#include "sim/oracle.hpp"
#include "sim/plan.hpp"
#include "sim/wire.hpp"

namespace mq::sim {

struct LifeResult {
  std::string violation;          ///< empty = all was well
  std::uint64_t fingerprint = 0;  ///< two lives of one seed have the same
  Oracle::Counts counts;
  DiskFaults disk;
  std::uint64_t crashes = 0, restarts = 0, vanished = 0, stalls = 0, full_disks = 0, shortages = 0, rates = 0;
};

/// Used once.
class World {
 public:
  /// `trace` is told what happens, if it is given.
  World(std::uint64_t seed, std::function<void(const std::string&)> trace);
  ~World();

  /// Lives `steps` steps, without those in `left_out`, then stops all faults and settles accounts.
  LifeResult lives(std::uint64_t steps, const std::set<std::uint64_t>& left_out = {});

 private:
  void step(std::uint64_t number);
  void moves_bytes(Random& random);
  void passes_time(Random& random);
  void goes_wrong(Random& random);
  void changes_policy(Random& random);
  void pauses(Random& random);
  void changes_limits(Random& random);
  void changes_rates(Random& random);
  void lifts_rates();
  void limits_vhost(const std::string& name, std::int64_t limit);
  void looks_for_growth(bool memory_is_short);
  void damages_the_disk(Random& random);
  void lets_all_go_on();
  void fills_the_disk(bool full);
  void starts();
  void ends();
  void crashes(Random& random);
  void restarts();
  void declares_everything();
  void connects(Client& client, Random& random);
  void collects_ended_wires();
  void runs_until_idle();
  void looks_around();
  void looks_at_heartbeats();
  void looks_at_memory();
  void looks_for_what_was_not_delivered();
  void looks_for_what_must_be_gone();
  [[nodiscard]] bool is_gone(const std::string& queue);
  [[nodiscard]] std::optional<std::uint32_t> messages_in(const std::string& queue);
  void settles_accounts();
  void drains(QueueIndex queue);
  void tells(const std::string& what);
  [[nodiscard]] bool is_over() const { return !oracle_.violation().empty(); }

  const std::uint64_t seed_;
  const Plan plan_;
  std::function<void(const std::string&)> trace_;
  test::ManualScheduler scheduler_;
  FaultyDisk disk_;
  Oracle oracle_;
  std::shared_ptr<session::SessionOptions> options_;
  std::unique_ptr<engine::Broker> broker_;
  std::vector<std::unique_ptr<Client>> clients_;
  std::vector<std::unique_ptr<Wire>> wires_;
  std::vector<std::shared_ptr<void>> cut_short_;  // what a crash left with references to itself
  bool disk_failed_ = false;
  bool stalled_ = false;
  bool full_ = false;  // the disk
  bool alarmed_ = false;
  bool short_ = false;          // of memory
  UnixMillis paced_until_ = 0;  // publishes may wait for a rate until then
  std::uint64_t connections_ = 0;
  LifeResult result_;
};

}  // namespace mq::sim
