#include "broker/queue/lots.hpp"

#include <utility>

namespace mq::broker {

std::optional<LotKey> Lots::first_with(LotKey bits) const {
  const std::pair<const LotKey, Lot>* first = nullptr;
  for (const auto& named : lots_)
    if ((named.first & bits) != 0 && (first == nullptr || Later{}(first->second.top(), named.second.top()))) first = &named;
  if (first == nullptr) return std::nullopt;
  return first->first;
}

void Lots::mark_all(LotKey bits) {
  boost::unordered_flat_map<LotKey, Lot> marked;
  for (auto& [key, lot] : lots_) {
    auto [known, is_new] = marked.try_emplace(key | bits);
    Lot& into = known->second;
    if (into.size() < lot.size()) std::swap(into, lot);
    for (; !lot.empty(); lot.pop()) into.push(lot.top());
  }
  lots_ = std::move(marked);
}

}  // namespace mq::broker
