// A topology under test, spoken to in names.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "broker/topology.hpp"

namespace mq::broker::test {

struct NamedDestination final : Destination {
  explicit NamedDestination(std::string queue) : name(std::move(queue)) {}
  std::string name;
};

using Names = std::vector<std::string>;

struct ExchangeFlags {
  bool durable = false;
  bool auto_delete = false;
  bool internal = false;
  amqp::Table arguments = {};
};

class TopologyBench {
 public:
  [[nodiscard]] Topology& topology() { return topology_; }

  Result<bool> declare(const std::string& name, const std::string& type, const ExchangeFlags& flags = {}) {
    return topology_.declare_exchange({name, type, flags.durable, flags.auto_delete, flags.internal, flags.arguments});
  }
  /// An exchange that hands over to `alternate` what it cannot route.
  void declare_with_alternate(const std::string& name, const std::string& type, const std::string& alternate) {
    declare(name, type, {.arguments = {{"alternate-exchange", alternate}}}).value();
  }
  void add_queue(const std::string& name) {
    QueueInfo queue;
    queue.name = name;
    topology_.add_queue(queue, std::make_shared<NamedDestination>(name));
  }
  Result<TopologyChange> bind(const std::string& source, const std::string& queue, const std::string& key = "",
                              const amqp::Table& arguments = {}) {
    return topology_.bind({source, BindTo::kQueue, queue, key, arguments});
  }
  Result<TopologyChange> unbind(const std::string& source, const std::string& queue, const std::string& key = "",
                                const amqp::Table& arguments = {}) {
    return topology_.unbind({source, BindTo::kQueue, queue, key, arguments});
  }
  Result<TopologyChange> link(const std::string& source, const std::string& destination, const std::string& key = "") {
    return topology_.bind({source, BindTo::kExchange, destination, key, {}});
  }
  Result<TopologyChange> unlink(const std::string& source, const std::string& destination, const std::string& key = "") {
    return topology_.unbind({source, BindTo::kExchange, destination, key, {}});
  }
  [[nodiscard]] bool has_exchange(std::string_view name) const { return topology_.find_exchange(name) != nullptr; }

  /// The queues a message enters, in the order of the route.
  [[nodiscard]] Names routed(std::string_view exchange, std::string_view key = "", const std::vector<std::string_view>& more_keys = {}) {
    topology_.route(exchange, {key, {}, nullptr}, more_keys, route_);
    Names names;
    for (const DestinationPtr& queue : route_.queues) names.push_back(static_cast<const NamedDestination&>(*queue).name);
    return names;
  }
  /// Whether that route may be cached by its key.
  [[nodiscard]] bool key_only(std::string_view exchange, std::string_view key, const std::vector<std::string_view>& more_keys = {}) {
    topology_.route(exchange, {key, {}, nullptr}, more_keys, route_);
    return route_.key_only;
  }

 private:
  Topology topology_{"/"};
  Route route_;
};

template <class T>
std::string text_of(const Result<T>& result) {
  return result ? "no error" : result.error().reply_text();
}

}  // namespace mq::broker::test
