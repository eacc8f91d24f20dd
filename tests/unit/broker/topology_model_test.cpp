// A topology against a model of it that keeps plain lists: random declarations, bindings, removals and messages, with bindings between
// exchanges, alternate exchanges, auto-delete exchanges and cycles. For types that choose among their bindings the model asks a table
// that knows nothing but the bindings there are now.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "exchange_bench.hpp"
#include "exchange_models.hpp"
#include "topology_bench.hpp"

namespace mq::broker::test {
namespace {

using Random = std::mt19937;

class TopologyModel {
 public:
  void declare(const ExchangeInfo& exchange) { exchanges_.emplace(exchange.name, exchange); }
  void add_queue(const std::string& name) { queues_.insert(name); }

  void bind(const BindingInfo& binding) {
    if (exchanges_.contains(binding.source) && takes_key(binding) && has_end(binding) &&
        std::find(bindings_.begin(), bindings_.end(), binding) == bindings_.end())
      bindings_.push_back(binding);
  }
  void unbind(const BindingInfo& binding) {
    remove_if([&](const BindingInfo& each) { return each == binding; });
  }
  void remove_queue(const std::string& name) {
    queues_.erase(name);
    remove_if([&](const BindingInfo& each) { return each.to == BindTo::kQueue && each.destination == name; });
  }
  void delete_exchange(const std::string& name) {
    if (exchanges_.erase(name) == 0) return;
    std::erase_if(bindings_, [&](const BindingInfo& each) { return each.source == name; });
    remove_if([&](const BindingInfo& each) { return each.to == BindTo::kExchange && each.destination == name; });
  }

  std::set<std::string> routed(const std::string& exchange, const std::vector<std::string>& keys) const {
    std::set<std::string> queues, seen;
    walk(exchange, keys, queues, seen);
    return queues;
  }
  std::set<std::string> exchange_names() const {
    std::set<std::string> names;
    for (const auto& [name, info] : exchanges_) names.insert(name);
    return names;
  }
  const std::vector<BindingInfo>& bindings() const { return bindings_; }

 private:
  bool has_end(const BindingInfo& binding) const {
    return binding.to == BindTo::kQueue ? queues_.contains(binding.destination) : exchanges_.contains(binding.destination);
  }
  bool takes_key(const BindingInfo& binding) const {
    if (exchanges_.at(binding.source).type != "x-consistent-hash") return true;
    return !binding.routing_key.empty() && binding.routing_key.find_first_not_of("0123456789") == std::string::npos;
  }
  /// The bindings of the exchange that a message with these keys follows.
  std::vector<BindingInfo> followed(const ExchangeInfo& exchange, const std::vector<std::string>& keys) const {
    std::vector<BindingInfo> all, fitting;
    for (const BindingInfo& binding : bindings_) {
      if (binding.source != exchange.name) continue;
      all.push_back(binding);
      bool fits = std::any_of(keys.begin(), keys.end(), [&](const std::string& key) {
        return type_matches(exchange.type, binding.routing_key, binding.arguments, key, {});
      });
      if (fits) fitting.push_back(binding);
    }
    if (!type_chooses_one(exchange.type) || all.empty()) return fitting;
    ExchangeBench fresh(exchange.type);
    std::map<std::pair<BindTo, std::string>, TargetId> numbers;
    for (TargetId number = 0; number < all.size(); ++number) {
      const BindingInfo& binding = all[number];
      const TargetId target = numbers.emplace(std::pair(binding.to, binding.destination), number).first->second;
      fresh.table().add({target, binding.destination, binding.to == BindTo::kExchange}, binding.routing_key, binding.arguments);
    }
    return {all[fresh.reached(keys[0]).at(0)]};
  }
  template <class Which>
  void remove_if(Which which) {
    std::set<std::string> sources;
    std::erase_if(bindings_, [&](const BindingInfo& each) { return which(each) && (sources.insert(each.source), true); });
    for (const std::string& source : sources) {
      auto exchange = exchanges_.find(source);
      bool left = std::any_of(bindings_.begin(), bindings_.end(), [&](const BindingInfo& each) { return each.source == source; });
      if (exchange != exchanges_.end() && exchange->second.auto_delete && !left) delete_exchange(source);
    }
  }
  void walk(const std::string& name, const std::vector<std::string>& keys, std::set<std::string>& queues,
            std::set<std::string>& seen) const {
    auto exchange = exchanges_.find(name);
    if (exchange == exchanges_.end() || !seen.insert(name).second) return;
    const std::vector<BindingInfo> ways = followed(exchange->second, keys);
    for (const BindingInfo& binding : ways) {
      if (binding.to == BindTo::kQueue) queues.insert(binding.destination);
      else walk(binding.destination, keys, queues, seen);
    }
    const amqp::Value* alternate = exchange->second.arguments.find("alternate-exchange");
    if (ways.empty() && alternate != nullptr) walk(*alternate->string(), keys, queues, seen);
  }

