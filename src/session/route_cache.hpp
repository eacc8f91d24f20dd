// Routes a session has looked up: valid while the vhost's version and the access revision stand; so the steady state of publishing
// takes no lock and makes no look-up in the topology.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/queue_actor.hpp"
#include "mq/base/result.hpp"

namespace mq::session {

/// What publishing to (exchange, routing key) comes to.
struct CachedRoute {
  std::vector<std::shared_ptr<engine::QueueActor>> queues;
  bool key_only = true;                     ///< false: the queues depend on more than the key and are looked up for each message
  broker::ExchangeDeduplicationPtr unique;  ///< not null: its exchange lets each id in once, and is asked first
};

class RouteCache {
 public:
  /// Forgets everything when either number moved.
  void validate(std::uint64_t topology_version, std::uint64_t access_revision) {
    if (topology_version == topology_version_ && access_revision == access_revision_) return;
    topology_version_ = topology_version;
    access_revision_ = access_revision;
    clear();
  }
  [[nodiscard]] const CachedRoute* find(std::string_view exchange, std::string_view routing_key) {
    if (last_ != nullptr && routing_key == last_key_ && exchange == last_exchange_) return last_;
    scratch_.assign(exchange).append(1, '\0').append(routing_key);
    auto found = routes_.find(scratch_);
    if (found == routes_.end()) return nullptr;
    return remember(exchange, routing_key, *found->second);
  }
  const CachedRoute& insert(std::string_view exchange, std::string_view routing_key, CachedRoute route) {
    targets_ += route.queues.size();
    if (routes_.size() >= kMaxRoutes || targets_ > kMaxTargets) {
      clear();
      targets_ = route.queues.size();
    }
    scratch_.assign(exchange).append(1, '\0').append(routing_key);
    auto& slot = routes_[scratch_];
    slot = std::make_unique<CachedRoute>(std::move(route));
    return *remember(exchange, routing_key, *slot);
  }
  void clear() {
    routes_.clear();
    targets_ = 0;
    last_ = nullptr;
  }

 private:
  static constexpr std::size_t kMaxRoutes = 4096;
  static constexpr std::size_t kMaxTargets = 65536;  // of all of them, but for one that has more by itself

  const CachedRoute* remember(std::string_view exchange, std::string_view routing_key, const CachedRoute& route) {
    last_exchange_.assign(exchange);
    last_key_.assign(routing_key);
    return last_ = &route;
  }

  std::uint64_t topology_version_ = 0;
  std::uint64_t access_revision_ = 0;
  boost::unordered_flat_map<std::string, std::unique_ptr<CachedRoute>> routes_;
  std::size_t targets_ = 0;
  const CachedRoute* last_ = nullptr;
  std::string last_exchange_, last_key_, scratch_;
};

}  // namespace mq::session
