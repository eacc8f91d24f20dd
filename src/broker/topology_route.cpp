// Routing: from an exchange along bindings to queues. Reads the topology only, and may run on many threads at once.
#include <algorithm>

#include "broker/topology.hpp"
#include "broker/topology_parts.hpp"

namespace mq::broker {

namespace {

/// Where a walk keeps its way; one per thread, so that routing allocates nothing once it has warmed up.
struct Walk {
  std::vector<TargetId> matched;        // by one exchange
  std::vector<TargetId> queues;         // by all, with repetitions
  std::vector<std::uint32_t> to_visit;  // exchanges
  std::vector<std::uint32_t> seen;      // per exchange: the last walk that came by
  std::uint32_t walk = 0;

  void start(std::size_t exchanges) {
    queues.clear();
    to_visit.clear();
    if (seen.size() < exchanges) seen.resize(exchanges, 0);
    if (++walk == 0) {
      std::fill(seen.begin(), seen.end(), 0);
      walk = 1;
    }
  }
  void visit(std::uint32_t exchange) {
    if (seen[exchange] == walk) return;
    seen[exchange] = walk;
    to_visit.push_back(exchange);
  }
};

Walk& start_walk(std::size_t exchanges) {
  static thread_local Walk walk;
  walk.start(exchanges);
  return walk;
}

void match_keys(const BindingTable& bindings, const RoutingInput& input, std::span<const std::string_view> more_keys,
                std::vector<TargetId>& out) {
  bindings.match(input, out);
  if (more_keys.empty() || !bindings.tries_every_key()) return;
  RoutingInput other = input;
  for (std::string_view key : more_keys) {
    other.routing_key = key;
    bindings.match(other, out);
  }
}

void sort_and_drop_repetitions(std::vector<TargetId>& targets) {
  if (targets.size() < 2) return;
  if (!std::is_sorted(targets.begin(), targets.end())) std::sort(targets.begin(), targets.end());
  targets.erase(std::unique(targets.begin(), targets.end()), targets.end());
}

}  // namespace

void Topology::route(std::string_view exchange, const RoutingInput& input, std::span<const std::string_view> more_keys, Route& out) const {
  out.queues.clear();
  out.remembered.clear();
  out.unique = nullptr;
  out.key_only = more_keys.empty();
  Walk& walk = start_walk(parts_->exchanges.numbers());
  auto reach_named = [&](std::string_view queue) {
    if (const Queue* found = parts_->queues.find(queue)) walk.queues.push_back(queue_target(found->number));
  };

  if (exchange.empty()) {
    reach_named(input.routing_key);
    for (std::string_view key : more_keys) reach_named(key);
  } else if (const Exchange* first = parts_->exchanges.find(exchange)) {
    walk.visit(first->number);
    out.unique = first->deduplication;
  }
  while (!walk.to_visit.empty()) {
    const Exchange& at = parts_->exchanges[walk.to_visit.back()];
    walk.to_visit.pop_back();
    walk.matched.clear();
    match_keys(*at.bindings, input, more_keys, walk.matched);
    if (!at.bindings->depends_on_key_only()) {
      out.key_only = false;
      if (at.history) out.remembered.push_back(at.history.get());
    }
    for (TargetId target : walk.matched) {
      if (is_exchange(target)) walk.visit(number_of(target));
      else walk.queues.push_back(target);
    }
    if (!walk.matched.empty() || at.alternate.empty()) continue;
    if (const Exchange* alternate = parts_->exchanges.find(at.alternate)) walk.visit(alternate->number);
  }

  sort_and_drop_repetitions(walk.queues);
  out.queues.reserve(walk.queues.size());
  for (TargetId target : walk.queues) out.queues.push_back(parts_->queues[number_of(target)].destination);
}

}  // namespace mq::broker
