// What every exchange type owes the topology, run on each row of exchange_types(); and what each of them means, by comparing it with its
// plain model (unit/broker/exchange_models.hpp) over random bindings, unbindings and messages.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "unit/broker/exchange_bench.hpp"
#include "unit/broker/exchange_models.hpp"

namespace mq::broker::test {
namespace {

using Random = std::mt19937;

std::size_t below(Random& random, std::size_t bound) { return random() % bound; }

std::string random_key(Random& random, bool with_wildcards) {
  static const std::vector<std::string> kWords = {"a", "b", "", "c", "*", "#"};
  std::string key;
  std::size_t words = below(random, 6);
  for (std::size_t i = 0; i < words; ++i) {
    if (i > 0) key += '.';
    key += kWords[below(random, with_wildcards ? 6 : 4)];
  }
  return key;
}

amqp::Value random_value(Random& random) {
  switch (below(random, 6)) {
    case 0: return std::int32_t{1};
    case 1: return std::int64_t{1};
    case 2: return "1";
    case 3: return true;
    case 4: return 1.0;
    default: return amqp::Void{};
  }
}

amqp::Table random_headers(Random& random) {
  static const std::vector<std::string> kNames = {"a", "b", "c", "x-a"};
  amqp::Table table;
  for (std::size_t i = below(random, 4); i > 0; --i) table.append(kNames[below(random, kNames.size())], random_value(random));
  return table;
}

amqp::Table random_arguments(Random& random) {
  static const std::vector<std::string> kModes = {"all", "any", "all-with-x", "any-with-x"};
  amqp::Table table = random_headers(random);
  if (below(random, 5) > 0) table.set("x-match", kModes[below(random, kModes.size())]);
  return table;
}

struct Bound {
  TargetId target;
  std::string key;
  amqp::Table arguments;
};

bool is_same(const Bound& a, const Bound& b) {
  return a.target == b.target && a.key == b.key && canonical_body(a.arguments) == canonical_body(b.arguments);
}

class EveryExchangeType : public testing::TestWithParam<std::string_view> {
 protected:
  /// A binding key that the type takes, and that the routing key "k" meets if keys have to meet at all.
  static std::string fitting_key() {
    if (GetParam() == "x-consistent-hash") return "1";
    return GetParam() == "x-local-random" ? "" : "k";
  }
  static std::string random_binding_key(Random& random) {
    if (GetParam() == "x-consistent-hash") return std::to_string(1 + below(random, 12));
    return GetParam() == "x-local-random" ? "" : random_key(random, true);
  }
  static bool leaves_to_chance() { return GetParam() == "x-random" || GetParam() == "x-local-random"; }

  /// Random steps; returns what is bound after them.
  std::vector<Bound> shake(ExchangeBench& bench, Random& random, int steps) {
    std::vector<Bound> bound;
    for (int step = 0; step < steps; ++step) {
      if (!bound.empty() && below(random, 3) == 0) {
        std::size_t chosen = below(random, bound.size());
        bench.unbind(bound[chosen].target, bound[chosen].key, bound[chosen].arguments);
        bound.erase(bound.begin() + static_cast<std::ptrdiff_t>(chosen));
        continue;
      }
      Bound next{static_cast<TargetId>(below(random, 40)), random_binding_key(random), random_arguments(random)};
      if (std::any_of(bound.begin(), bound.end(), [&](const Bound& there) { return is_same(there, next); })) continue;
      bench.bind(next.target, next.key, next.arguments);
      bound.push_back(next);
    }
    return bound;
  }

  Targets matching(const std::vector<Bound>& bound, std::string_view key, const amqp::Table& headers) {
    Targets targets;
    for (const Bound& binding : bound)
      if (type_matches(GetParam(), binding.key, binding.arguments, key, headers)) targets.push_back(binding.target);
    std::sort(targets.begin(), targets.end());
    targets.erase(std::unique(targets.begin(), targets.end()), targets.end());
    return targets;
  }

