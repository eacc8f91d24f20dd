#include "broker/exchanges/fanout.hpp"

#include "broker/exchanges/target_set.hpp"

namespace mq::broker {

namespace {

class FanoutBindings final : public BindingTable {
 public:
  Result<> validate(std::string_view, const amqp::Table&) const override { return {}; }
  void add(const Target& target, const std::string&, const amqp::Table&) override { targets_.add(target.id); }
  void remove(TargetId target, const std::string&, const amqp::Table&) override { targets_.remove(target); }
  void match(const RoutingInput&, std::vector<TargetId>& out) const override { targets_.append_to(out); }
  bool depends_on_key_only() const noexcept override { return true; }

 private:
  TargetSet targets_;
};

}  // namespace

std::unique_ptr<BindingTable> make_fanout_bindings(const amqp::Table&) { return std::make_unique<FanoutBindings>(); }

}  // namespace mq::broker
