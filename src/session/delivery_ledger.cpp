#include "session/delivery_ledger.hpp"

#include <algorithm>
#include <string>

namespace mq::session {

void DeliveryLedger::add(Unsettled delivery) {
  outstanding_.push_back(delivery);
  ++count_;
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

void DeliveryLedger::take(Unsettled& delivery, std::vector<Unsettled>& out) {
  if (delivery.queue == nullptr) return;
  out.push_back(delivery);
  delivery.queue = nullptr;
  --count_;
}

void DeliveryLedger::drop_settled_front() {
  while (!outstanding_.empty() && outstanding_.front().queue == nullptr) outstanding_.pop_front();
}

Result<> DeliveryLedger::settle(std::uint64_t tag, bool multiple, std::vector<Unsettled>& out) {
  if (tag == 0 && multiple) return take_all(out), Result<>{};
  const std::size_t index = index_of(tag);
  if (index == outstanding_.size() || outstanding_[index].queue == nullptr)
    return fail(ReplyCode::kPreconditionFailed, "unknown delivery tag " + std::to_string(tag));
  if (multiple)
    for (std::size_t each = 0; each < index; ++each) take(outstanding_[each], out);
  take(outstanding_[index], out);
  drop_settled_front();
  return {};
}

void DeliveryLedger::take_all(std::vector<Unsettled>& out) {
  for (Unsettled& delivery : outstanding_) take(delivery, out);
  outstanding_.clear();
}

void DeliveryLedger::restore(std::vector<Unsettled> deliveries) {
  for (Unsettled& delivery : deliveries) {
    const std::size_t index = index_of(delivery.tag);
    if (index < outstanding_.size()) outstanding_[index] = delivery;
    else
      outstanding_.insert(std::lower_bound(outstanding_.begin(), outstanding_.end(), delivery.tag,
                                           [](const Unsettled& each, std::uint64_t tag) { return each.tag < tag; }),
                          delivery);
    ++count_;
  }
}

}  // namespace mq::session
