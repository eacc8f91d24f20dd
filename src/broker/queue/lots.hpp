// Messages that were passed over because nobody who may have them had room, by what decides that: a lot each. What is in a lot may have
// left the queue since, by expiry or purge; whoever takes from it asks the log.
//
// Used on the queue's strand only. Eight bytes a message: bodies may be out of memory meanwhile.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <functional>
#include <optional>
#include <queue>
#include <vector>

#include "broker/queue/consumers.hpp"

namespace mq::broker {

/// What messages have in common that decides who may have them; 0 = anybody may.
using LotKey = std::uint64_t;
/// The lot of messages that were passed over by rules that hold no longer.
inline constexpr LotKey kLookAgain = UINT64_MAX;

class Lots {
 public:
  /// Higher levels first, then lower offsets.
  struct Later {
    bool operator()(Position a, Position b) const noexcept {
      const Position level_a = a >> 56, level_b = b >> 56;
      return level_a != level_b ? level_a < level_b : a > b;
    }
  };

  void add(LotKey key, Position position) { lots_[key].push(position); }
  [[nodiscard]] bool has(LotKey key) const noexcept { return lots_.contains(key); }
  /// The first in order; has(key).
  [[nodiscard]] Position front(LotKey key) const { return lots_.at(key).top(); }
  void pop_front(LotKey key) {
    const auto lot = lots_.find(key);
    lot->second.pop();
    if (lot->second.empty()) lots_.erase(lot);
  }
  [[nodiscard]] bool empty() const noexcept { return lots_.empty(); }
  /// The lot whose front is first in order among those with one of these bits in their keys.
  [[nodiscard]] std::optional<LotKey> first_with(LotKey bits) const;
  /// Makes them all one lot, to be looked at again.
  void gather() { mark_all(kLookAgain); }
  /// Sets these bits in all keys; lots that come to have one key become one.
  void mark_all(LotKey bits);
  void clear() { lots_.clear(); }
  template <class Visit>
  void for_each_key(Visit&& visit) const {
    for (const auto& [key, lot] : lots_) visit(key);
  }

 private:
  using Lot = std::priority_queue<Position, std::vector<Position>, Later>;
  boost::unordered_flat_map<LotKey, Lot> lots_;
};

}  // namespace mq::broker
