#include "engine/delayed_window.hpp"

#include <algorithm>
#include <utility>

namespace mq::engine {

void DelayedWindow::restore(std::uint64_t messages) {
  far_ = messages;
  horizon_ = messages == 0 ? kBehindAllDelayed : DelayedKey{};
}

void DelayedWindow::insert(const DelayedRecord& record) {
  if (near_.try_emplace(record.key, Near{record.message, record.accepted_at}).second) bytes_ += cost(record.message);
}

void DelayedWindow::add(const DelayedRecord& record) {
  if (record.key < horizon_) {
    insert(record);
    return trim();
  }
  ++far_;
  if (loading_) missed_ = std::min(missed_, record.key);
}

void DelayedWindow::trim() {
  while (near_.size() > 1 && (near_.size() > limits_.messages || bytes_ > limits_.bytes)) {
    auto last = std::prev(near_.end());
    horizon_ = last->first;
    bytes_ -= cost(last->second.message);
    near_.erase(last);
    ++far_;
    if (loading_) missed_ = std::min(missed_, horizon_);
  }
}

std::optional<DelayedRecord> DelayedWindow::take_due(UnixMillis now) {
  if (next_due() > now) return std::nullopt;
  auto first = near_.begin();
  DelayedRecord record{first->first, std::move(first->second.message), first->second.accepted_at};
  bytes_ -= cost(record.message);
  near_.erase(first);
  leaving_.insert(record.key);
  return record;
}

bool DelayedWindow::take(DelayedKey key) {
  if (is_leaving(key)) return false;
  if (key < horizon_) {
    auto found = near_.find(key);
    if (found == near_.end()) return false;
    bytes_ -= cost(found->second.message);
    near_.erase(found);
  } else {
    if (far_ == 0) return false;
    --far_;
  }
  leaving_.insert(key);
  return true;
}

void DelayedWindow::gone(DelayedKey key) {
  leaving_.erase(key);
  // What is read from disk just now may still show it.
  if (loading_ && key >= load_from_) left_meanwhile_.insert(key);
}

bool DelayedWindow::wants_load() const noexcept {
  return !loading_ && far_ > 0 && near_.size() <= limits_.messages / 2 && bytes_ <= limits_.bytes / 2;
}

DelayedWindow::Load DelayedWindow::start_load(std::uint64_t safe_below) {
  loading_ = true;
  load_from_ = horizon_;
  safe_below_ = safe_below;
  missed_ = kBehindAllDelayed;
  return {load_from_, limits_.messages - near_.size(), limits_.bytes - std::min(bytes_, limits_.bytes)};
}

DelayedWindow::Losses DelayedWindow::loaded(const DelayedScan& scan) {
  loading_ = false;
  DelayedKey read_to = load_from_;
  if (!scan.records.empty()) read_to = {scan.records.back().key.due, scan.records.back().key.sequence + 1};
  if (!scan.damaged.empty()) read_to = std::max(read_to, {scan.damaged.back().due, scan.damaged.back().sequence + 1});
  if (scan.complete) read_to = kBehindAllDelayed;
  // What went to the far side meanwhile was perhaps not seen: everything from there on is left for another time.
  horizon_ = std::min(read_to, missed_);
  for (const DelayedRecord& record : scan.records) {
    if (record.key >= horizon_) break;
    // One that was on its way to disk when the reading began will be added when its writer says so.
    if (record.key.sequence >= safe_below_ || is_leaving(record.key)) continue;
    insert(record);
    far_ -= std::min<std::uint64_t>(far_, 1);
  }
  Losses losses;
  for (DelayedKey key : scan.damaged) {
    if (key >= horizon_ || key.sequence >= safe_below_ || is_leaving(key)) continue;
    losses.damaged.push_back(key);
    leaving_.insert(key);
    far_ -= std::min<std::uint64_t>(far_, 1);
  }
  left_meanwhile_.clear();
  if (horizon_ == kBehindAllDelayed) losses.missing = std::exchange(far_, 0);
  trim();
  return losses;
}

}  // namespace mq::engine
