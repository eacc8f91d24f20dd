// Weights are sums of powers of two, and each power has a ring of its own. On the ring of 2^j a key walks 2^j times as fast; whoever
// takes it first on any ring gets it. So a weight of a million costs no more points than twenty weights of one.
#include "broker/exchanges/consistent_hash.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <boost/unordered/unordered_flat_map.hpp>
#include <charconv>
#include <cmath>
#include <limits>

#include "broker/exchanges/hash_ring.hpp"
#include "broker/stable_hash.hpp"
#include "broker/values.hpp"
#include "mq/base/check.hpp"

namespace mq::broker {

namespace {

using Weight = std::uint32_t;
constexpr unsigned kWeightBits = 32;
constexpr std::string_view kTooHeavy = "The binding key must be less than 4294967296";

Error invalid(std::string text) { return fail(ReplyCode::kPreconditionFailed, std::move(text)); }

/// An integer as Erlang reads one: a sign, perhaps, and digits.
Result<Weight> parse_weight(std::string_view key) {
  std::string_view digits = key;
  const bool negative = digits.starts_with('-');
  if (negative || digits.starts_with('+')) digits.remove_prefix(1);
  if (digits.empty() || digits.find_first_not_of("0123456789") != std::string_view::npos)
    return invalid("The binding key must be an integer: " + binary_text(key));
  Weight weight = 0;
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), weight);
  if (negative || (read.ec == std::errc() && weight == 0)) return invalid("The binding key must be greater than 0");
  if (read.ec != std::errc()) return invalid(std::string(kTooHeavy));
  return weight;
}

class ConsistentHashBindings final : public BindingTable {
 public:
  explicit ConsistentHashBindings(const amqp::Table& exchange_arguments) : subject_(exchange_arguments) {}

  Result<> validate(std::string_view routing_key, const amqp::Table&) const override {
    if (auto weight = parse_weight(routing_key); !weight) return weight.error();
    return {};
  }

  void add(const Target& target, const std::string& routing_key, const amqp::Table&) override {
    Bound& bound = bound_[target.id];
    if (bound.weights.empty()) bound.identity = stable_hash(target.name, target.is_exchange ? 1 : 0);
    const Weight before = bound.counted();
    const Weight weight = parse_weight(routing_key).value();
    bound.weights.insert(std::upper_bound(bound.weights.begin(), bound.weights.end(), weight), weight);
    change_weight(target.id, bound.identity, before, bound.counted());
  }

  void remove(TargetId target, const std::string& routing_key, const amqp::Table&) override {
    auto found = bound_.find(target);
    MQ_CHECK(found != bound_.end());
    Bound& bound = found->second;
    const Weight before = bound.counted();
    auto gone = std::lower_bound(bound.weights.begin(), bound.weights.end(), parse_weight(routing_key).value());
    MQ_CHECK(gone != bound.weights.end());
    bound.weights.erase(gone);
    change_weight(target, bound.identity, before, bound.counted());
    if (bound.weights.empty()) bound_.erase(found);
  }

  void match(const RoutingInput& input, std::vector<TargetId>& out) const override {
    if (bound_.size() < 2) {
      if (!bound_.empty()) out.push_back(bound_.begin()->first);
      return;
    }
    const std::uint64_t key = subject_.hash(input);
    TargetId best = 0;
    double earliest = std::numeric_limits<double>::infinity();
    // The fastest first: it leaves the others little time, and so few points to walk past.
    for (Weight left = powers_; left != 0;) {
      const int power = static_cast<int>(std::bit_width(left)) - 1;
      left ^= Weight{1} << power;
      const auto hit =
          rings_[static_cast<std::size_t>(power)]->find(key + kRingStep * static_cast<std::uint64_t>(power), std::ldexp(earliest, power));
      if (!hit || std::ldexp(hit->laps, -power) >= earliest) continue;
      earliest = std::ldexp(hit->laps, -power);
      best = hit->owner;
    }
    out.push_back(best);
  }

  bool depends_on_key_only() const noexcept override { return subject_.is_routing_key(); }
  bool tries_every_key() const noexcept override { return false; }  // one message, one target

 private:
  static constexpr std::uint64_t kRingStep = 0xD1342543DE82EF95ull;

  struct Bound {
    std::uint64_t identity = 0;
    std::vector<Weight> weights;  // of its bindings, ascending
    /// One binding counts, the heaviest: that does not depend on which was made first.
    [[nodiscard]] Weight counted() const noexcept { return weights.empty() ? 0 : weights.back(); }
  };

  void change_weight(TargetId target, std::uint64_t identity, Weight from, Weight to) {
    for (Weight changed = from ^ to; changed != 0;) {
      const auto power = static_cast<std::size_t>(std::bit_width(changed)) - 1;
      const Weight bit = Weight{1} << power;
      changed ^= bit;
      const std::uint64_t points = mix_bits(identity + kRingStep * power);
      std::unique_ptr<HashRing>& ring = rings_[power];
      if (!ring) ring = std::make_unique<HashRing>();
      if ((to & bit) != 0) ring->add(target, points);
      else ring->remove(target, points);
      if (ring->empty()) ring.reset();
      powers_ = ring ? powers_ | bit : powers_ & ~bit;
    }
  }

  HashSubject subject_;
  boost::unordered_flat_map<TargetId, Bound> bound_;
  std::array<std::unique_ptr<HashRing>, kWeightBits> rings_;  // by the power of two its owners weigh there
  Weight powers_ = 0;                                         // those that have a ring
};

}  // namespace

std::unique_ptr<BindingTable> make_consistent_hash_bindings(const amqp::Table& exchange_arguments) {
  return std::make_unique<ConsistentHashBindings>(exchange_arguments);
}

}  // namespace mq::broker
