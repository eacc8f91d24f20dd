#include "broker/exchanges/modulus_hash.hpp"

#include <algorithm>

#include "broker/stable_hash.hpp"
#include "mq/base/check.hpp"

namespace mq::broker {

namespace {

class ModulusHashBindings final : public BindingTable {
 public:
  Result<> validate(std::string_view, const amqp::Table&) const override { return {}; }

  void add(const Target& target, const std::string&, const amqp::Table&) override {
    Place place{target.is_exchange, std::string(target.name), target.id};
    places_.insert(std::upper_bound(places_.begin(), places_.end(), place), std::move(place));
  }

  void remove(TargetId target, const std::string&, const amqp::Table&) override {
    auto found = std::find_if(places_.begin(), places_.end(), [&](const Place& place) { return place.target == target; });
    MQ_CHECK(found != places_.end());
    places_.erase(found);
  }

  void match(const RoutingInput& input, std::vector<TargetId>& out) const override {
    if (!places_.empty()) out.push_back(places_[stable_hash(input.routing_key) % places_.size()].target);
  }

  bool depends_on_key_only() const noexcept override { return true; }
  bool tries_every_key() const noexcept override { return false; }  // one message, one target

 private:
  struct Place {
    bool is_exchange = false;
    std::string name;
    TargetId target = 0;
    bool operator<(const Place& other) const {  // exchanges first, as RabbitMQ sorts them
      return is_exchange != other.is_exchange ? is_exchange : name < other.name;
    }
  };
  std::vector<Place> places_;  // in order
};

}  // namespace

std::unique_ptr<BindingTable> make_modulus_hash_bindings(const amqp::Table&) { return std::make_unique<ModulusHashBindings>(); }

}  // namespace mq::broker
