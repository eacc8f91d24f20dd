// What must hold of the queue at any moment, and at its end.
#include <algorithm>

#include "queue_world.hpp"

namespace mq::broker::test {

void QueueWorld::check_counts() {
  QueueCounts expected;
  std::uint64_t memory_bytes = 0;
  for (const auto& [id, known] : known_) {
    if (known.state == Known::State::kGone) continue;
    if (known.persistent) ++expected.persistent;
    if (known.state == Known::State::kReady) expected.ready_bytes += known.body_bytes;
    else memory_bytes += known.memory_bytes;
    if (known.state == Known::State::kOut) expected.unacked_bytes += known.body_bytes;
    if (known.state == Known::State::kHidden || known.state == Known::State::kMoving) ++expected.hidden;
  }
  queue_->for_each_ready([&](Position, const Entry& entry) {
    memory_bytes += entry.message->memory_bytes();
    return true;
  });
  const QueueCounts counts = queue_->counts();
  auto same = [](const std::string& what, std::uint64_t is, std::uint64_t should_be) {
    require(is == should_be, what + " is " + std::to_string(is) + " and should be " + std::to_string(should_be));
  };
  // What has waited long enough is ready for the model; the queue may have to read it back first.
  require(counts.waiting >= waiting_.size(), "too few wait");
  same("ready and waiting", counts.ready + counts.waiting, ready_.size() + waiting_.size());
  same("unacked", counts.unacked, out_.size());
  same("unacked_bytes", counts.unacked_bytes, expected.unacked_bytes);
  same("hidden", counts.hidden, expected.hidden);
  same("persistent", counts.persistent, expected.persistent);
  if (counts.waiting == 0) same("memory_bytes", counts.memory_bytes, memory_bytes);
  same("consumers", counts.consumers, consumers_.size());
  if (bytes_known_ && counts.waiting == 0) same("ready_bytes", counts.ready_bytes, expected.ready_bytes);
}

void QueueWorld::check_time() {
  for (int rounds = 0; loads() > 0 || more_ || rounds == 0; ++rounds) {
    require(rounds < 10'000, "expiry does not come to an end");
    while (loads() > 0) answer_load(0);
    turn();
  }
  UnixMillis earliest = kNever;
  for (const Key& key : ready_) {
    const Known& known = known_.at(key.second);
    require(known.deadline > now_, words("due, but still here", key.second));
    earliest = std::min(earliest, known.deadline);
  }
  require(queue_->counts().waiting == waiting_.size(), "waits too long");
  for (std::uint64_t id : waiting_) earliest = std::min({earliest, known_.at(id).until, known_.at(id).deadline});
  const UnixMillis wake = queue_->next_wake();
  require(wake <= earliest, "the next wake-up comes too late");
  require(wake > now_ || loads() > 0, "a wake-up without a reason");
  if (settings_.max_length && !refuses_when_full(settings_.overflow))
    require(ready_.size() <= *settings_.max_length, "longer than the limit");
}

void QueueWorld::drain() {
  Random random(1);
  for (const auto& [number, consumer] : std::map<std::uint32_t, KnownConsumer>(consumers_))
    if (consumer.spec.filter) cancel(number, random);
  for (int rounds = 0;; ++rounds) {
    require(rounds < 100'000, "the queue does not drain");
    if (consumers_.empty()) consume({});
    for (auto& [number, consumer] : consumers_) return_window(number);
    turn();
    for (std::uint64_t id : std::set<std::uint64_t>(out_)) settle(id, Settlement::kAck);
    start_departures();
    while (loads() > 0) answer_load(loads() - 1);
    write(0);
    while (!submitted_.empty()) commit_one();
    while (!untold_.empty()) tell_one();
    if (!waiting_.empty()) pass(known_.at(*waiting_.begin()).until - now_);
    const bool empty = ready_.empty() && out_.empty() && waiting_.empty() && leaving_.empty() && effects_.loads.empty();
    if (empty && queue_->counts().hidden == 0 && !queue_->wants_write(UINT64_MAX)) break;
  }
  turn();
  check_counts();
  require(queue_->counts().ready_bytes == 0, "an empty queue has bytes");
  require(unconfirmed_.empty(), "a publish was never confirmed");
  for (int level = 0; level < kLevels; ++level)
    require(disk_->recover_queue(kId + static_cast<QueueId>(level))->pages.empty(), "an empty queue has pages on disk");
}

}  // namespace mq::broker::test
