#include "broker/queue/filter_selector.hpp"

#include <algorithm>
#include <utility>

namespace mq::broker {

std::size_t FilterSelector::find(const Filter& filter) const {
  return static_cast<std::size_t>(
      std::find_if(known_.begin(), known_.end(), [&](const Known& known) { return known.filter->same_as(filter); }) - known_.begin());
}

bool FilterSelector::has_place_for(const Filter& filter) const {
  return known_.size() < kMaxFilters || unused_ != 0 || find(filter) < known_.size();
}

std::uint8_t FilterSelector::join(std::shared_ptr<const Filter> filter, Lots& lots) {
  std::size_t index = find(*filter);
  if (index == known_.size()) {
    if (known_.size() < kMaxFilters) {
      known_.emplace_back();
    } else {  // in the place of the one that was not in use for the longest time
      const auto older = [](const Known& a, const Known& b) {
        return std::pair(a.consumers != 0, a.left_at) < std::pair(b.consumers != 0, b.left_at);
      };
      index = static_cast<std::size_t>(std::min_element(known_.begin(), known_.end(), older) - known_.begin());
    }
    known_[index].filter = std::move(filter);
    if (!lots.empty()) {
      lots.mark_all(bit_of(index));
      parked_ |= bit_of(index);
    }
  }
  ++known_[index].consumers;
  used_ |= bit_of(index);
  unused_ &= ~bit_of(index);
  return static_cast<std::uint8_t>(index + 1);
}

void FilterSelector::leave(std::uint8_t want) {
  const std::size_t index = want - 1u;
  if (--known_[index].consumers > 0) return;
  known_[index].left_at = ++leavings_;
  used_ &= ~bit_of(index);
  unused_ |= bit_of(index);
}

LotKey FilterSelector::key_of(const Message& message) {
  LotKey key = kEverybody | unused_;
  for (std::size_t index = 0; index < known_.size(); ++index)
    if ((used_ & bit_of(index)) != 0 && known_[index].filter->matches(message)) key |= bit_of(index);
  return key;
}

Consumer* FilterSelector::choose(LotKey key, Consumers& consumers) {
  Consumer* consumer = consumers.next_of(key);
  if (consumer == nullptr) parked_ |= key;  // that is what the queue does with it now
  return consumer;
}

void FilterSelector::call_first(const Lots& lots, LotKey wants, std::optional<Position> next, std::vector<LotKey>& calls) {
  calls.clear();
  const auto first = lots.first_with(wants);
  if (first && (!next || Lots::Later{}(*next, lots.front(*first)))) calls.push_back(*first);
}

void FilterSelector::call(const Lots& lots, const Consumers& consumers, std::optional<Position> next, std::vector<LotKey>& calls) {
  const LotKey wants = consumers.wants_in_line();
  calls.clear();
  if ((parked_ & wants) == 0) return;
  parked_ = 0;
  lots.for_each_key([&](LotKey key) { parked_ |= key; });
  if ((parked_ & wants) != 0) call_first(lots, wants, next, calls);
}

void FilterSelector::call_for_get(const Lots& lots, std::optional<Position> next, std::vector<LotKey>& calls) {
  call_first(lots, kEverybody, next, calls);
}

}  // namespace mq::broker
