// Group commit: takes every write that waits, commits them as one synced batch, then tells each who asked. While the disk syncs, the
// next batch gathers by itself. A full disk is waited for: the batch that did not fit stays, with what came since behind it, and is tried
// again; nobody is told anything meanwhile. Any other failure ends the process: nothing may be confirmed after it.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "engine/actor_timer.hpp"
#include "engine/mailbox.hpp"
#include "mq/ports/storage.hpp"

namespace mq::engine {

struct CommitRequest {
  std::vector<WriteSet> sets;
  std::function<void()> done;  ///< called on the committer's strand once the sets are written (and synced, if one needs it)
};

/// How the writing goes, for those who watch the disk. Any thread reads and writes.
struct CommitGauges {
  std::atomic<std::uint64_t> message_bytes{0};     ///< of pages and delayed messages, written or about to be
  std::atomic<Millis> under_way_since{0};          ///< a commit, on the steady clock; 0 = none is
  std::atomic<Millis> longest_ms{0};               ///< of the commits done since somebody set this to 0
  std::atomic<bool> waits_for_space{false};        ///< the last one did not fit
  std::atomic<std::uint64_t> tell_at{UINT64_MAX};  ///< once `message_bytes` reaches this, the watcher is told, once
};

class Committer final : public Actor<CommitRequest> {
 public:
  /// `strand` may block. `on_failure` is called with what went wrong and must not return to normal work.
  Committer(std::shared_ptr<Strand> strand, Scheduler& scheduler, Storage& storage, std::function<void(const StorageError&)> on_failure);

  /// Any thread. Requests of one caller are committed in the order in which they were made.
  void submit(WriteSet set, std::function<void()> done);
  void submit(std::vector<WriteSet> sets, std::function<void()> done) { put({std::move(sets), std::move(done)}); }

  [[nodiscard]] CommitGauges& gauges() noexcept { return gauges_; }
  /// Called on the committer's strand when `tell_at` is reached, and when the disk is full or is not any more. Any thread; once this has
  /// returned, an earlier one is not called any more.
  void set_watcher(std::function<void()> watcher);

 protected:
  void handle(CommitRequest& request) override;
  void end_of_turn() override;

 private:
  [[nodiscard]] StorageResult<> commit();
  void wait_for_space();
  void go_on();
  void tell_watcher();

  Scheduler& scheduler_;
  Storage& storage_;
  std::function<void(const StorageError&)> on_failure_;
  std::mutex watcher_mutex_;
  std::function<void()> watcher_;
  std::vector<CommitRequest> batch_;
  std::vector<WriteSet*> sets_;
  std::size_t counted_ = 0;  // requests of the batch whose bytes are in the gauges
  CommitGauges gauges_;
  bool failed_ = false;
  Millis pause_ms_ = 0;              // while the disk is full: until the next attempt
  bool try_now_ = false;             // that is over
  ActorTimer<CommitRequest> timer_;  // its coming is a request for nothing
};

}  // namespace mq::engine
