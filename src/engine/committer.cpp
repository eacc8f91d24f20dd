#include "engine/committer.hpp"

namespace mq::engine {

Committer::Committer(std::shared_ptr<Strand> strand, Storage& storage, std::function<void(const StorageError&)> on_failure)
    : Actor(std::move(strand)), storage_(storage), on_failure_(std::move(on_failure)) {}

void Committer::submit(WriteSet set, std::function<void()> done) {
  CommitRequest request;
  request.sets.push_back(std::move(set));
  request.done = std::move(done);
  put(std::move(request));
}

void Committer::handle(CommitRequest& request) { batch_.push_back(std::move(request)); }

void Committer::end_of_turn() {
  if (failed_) return batch_.clear();
  for (CommitRequest& request : batch_)
    for (WriteSet& set : request.sets)
      if (!set.empty()) sets_.push_back(&set);
  if (!sets_.empty()) {
    if (auto committed = storage_.commit(sets_); !committed) {
      failed_ = true;
      on_failure_(committed.error());
      return batch_.clear();
    }
  }
  sets_.clear();
  for (CommitRequest& request : batch_)
    if (request.done) request.done();
  batch_.clear();
}

}  // namespace mq::engine
