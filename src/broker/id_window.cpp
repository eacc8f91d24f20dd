#include "broker/id_window.hpp"

#include <algorithm>
#include <utility>

namespace mq::broker {

// --- bounds ---

void IdWindow::forget_all() {
  drop_window_ = drop_window_ || !records_.empty() || !drops_.empty();
  drop_after_joints_ = !joints_.empty();
  seen_.clear();
  left_.clear();
  seen_.take_left(left_);
  left_.clear();
  records_.clear();
  drops_.clear();
  for (Pending& pending : pending_) pending.on_disk = false;
}

void IdWindow::restore(const RecoveredSeen& recovered) {
  for (const std::vector<SeenId>& ids : recovered.records) {
    if (ids.front().sequence < seen_.next()) continue;
    Record& record = records_.emplace_back();
    record.first = ids.front().sequence;
    record.span = static_cast<std::uint32_t>(ids.back().sequence - record.first);
    record.live = static_cast<std::uint32_t>(ids.size());
    for (const SeenId& id : ids) seen_.restore(id);
  }
  drops_.insert(drops_.end(), recovered.damaged.begin(), recovered.damaged.end());
  let_go();
}

void IdWindow::trim(UnixMillis now) {
  seen_.trim(max_ids_, now);
  let_go();
}

// Records of which the last id has left are dropped with the next write.
void IdWindow::let_go() {
  left_.clear();
  seen_.take_left(left_);
  for (std::uint64_t sequence : left_) {
    auto record = records_.begin();
    if (records_.size() > 1 && sequence > record->first + record->span)
      record = std::upper_bound(records_.begin(), records_.end(), sequence,
                                [](std::uint64_t wanted, const Record& each) { return wanted < each.first; });
    else if (record != records_.end()) ++record;
    if (record == records_.begin()) continue;
    --record;
    if (sequence < record->first || sequence > record->first + record->span || record->live == 0) continue;  // not written yet
    if (--record->live == 0) drops_.push_back(record->first);
  }
  while (!records_.empty() && records_.front().live == 0) records_.pop_front();
}

// --- ids ---

std::uint64_t IdWindow::enter(const IdHash& hash, UnixMillis until, Keep keep, Offset offset) {
  const std::uint64_t sequence = seen_.enter(hash, until, keep == Keep::kDisk);
  if (keep != Keep::kMemory) pending_.push_back({{sequence, hash, until}, offset, keep == Keep::kDisk});
  let_go();
  return sequence;
}

void IdWindow::take_back(std::uint64_t first) {
  while (!pending_.empty() && pending_.back().id.sequence >= first) pending_.pop_back();
  while (!records_.empty() && records_.back().first >= first) records_.pop_back();
  seen_.take_back(first);
  let_go();
}

// --- what is on disk ---

std::uint64_t IdWindow::joined_below() const noexcept {
  std::uint64_t below = seen_.next();
  for (const auto& [name, first] : joints_) below = std::min(below, first);
  return below;
}

std::uint64_t IdWindow::collected_below() const noexcept {
  const std::uint64_t below = joined_below();
  return pending_.empty() ? below : std::min(below, pending_.front().id.sequence);
}

std::uint64_t IdWindow::settled_below() const noexcept {
  std::uint64_t below = collected_below();
  for (std::uint64_t first : writing_) below = std::min(below, first);
  return below;
}

bool IdWindow::dirty(Offset below) const noexcept {
  return drop_window_ || !drops_.empty() || (!pending_.empty() && pending_.front().offset < below);
}

void IdWindow::put_record(std::vector<SeenId> ids, WriteSet& out) {
  if (ids.empty()) return;
  Record& record = records_.emplace_back();
  record.first = ids.front().sequence;
  record.span = static_cast<std::uint32_t>(ids.back().sequence - record.first);
  record.live = static_cast<std::uint32_t>(ids.size());
  out.operations.emplace_back(WriteSet::PutSeen{window_, std::move(ids)});
}

void IdWindow::collect(Offset below, WriteSet& out) {
  if (std::exchange(drop_window_, false)) out.operations.emplace_back(WriteSet::DropSeenWindow{window_});
  for (std::uint64_t first : drops_) out.operations.emplace_back(WriteSet::DropSeen{window_, first});
  drops_.clear();
  std::uint64_t first = kNone;
  std::vector<SeenId> ids;
  while (!pending_.empty() && pending_.front().offset < below) {
    const Pending& pending = pending_.front();
    first = std::min(first, pending.id.sequence);
    if (pending.on_disk && seen_.remembers(pending.id.sequence)) ids.push_back(pending.id);
    pending_.pop_front();
  }
  put_record(std::move(ids), out);
  writing_.push_back(first);
}

void IdWindow::written() {
  if (foreign_writes_ != 0) --foreign_writes_;
  else writing_.pop_front();
}

// --- atomic commits ---

void IdWindow::collect_joint(std::uint64_t first, std::uint64_t name, WriteSet& out) {
  std::vector<SeenId> ids;
  auto from = std::find_if(pending_.begin(), pending_.end(), [&](const Pending& pending) { return pending.id.sequence >= first; });
  if (from == pending_.end()) return;
  for (auto pending = from; pending != pending_.end(); ++pending)
    if (pending->on_disk && seen_.remembers(pending->id.sequence)) ids.push_back(pending->id);
  joints_[name] = from->id.sequence;
  pending_.erase(from, pending_.end());
  put_record(std::move(ids), out);
}

void IdWindow::joint_done(std::uint64_t name) {
  joints_.erase(name);
  if (joints_.empty() && std::exchange(drop_after_joints_, false)) drop_window_ = drop_window_ || records_.empty();
}

void IdWindow::abandon() {
  pending_.clear();
  joints_.clear();
  drops_.clear();
}

}  // namespace mq::broker
