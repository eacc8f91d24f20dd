#include "broker/exchanges/random.hpp"

#include <algorithm>
#include <boost/unordered/unordered_flat_map.hpp>

#include "mq/base/check.hpp"
#include "mq/ports/scheduler.hpp"

namespace mq::broker {

namespace {

class RandomBindings final : public BindingTable {
 public:
  explicit RandomBindings(bool empty_keys_only) : empty_keys_only_(empty_keys_only) {}

  Result<> validate(std::string_view routing_key, const amqp::Table&) const override {
    if (!empty_keys_only_ || routing_key.empty()) return {};
    return fail(ReplyCode::kPreconditionFailed, "Non empty binding '" + std::string(routing_key) + "' key not permitted");
  }

  void add(const Target& target, const std::string&, const amqp::Table&) override {
    places_[target.id].push_back(static_cast<std::uint32_t>(lots_.size()));
    lots_.push_back(target.id);
  }

  void remove(TargetId target, const std::string&, const amqp::Table&) override {
    auto found = places_.find(target);
    MQ_CHECK(found != places_.end());
    const std::uint32_t freed = found->second.back();
    found->second.pop_back();
    if (found->second.empty()) places_.erase(found);
    const auto last = static_cast<std::uint32_t>(lots_.size() - 1);
    if (freed != last) move_lot(last, freed);
    lots_.pop_back();
  }

  void match(const RoutingInput& input, std::vector<TargetId>& out) const override {
    if (lots_.empty()) return;
    out.push_back(lots_[input.chance == nullptr ? 0 : input.chance->random() % lots_.size()]);
  }

  bool depends_on_key_only() const noexcept override { return false; }

 private:
  void move_lot(std::uint32_t from, std::uint32_t to) {
    lots_[to] = lots_[from];
    std::vector<std::uint32_t>& places = places_[lots_[to]];
    *std::find(places.begin(), places.end(), from) = to;
  }

  bool empty_keys_only_;
  std::vector<TargetId> lots_;
  boost::unordered_flat_map<TargetId, std::vector<std::uint32_t>> places_;  // where its lots are
};

}  // namespace

std::unique_ptr<BindingTable> make_random_bindings(const amqp::Table&) { return std::make_unique<RandomBindings>(false); }
std::unique_ptr<BindingTable> make_local_random_bindings(const amqp::Table&) { return std::make_unique<RandomBindings>(true); }

}  // namespace mq::broker