  std::map<std::string, ExchangeInfo> exchanges_;
  std::set<std::string> queues_;
  std::vector<BindingInfo> bindings_;
};

/// Does the same to a topology and its model, and compares them.
class Pair {
 public:
  explicit Pair(unsigned seed) : random_(seed) {
    for (const ExchangeInfo& exchange : bench_.topology().exchanges())
      if (!exchange.name.empty()) model_.declare(exchange);
  }

  void step() {
    switch (below(10)) {
      case 0:
      case 1: declare(); break;
      case 2: add_queue(); break;
      case 3: remove_queue(); break;
      case 4: delete_exchange(); break;
      case 5:
      case 6: unbind(); break;
      default: bind(); break;
    }
  }

  void expect_same_routes() {
    for (int i = 0; i < 5; ++i) {
      std::string exchange = random_exchange();
      std::vector<std::string> keys;
      for (std::size_t k = 0; k <= below(3); ++k) keys.push_back(random_key());
      std::vector<std::string_view> more(keys.begin() + 1, keys.end());
      Names routed = bench_.routed(exchange, keys[0], more);
      std::set<std::string> once(routed.begin(), routed.end());
      ASSERT_EQ(once.size(), routed.size()) << "a queue twice";
      ASSERT_EQ(once, model_.routed(exchange, keys)) << exchange << " with " << keys[0];
    }
  }

  void expect_same_contents() {
    std::set<std::string> names;
    for (const ExchangeInfo& exchange : bench_.topology().exchanges())
      if (!exchange.name.empty()) names.insert(exchange.name);
    ASSERT_EQ(names, model_.exchange_names());
    std::vector<BindingInfo> bindings = bench_.topology().bindings();
    ASSERT_EQ(bindings.size(), model_.bindings().size());
    for (const BindingInfo& binding : model_.bindings()) ASSERT_NE(std::find(bindings.begin(), bindings.end(), binding), bindings.end());
  }

 private:
  std::size_t below(std::size_t bound) { return random_() % bound; }
  std::string random_exchange() { return below(4) == 0 ? "amq.fanout" : "x" + std::to_string(below(8)); }
  std::string random_queue() { return "q" + std::to_string(below(12)); }
  std::string random_key() {
    static const std::vector<std::string> kKeys = {"", "a", "a.b", "b", "#", "*", "a.*", "#.b", "a.#", "1", "2", "7"};
    return kKeys[below(kKeys.size())];
  }
  BindingInfo random_binding() {
    bool to_queue = below(3) > 0;
    return {
        random_exchange(), to_queue ? BindTo::kQueue : BindTo::kExchange, to_queue ? random_queue() : random_exchange(), random_key(), {}};
  }

  void declare() {
    static const std::vector<std::string> kTypes = {"direct",         "fanout",          "topic", "headers", "x-consistent-hash",
                                                    "x-modulus-hash", "x-recent-history"};
    ExchangeInfo exchange{"x" + std::to_string(below(8)), kTypes[below(kTypes.size())], false, below(2) == 0, false, {}};
    if (below(2) == 0) exchange.arguments = {{"alternate-exchange", random_exchange()}};
    auto declared = bench_.topology().declare_exchange(exchange);
    if (declared && *declared) model_.declare(exchange);
  }
  void add_queue() {
    std::string name = random_queue();
    if (bench_.topology().find_queue(name) != nullptr) return;
    bench_.add_queue(name);
    model_.add_queue(name);
  }
  void remove_queue() {
    std::string name = random_queue();
    bench_.topology().remove_queue(name);
    model_.remove_queue(name);
  }
  void delete_exchange() {
    std::string name = "x" + std::to_string(below(8));
    EXPECT_TRUE(bench_.topology().delete_exchange(name, false));
    model_.delete_exchange(name);
  }
  void bind() {
    BindingInfo binding = random_binding();
    (void)bench_.topology().bind(binding);  // a missing end is an error here and nothing to the model
    model_.bind(binding);
  }
  void unbind() {
    BindingInfo binding = model_.bindings().empty() ? random_binding() : model_.bindings()[below(model_.bindings().size())];
    EXPECT_TRUE(bench_.topology().unbind(binding));
    model_.unbind(binding);
  }

  Random random_;
  TopologyBench bench_;
  TopologyModel model_;
};

TEST(TopologyModel, AgreesOnRoutesAndContents) {
  for (unsigned seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Pair pair(seed);
    for (int step = 0; step < 250; ++step) {
      pair.step();
      ASSERT_NO_FATAL_FAILURE(pair.expect_same_routes());
      ASSERT_NO_FATAL_FAILURE(pair.expect_same_contents());
    }
  }
}

}  // namespace
}  // namespace mq::broker::test
