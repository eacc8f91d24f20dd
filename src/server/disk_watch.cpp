#include "server/disk_watch.hpp"

#include <algorithm>

namespace mq::server {
namespace {

using Kind = StorageError::Kind;
using engine::StoreState;

constexpr double kStoppingMs = 500;  // until all publishers wait, at most
constexpr double kCopies = 2;        // messages go to the log and to a file before the log is freed
constexpr Millis kSoonestMs = 20;
constexpr Millis kLookEveryWhileLowMs = 250;
constexpr std::uint64_t kFewBytes = 64 * 1024;
constexpr std::uint64_t kManyBytes = 16 << 20;  // another program may have taken the rest meanwhile

}  // namespace

DiskVerdict DiskWatch::look(const DiskSight& sight, std::uint64_t limit_bytes) {
  measure(sight, limit_bytes);
  DiskVerdict verdict;
  judge_store(sight, verdict);
  verdict.low = judge_space(sight, limit_bytes) || verdict.store == StoreState::kFull;
  verdict.look_again_ms = verdict.low ? kLookEveryWhileLowMs : kLookEveryMs;
  if (!verdict.low && limit_bytes != 0 && sight.free_bytes) {
    const std::uint64_t left = *sight.free_bytes - std::min(*sight.free_bytes, limit_bytes + headroom_);
    verdict.look_at_bytes = sight.written_bytes + std::clamp<std::uint64_t>(left / 4, kFewBytes, kManyBytes);
    if (vanishing_per_ms_ > 0)
      verdict.look_again_ms = std::clamp(static_cast<Millis>(static_cast<double>(left) / vanishing_per_ms_ / 4), kSoonestMs, kLookEveryMs);
  }
  last_ = sight;
  return verdict;
}

void DiskWatch::measure(const DiskSight& sight, std::uint64_t limit_bytes) {
  if (!last_ || sight.now <= last_->now) return;
  const auto elapsed_ms = static_cast<double>(sight.now - last_->now);
  written_per_ms_ = static_cast<double>(sight.written_bytes - last_->written_bytes) / elapsed_ms;
  vanishing_per_ms_ = 0;
  if (sight.free_bytes && last_->free_bytes && *last_->free_bytes > *sight.free_bytes)
    vanishing_per_ms_ = static_cast<double>(*last_->free_bytes - *sight.free_bytes) / elapsed_ms;
  const auto coming = static_cast<std::uint64_t>(written_per_ms_ * kStoppingMs * kCopies);
  headroom_ = std::min(coming, limit_bytes);
}

bool DiskWatch::judge_space(const DiskSight& sight, std::uint64_t limit_bytes) {
  const bool was_low = low_;
  if (!sight.free_bytes || limit_bytes == 0) return low_ = false;
  low_ = *sight.free_bytes < limit_bytes + headroom_;
  // Those who were stopped send nothing, so the headroom is gone at once; what they had sent is still being dealt with.
  if (was_low && !low_ && sight.now - low_since_ < kCalmMs) low_ = true;
  if (low_ && !was_low) low_since_ = sight.now;
  return low_;
}

void DiskWatch::judge_store(const DiskSight& sight, DiskVerdict& verdict) {
  const Millis slowest_ms = std::max(sight.commit_under_way_ms, sight.longest_commit_ms);
  if (slowest_ms >= kSlowMs) {
    slow_at_ = sight.now;
    slow_text_ = sight.commit_under_way_ms >= kSlowMs
                     ? "a commit has been under way for " + std::to_string(sight.commit_under_way_ms) + " ms"
                     : "a commit took " + std::to_string(sight.longest_commit_ms) + " ms";
  }
  if (slow_at_ && sight.now - *slow_at_ >= kWellAfterMs) slow_at_.reset();
  if (sight.trouble) {
    verdict.store = sight.trouble->kind == Kind::kNoSpace ? StoreState::kFull : StoreState::kFailing;
    verdict.store_text = sight.trouble->text;
    slow_at_.reset();  // it waited for space
  } else if (slow_at_) {
    verdict.store = StoreState::kSlow;
    verdict.store_text = slow_text_;
  }
}

}  // namespace mq::server
