#include "broker/queue/consumers.hpp"

#include <algorithm>

namespace mq::broker {

void Consumers::set_single_active(bool on) {
  if (single_active_ == on) return;
  single_active_ = on;
  active_ = nullptr;
  choose_active();
  for_each([this](Consumer& consumer) { credit_changed(consumer); });
}

Consumer& Consumers::add(ConsumerSpec spec) {
  std::uint32_t slot = static_cast<std::uint32_t>(slots_.size());
  if (free_slots_.empty()) slots_.emplace_back();
  else {
    slot = free_slots_.back();
    free_slots_.pop_back();
  }
  exclusive_ = exclusive_ || spec.exclusive;
  slots_[slot] = std::make_unique<Consumer>(std::move(spec), slot);
  arrival_.push_back(slot);
  by_name_[{slots_[slot]->spec_.peer.get(), slots_[slot]->spec_.number}] = slot;
  ++count_;
  choose_active();
  credit_changed(*slots_[slot]);
  return *slots_[slot];
}

Consumer* Consumers::find(const Peer* peer, std::uint32_t number) noexcept {
  auto found = by_name_.find({peer, number});
  return found == by_name_.end() ? nullptr : slots_[found->second].get();
}

bool Consumers::remove(const Peer* peer, std::uint32_t number, bool gives_back) {
  Consumer* consumer = find(peer, number);
  if (consumer == nullptr) return false;
  leave_line(*consumer);
  const std::uint32_t slot = consumer->slot_;
  by_name_.erase({peer, number});
  arrival_.erase(std::find(arrival_.begin(), arrival_.end(), slot));
  --count_;
  if (consumer->spec_.exclusive) exclusive_ = false;
  consumer->cancelled_ = true;
  const bool was_active = active_ == consumer;
  if (consumer->unacked_ == 0) {
    free_slot(slot);
  } else if (gives_back) {
    consumer->giving_back_ = true;
    ++giving_back_;
  }
  if (was_active) {
    active_ = nullptr;
    choose_active();
    if (active_ != nullptr) credit_changed(*active_);
  }
  return true;
}

void Consumers::free_slot(std::uint32_t slot) {
  if (slots_[slot]->giving_back_) --giving_back_;
  slots_[slot].reset();
  free_slots_.push_back(slot);
}

void Consumers::settled(std::uint32_t slot) {
  Consumer* consumer = by_slot(slot);
  if (consumer == nullptr || consumer->unacked_ == 0) return;
  --consumer->unacked_;
  if (!consumer->cancelled_) credit_changed(*consumer);
  else if (consumer->unacked_ == 0) free_slot(slot);
}

void Consumers::choose_active() {
  if (!single_active_ || active_ != nullptr) return;
  // The highest priority, and among those the one that came first.
  for (std::uint32_t slot : arrival_)
    if (active_ == nullptr || slots_[slot]->spec_.priority > active_->spec_.priority) active_ = slots_[slot].get();
}

Consumer* Consumers::next() noexcept {
  if (giving_back_ > 0) return nullptr;
  for (auto& [priority, line] : line_)
    if (!line.empty()) return line.front();
  return nullptr;
}

Consumer* Consumers::next_of(std::uint64_t wants) noexcept {
  if ((wants_in_line() & wants) == 0) return nullptr;
  for (auto& [priority, line] : line_)
    for (Consumer* consumer : line)
      if ((wants >> consumer->spec_.want & 1) != 0) return consumer;
  return nullptr;
}

void Consumers::tell_wants(bool on) {
  wants_ = on ? std::make_unique<Wants>() : nullptr;
  if (!on) return;
  for (auto& [priority, line] : line_)
    for (Consumer* consumer : line) count_want(*consumer);
}

void Consumers::count_want(const Consumer& consumer) {
  ++wants_->in_line[consumer.spec_.want];
  wants_->any_in_line |= std::uint64_t{1} << consumer.spec_.want;
}

void Consumers::enter_line(Consumer& consumer) {
  if (consumer.waiting_) return;
  consumer.waiting_ = true;
  if (wants_) count_want(consumer);
  line_[consumer.spec_.priority].push_back(&consumer);
}

void Consumers::leave_line(Consumer& consumer) {
  if (!consumer.waiting_) return;
  consumer.waiting_ = false;
  if (wants_ && --wants_->in_line[consumer.spec_.want] == 0) wants_->any_in_line &= ~(std::uint64_t{1} << consumer.spec_.want);
  auto line = line_.find(consumer.spec_.priority);
  line->second.erase(std::find(line->second.begin(), line->second.end(), &consumer));
  if (line->second.empty()) line_.erase(line);
}

void Consumers::served(Consumer& consumer) {
  const bool more = consumer.has_credit();
  auto line = line_.find(consumer.spec_.priority);
  if (more && line->second.size() == 1) return;  // alone: it is its turn again
  leave_line(consumer);
  if (more) enter_line(consumer);
}

void Consumers::refused(Consumer& consumer) { leave_line(consumer); }

void Consumers::credit_changed(Consumer& consumer) {
  if (consumer.has_credit() && (!single_active_ || active_ == &consumer)) enter_line(consumer);
  else leave_line(consumer);
}

std::uint64_t Consumers::total_room(std::uint64_t enough) const noexcept {
  std::uint64_t room = 0;
  for (const auto& consumer : slots_) {
    if (!consumer || consumer->cancelled_) continue;
    room += consumer->spec_.no_ack || consumer->spec_.prefetch == 0 ? enough : consumer->spec_.prefetch;
    if (room >= enough) return enough;
  }
  return room;
}

}  // namespace mq::broker
