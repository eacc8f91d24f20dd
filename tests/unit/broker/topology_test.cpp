// Queues, bindings, routes and versions of one vhost.
#include <gtest/gtest.h>

#include "exchange_bench.hpp"
#include "topology_bench.hpp"

namespace mq::broker::test {
namespace {

TEST(Topology, FindsAQueueAndItsDestination) {
  TopologyBench bench;
  bench.add_queue("q");
  EXPECT_EQ(bench.topology().require_queue("q").value()->name, "q");
  EXPECT_NE(bench.topology().destination("q"), nullptr);
  EXPECT_EQ(bench.topology().queue_count(), 1u);
}

TEST(Topology, MissesAQueueByName) {
  TopologyBench bench;
  EXPECT_EQ(text_of(bench.topology().require_queue("q")), "NOT_FOUND - no queue 'q' in vhost '/'");
  EXPECT_EQ(bench.topology().destination("q"), nullptr);
  EXPECT_FALSE(bench.topology().remove_queue("q").changed);
}

TEST(Topology, LetsGoOfTheDestinationOfARemovedQueue) {
  TopologyBench bench;
  bench.add_queue("q");
  std::weak_ptr<Destination> destination = bench.topology().destination("q");
  bench.topology().remove_queue("q");
  EXPECT_TRUE(destination.expired());
  EXPECT_EQ(bench.topology().queue_count(), 0u);
}

TEST(Topology, KeepsPointersToQueuesGoodWhileOthersComeAndGo) {
  TopologyBench bench;
  bench.add_queue("kept");
  const QueueInfo* kept = bench.topology().find_queue("kept");
  for (int i = 0; i < 1000; ++i) bench.add_queue("q" + std::to_string(i));
  for (int i = 0; i < 1000; i += 2) bench.topology().remove_queue("q" + std::to_string(i));
  EXPECT_EQ(bench.topology().find_queue("kept"), kept);
  EXPECT_EQ(kept->name, "kept");
}

TEST(Topology, RoutesByQueueNameThroughTheDefaultExchange) {
  TopologyBench bench;
  bench.add_queue("q");
  EXPECT_EQ(bench.routed("", "q"), Names{"q"});
  EXPECT_EQ(bench.routed("", "other"), Names{});
  EXPECT_EQ(bench.routed("", "q", {"q", "other"}), Names{"q"});
}

TEST(Topology, RoutesNowhereThroughAnUnknownExchange) {
  TopologyBench bench;
  EXPECT_EQ(bench.routed("nope", "k"), Names{});
}

TEST(Topology, RefusesABindingWithAMissingEnd) {
  TopologyBench bench;
  bench.add_queue("q");
  EXPECT_EQ(text_of(bench.bind("amq.direct", "nope", "k")), "NOT_FOUND - no queue 'nope' in vhost '/'");
  EXPECT_EQ(text_of(bench.bind("nope", "q", "k")), "NOT_FOUND - no exchange 'nope' in vhost '/'");
  EXPECT_EQ(text_of(bench.bind("nopex", "nopeq", "k")), "NOT_FOUND - no exchange 'nopex' in vhost '/'");
  EXPECT_EQ(text_of(bench.link("amq.direct", "nope", "k")), "NOT_FOUND - no exchange 'nope' in vhost '/'");
}

TEST(Topology, UnbindsMissingThingsWithoutComplaint) {
  TopologyBench bench;
  bench.add_queue("q");
  EXPECT_FALSE(bench.unbind("amq.direct", "q", "k").value().changed);
  EXPECT_FALSE(bench.unbind("amq.direct", "nope", "k").value().changed);
  EXPECT_FALSE(bench.unbind("nope", "q", "k").value().changed);
  EXPECT_FALSE(bench.unlink("amq.direct", "nope", "k").value().changed);
}

TEST(Topology, RefusesABindingItsExchangeTypeRefuses) {
  TopologyBench bench;
  bench.add_queue("q");
  EXPECT_EQ(text_of(bench.bind("amq.headers", "q", "", {{"x-match", "foo"}})),
            "PRECONDITION_FAILED - Invalid x-match field value <<\"foo\">>; expected all, any, all-with-x, or any-with-x");
  EXPECT_TRUE(bench.bind("amq.direct", "q", "", {{"x-match", "foo"}}));
}

TEST(Topology, BindsTheSameOnce) {
  TopologyBench bench;
  bench.add_queue("q");
  EXPECT_TRUE(bench.bind("amq.direct", "q", "k").value().changed);
  EXPECT_FALSE(bench.bind("amq.direct", "q", "k").value().changed);
  EXPECT_EQ(bench.topology().bindings().size(), 1u);
}

TEST(Topology, TellsBindingsApartByTheirArguments) {
  TopologyBench bench;
  bench.add_queue("q");
  bench.bind("amq.direct", "q", "k", {{"a", std::int32_t{1}}}).value();
  EXPECT_TRUE(bench.bind("amq.direct", "q", "k", {{"a", std::int64_t{1}}}).value().changed);
  bench.unbind("amq.direct", "q", "k", {{"a", std::int32_t{1}}}).value();
  EXPECT_EQ(bench.routed("amq.direct", "k"), Names{"q"});
}

TEST(Topology, TakesArgumentsInAnyOrderForTheSame) {
  TopologyBench bench;
  bench.add_queue("q");
  const amqp::Table kFirst = {{"b", "2"}, {"a", "1"}}, kOther = {{"a", "1"}, {"b", "2"}};
  bench.bind("amq.direct", "q", "k", kFirst).value();
  EXPECT_FALSE(bench.bind("amq.direct", "q", "k", kOther).value().changed);
  TopologyChange change = bench.unbind("amq.direct", "q", "k", kOther).value();
  ASSERT_EQ(change.removed_bindings.size(), 1u);
  EXPECT_EQ(change.removed_bindings[0], (BindingInfo{"amq.direct", BindTo::kQueue, "q", "k", kFirst}));
}

TEST(Topology, EntersAQueueOnceHoweverManyBindingsFit) {
  TopologyBench bench;
  bench.add_queue("q");
  bench.bind("amq.topic", "q", "a.*").value();
  bench.bind("amq.topic", "q", "#").value();
  EXPECT_EQ(bench.routed("amq.topic", "a.b", {"a.c"}), Names{"q"});
}

TEST(Topology, TriesEveryKeyOfAMessage) {
  TopologyBench bench;
  for (const char* queue : {"q1", "q2", "q3"}) {
    bench.add_queue(queue);
    bench.bind("amq.direct", queue, queue).value();
  }
  EXPECT_EQ(bench.routed("amq.direct", "q1", {"q3", "none", "q1"}), (Names{"q1", "q3"}));
}

TEST(Topology, ChoosesOnceForAllKeysOfAMessage) {
  for (const char* type : {"x-consistent-hash", "x-modulus-hash", "x-random", "x-local-random"}) {
    TopologyBench bench;
    bench.declare("x", type).value();
    for (int i = 0; i < 20; ++i) {
      bench.add_queue("q" + std::to_string(i));
      bench.bind("x", "q" + std::to_string(i), std::string_view(type) == "x-consistent-hash" ? "1" : "").value();
    }
    EXPECT_EQ(bench.routed("x", "a", {"b", "c", "d", "e"}), bench.routed("x", "a")) << type;
  }
}

TEST(Topology, PlacesByTheNamesOfQueues) {
  TopologyBench one, other;
  for (int i = 0; i < 10; ++i) one.add_queue("q" + std::to_string(i));
  for (int i = 10; i-- > 0;) other.add_queue("q" + std::to_string(i));
  for (const char* type : {"x-consistent-hash", "x-modulus-hash"}) {
    for (TopologyBench* bench : {&one, &other}) {
      bench->declare(type, type).value();
      for (int i = 0; i < 10; ++i) bench->bind(type, "q" + std::to_string(i), "1").value();
    }
    for (int key = 0; key < 100; ++key) ASSERT_EQ(one.routed(type, std::to_string(key)), other.routed(type, std::to_string(key)));
  }
}

TEST(Topology, TurnsToTheAlternateOfATypeThatChoosesOnlyWhenNothingIsBound) {
  TopologyBench bench;
  bench.add_queue("q");
  bench.add_queue("rest");
  bench.declare_with_alternate("x", "x-consistent-hash", "amq.fanout");
  bench.bind("amq.fanout", "rest").value();
  EXPECT_EQ(bench.routed("x", "k"), Names{"rest"});
  bench.bind("x", "q", "1").value();
  EXPECT_EQ(bench.routed("x", "k"), Names{"q"});
}

TEST(Topology, RoutesInAStableOrder) {
  TopologyBench bench;
  Names all;
  for (int i = 0; i < 50; ++i) all.push_back("q" + std::to_string(i));
  for (const std::string& queue : all) bench.add_queue(queue);
  for (auto queue = all.rbegin(); queue != all.rend(); ++queue) bench.bind("amq.fanout", *queue).value();
  bench.unbind("amq.fanout", "q7").value();
  bench.bind("amq.fanout", "q7").value();
  EXPECT_EQ(bench.routed("amq.fanout"), all);
}

TEST(Topology, FollowsBindingsBetweenExchanges) {
  TopologyBench bench;
  bench.add_queue("q");
  bench.declare("inner", "topic").value();
  bench.link("amq.direct", "inner", "k").value();
  bench.bind("inner", "q", "#").value();
  EXPECT_EQ(bench.routed("amq.direct", "k"), Names{"q"});
  EXPECT_EQ(bench.routed("amq.direct", "other"), Names{});
}

TEST(Topology, CutsCyclesOfExchanges) {
  TopologyBench bench;
  bench.add_queue("q");
  for (const char* name : {"a", "b", "c"}) bench.declare(name, "fanout").value();
  bench.link("a", "b").value();
  bench.link("b", "c").value();
  bench.link("c", "a").value();
  bench.link("a", "a").value();
  bench.bind("c", "q").value();
  for (const char* name : {"a", "b", "c"}) EXPECT_EQ(bench.routed(name), Names{"q"}) << name;
}

TEST(Topology, TurnsToTheAlternateExchangeWhenNothingMatches) {
  TopologyBench bench;
  bench.add_queue("q");
  bench.add_queue("rest");
  bench.declare_with_alternate("x", "direct", "ae");
  bench.declare("ae", "fanout").value();
  bench.bind("x", "q", "k").value();
  bench.bind("ae", "rest").value();
  EXPECT_EQ(bench.routed("x", "k"), Names{"q"});
  EXPECT_EQ(bench.routed("x", "other"), Names{"rest"});
  EXPECT_EQ(bench.routed("x", "other", {"k"}), Names{"q"});
}

TEST(Topology, LeavesTheAlternateExchangeAloneWhenAnExchangeMatches) {
  TopologyBench bench;
  bench.add_queue("rest");
  bench.declare_with_alternate("x", "fanout", "amq.fanout");
  bench.declare("dead-end", "fanout").value();
  bench.link("x", "dead-end").value();
  bench.bind("amq.fanout", "rest").value();
  EXPECT_EQ(bench.routed("x"), Names{});
}

TEST(Topology, FollowsAlternateExchangesInChains) {
  TopologyBench bench;
  bench.add_queue("q");
  bench.declare_with_alternate("a", "direct", "b");
  bench.declare_with_alternate("b", "direct", "c");
  bench.declare("c", "fanout").value();
  bench.bind("c", "q").value();
  EXPECT_EQ(bench.routed("a", "k"), Names{"q"});
}

TEST(Topology, CutsLoopsOfAlternateExchanges) {
  TopologyBench bench;
  bench.declare_with_alternate("a", "direct", "b");
  bench.declare_with_alternate("b", "direct", "a");
  EXPECT_EQ(bench.routed("a", "k"), Names{});
}

TEST(Topology, IgnoresAMissingAlternateExchange) {
  TopologyBench bench;
  bench.declare_with_alternate("x", "direct", "later");
  EXPECT_EQ(bench.routed("x", "k"), Names{});
  bench.add_queue("q");
  bench.declare("later", "fanout").value();
  bench.bind("later", "q").value();
  EXPECT_EQ(bench.routed("x", "k"), Names{"q"});
}

TEST(Topology, RoutesNowhereThroughTheDefaultExchangeAsAlternate) {
  TopologyBench bench;
  bench.add_queue("q");
  bench.declare_with_alternate("x", "direct", "");
  EXPECT_EQ(bench.routed("x", "q"), Names{});
}

TEST(Topology, TellsWhenARouteDependsOnItsKeyOnly) {
  TopologyBench bench;
  EXPECT_TRUE(bench.key_only("amq.topic", "k"));
  EXPECT_TRUE(bench.key_only("", "k"));
  EXPECT_FALSE(bench.key_only("amq.headers", "k"));
  EXPECT_FALSE(bench.key_only("amq.topic", "k", {"more"}));
}

TEST(Topology, TellsWhenARouteDependsOnHeadersFurtherOn) {
  TopologyBench bench;
  bench.link("amq.fanout", "amq.headers").value();
  EXPECT_FALSE(bench.key_only("amq.fanout", "k"));
}

TEST(Topology, RoutesByHeaders) {
  TopologyBench bench;
  bench.add_queue("q");
  bench.bind("amq.headers", "q", "", {{"kind", "order"}}).value();
  Encoded order({{"kind", "order"}}), other({{"kind", "other"}});
  Route route;
  bench.topology().route("amq.headers", {"", order.view(), nullptr}, {}, route);
  EXPECT_EQ(route.queues.size(), 1u);
  bench.topology().route("amq.headers", {"", other.view(), nullptr}, {}, route);
  EXPECT_TRUE(route.queues.empty());
}

TEST(Topology, ForgetsTheBindingsOfARemovedQueue) {
  TopologyBench bench;
  bench.add_queue("gone");
  bench.bind("amq.fanout", "gone").value();
  bench.bind("amq.topic", "gone", "#").value();
  TopologyChange change = bench.topology().remove_queue("gone");
  EXPECT_EQ(change.removed_bindings,
            (std::vector<BindingInfo>{{"amq.fanout", BindTo::kQueue, "gone", "", {}}, {"amq.topic", BindTo::kQueue, "gone", "#", {}}}));
  bench.add_queue("new");  // takes the number of the old one
  EXPECT_EQ(bench.routed("amq.fanout"), Names{});
  EXPECT_EQ(bench.routed("amq.topic", "k"), Names{});
}

TEST(Topology, TellsAQueueAndAnExchangeOfOneNameApart) {
  TopologyBench bench;
  bench.add_queue("same");
  bench.declare("same", "fanout").value();
  bench.bind("amq.fanout", "same").value();
  bench.link("amq.fanout", "same").value();
  EXPECT_EQ(bench.topology().bindings_to(BindTo::kQueue, "same").size(), 1u);
  EXPECT_EQ(bench.topology().bindings_to(BindTo::kExchange, "same").size(), 1u);
  bench.topology().delete_exchange("same", false).value();
  EXPECT_EQ(bench.routed("amq.fanout"), Names{"same"});
}

TEST(Topology, ListsBindingsFromEitherEnd) {
  TopologyBench bench;
  bench.add_queue("q");
  bench.bind("amq.topic", "q", "a").value();
  bench.bind("amq.direct", "q", "b", {{"n", "v"}}).value();
  bench.link("amq.topic", "amq.fanout", "c").value();
  const BindingInfo kA = {"amq.topic", BindTo::kQueue, "q", "a", {}}, kB = {"amq.direct", BindTo::kQueue, "q", "b", {{"n", "v"}}},
                    kC = {"amq.topic", BindTo::kExchange, "amq.fanout", "c", {}};
  EXPECT_EQ(bench.topology().bindings_from("amq.topic"), (std::vector<BindingInfo>{kA, kC}));
  EXPECT_EQ(bench.topology().bindings_to(BindTo::kQueue, "q"), (std::vector<BindingInfo>{kA, kB}));
  EXPECT_EQ(bench.topology().bindings_to(BindTo::kExchange, "amq.fanout"), std::vector<BindingInfo>{kC});
  EXPECT_EQ(bench.topology().bindings().size(), 3u);
  EXPECT_TRUE(bench.topology().bindings_from("nope").empty());
}

TEST(Topology, GrowsItsVersionWithEveryChangeOfRoutes) {
  TopologyBench bench;
  std::uint64_t version = bench.topology().version();
  auto grew = [&] { return std::exchange(version, bench.topology().version()) < bench.topology().version(); };
  EXPECT_TRUE((bench.add_queue("q"), grew()));
  EXPECT_TRUE((bench.declare("x", "fanout").value(), grew()));
  EXPECT_TRUE((bench.bind("x", "q").value(), grew()));
  EXPECT_TRUE((bench.unbind("x", "q").value(), grew()));
  EXPECT_TRUE((bench.topology().delete_exchange("x", false).value(), grew()));
  EXPECT_TRUE((bench.topology().remove_queue("q"), grew()));
}

TEST(Topology, KeepsItsVersionWhenNothingChanges) {
  TopologyBench bench;
  bench.add_queue("q");
  bench.bind("amq.fanout", "q").value();
  std::uint64_t version = bench.topology().version();
  bench.bind("amq.fanout", "q").value();
  bench.unbind("amq.direct", "q").value();
  bench.declare("amq.fanout", "fanout", {.durable = true}).value();
  bench.topology().delete_exchange("nope", false).value();
  bench.topology().remove_queue("nope");
  EXPECT_EQ(bench.topology().version(), version);
}

}  // namespace
}  // namespace mq::broker::test
