// Group commit: takes every write that waits, commits them as one synced batch, then tells each who asked. While the disk syncs, the
// next batch gathers by itself. A failed commit ends the process: nothing may be confirmed after it.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "engine/mailbox.hpp"
#include "mq/ports/storage.hpp"

namespace mq::engine {

struct CommitRequest {
  std::vector<WriteSet> sets;
  std::function<void()> done;  ///< called on the committer's strand once the sets are written (and synced, if one needs it)
};

class Committer final : public Actor<CommitRequest> {
 public:
  /// `strand` may block. `on_failure` is called with what went wrong and must not return to normal work.
  Committer(std::shared_ptr<Strand> strand, Storage& storage, std::function<void(const StorageError&)> on_failure);

  /// Any thread. Requests of one caller are committed in the order in which they were made.
  void submit(WriteSet set, std::function<void()> done);
  void submit(std::vector<WriteSet> sets, std::function<void()> done) { put({std::move(sets), std::move(done)}); }

 protected:
  void handle(CommitRequest& request) override;
  void end_of_turn() override;

 private:
  Storage& storage_;
  std::function<void(const StorageError&)> on_failure_;
  std::vector<CommitRequest> batch_;
  std::vector<WriteSet*> sets_;
  bool failed_ = false;
};

}  // namespace mq::engine
