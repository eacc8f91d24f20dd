#include "broker/exchanges/direct.hpp"

#include <boost/unordered/unordered_flat_map.hpp>

#include "broker/exchanges/target_set.hpp"
#include "broker/string_hash.hpp"

namespace mq::broker {

namespace {

class DirectBindings final : public BindingTable {
 public:
  Result<> validate(std::string_view, const amqp::Table&) const override { return {}; }

  void add(const Target& target, const std::string& routing_key, const amqp::Table&) override { by_key_[routing_key].add(target.id); }

  void remove(TargetId target, const std::string& routing_key, const amqp::Table&) override {
    auto found = by_key_.find(routing_key);
    MQ_CHECK(found != by_key_.end());
    found->second.remove(target);
    if (found->second.empty()) by_key_.erase(found);
  }

  void match(const RoutingInput& input, std::vector<TargetId>& out) const override {
    auto found = by_key_.find(input.routing_key);
    if (found != by_key_.end()) found->second.append_to(out);
  }

  bool depends_on_key_only() const noexcept override { return true; }

 private:
  boost::unordered_flat_map<std::string, TargetSet, StringHash, std::equal_to<>> by_key_;
};

}  // namespace

std::unique_ptr<BindingTable> make_direct_bindings(const amqp::Table&) { return std::make_unique<DirectBindings>(); }

}  // namespace mq::broker
