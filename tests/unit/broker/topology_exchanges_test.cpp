// Declaring and deleting exchanges: RabbitMQ's rules and texts.
#include <gtest/gtest.h>

#include "topology_bench.hpp"

namespace mq::broker::test {
namespace {

constexpr const char* kDefaultRefused = "ACCESS_REFUSED - operation not permitted on the default exchange";

Names names_of(const std::vector<ExchangeInfo>& exchanges) {
  Names names;
  for (const ExchangeInfo& exchange : exchanges) names.push_back(exchange.name);
  return names;
}

TEST(TopologyExchanges, StartWithThePredeclaredOnes) {
  TopologyBench bench;
  EXPECT_EQ(names_of(bench.topology().exchanges()),
            (Names{"", "amq.direct", "amq.fanout", "amq.headers", "amq.match", "amq.rabbitmq.trace", "amq.topic"}));
  EXPECT_EQ(bench.topology().find_exchange("amq.match")->type, "headers");
  EXPECT_TRUE(bench.topology().find_exchange("amq.rabbitmq.trace")->internal);
  for (const ExchangeInfo& exchange : bench.topology().exchanges()) EXPECT_TRUE(exchange.durable) << exchange.name;
}

TEST(TopologyExchanges, TellWhetherADeclarationIsNew) {
  TopologyBench bench;
  EXPECT_TRUE(bench.declare("x", "direct").value());
  EXPECT_FALSE(bench.declare("x", "direct").value());
}

TEST(TopologyExchanges, RefuseAnUnknownType) {
  TopologyBench bench;
  EXPECT_EQ(text_of(bench.declare("x", "zzz")), "PRECONDITION_FAILED - unknown exchange type 'zzz'");
  EXPECT_FALSE(bench.has_exchange("x"));
}

TEST(TopologyExchanges, RefuseReservedNames) {
  TopologyBench bench;
  EXPECT_EQ(text_of(bench.declare("amq.foo", "direct")), "ACCESS_REFUSED - exchange name 'amq.foo' contains reserved prefix 'amq.*'");
  EXPECT_TRUE(bench.declare("amq", "direct"));
  EXPECT_TRUE(bench.declare("AMQ.foo", "direct"));
}

TEST(TopologyExchanges, AllowEqualRedeclarationOfPredeclaredOnes) {
  TopologyBench bench;
  EXPECT_FALSE(bench.declare("amq.direct", "direct", {.durable = true}).value());
  EXPECT_EQ(
      text_of(bench.declare("amq.direct", "fanout", {.durable = true})),
      "PRECONDITION_FAILED - inequivalent arg 'type' for exchange 'amq.direct' in vhost '/': received 'fanout' but current is 'direct'");
}

TEST(TopologyExchanges, RefuseToTouchTheDefaultExchange) {
  TopologyBench bench;
  bench.add_queue("q");
  EXPECT_EQ(text_of(bench.declare("", "direct", {.durable = true})), kDefaultRefused);
  EXPECT_EQ(text_of(bench.topology().delete_exchange("", false)), kDefaultRefused);
  EXPECT_EQ(text_of(bench.bind("", "q", "k")), kDefaultRefused);
  EXPECT_EQ(text_of(bench.bind("", "nope", "k")), kDefaultRefused);
  EXPECT_EQ(text_of(bench.unbind("", "q", "q")), kDefaultRefused);
  EXPECT_EQ(text_of(bench.link("amq.topic", "", "k")), kDefaultRefused);
  EXPECT_EQ(text_of(bench.unlink("amq.topic", "", "k")), kDefaultRefused);
}

struct RedeclareRow {
  ExchangeFlags first, again;
  const char* text;
};

TEST(TopologyExchanges, SayHowARedeclarationDiffers) {
  const std::vector<RedeclareRow> kRows = {
      {{}, {.durable = true}, "'durable' for exchange 'x' in vhost '/': received 'true' but current is 'false'"},
      {{.auto_delete = true}, {}, "'auto_delete' for exchange 'x' in vhost '/': received 'false' but current is 'true'"},
      {{}, {.internal = true}, "'internal' for exchange 'x' in vhost '/': received 'true' but current is 'false'"},
      {{.arguments = {{"alternate-exchange", "a"}}},
       {},
       "'alternate-exchange' for exchange 'x' in vhost '/': received none but current is the value 'a' of type 'longstr'"},
      {{},
       {.arguments = {{"alternate-exchange", "a"}}},
       "'alternate-exchange' for exchange 'x' in vhost '/': received the value 'a' of type 'longstr' but current is none"},
      {{.arguments = {{"alternate-exchange", "a"}}},
       {.arguments = {{"alternate-exchange", "b"}}},
       "'alternate-exchange' for exchange 'x' in vhost '/': received 'b' but current is 'a'"},
      {{},
       {.arguments = {{"alternate-exchange", std::int32_t{1}}}},
       "'alternate-exchange' for exchange 'x' in vhost '/': received the value '1' of type 'signedint' but current is none"},
  };
  for (const RedeclareRow& row : kRows) {
    TopologyBench bench;
    bench.declare("x", "direct", row.first).value();
    EXPECT_EQ(text_of(bench.declare("x", "direct", row.again)), std::string("PRECONDITION_FAILED - inequivalent arg ") + row.text);
  }
}

TEST(TopologyExchanges, DoNotCompareOtherArguments) {
  TopologyBench bench;
  bench.declare("x", "direct").value();
  EXPECT_FALSE(bench.declare("x", "direct", {.arguments = {{"foo", std::int32_t{1}}}}).value());
}

TEST(TopologyExchanges, RefuseAnAlternateExchangeThatIsNoString) {
  TopologyBench bench;
  EXPECT_EQ(text_of(bench.declare("x", "direct", {.arguments = {{"alternate-exchange", std::int32_t{1}}}})),
            "PRECONDITION_FAILED - invalid type 'signedint' for arg 'alternate-exchange' in exchange 'x' in vhost '/'");
}

TEST(TopologyExchanges, AreMissedByName) {
  TopologyBench bench;
  EXPECT_EQ(text_of(bench.topology().require_exchange("nope")), "NOT_FOUND - no exchange 'nope' in vhost '/'");
  EXPECT_EQ(bench.topology().require_exchange("amq.topic").value()->type, "topic");
}

TEST(TopologyExchanges, CannotBeDeletedWhenTheyBelongToTheSystem) {
  TopologyBench bench;
  EXPECT_EQ(text_of(bench.topology().delete_exchange("amq.direct", false)),
            "ACCESS_REFUSED - deletion of system exchange 'amq.direct' in vhost '/' not allowed");
  EXPECT_EQ(text_of(bench.topology().delete_exchange("amq.nope", false)),
            "ACCESS_REFUSED - deletion of system exchange 'amq.nope' in vhost '/' not allowed");
}

TEST(TopologyExchanges, AreDeletedWithTheirBindings) {
  TopologyBench bench;
  bench.add_queue("q");
  bench.declare("x", "topic").value();
  bench.bind("x", "q", "k").value();
  bench.link("amq.fanout", "x").value();
  TopologyChange change = bench.topology().delete_exchange("x", false).value();
  EXPECT_TRUE(change.changed);
  EXPECT_EQ(names_of(change.removed_exchanges), Names{"x"});
  EXPECT_EQ(change.removed_bindings.size(), 2u);
  EXPECT_TRUE(bench.topology().bindings().empty());
}

TEST(TopologyExchanges, CanBeDeletedWhenMissing) {
  TopologyBench bench;
  EXPECT_FALSE(bench.topology().delete_exchange("nope", true).value().changed);
}

TEST(TopologyExchanges, AreInUseWhileBindingsLeadFromThem) {
  TopologyBench bench;
  bench.add_queue("q");
  bench.declare("x", "direct").value();
  bench.bind("x", "q", "k").value();
  EXPECT_EQ(text_of(bench.topology().delete_exchange("x", true)), "PRECONDITION_FAILED - exchange 'x' in vhost '/' in use");
}

TEST(TopologyExchanges, AreNotInUseWhenBindingsOnlyLeadToThem) {
  TopologyBench bench;
  bench.declare("x", "direct").value();
  bench.link("amq.fanout", "x").value();
  EXPECT_TRUE(bench.topology().delete_exchange("x", true).value().changed);
}

TEST(TopologyExchanges, GoWithTheirLastBindingWhenAutoDelete) {
  TopologyBench bench;
  bench.add_queue("q");
  bench.declare("x", "direct", {.auto_delete = true}).value();
  bench.bind("x", "q", "a").value();
  bench.bind("x", "q", "b").value();
  EXPECT_TRUE(bench.unbind("x", "q", "a").value().removed_exchanges.empty());
  TopologyChange change = bench.unbind("x", "q", "b").value();
  EXPECT_EQ(names_of(change.removed_exchanges), Names{"x"});
  EXPECT_FALSE(bench.has_exchange("x"));
}

TEST(TopologyExchanges, StayWhenAutoDeleteButNeverBound) {
  TopologyBench bench;
  bench.add_queue("q");
  bench.declare("x", "direct", {.auto_delete = true}).value();
  bench.unbind("x", "q", "a").value();
  bench.link("amq.direct", "x", "k").value();
  bench.unlink("amq.direct", "x", "k").value();
  EXPECT_TRUE(bench.has_exchange("x"));
}

TEST(TopologyExchanges, AutoDeleteInChains) {
  TopologyBench bench;
  bench.add_queue("q");
  for (const char* name : {"a", "b", "c"}) bench.declare(name, "fanout", {.auto_delete = true}).value();
  bench.link("a", "b").value();
  bench.link("b", "c").value();
  bench.bind("c", "q").value();
  TopologyChange change = bench.topology().remove_queue("q");
  EXPECT_EQ(names_of(change.removed_exchanges), (Names{"c", "b", "a"}));
  EXPECT_EQ(change.removed_bindings.size(), 3u);
}

TEST(TopologyExchanges, StayWhenAutoDeleteButBoundToThemselves) {
  TopologyBench bench;
  bench.add_queue("q");
  bench.declare("x", "fanout", {.auto_delete = true}).value();
  bench.link("x", "x").value();
  bench.bind("x", "q").value();
  bench.topology().remove_queue("q");
  EXPECT_TRUE(bench.has_exchange("x"));
}

TEST(TopologyExchanges, CanBeDeletedWhenBoundToThemselves) {
  TopologyBench bench;
  bench.declare("x", "fanout", {.auto_delete = true}).value();
  bench.link("x", "x").value();
  TopologyChange change = bench.topology().delete_exchange("x", false).value();
  EXPECT_EQ(names_of(change.removed_exchanges), Names{"x"});
  EXPECT_EQ(change.removed_bindings.size(), 1u);
}

TEST(TopologyExchanges, DeletingOneTakesItsAutoDeleteSourcesAlong) {
  TopologyBench bench;
  bench.declare("source", "fanout", {.auto_delete = true}).value();
  bench.declare("x", "fanout").value();
  bench.link("source", "x").value();
  EXPECT_EQ(names_of(bench.topology().delete_exchange("x", false).value().removed_exchanges), (Names{"x", "source"}));
}

TEST(TopologyExchanges, AreRestoredWhateverTheirName) {
  TopologyBench bench;
  EXPECT_TRUE(bench.topology().restore_exchange({"amq.kept", "direct", true, false, false, {}}));
  EXPECT_TRUE(bench.has_exchange("amq.kept"));
}

TEST(TopologyExchanges, CannotBeRestoredWithAForgottenType) {
  TopologyBench bench;
  EXPECT_EQ(text_of(bench.topology().restore_exchange({"x", "x-gone", true, false, false, {}})),
            "PRECONDITION_FAILED - unknown exchange type 'x-gone'");
}

}  // namespace
}  // namespace mq::broker::test
