// A disk that keeps what was synced and nothing else for sure: a crash loses what was written behind the last sync, all of it or what
// came last. It fails when it is told to; when it is full it takes no messages, but all that lets go of some.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "mq/ports/storage.hpp"
#include "sim/random.hpp"
#include "store/memory_store.hpp"
#include "support/storage_around.hpp"

namespace mq::sim {

/// What was done to the broker, to be told in the end.
struct DiskFaults {
  std::uint64_t crashes_that_lost_writes = 0;
  std::uint64_t lost_writes = 0;
  std::uint64_t failed_commits = 0;
  std::uint64_t commits_without_space = 0;
  std::uint64_t failed_reads = 0;
  std::uint64_t damaged_pages = 0;
};

/// Used on one thread. Everything that was ever committed stays in a journal; what a crash leaves is read from its beginning again.
class FaultyDisk final : public test::StorageAround {
 public:
  // --- faults ---
  enum class Failure : std::uint8_t {
    kBeforeWriting,  ///< nothing of it reached the disk
    kBeforeSyncing,  ///< it is written, but not for sure
  };
  /// The next commit fails like that.
  void fail_next_commit(Failure how) { failure_ = how; }
  /// So many of the next reads of messages fail, and work when they are tried again.
  void fail_reads(unsigned times) { failing_reads_ = times; }
  void set_full(bool full) { full_ = full; }
  /// No faults from here on.
  void heal() {
    failure_.reset();
    failing_reads_ = 0;
    full_ = false;
  }
  /// The power goes: `random` says how much of what was not synced is there afterwards.
  void lose_power(Random& random);
  /// One bit of a page that was never damaged turns over. Returns the bodies of the messages that its codec cannot read any more, of which
  /// there is one at most. The broker sees it from its next start on.
  std::vector<std::string> damage_a_page(Random& random);
  /// What the broker left when it stopped in good order: everything.
  void restart();
  [[nodiscard]] const DiskFaults& faults() const noexcept { return faults_; }

  // --- Storage ---
  [[nodiscard]] StorageResult<> commit(std::span<WriteSet* const> sets) override;
  [[nodiscard]] StorageResult<std::vector<PageRecord>> read_page(QueueId queue, Offset first, std::vector<PageRecord>* salvaged) override;
  [[nodiscard]] StorageResult<std::vector<Mark>> read_marks(QueueId queue, Offset first) override;
  [[nodiscard]] StorageResult<DelayedScan> read_delayed(DelayedBook book, DelayedKey from, std::size_t max_records,
                                                        std::uint64_t max_bytes) override;
  [[nodiscard]] StorageResult<std::vector<DelayedRecord>> find_delayed(DelayedBook book, std::string_view message_id) override;
  [[nodiscard]] StorageResult<> sync() override;

 protected:
  [[nodiscard]] Storage& inner() const override { return *seen_; }

 private:
  using Write = std::vector<WriteSet>;  // one atomic write
  void replay();
  [[nodiscard]] bool read_fails();

  std::vector<Write> journal_;
  std::size_t synced_ = 0;  // so many writes of it
  std::set<std::pair<QueueId, Offset>> damaged_;
  std::unique_ptr<store::MemoryStore> seen_ = std::make_unique<store::MemoryStore>();
  std::optional<Failure> failure_;
  unsigned failing_reads_ = 0;
  bool full_ = false;
  DiskFaults faults_;
};

}  // namespace mq::sim
