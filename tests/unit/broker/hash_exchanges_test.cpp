// The exchange types that place messages by a hash: x-consistent-hash and x-modulus-hash.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <map>
#include <numeric>
#include <random>

#include "exchange_bench.hpp"

namespace mq::broker::test {
namespace {

using amqp::Table;
using Shares = std::map<TargetId, double>;

constexpr int kKeys = 100'000;

std::string key_of(int number) { return "customer-" + std::to_string(number); }

TargetId place(const ExchangeBench& bench, std::string_view key) {
  const Targets reached = bench.reached(key);
  EXPECT_EQ(reached.size(), 1u);
  return reached.empty() ? 0 : reached.front();
}

Shares count(const ExchangeBench& bench, int keys = kKeys) {
  Shares shares;
  for (int number = 0; number < keys; ++number) ++shares[place(bench, key_of(number))];
  return shares;
}

/// Chi-square of the counts against the weights: about the number of targets when chance alone is at work.
double deviation(const Shares& counts, const std::map<TargetId, double>& weights, int keys = kKeys) {
  const double all = std::accumulate(weights.begin(), weights.end(), 0.0, [](double sum, const auto& row) { return sum + row.second; });
  double sum = 0;
  for (const auto& [target, weight] : weights) {
    const double expected = keys * weight / all;
    const double counted = counts.contains(target) ? counts.at(target) : 0;
    sum += (counted - expected) * (counted - expected) / expected;
  }
  return sum;
}

std::string refusal(std::string_view type, std::string_view key) {
  auto refused = ExchangeBench(type).table().validate(key, {});
  return refused ? "no error" : refused.error().reply_text();
}

TEST(ConsistentHashExchange, WantsAWholeNumberForAKey) {
  const std::string text = "PRECONDITION_FAILED - The binding key must be an integer: ";
  EXPECT_EQ(refusal("x-consistent-hash", "foo"), text + "<<\"foo\">>");
  EXPECT_EQ(refusal("x-consistent-hash", ""), text + "<<>>");
  EXPECT_EQ(refusal("x-consistent-hash", "1.5"), text + "<<\"1.5\">>");
  EXPECT_EQ(refusal("x-consistent-hash", " 10"), text + "<<\" 10\">>");
  EXPECT_EQ(refusal("x-consistent-hash", "a\"b\\"), text + "<<\"a\\\"b\\\\\">>");
  EXPECT_EQ(refusal("x-consistent-hash", "x\ny"), text + "<<\"x\\ny\">>");
  EXPECT_EQ(refusal("x-consistent-hash", "\xC3\xA9\x82"), text + "<<195,169,130>>");
  EXPECT_EQ(refusal("x-consistent-hash", "-"), text + "<<\"-\">>");
}

TEST(ConsistentHashExchange, WantsAWeightAboveZero) {
  for (const char* key : {"0", "-1", "-0", "000"})
    EXPECT_EQ(refusal("x-consistent-hash", key), "PRECONDITION_FAILED - The binding key must be greater than 0") << key;
}

TEST(ConsistentHashExchange, TakesNumbersAsErlangWritesThem) {
  for (const char* key : {"1", "+5", "007", "4294967295"}) EXPECT_EQ(refusal("x-consistent-hash", key), "no error") << key;
}

TEST(ConsistentHashExchange, RefusesWeightsBeyondMeasure) {
  for (const char* key : {"4294967296", "99999999999999999999999"})
    EXPECT_EQ(refusal("x-consistent-hash", key), "PRECONDITION_FAILED - The binding key must be less than 4294967296") << key;
}

TEST(ConsistentHashExchange, GivesAKeyToTheSameTargetEachTime) {
  ExchangeBench bench("x-consistent-hash");
  for (TargetId target = 0; target < 10; ++target) bench.bind(target, "1");
  for (int number = 0; number < 1000; ++number) EXPECT_EQ(place(bench, key_of(number)), place(bench, key_of(number)));
}

TEST(ConsistentHashExchange, SharesKeysByWeight) {
  double sum = 0;
  constexpr int kRounds = 10;
  for (int round = 0; round < kRounds; ++round) {
    ExchangeBench bench("x-consistent-hash");
    for (TargetId target = 1; target <= 3; ++target)
      bench.bind(target, std::to_string(target), {}, "round" + std::to_string(round) + "." + std::to_string(target));
    const Shares counts = count(bench);
    for (TargetId target = 1; target <= 3; ++target) EXPECT_NEAR(counts.at(target) / kKeys, target / 6.0, 0.04 * target / 6.0) << round;
    sum += deviation(counts, {{1, 1}, {2, 2}, {3, 3}});
  }
  EXPECT_LT(sum / kRounds, 8) << "chance alone makes 2";
}

TEST(ConsistentHashExchange, SharesKeysAmongAThousandTargets) {
  ExchangeBench bench("x-consistent-hash");
  std::map<TargetId, double> weights;
  for (TargetId target = 0; target < 1000; ++target) bench.bind(target, "1"), weights[target] = 1;
  EXPECT_LT(deviation(count(bench), weights), 1000 + 4 * std::sqrt(2 * 1000.0));
}

TEST(ConsistentHashExchange, SharesKeysAmongWeightsFarApart) {
  ExchangeBench bench("x-consistent-hash");
  bench.bind(1, "1000000").bind(2, "3000000").bind(3, "1");
  const Shares counts = count(bench);
  EXPECT_NEAR(counts.at(1) / kKeys, 0.25, 0.01);
  EXPECT_LT(counts.contains(3) ? counts.at(3) : 0, 5);
}

TEST(ConsistentHashExchange, GivesANewTargetItsShareAndMovesNothingElse) {
  for (const char* weight : {"1", "2", "7"}) {
    ExchangeBench before("x-consistent-hash"), after("x-consistent-hash");
    double all = std::stod(weight);
    for (TargetId target = 0; target < 20; ++target) {
      const std::string its = std::to_string(1 + target % 4);
      before.bind(target, its), after.bind(target, its);
      all += std::stod(its);
    }
    after.bind(99, weight);
    int moved = 0;
    for (int number = 0; number < kKeys; ++number) {
      const TargetId now = place(after, key_of(number)), then = place(before, key_of(number));
      if (now == then) continue;
      ASSERT_EQ(now, 99u) << "moved between others";
      ++moved;
    }
    EXPECT_NEAR(moved / static_cast<double>(kKeys), std::stod(weight) / all, 0.08 * std::stod(weight) / all) << weight;
  }
}

TEST(ConsistentHashExchange, MovesOnlyTheKeysOfATargetThatGoes) {
  ExchangeBench bench("x-consistent-hash");
  for (TargetId target = 0; target < 20; ++target) bench.bind(target, "3");
  std::vector<TargetId> before;
  for (int number = 0; number < 20'000; ++number) before.push_back(place(bench, key_of(number)));
  bench.unbind(7, "3");
  for (int number = 0; number < 20'000; ++number) {
    const TargetId then = before[static_cast<std::size_t>(number)], now = place(bench, key_of(number));
    if (then == 7) EXPECT_NE(now, 7u);
    else ASSERT_EQ(now, then);
  }
}

TEST(ConsistentHashExchange, PlacesByNamesNotByNumbersOrOrder) {
  ExchangeBench one("x-consistent-hash"), other("x-consistent-hash");
  for (TargetId target = 0; target < 30; ++target) one.bind(target, "2", {}, "queue" + std::to_string(target));
  for (TargetId target = 30; target-- > 0;) other.bind(1000 + 7 * target, "2", {}, "queue" + std::to_string(target));
  for (int number = 0; number < 5000; ++number) ASSERT_EQ(place(other, key_of(number)), 1000 + 7 * place(one, key_of(number)));
}

TEST(ConsistentHashExchange, TellsAQueueAndAnExchangeOfOneNameApart) {
  ExchangeBench bench("x-consistent-hash");
  bench.table().add({1, "same", false}, "1", {});
  bench.table().add({2, "same", true}, "1", {});
  const Shares counts = count(bench, 10'000);
  EXPECT_NEAR(counts.at(1), 5000, 400);
}

TEST(ConsistentHashExchange, CountsTheHeaviestOfATargetsBindings) {
  ExchangeBench bench("x-consistent-hash"), plain("x-consistent-hash");
  bench.bind(1, "1").bind(1, "5").bind(1, "2").bind(2, "5");
  plain.bind(2, "5").bind(1, "5");
  for (int number = 0; number < 2000; ++number) ASSERT_EQ(place(bench, key_of(number)), place(plain, key_of(number)));
}

TEST(ConsistentHashExchange, CountsTheNextBindingWhenTheHeaviestGoes) {
  ExchangeBench bench("x-consistent-hash"), plain("x-consistent-hash");
  bench.bind(1, "1").bind(1, "5").bind(2, "5").unbind(1, "5");
  plain.bind(1, "1").bind(2, "5");
  for (int number = 0; number < 2000; ++number) ASSERT_EQ(place(bench, key_of(number)), place(plain, key_of(number)));
}

// These numbers are a promise: a release that changes them moves every user's messages to other queues.
TEST(ConsistentHashExchange, PlacesKeysWhereEveryReleaseDoes) {
  ExchangeBench bench("x-consistent-hash");
  bench.bind(0, "1").bind(1, "2").bind(2, "3").bind(3, "4");
  std::string placed;
  for (int number = 0; number < 40; ++number) placed += std::to_string(place(bench, key_of(number)));
  EXPECT_EQ(placed, "3321323331322133131213122223023112112313");
}

struct Sent {
  std::string key;
  Table headers;
  amqp::Properties properties;
};

TargetId place(const ExchangeBench& bench, const Sent& sent) {
  amqp::Properties all = sent.properties;
  if (!sent.headers.empty()) all.headers = sent.headers;
  std::string encoded;
  amqp::encode_properties(all, encoded);
  amqp::PropertiesView properties;
  EXPECT_TRUE(amqp::scan_properties(encoded, properties));
  std::vector<TargetId> out;
  bench.table().match({sent.key, properties.headers, &properties}, out);
  EXPECT_EQ(out.size(), 1u);
  return out.empty() ? 0 : out.front();
}

ExchangeBench hashing(const Table& arguments) {
  ExchangeBench bench("x-consistent-hash", arguments);
  for (TargetId target = 0; target < 50; ++target) bench.bind(target, "1");
  return bench;
}

TEST(ConsistentHashExchange, LooksAtTheHeaderItIsTold) {
  const ExchangeBench bench = hashing({{"hash-header", "user"}});
  std::map<TargetId, int> reached;
  for (int user = 0; user < 200; ++user) {
    const TargetId target = place(bench, {"k", {{"user", std::to_string(user)}}, {}});
    EXPECT_EQ(place(bench, {"other key", {{"kind", "x"}, {"user", std::to_string(user)}}, {}}), target);
    ++reached[target];
  }
  EXPECT_GT(reached.size(), 40u);
}

TEST(ConsistentHashExchange, TakesIntegersOfEveryWidthForTheSame) {
  const ExchangeBench bench = hashing({{"hash-header", "user"}});
  for (std::int32_t user = 0; user < 50; ++user) {
    const TargetId target = place(bench, {"", {{"user", user}}, {}});
    EXPECT_EQ(place(bench, {"", {{"user", std::int64_t{user}}}, {}}), target);
    EXPECT_EQ(place(bench, {"", {{"user", static_cast<std::uint8_t>(user)}}, {}}), target);
  }
}

TEST(ConsistentHashExchange, GivesMessagesWithoutTheHeaderToOneTarget) {
  const ExchangeBench bench = hashing({{"hash-header", "user"}});
  const TargetId target = place(bench, {"a", {}, {}});
  for (int number = 0; number < 50; ++number) EXPECT_EQ(place(bench, {key_of(number), {{"other", number}}, {}}), target);
}

TEST(ConsistentHashExchange, LooksAtThePropertyItIsTold) {
  const auto with_message_id = [](int id) { return Sent{"k", {}, {.message_id = std::to_string(id)}}; };
  const auto with_correlation_id = [](int id) { return Sent{"k", {}, {.correlation_id = std::to_string(id)}}; };
  const auto with_timestamp = [](int id) { return Sent{"k", {}, {.timestamp = static_cast<std::uint64_t>(id)}}; };
  const std::vector<std::pair<const char*, std::function<Sent(int)>>> kRows = {
      {"message_id", with_message_id}, {"correlation_id", with_correlation_id}, {"timestamp", with_timestamp}};
  for (const auto& [property, make] : kRows) {
    const ExchangeBench bench = hashing({{"hash-property", property}});
    std::map<TargetId, int> reached;
    for (int id = 0; id < 200; ++id) {
      Sent sent = make(id);
      const TargetId target = place(bench, sent);
      sent.key = "another";
      EXPECT_EQ(place(bench, sent), target);
      ++reached[target];
    }
    EXPECT_GT(reached.size(), 40u) << property;
    EXPECT_EQ(place(bench, {"a", {}, {}}), place(bench, {"b", {}, {}})) << property;
  }
}

std::string declaring(const Table& arguments) {
  auto refused = find_exchange_type("x-consistent-hash")->validate_arguments(arguments);
  return refused ? "no error" : refused.error().reply_text();
}

TEST(ConsistentHashExchange, LooksAtAHeaderOrAPropertyNotAtBoth) {
  EXPECT_EQ(declaring({{"hash-header", "a"}, {"hash-property", "message_id"}}),
            "PRECONDITION_FAILED - hash-header and hash-property are mutually exclusive");
}

TEST(ConsistentHashExchange, KnowsThreeProperties) {
  for (const char* property : {"message_id", "correlation_id", "timestamp"})
    EXPECT_EQ(declaring({{"hash-property", property}}), "no error");
  EXPECT_EQ(declaring({{"hash-property", "app_id"}}), "PRECONDITION_FAILED - Unsupported property: app_id");
}

TEST(ConsistentHashExchange, WantsStringsForItsArguments) {
  EXPECT_EQ(declaring({{"hash-header", std::int32_t{5}}}), "PRECONDITION_FAILED - invalid type 'signedint' for arg 'hash-header'");
  EXPECT_EQ(declaring({{"hash-property", true}}), "PRECONDITION_FAILED - invalid type 'bool' for arg 'hash-property'");
}

TEST(ConsistentHashExchange, DependsOnTheKeyOnlyWhenItHashesTheKey) {
  EXPECT_TRUE(ExchangeBench("x-consistent-hash").table().depends_on_key_only());
  EXPECT_FALSE(ExchangeBench("x-consistent-hash", {{"hash-header", "a"}}).table().depends_on_key_only());
  EXPECT_FALSE(ExchangeBench("x-consistent-hash", {{"hash-property", "message_id"}}).table().depends_on_key_only());
}

TEST(ModulusHashExchange, SpreadsKeysEvenly) {
  ExchangeBench bench("x-modulus-hash");
  std::map<TargetId, double> weights;
  for (TargetId target = 0; target < 16; ++target) bench.bind(target, "whatever"), weights[target] = 1;
  EXPECT_LT(deviation(count(bench), weights), 16 + 4 * std::sqrt(2 * 16.0));
}

TEST(ModulusHashExchange, GoesByTheOrderOfNames) {
  ExchangeBench one("x-modulus-hash"), other("x-modulus-hash");
  one.bind(1, "", {}, "a").bind(2, "", {}, "b").bind(3, "", {}, "c");
  other.bind(2, "x", {}, "c").bind(9, "y", {}, "a").bind(5, "z", {}, "b");
  const std::map<TargetId, TargetId> same = {{1, 9}, {2, 5}, {3, 2}};
  for (int number = 0; number < 1000; ++number) ASSERT_EQ(place(other, key_of(number)), same.at(place(one, key_of(number))));
}

TEST(ModulusHashExchange, GivesATargetAPlaceForEachBinding) {
  ExchangeBench bench("x-modulus-hash");
  bench.bind(1, "a").bind(1, "b").bind(1, "c").bind(2, "a");
  const Shares counts = count(bench);
  EXPECT_NEAR(counts.at(1) / kKeys, 0.75, 0.01);
}

TEST(ModulusHashExchange, PlacesKeysWhereEveryReleaseDoes) {
  ExchangeBench bench("x-modulus-hash");
  for (TargetId target = 0; target < 10; ++target) bench.bind(target, "");
  std::string placed;
  for (int number = 0; number < 40; ++number) placed += std::to_string(place(bench, key_of(number)));
  EXPECT_EQ(placed, "8597821329194050480499545856139313870883");
}

}  // namespace
}  // namespace mq::broker::test