  /// All that match, or one of them for types that choose one.
  static testing::AssertionResult are_reached(const Targets& matching, const Targets& reached) {
    if (!type_chooses_one(GetParam())) {
      if (reached == matching) return testing::AssertionSuccess();
    } else if (reached.size() == std::min<std::size_t>(matching.size(), 1) &&
               std::includes(matching.begin(), matching.end(), reached.begin(), reached.end())) {
      return testing::AssertionSuccess();
    }
    return testing::AssertionFailure() << testing::PrintToString(reached) << " of " << testing::PrintToString(matching);
  }
};

TEST_P(EveryExchangeType, ReachesNothingWithoutBindings) {
  ExchangeBench bench(GetParam());
  EXPECT_EQ(bench.reached("k", {{"a", "v"}}), Targets{});
}

TEST_P(EveryExchangeType, ReachesNothingAfterTheLastUnbinding) {
  Random random(11);
  ExchangeBench bench(GetParam());
  for (const Bound& binding : shake(bench, random, 400)) bench.unbind(binding.target, binding.key, binding.arguments);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(bench.reached(random_key(random, false), random_headers(random)), Targets{});
}

TEST_P(EveryExchangeType, OnlyAppendsToWhatIsThere) {
  ExchangeBench bench(GetParam());
  bench.bind(7, fitting_key(), {{"a", "v"}});
  Encoded headers({{"a", "v"}});
  std::vector<TargetId> out = {1, 2};
  bench.table().match({"k", headers.view(), nullptr}, out);
  EXPECT_EQ(out, (Targets{1, 2, 7}));
}

TEST_P(EveryExchangeType, KeepsItsWordWhenOnlyTheKeyCounts) {
  Random random(12);
  ExchangeBench bench(GetParam());
  shake(bench, random, 300);
  if (!bench.table().depends_on_key_only()) return;
  for (int i = 0; i < 200; ++i) {
    std::string key = random_key(random, false);
    EXPECT_EQ(bench.reached(key, random_headers(random)), bench.reached(key, random_headers(random))) << key;
  }
}

TEST_P(EveryExchangeType, ReachesWhatItsModelReaches) {
  for (unsigned seed = 1; seed <= 40; ++seed) {
    Random random(seed);
    ExchangeBench bench(GetParam());
    std::vector<Bound> bound = shake(bench, random, 20 + static_cast<int>(seed) * 8);
    for (int i = 0; i < 60; ++i) {
      std::string key = random_key(random, i % 4 == 0);
      amqp::Table headers = random_headers(random);
      ASSERT_TRUE(are_reached(matching(bound, key, headers), bench.reached(key, headers))) << "seed " << seed << ", key '" << key << "'";
    }
  }
}

TEST_P(EveryExchangeType, ForgetsHowItCameToBeAsItIs) {
  if (leaves_to_chance()) return;
  for (unsigned seed = 1; seed <= 20; ++seed) {
    Random random(seed);
    ExchangeBench lived(GetParam()), fresh(GetParam());
    std::vector<Bound> bound = shake(lived, random, 20 + static_cast<int>(seed) * 16);
    std::shuffle(bound.begin(), bound.end(), random);
    for (const Bound& binding : bound) fresh.bind(binding.target, binding.key, binding.arguments);
    for (int i = 0; i < 100; ++i) {
      const std::string key = random_key(random, false) + std::to_string(below(random, 100));
      const amqp::Table headers = random_headers(random);
      ASSERT_EQ(lived.reached(key, headers), fresh.reached(key, headers)) << "seed " << seed << ", key '" << key << "'";
    }
  }
}

TEST_P(EveryExchangeType, CountsTheBindingsOfManyTargets) {
  ExchangeBench bench(GetParam());
  const std::string key = fitting_key();
  const amqp::Table kOther = {{"n", amqp::Void{}}};
  for (TargetId target = 0; target < 300; ++target) bench.bind(target, key).bind(target, key, kOther);
  for (TargetId target = 0; target < 300; ++target) {
    bench.unbind(target, key, kOther);
    if (target % 3 != 0) bench.unbind(target, key);
  }
  Targets left;
  for (TargetId target = 0; target < 300; target += 3) left.push_back(target);
  EXPECT_TRUE(are_reached(left, bench.reached("k", {{"n", "v"}})));
}

std::vector<std::string_view> type_names() {
  std::vector<std::string_view> names;
  for (const ExchangeType& type : exchange_types()) names.push_back(type.name);
  return names;
}

INSTANTIATE_TEST_SUITE_P(, EveryExchangeType, testing::ValuesIn(type_names()), [](const auto& param) {
  std::string name(param.param);
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

}  // namespace
}  // namespace mq::broker::test
