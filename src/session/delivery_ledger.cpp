#include "session/delivery_ledger.hpp"

#include <algorithm>
#include <string>

namespace mq::session {

void DeliveryLedger::add(Unsettled delivery) {
  outstanding_.push_back(delivery);
  ++count_;
  if (delivery.timed) note_late(delivery);
}

void DeliveryLedger::note_late(const Unsettled& delivery) noexcept {
  if (!timed_ || is_due(delivery.late_at, next_late_)) next_late_ = delivery.late_at;
  timed_ = true;
}

void DeliveryLedger::take_late(std::uint32_t now, std::vector<Unsettled>& out) {
  timed_ = false;
  for (Unsettled& delivery : outstanding_) {
    if (delivery.queue == nullptr || !delivery.timed) continue;
    if (!is_due(delivery.late_at, now)) {
      note_late(delivery);
      continue;
    }
    late_.insert(delivery.tag);
    take(delivery, out);
  }
  while (late_.size() > kMostForgiven) late_.erase(late_.begin());
  drop_settled_front();
}

bool DeliveryLedger::forgive(std::uint64_t tag, bool multiple, std::vector<std::uint64_t>* forgiven) {
  const auto first = multiple ? late_.begin() : late_.lower_bound(tag);
  const auto end = late_.upper_bound(tag);
  const bool known = late_.contains(tag);
  if (forgiven != nullptr) forgiven->insert(forgiven->end(), first, end);
  late_.erase(first, end);
  return known;
}

std::size_t DeliveryLedger::index_of(std::uint64_t tag) const noexcept {
  if (outstanding_.empty() || tag < outstanding_.front().tag) return outstanding_.size();
  // Tags are dense unless some deliveries needed no acknowledgement.
  const std::size_t guess = tag - outstanding_.front().tag;
  if (guess < outstanding_.size() && outstanding_[guess].tag == tag) return guess;
  auto found = std::lower_bound(outstanding_.begin(), outstanding_.end(), tag,
                                [](const Unsettled& each, std::uint64_t wanted) { return each.tag < wanted; });
  return found != outstanding_.end() && found->tag == tag ? static_cast<std::size_t>(found - outstanding_.begin()) : outstanding_.size();
}

std::size_t DeliveryLedger::first_behind(std::uint64_t tag) const noexcept {
  auto behind = std::upper_bound(outstanding_.begin(), outstanding_.end(), tag,
                                 [](std::uint64_t wanted, const Unsettled& each) { return wanted < each.tag; });
  return static_cast<std::size_t>(behind - outstanding_.begin());
}

void DeliveryLedger::take(Unsettled& delivery, std::vector<Unsettled>& out) {
  if (delivery.queue == nullptr) return;
  out.push_back(delivery);
  delivery.queue = nullptr;
  --count_;
}

void DeliveryLedger::drop_settled_front() {
  while (!outstanding_.empty() && outstanding_.front().queue == nullptr) outstanding_.pop_front();
}

Result<> DeliveryLedger::settle(std::uint64_t tag, bool multiple, std::vector<Unsettled>& out, std::vector<std::uint64_t>* forgiven) {
  if (tag == 0 && multiple) {
    if (forgiven != nullptr) forgiven->insert(forgiven->end(), late_.begin(), late_.end());
    take_all(out);
    return {};
  }
  const bool late = !late_.empty() && forgive(tag, multiple, forgiven);
  std::size_t index = index_of(tag);
  const bool known = index != outstanding_.size() && outstanding_[index].queue != nullptr;
  if (!known && !late) return fail(ReplyCode::kPreconditionFailed, "unknown delivery tag " + std::to_string(tag));
  if (multiple) {
    if (!known) index = first_behind(tag);
    for (std::size_t each = 0; each < index; ++each) take(outstanding_[each], out);
  }
  if (known) take(outstanding_[index], out);
  drop_settled_front();
  return {};
}

void DeliveryLedger::take_all(std::vector<Unsettled>& out) {
  for (Unsettled& delivery : outstanding_) take(delivery, out);
  outstanding_.clear();
  late_.clear();
}

void DeliveryLedger::restore(const std::vector<Unsettled>& deliveries, const std::vector<std::uint64_t>& late) {
  late_.insert(late.begin(), late.end());
  for (const Unsettled& delivery : deliveries) {
    const std::size_t index = index_of(delivery.tag);
    if (index < outstanding_.size()) outstanding_[index] = delivery;
    else
      outstanding_.insert(std::lower_bound(outstanding_.begin(), outstanding_.end(), delivery.tag,
                                           [](const Unsettled& each, std::uint64_t tag) { return each.tag < tag; }),
                          delivery);
    ++count_;
    if (delivery.timed) note_late(delivery);
  }
}

}  // namespace mq::session
