#include "engine/committer.hpp"

#include <algorithm>
#include <utility>

#include "broker/message.hpp"

namespace mq::engine {
namespace {

constexpr Millis kFirstPauseMs = 50;
constexpr Millis kLongestPauseMs = 1000;

std::uint64_t message_bytes(const WriteSet& set) {
  std::uint64_t bytes = 0;
  for (const WriteSet::Operation& operation : set.operations) {
    if (const auto* page = std::get_if<EncodedPage>(&operation)) bytes += page->bytes.size();
    else if (const auto* delayed = std::get_if<WriteSet::PutDelayed>(&operation))
      for (const DelayedRecord& record : *delayed->records) bytes += record.message->body_bytes();
  }
  return bytes;
}

}  // namespace

Committer::Committer(std::shared_ptr<Strand> strand, Scheduler& scheduler, Storage& storage,
                     std::function<void(const StorageError&)> on_failure)
    : Actor(std::move(strand)), scheduler_(scheduler), storage_(storage), on_failure_(std::move(on_failure)) {}

void Committer::submit(WriteSet set, std::function<void()> done) {
  CommitRequest request;
  request.sets.push_back(std::move(set));
  request.done = std::move(done);
  put(std::move(request));
}

void Committer::set_watcher(std::function<void()> watcher) {
  std::lock_guard lock(watcher_mutex_);
  watcher_ = std::move(watcher);
}

void Committer::tell_watcher() {
  std::lock_guard lock(watcher_mutex_);
  if (watcher_) watcher_();
}

void Committer::handle(CommitRequest& request) {
  if (request.sets.empty() && !request.done) {
    timer_.fired();
    try_now_ = true;
  } else {
    batch_.push_back(std::move(request));
  }
}

void Committer::end_of_turn() {
  if (failed_) return batch_.clear();
  if (pause_ms_ != 0 && !std::exchange(try_now_, false)) return;
  const StorageResult<> committed = commit();
  if (!committed && committed.error().kind == StorageError::Kind::kNoSpace) return wait_for_space();
  if (!committed) {
    failed_ = true;
    on_failure_(committed.error());
    return batch_.clear();
  }
  if (pause_ms_ != 0) go_on();
  for (CommitRequest& request : batch_)
    if (request.done) request.done();
  batch_.clear();
  counted_ = 0;
  std::uint64_t tell_at = gauges_.tell_at.load(std::memory_order_relaxed);
  if (gauges_.message_bytes.load(std::memory_order_relaxed) < tell_at) return;
  if (gauges_.tell_at.compare_exchange_strong(tell_at, UINT64_MAX, std::memory_order_relaxed)) tell_watcher();
}

StorageResult<> Committer::commit() {
  sets_.clear();
  std::uint64_t bytes = 0;
  for (std::size_t at = 0; at < batch_.size(); ++at) {
    for (WriteSet& set : batch_[at].sets) {
      if (set.empty()) continue;
      sets_.push_back(&set);
      if (at >= counted_) bytes += message_bytes(set);
    }
  }
  counted_ = batch_.size();
  if (sets_.empty()) return {};
  gauges_.message_bytes.fetch_add(bytes, std::memory_order_relaxed);
  const Millis began = scheduler_.monotonic_now();
  gauges_.under_way_since.store(began, std::memory_order_relaxed);
  StorageResult<> committed = storage_.commit(sets_);
  gauges_.under_way_since.store(0, std::memory_order_relaxed);
  const Millis took_ms = scheduler_.monotonic_now() - began;
  if (took_ms > gauges_.longest_ms.load(std::memory_order_relaxed)) gauges_.longest_ms.store(took_ms, std::memory_order_relaxed);
  return committed;
}

// The batch stays as it is. What comes meanwhile joins it, behind what is there.
void Committer::wait_for_space() {
  const bool begins = pause_ms_ == 0;
  pause_ms_ = begins ? kFirstPauseMs : std::min(2 * pause_ms_, kLongestPauseMs);
  timer_.set(scheduler_.now() + pause_ms_, *this, strand(), scheduler_);
  gauges_.waits_for_space.store(true, std::memory_order_relaxed);
  if (begins) tell_watcher();
}

void Committer::go_on() {
  pause_ms_ = 0;
  gauges_.waits_for_space.store(false, std::memory_order_relaxed);
  tell_watcher();
}

}  // namespace mq::engine
