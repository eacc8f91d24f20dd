// Message groups: order within a group, others pass; who holds a group, and what ends that.
#include <array>
#include <map>
#include <random>
#include <set>

#include "../filter_bench.hpp"
#include "queue_bench.hpp"

namespace mq::broker::test {
namespace {

constexpr int kFull = Segment::kMaxEntries;

QueueSettings grouped(RetrySettings retry = {}) { return {.retry = retry, .group_by = {GroupBy::What::kHeader, "account"}}; }

/// "a1" belongs to the account "a"; "-1" to none.
MessagePtr of_account(const std::string& body) {
  amqp::Properties properties;
  properties.delivery_mode = 2;
  if (body.front() != '-') properties.headers = amqp::Table{{"account", body.substr(0, 1)}};
  return make_message("", "q", properties, body);
}

class Groups {
 public:
  explicit Groups(QueueSettings settings = grouped()) : bench(std::move(settings)) {}
  void publish(const Words& bodies) {
    for (const std::string& body : bodies) bench.publish_message(of_account(body));
  }
  /// One of two consumers has a1, the rest of the group is passed over, and both go.
  void leave_a_group_behind() {
    bench.consume({.prefetch = 1});
    bench.consume({.prefetch = 1});
    publish({"a1", "a2", "a3"});
    bench.turn();
    bench.cancel(1);
    bench.cancel(2);
    bench.requeue({"a1"});
  }
  QueueBench bench;
};

TEST(MessageGroups, GiveTheNextOfAGroupToWhoeverHasIt) {
  Groups groups;
  groups.bench.consume({.prefetch = 2});
  groups.bench.consume({.prefetch = 2});
  groups.publish({"a1", "a2", "b1"});
  EXPECT_EQ(groups.bench.turn(), (Words{"1 gets a1", "1 gets a2", "2 gets b1"}));
}

TEST(MessageGroups, LetOthersPassABusyOne) {
  Groups groups;
  groups.bench.consume({.prefetch = 1});
  groups.bench.consume({.prefetch = 1});
  groups.publish({"a1", "a2", "a3", "b1"});
  EXPECT_EQ(groups.bench.turn(), (Words{"1 gets a1", "2 gets b1"}));
}

TEST(MessageGroups, GoOnWhenTheOneBeforeIsTakenByAConsumerWithoutAcknowledgement) {
  Groups groups;
  groups.leave_a_group_behind();
  groups.bench.consume({.no_ack = true});
  EXPECT_EQ(groups.bench.turn(), (Words{"3 gets a1!", "3 gets a2", "3 gets a3"}));
}

TEST(MessageGroups, GoOnWhenTheOneBeforeIsGotWithoutAcknowledgement) {
  Groups groups;
  groups.leave_a_group_behind();
  for (const char* body : {"a1!", "a2", "a3", ""}) EXPECT_EQ(groups.bench.get(/*no_ack=*/true), body);
}

TEST(MessageGroups, GoOnInOrderWhenTheOneBeforeIsSettled) {
  Groups groups;
  groups.bench.consume({.prefetch = 1});
  groups.publish({"a1", "a2", "a3"});
  EXPECT_EQ(groups.bench.turn(), (Words{"1 gets a1"}));
  groups.bench.ack({"a1"});
  EXPECT_EQ(groups.bench.turn(), (Words{"1 gets a2"}));
  groups.bench.ack({"a2"});
  EXPECT_EQ(groups.bench.turn(), (Words{"1 gets a3"}));
}

TEST(MessageGroups, ChangeTheirConsumerWhenNothingOfThemIsOut) {
  Groups groups;
  groups.bench.consume({.prefetch = 1});
  groups.publish({"a1", "a2"});
  groups.bench.turn();
  groups.bench.consume({.prefetch = 1});
  EXPECT_EQ(groups.bench.turn(), Words{});
  groups.bench.cancel(1);
  EXPECT_EQ(groups.bench.turn(), Words{});
  groups.bench.ack({"a1"});
  EXPECT_EQ(groups.bench.turn(), (Words{"2 gets a2"}));
}

TEST(MessageGroups, KeepTheirOrderWhenAConsumerIsLost) {
  Groups groups;
  groups.bench.consume({.prefetch = 2});
  groups.publish({"a1", "a2", "a3"});
  groups.bench.turn();
  groups.bench.cancel(1);
  groups.bench.consume({.prefetch = 5});
  groups.bench.settle({"a1", "a2"}, Settlement::kFailed);
  EXPECT_EQ(groups.bench.turn(), (Words{"2 gets a1!", "2 gets a2!", "2 gets a3"}));
}

TEST(MessageGroups, DoNotMatterToMessagesWithoutAValue) {
  Groups groups;
  groups.bench.consume({.prefetch = 1});
  groups.bench.consume({.prefetch = 1});
  groups.publish({"-1", "-2"});
  EXPECT_EQ(groups.bench.turn(), (Words{"1 gets -1", "2 gets -2"}));
}

TEST(MessageGroups, WaitForAMessageThatIsToBeTriedAgain) {
  Groups groups(grouped({.on = RetryOn::kAll, .backoff = Backoff::kFixed, .min_ms = 500}));
  groups.bench.consume({.prefetch = 1});
  groups.publish({"a1", "a2", "b1"});
  groups.bench.turn();
  groups.bench.requeue({"a1"});
  EXPECT_EQ(groups.bench.turn(), (Words{"1 gets b1"}));
  groups.bench.ack({"b1"});
  EXPECT_EQ(groups.bench.turn(), Words{});
  groups.bench.now += 500;
  EXPECT_EQ(groups.bench.turn(), (Words{"1 gets a1!"}));
  groups.bench.ack({"a1"});
  EXPECT_EQ(groups.bench.turn(), (Words{"1 gets a2"}));
}

TEST(MessageGroups, GoOnWhenTheMessageTheyWaitForExpires) {
  QueueSettings settings = grouped({.on = RetryOn::kAll, .backoff = Backoff::kFixed, .min_ms = 500});
  settings.message_ttl_ms = 200;
  Groups groups(settings);
  groups.publish({"a1"});
  EXPECT_EQ(groups.bench.get(), "a1");
  groups.bench.now += 100;
  groups.publish({"a2"});
  groups.bench.requeue({"a1"});
  EXPECT_EQ(groups.bench.get(), "");
  groups.bench.now += 101;
  groups.bench.turn();
  EXPECT_EQ(groups.bench.get(), "a2");
}

TEST(MessageGroups, AreOpenToBasicGetOneAtATime) {
  Groups groups;
  groups.publish({"a1", "a2", "b1"});
  EXPECT_EQ(groups.bench.get(), "a1");
  EXPECT_EQ(groups.bench.get(), "b1");
  EXPECT_EQ(groups.bench.get(), "");
  groups.bench.ack({"a1"});
  EXPECT_EQ(groups.bench.get(), "a2");
}

TEST(MessageGroups, ArePurgedWithWhatWasPassedOver) {
  Groups groups;
  groups.publish({"a1", "a2", "a3"});
  groups.bench.get();
  EXPECT_EQ(groups.bench.get(), "");
  EXPECT_EQ(groups.bench.queue().purge(), 2u);
  groups.publish({"a4"});
  groups.bench.ack({"a1"});
  EXPECT_EQ(groups.bench.get(), "a4");
}

TEST(MessageGroups, ForgetWhatExpiredWhileItWasPassedOver) {
  QueueSettings settings = grouped();
  settings.message_ttl_ms = 100;
  Groups groups(settings);
  groups.publish({"a1", "a2"});
  groups.bench.get();
  EXPECT_EQ(groups.bench.get(), "");
  groups.bench.now += 101;
  groups.bench.turn();
  EXPECT_EQ(groups.bench.queue().counts().ready, 0u);
  groups.publish({"a3"});
  groups.bench.ack({"a1"});
  EXPECT_EQ(groups.bench.get(), "a3");
}

TEST(MessageGroups, DropWhatWasPassedOverFirstWhenTheQueueIsTooLong) {
  QueueSettings settings = grouped();
  settings.max_length = 2;
  settings.dead_letter_exchange = "dlx";
  Groups groups(settings);
  groups.publish({"a1", "a2", "a3"});
  EXPECT_EQ(groups.bench.turn(), (Words{"a1 leaves: maxlen"}));
  groups.bench.get();  // a2
  groups.bench.get();  // nothing
  groups.publish({"b1", "b2"});
  EXPECT_EQ(groups.bench.turn(), (Words{"a3 leaves: maxlen"}));
}

TEST(MessageGroups, LeaveMemoryWhileTheyArePassedOverAndComeBack) {
  Groups groups;
  for (int i = 0; i < 4 * kFull; ++i) groups.publish({"a" + std::to_string(i)});
  groups.publish({"b"});
  groups.bench.write();
  groups.bench.consume({.prefetch = 1});
  groups.bench.consume({.prefetch = 1});
  Words got = groups.bench.turn();
  for (int round = 0; round < 40 && got.size() < 2; ++round) {
    groups.bench.write(1 << 20);
    for (const std::string& each : groups.bench.turn()) got.push_back(each);
  }
  EXPECT_EQ(got, (Words{"1 gets a0", "2 gets b"}));
  const std::uint64_t before = groups.bench.queue().counts().memory_bytes;
  for (int i = 0; i < 4; ++i) groups.bench.write(0);
  EXPECT_LT(groups.bench.queue().counts().memory_bytes, before / 2);
  for (int i = 0; i < 4 * kFull - 1; ++i) {
    groups.bench.ack({"a" + std::to_string(i)});
    Words next = groups.bench.turn();
    for (int round = 0; round < 20 && next.empty(); ++round) {
      groups.bench.load();
      groups.bench.write(0);
      next = groups.bench.turn();
    }
    ASSERT_EQ(next.size(), 1u);
    ASSERT_EQ(next.front().substr(2), "gets a" + std::to_string(i + 1));
  }
}

// --- rules that change while messages are there ---

TEST(MessageGroups, LetEverythingGoWhenTheyEnd) {
  Groups groups;
  groups.bench.consume({.prefetch = 1});
  groups.bench.consume({.prefetch = 1});
  groups.publish({"a1", "a2", "a3"});
  EXPECT_EQ(groups.bench.turn(), (Words{"1 gets a1"}));
  groups.bench.queue().apply({});
  EXPECT_EQ(groups.bench.turn(), (Words{"2 gets a2"}));
  groups.bench.ack({"a1"});
  EXPECT_EQ(groups.bench.turn(), (Words{"1 gets a3"}));
}

TEST(MessageGroups, CountWhatIsOutWhenTheyBegin) {
  Groups groups{QueueSettings{}};
  groups.bench.consume({.prefetch = 1});
  groups.publish({"a1", "a2", "b1"});
  EXPECT_EQ(groups.bench.turn(), (Words{"1 gets a1"}));
  groups.bench.queue().apply(grouped());
  groups.bench.consume({.prefetch = 5});
  EXPECT_EQ(groups.bench.turn(), (Words{"2 gets b1"}));
  groups.bench.ack({"a1"});
  EXPECT_EQ(groups.bench.turn(), (Words{"2 gets a2"}));
}

TEST(MessageGroups, AreMadeAnewByAnotherHeader) {
  Groups groups;
  groups.bench.consume({.prefetch = 1});
  groups.bench.consume({.prefetch = 1});
  groups.publish({"a1", "a2", "a3"});
  EXPECT_EQ(groups.bench.turn(), (Words{"1 gets a1"}));
  groups.bench.queue().apply({.group_by = {GroupBy::What::kHeader, "nobody has it"}});
  EXPECT_EQ(groups.bench.turn(), (Words{"2 gets a2"}));
}

TEST(MessageGroups, BeginWhenTheLastFilterIsGone) {
  Groups groups{QueueSettings{}};
  ConsumerSpec only_b;
  only_b.filter = filter_of(std::string("account = 'b'"));
  groups.bench.consume(std::move(only_b));
  groups.publish({"a1", "a2", "b1"});
  EXPECT_EQ(groups.bench.turn(), (Words{"1 gets b1"}));
  groups.bench.queue().apply(grouped());
  groups.bench.consume({.prefetch = 1});
  groups.bench.consume({.prefetch = 1});
  EXPECT_EQ(groups.bench.turn(), (Words{"2 gets a1", "3 gets a2"}));
  groups.publish({"a3"});
  groups.bench.cancel(1);
  groups.bench.turn();
  groups.bench.ack({"a2"});
  EXPECT_EQ(groups.bench.turn(), Words{});
  groups.bench.ack({"a1"});
  EXPECT_EQ(groups.bench.turn(), (Words{"3 gets a3"}));
}

TEST(MessageGroups, LoseNothingWhenTheyBeginAndEndInRandomLives) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    auto below = [&](std::uint64_t bound) { return random() % bound; };
    Groups groups{QueueSettings{}};
    std::map<std::uint32_t, std::vector<std::string>> out;
    std::set<std::string> unsettled;
    int next = 0;
    for (int step = 0; step < 1500 || !unsettled.empty(); ++step) {
      ASSERT_LT(step, 20'000) << unsettled.size() << " never came";
      if (step < 1500 && below(3) != 0) {
        const std::string body = std::string(1, static_cast<char>('a' + below(4))) + std::to_string(next++);
        groups.publish({body});
        unsettled.insert(body);
      }
      if (out.size() < 3 && below(8) == 0) out[groups.bench.consume({.prefetch = static_cast<std::uint32_t>(1 + below(4))})];
      if (below(25) == 0)
        groups.bench.queue().apply(
            std::array{QueueSettings{}, grouped(), QueueSettings{.group_by = {GroupBy::What::kRoutingKey, ""}}}[below(3)]);
      for (const std::string& words : groups.bench.turn()) {
        std::string body = words.substr(words.find(" gets ") + 6);
        if (body.back() == '!') body.pop_back();
        ASSERT_TRUE(unsettled.contains(body)) << words;
        out[static_cast<std::uint32_t>(std::stoul(words))].push_back(body);
      }
      for (auto& [consumer, bodies] : out) {
        if (bodies.empty() || below(3) == 0) continue;
        const std::size_t which = below(bodies.size());
        const std::string body = bodies[which];
        bodies.erase(bodies.begin() + static_cast<std::ptrdiff_t>(which));
        if (below(6) == 0) {
          groups.bench.requeue({body});
          continue;
        }
        groups.bench.ack({body});
        unsettled.erase(body);
      }
      if (!out.empty() && below(40) == 0) {
        const auto gone = out.begin();
        groups.bench.cancel(gone->first);
        groups.bench.settle(gone->second, Settlement::kFailed);
        out.erase(gone);
      }
      if (below(5) == 0) groups.bench.write(below(2) == 0 ? 0 : UINT64_MAX);
      groups.bench.load();
    }
    EXPECT_EQ(groups.bench.queue().counts().ready, 0u);
  }
}

// Random consumers come, go, acknowledge and fail; no message may overtake another of its group.
TEST(MessageGroups, KeepOrderInRandomLives) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    std::mt19937_64 random(seed);
    auto below = [&](std::uint64_t bound) { return random() % bound; };
    Groups groups(below(2) == 0 ? grouped() : grouped({.on = RetryOn::kAll, .backoff = Backoff::kFixed, .min_ms = 50}));
    std::map<char, std::vector<int>> unsettled;             // by group, in order
    std::map<std::uint32_t, std::vector<std::string>> out;  // by consumer
    std::map<char, std::uint32_t> holder;
    int next = 0, settled = 0;
    const int all = 400;
    for (int step = 0; settled < all; ++step) {
      ASSERT_LT(step, 40'000) << "seed " << seed << ": does not come to an end, " << settled << " done";
      if (next < all && below(3) != 0) {
        const char group = static_cast<char>('a' + below(5));
        groups.publish({std::string(1, group) + std::to_string(next)});
        unsettled[group].push_back(next++);
      }
      if (out.size() < 3 && below(10) == 0) out[groups.bench.consume({.prefetch = static_cast<std::uint32_t>(1 + below(4))})];
      groups.bench.now += static_cast<Millis>(below(20));
      for (const std::string& words : groups.bench.turn()) {
        const auto consumer = static_cast<std::uint32_t>(std::stoul(words));
        std::string body = words.substr(words.find(" gets ") + 6);
        if (body.back() == '!') body.pop_back();
        std::vector<std::string> before;
        for (int number : unsettled[body.front()]) {
          if (number == std::stoi(body.substr(1))) break;
          before.push_back(body.substr(0, 1) + std::to_string(number));
        }
        for (const std::string& each : before)
          ASSERT_NE(std::find(out[consumer].begin(), out[consumer].end(), each), out[consumer].end())
              << "seed " << seed << ": " << body << " goes to " << consumer << " before " << each;
        out[consumer].push_back(body);
      }
      for (auto& [consumer, bodies] : out) {
        if (bodies.empty() || below(3) == 0) continue;
        const std::string body = bodies.front();
        bodies.erase(bodies.begin());
        if (bodies.empty() && below(5) == 0) {  // one at a time may fail without disorder
          groups.bench.requeue({body});
          continue;
        }
        groups.bench.ack({body});
        std::erase(unsettled[body.front()], std::stoi(body.substr(1)));
        ++settled;
      }
      if (!out.empty() && below(40) == 0) {
        const auto gone = out.begin();
        groups.bench.cancel(gone->first);
        groups.bench.settle(gone->second, Settlement::kFailed);
        out.erase(gone);
      }
      if (below(5) == 0) groups.bench.write(below(2) == 0 ? 0 : UINT64_MAX);
      groups.bench.load();
    }
    EXPECT_EQ(groups.bench.queue().counts().ready + groups.bench.queue().counts().waiting, 0u);
  }
}

}  // namespace
}  // namespace mq::broker::test
