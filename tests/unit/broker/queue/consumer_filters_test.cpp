// Consumers with filters: who gets what, what becomes of what nobody wants, and what that costs.
#include <map>
#include <random>

#include "../filter_bench.hpp"
#include "queue_bench.hpp"

namespace mq::broker::test {
namespace {

constexpr int kFull = Segment::kMaxEntries;

/// "a1" has the kind "a".
MessagePtr of_kind(const std::string& body) {
  amqp::Properties properties;
  properties.delivery_mode = 2;
  properties.headers = amqp::Table{{"kind", body.substr(0, 1)}};
  return make_message("", "q", properties, body);
}

ConsumerSpec wants(const std::string& condition, std::uint32_t prefetch = 0) {
  ConsumerSpec spec;
  spec.prefetch = prefetch;
  spec.filter = filter_of(condition);
  return spec;
}

class Filters {
 public:
  explicit Filters(QueueSettings settings = {}) : bench(std::move(settings)) {}
  void publish(const Words& bodies) {
    for (const std::string& body : bodies) bench.publish_message(of_kind(body));
  }
  /// What comes of turns until all that has to be read back is.
  Words turns() {
    Words all = bench.turn();
    for (int round = 0; round < 3; ++round) {
      bench.load();
      bench.write(0);
      for (const std::string& each : bench.turn()) all.push_back(each);
    }
    return all;
  }
  QueueBench bench;
};

TEST(ConsumerFilters, GiveAMessageToWhoeverWantsIt) {
  Filters filters;
  filters.bench.consume(wants("kind = 'a'"));
  filters.bench.consume(wants("kind = 'b'"));
  filters.publish({"a1", "b1", "b2", "a2"});
  EXPECT_EQ(filters.bench.turn(), (Words{"1 gets a1", "1 gets a2", "2 gets b1", "2 gets b2"}));
}

TEST(ConsumerFilters, LeaveForOthersWhatNobodyWants) {
  Filters filters;
  filters.bench.consume(wants("kind = 'a'"));
  filters.publish({"b1", "a1", "b2"});
  EXPECT_EQ(filters.bench.turn(), (Words{"1 gets a1"}));
  filters.bench.consume();
  EXPECT_EQ(filters.bench.turn(), (Words{"2 gets b1", "2 gets b2"}));
}

TEST(ConsumerFilters, TakeTurnsWhereTheyOverlap) {
  Filters filters;
  filters.bench.consume(wants("kind = 'a'", 1));
  filters.bench.consume(wants("kind IN ('a', 'b')", 1));
  filters.publish({"a1", "a2", "a3"});
  EXPECT_EQ(filters.bench.turn(), (Words{"1 gets a1", "2 gets a2"}));
  filters.bench.ack({"a2"});
  EXPECT_EQ(filters.bench.turn(), (Words{"2 gets a3"}));
}

TEST(ConsumerFilters, KeepTheOrderOfAllThatOneOfThemWants) {
  Filters filters;
  filters.bench.consume(wants("kind = 'a'", 1));
  filters.bench.consume(wants("kind IN ('a', 'b', 'c')", 1));
  filters.publish({"c0", "a0", "b1", "a2", "c3", "b4", "a5"});
  EXPECT_EQ(filters.bench.turn(), (Words{"2 gets c0", "1 gets a0"}));
  Words got;
  for (std::string last = "c0"; got.size() < 5; last = got.back()) {
    filters.bench.ack({last});
    for (const std::string& words : filters.bench.turn()) got.push_back(words.substr(7));
  }
  EXPECT_EQ(got, (Words{"b1", "a2", "c3", "b4", "a5"}));
}

TEST(ConsumerFilters, FindWhatWasPassedOverBeforeTheyCame) {
  Filters filters;
  filters.bench.consume(wants("kind = 'x'"));
  filters.publish({"a1", "b1", "a2"});
  EXPECT_EQ(filters.bench.turn(), Words{});
  filters.bench.consume(wants("kind = 'b'"));
  EXPECT_EQ(filters.bench.turn(), (Words{"2 gets b1"}));
}

TEST(ConsumerFilters, FindWhatCameWhileNobodyHadThem) {
  Filters filters;
  filters.bench.consume(wants("kind = 'x'"));
  filters.bench.consume(wants("kind = 'a'"));
  filters.bench.cancel(2);
  filters.publish({"a1", "b1"});
  EXPECT_EQ(filters.bench.turn(), Words{});
  filters.bench.consume(wants("kind='a'"));
  EXPECT_EQ(filters.bench.turn(), (Words{"3 gets a1"}));
}

TEST(ConsumerFilters, FollowPrioritiesOfConsumers) {
  Filters filters;
  filters.bench.consume(wants("kind = 'a'", 1));
  ConsumerSpec first = wants("kind = 'a'", 1);
  first.priority = 5;
  filters.bench.consume(std::move(first));
  filters.publish({"a1", "a2"});
  EXPECT_EQ(filters.bench.turn(), (Words{"2 gets a1", "1 gets a2"}));
}

TEST(ConsumerFilters, FollowPrioritiesOfMessages) {
  QueueSettings settings;
  settings.max_priority = 5;
  Filters filters(settings);
  filters.bench.consume(wants("properties.priority >= 1", 1));
  for (const Text& each : {Text{.body = "low", .priority = 1}, Text{.body = "none"}, Text{.body = "lower", .priority = 1}})
    filters.bench.publish(each);
  EXPECT_EQ(filters.bench.turn(), (Words{"1 gets low"}));
  filters.bench.publish({.body = "high", .priority = 4});
  filters.bench.ack({"low"});
  EXPECT_EQ(filters.bench.turn(), (Words{"1 gets high"}));
  filters.bench.ack({"high"});
  EXPECT_EQ(filters.bench.turn(), (Words{"1 gets lower"}));
}

TEST(ConsumerFilters, LookAtWhatComesBackOnceMore) {
  Filters filters;
  filters.bench.consume(wants("kind = 'a'", 1));
  filters.publish({"b1", "a1", "a2"});
  EXPECT_EQ(filters.bench.turn(), (Words{"1 gets a1"}));
  filters.bench.requeue({"a1"});
  EXPECT_EQ(filters.bench.turn(), (Words{"1 gets a1!"}));
}

TEST(ConsumerFilters, DoNotMatterToBasicGet) {
  Filters filters;
  filters.bench.consume(wants("kind = 'x'"));
  filters.publish({"a1", "b1", "a2"});
  filters.bench.turn();
  EXPECT_EQ(filters.bench.get(), "a1");
  EXPECT_EQ(filters.bench.get(), "b1");
  EXPECT_EQ(filters.bench.get(), "a2");
  EXPECT_EQ(filters.bench.get(), "");
}

TEST(ConsumerFilters, LetExpireWhatNobodyWants) {
  QueueSettings settings;
  settings.message_ttl_ms = 100;
  settings.dead_letter_exchange = "dlx";
  Filters filters(settings);
  filters.bench.consume(wants("kind = 'a'"));
  filters.publish({"b1"});
  EXPECT_EQ(filters.bench.turn(), Words{});
  filters.bench.now += 101;
  EXPECT_EQ(filters.bench.turn(), (Words{"b1 leaves: expired"}));
}

TEST(ConsumerFilters, DropTheOldestWhenTheQueueIsTooLong) {
  QueueSettings settings;
  settings.max_length = 2;
  settings.dead_letter_exchange = "dlx";
  Filters filters(settings);
  filters.bench.consume(wants("kind = 'x'"));
  filters.bench.consume(wants("kind = 'y'"));
  filters.publish({"a1", "x1", "b2"});
  EXPECT_EQ(filters.bench.turn(), (Words{"1 gets x1"}));
  filters.publish({"c3"});
  EXPECT_EQ(filters.bench.turn(), (Words{"a1 leaves: maxlen"}));
  EXPECT_EQ(filters.bench.get(), "b2");
}

TEST(ConsumerFilters, ArePurgedWithWhatWasPassedOver) {
  Filters filters;
  filters.bench.consume(wants("kind = 'x'"));
  filters.publish({"a1", "b1"});
  filters.bench.turn();
  EXPECT_EQ(filters.bench.queue().purge(), 2u);
  filters.bench.consume();
  filters.publish({"a2"});
  EXPECT_EQ(filters.bench.turn(), (Words{"2 gets a2"}));
}

TEST(ConsumerFilters, AreRefusedBesideGroups) {
  QueueBench bench(QueueSettings{.group_by = {GroupBy::What::kHeader, "account"}});
  const Result<> refused = bench.queue().check_filter(*filter_of(std::string("kind = 'a'")));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().text, "invalid arg 'x-filter' for consumer: the queue gives its messages out in groups");
}

TEST(ConsumerFilters, AreRefusedBeyondSixtyThreeDifferentOnes) {
  QueueBench bench;
  const auto number = [](int i) { return "kind = " + std::to_string(i); };
  for (int i = 0; i < 63; ++i) bench.consume(wants(number(i)));
  EXPECT_TRUE(bench.queue().check_filter(*filter_of(number(7))));
  EXPECT_FALSE(bench.queue().check_filter(*filter_of(number(63))));
  bench.cancel(8);
  EXPECT_TRUE(bench.queue().check_filter(*filter_of(number(63))));
}

TEST(ConsumerFilters, MayTakeThePlaceOfOneThatNobodyHasAnyMore) {
  Filters filters;
  for (int i = 0; i < 63; ++i) filters.bench.consume(wants("kind = " + std::to_string(i)));
  filters.publish({"a1", "b1"});
  EXPECT_EQ(filters.bench.turn(), Words{});
  filters.bench.cancel(8);
  filters.bench.consume(wants("kind = 'b'"));
  EXPECT_EQ(filters.bench.turn(), (Words{"64 gets b1"}));
  filters.publish({"b2", "a2"});
  EXPECT_EQ(filters.bench.turn(), (Words{"64 gets b2"}));
}

TEST(ConsumerFilters, LeaveNothingBehindWhenAllOfThemAreGone) {
  Filters filters;
  filters.bench.consume(wants("kind = 'a'"));
  filters.publish({"b1"});
  filters.bench.turn();
  filters.bench.cancel(1);
  filters.bench.consume();
  EXPECT_EQ(filters.bench.turn(), (Words{"2 gets b1"}));
  filters.publish({"b2"});
  EXPECT_EQ(filters.bench.turn(), (Words{"2 gets b2"}));
}

TEST(ConsumerFilters, ReachMessagesThatAreNotInMemory) {
  Filters filters;
  filters.bench.consume(wants("kind = 'x'"));
  for (int i = 0; i < 3 * kFull; ++i) filters.publish({(i % 500 == 0 ? "a" : "b") + std::to_string(i)});
  filters.bench.write(0);
  filters.turns();
  for (int i = 0; i < 8; ++i) filters.turns();
  const std::uint64_t in_memory = filters.bench.queue().counts().memory_bytes;
  EXPECT_LT(in_memory, 2u * kFull * of_kind("b100")->memory_bytes());
  filters.bench.consume(wants("kind = 'a'", 1));
  Words got;
  for (int round = 0; round < 40 && got.size() < 7; ++round)
    for (const std::string& words : filters.turns()) {
      got.push_back(words.substr(7));
      filters.bench.ack({got.back()});
    }
  EXPECT_EQ(got, (Words{"a0", "a500", "a1000", "a1500", "a2000", "a2500", "a3000"}));
}

// Random consumers come, go, acknowledge and fail: everybody gets what they want, in order, and nothing else; nothing lies still that
// somebody wants and has room for.
TEST(ConsumerFilters, HoldInRandomLives) {
  const std::map<std::string, std::string> kinds = {{"kind = 'a'", "a"},       {"kind IN ('a', 'b')", "ab"}, {"kind <> 'a'", "bcd"},
                                                    {"kind LIKE '%'", "abcd"}, {"kind = 'z'", ""},           {"kind > 'c'", "d"}};
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    auto below = [&](std::uint64_t bound) { return random() % bound; };
    struct Eater {
      std::string wants;
      std::uint32_t prefetch = 0;
      std::vector<std::string> out;
    };
    Filters filters;
    std::map<std::uint32_t, Eater> eaters;
    std::map<int, std::string> ready;
    int next = 0, settled = 0;
    for (int step = 0; step < 1500; ++step) {
      if (below(3) != 0) {
        const std::string body = std::string(1, static_cast<char>('a' + below(4))) + std::to_string(next);
        filters.publish({body});
        ready[next++] = body;
      }
      if (eaters.size() < 5 && below(8) == 0) {
        auto kind = std::next(kinds.begin(), static_cast<std::ptrdiff_t>(below(kinds.size())));
        const auto prefetch = static_cast<std::uint32_t>(1 + below(4));
        const bool all = below(6) == 0;
        ConsumerSpec spec = wants(kind->first, prefetch);
        if (all) spec.filter = nullptr;
        eaters[filters.bench.consume(std::move(spec))] = {all ? "abcd" : kind->second, prefetch, {}};
      }
      for (const std::string& words : filters.turns()) {
        Eater& eater = eaters.at(static_cast<std::uint32_t>(std::stoul(words)));
        std::string body = words.substr(words.find(" gets ") + 6);
        if (body.back() == '!') body.pop_back();
        ASSERT_NE(eater.wants.find(body[0]), std::string::npos) << words;
        ready.erase(std::stoi(body.substr(1)));
        eater.out.push_back(body);
        ASSERT_LE(eater.out.size(), eater.prefetch);
      }
      for (const auto& [number, eater] : eaters)
        for (const auto& [at, body] : ready)
          ASSERT_TRUE(eater.out.size() == eater.prefetch || eater.wants.find(body[0]) == std::string::npos) << body << " for " << number;
      for (auto& [number, eater] : eaters) {
        if (eater.out.empty() || below(3) == 0) continue;
        const std::string body = eater.out.front();
        eater.out.erase(eater.out.begin());
        if (below(6) == 0) {
          filters.bench.requeue({body});
          ready[std::stoi(body.substr(1))] = body;
          continue;
        }
        filters.bench.ack({body});
        ++settled;
      }
      if (!eaters.empty() && below(30) == 0) {
        const auto gone = eaters.begin();
        filters.bench.cancel(gone->first);
        filters.bench.settle(gone->second.out, Settlement::kFailed);
        for (const std::string& body : gone->second.out) ready[std::stoi(body.substr(1))] = body;
        eaters.erase(gone);
      }
    }
    EXPECT_GT(settled, 50);
    EXPECT_EQ(filters.bench.queue().counts().ready, ready.size());
  }
}

}  // namespace
}  // namespace mq::broker::test
