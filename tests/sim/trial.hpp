// A life in a process of its own: whatever it does - break a rule, break an invariant, run for ever - it is told, and can be done again.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace mq::sim {

struct Trial {
  std::uint64_t seed = 1;
  std::uint64_t steps = 2000;
  std::set<std::uint64_t> left_out;
};

/// What a life was like, added up over many.
struct Tally {
  std::uint64_t published = 0, confirmed = 0, delivered = 0, redelivered = 0, acked = 0, dead_lettered = 0, transactions = 0, drained = 0;
  std::uint64_t crashes = 0, restarts = 0, vanished = 0, stalls = 0, lost_writes = 0, failed_commits = 0, failed_reads = 0;
  std::uint64_t damaged_pages = 0, damaged_messages = 0;
  std::uint64_t full_disks = 0, commits_without_space = 0, shortages = 0, rates = 0;
  Tally& operator+=(const Tally& other);
};

struct Outcome {
  std::string violation;  ///< empty = all was well; also `ended by signal 6`, `took too long`
  std::uint64_t fingerprint = 0;
  Tally tally;
};

/// Lives that life in this process, told to standard output as it goes if `traces`.
[[nodiscard]] Outcome live(const Trial& trial, bool traces);
/// The same in a child process.
[[nodiscard]] Outcome live_apart(const Trial& trial);

/// Lives in child processes, so many at a time. Without threads: a child of a process that has some may find locks held for ever.
class Nursery {
 public:
  explicit Nursery(unsigned places) : places_(places) {}
  ~Nursery();
  Nursery(const Nursery&) = delete;
  Nursery& operator=(const Nursery&) = delete;

  [[nodiscard]] bool full() const noexcept { return lives_.size() >= places_; }
  [[nodiscard]] bool empty() const noexcept { return lives_.empty(); }
  void begin(const Trial& trial);
  /// Waits for one of them to end. There must be one.
  [[nodiscard]] std::pair<Trial, Outcome> next();

 private:
  struct Life {
    Trial trial;
    int child = 0;
    int pipe = -1;
  };
  const unsigned places_;
  std::vector<Life> lives_;
};

/// A life with as few steps as possible that fails as well: leaves out all that need not be there.
[[nodiscard]] Trial shrink(Trial failing);

/// `3-17,40` and back.
[[nodiscard]] std::string ranges_of(const std::set<std::uint64_t>& numbers);
[[nodiscard]] std::set<std::uint64_t> numbers_in(const std::string& ranges);

}  // namespace mq::sim
