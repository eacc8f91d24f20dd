// Vhosts that let queues and exchanges be declared again with other arguments, and arguments that an operator changes.
#include "support/operator.hpp"

namespace mq::test {

using namespace amqp;

namespace {

class WithSettings : public WithOperator {
 protected:
  std::string sets_redeclare(const char* how) { return asks(engine::ChangeSetting{"redeclare", how, {}}); }
  std::string changes(Table arguments, const std::string& queue = "q") {
    return asks(engine::ChangeArguments{queue, std::move(arguments), {}});
  }
};

Client& declares(Client& c, const QueueDeclare& declare) { return c.sends(declare).receives(QueueDeclareOk{declare.queue, 0, 0}); }

std::uint32_t ready(Client& c, std::string_view queue = "q") {
  return c.sends(QueueDeclare{.queue = queue, .passive = true}).takes<QueueDeclareOk>().message_count;
}

constexpr std::string_view kOtherLength =
    "PRECONDITION_FAILED - inequivalent arg 'x-max-length' for queue 'q' in vhost '/': received the value '5' of type 'long' but current "
    "is none";
constexpr std::string_view kOtherDurability =
    "PRECONDITION_FAILED - inequivalent arg 'durable' for queue 'q' in vhost '/': received 'true' but current is 'false'";

}  // namespace

MQ_OPERATOR_CONVERSATIONS(RelaxedRedeclare, WithSettings);
MQ_OPERATOR_CONVERSATIONS(ChangedArguments, WithSettings);

// --- declaring again ---

TEST_P(RelaxedRedeclare, IsNotSoUnlessSet) {
  Client& c = client();
  declares(c, {.queue = "q"}).sends(QueueDeclare{.queue = "q", .arguments = args({{"x-max-length", std::int64_t{5}}})});
  c.loses_channel_with(406, kOtherLength, QueueDeclare::kId);
}

TEST_P(RelaxedRedeclare, TakesOtherArgumentsOfAQueueAndKeepsTheOldOnes) {
  EXPECT_EQ(sets_redeclare("relaxed"), "done");
  Client& c = client();
  declares(c, {.queue = "q", .arguments = args({{"x-max-length", std::int64_t{1}}})});
  declares(c, {.queue = "q", .arguments = args({{"x-max-length", std::int64_t{5}}, {"x-queue-type", "quorum"}})});
  declares(c, {.queue = "q"}).publishes("q", "1").publishes("q", "2");
  EXPECT_EQ(ready(c), 1u);
}

TEST_P(RelaxedRedeclare, StillLooksAtEverythingElse) {
  EXPECT_EQ(sets_redeclare("relaxed"), "done");
  Client& c = client();
  declares(c, {.queue = "q"}).sends(QueueDeclare{.queue = "q", .durable = true, .arguments = args({{"x-max-length", std::int64_t{5}}})});
  c.loses_channel_with(406, kOtherDurability, QueueDeclare::kId);
}

TEST_P(RelaxedRedeclare, TakesAnotherAlternateOfAnExchange) {
  EXPECT_EQ(sets_redeclare("relaxed"), "done");
  Client& c = client();
  c.sends(ExchangeDeclare{.exchange = "x", .type = "direct"}).receives(ExchangeDeclareOk{});
  c.sends(ExchangeDeclare{.exchange = "x", .type = "direct", .arguments = args({{"alternate-exchange", "amq.fanout"}})});
  c.receives(ExchangeDeclareOk{}).sends(ExchangeDeclare{.exchange = "x", .type = "fanout"});
  c.loses_channel_with(
      406, "PRECONDITION_FAILED - inequivalent arg 'type' for exchange 'x' in vhost '/': received 'fanout' but current is 'direct'",
      ExchangeDeclare::kId);
}

TEST_P(RelaxedRedeclare, LeavesTheDefaultExchangeAlone) {
  EXPECT_EQ(sets_redeclare("relaxed"), "done");
  client()
      .sends(ExchangeDeclare{.exchange = "", .type = "direct", .durable = true})
      .loses_channel_with(403, "ACCESS_REFUSED - operation not permitted on the default exchange", ExchangeDeclare::kId);
}

TEST_P(RelaxedRedeclare, SurvivesACrashAndEndsWhenItIsStrictAgain) {
  EXPECT_EQ(sets_redeclare("relaxed"), "done");
  crash();
  Client& c = client();
  declares(c, {.queue = "q"});
  declares(c, {.queue = "q", .arguments = args({{"x-max-length", std::int64_t{5}}})});
  EXPECT_EQ(sets_redeclare("strict"), "done");
  c.sends(QueueDeclare{.queue = "q", .arguments = args({{"x-max-length", std::int64_t{5}}})});
  c.loses_channel_with(406, kOtherLength, QueueDeclare::kId);
}

TEST_P(RelaxedRedeclare, IsSaidInOneOfTwoWords) {
  EXPECT_EQ(sets_redeclare("loose"), "Validation failed\n\nredeclare should be strict or relaxed, actually was <<\"loose\">>\n");
}

// --- arguments ---

TEST_P(ChangedArguments, HoldAtOnce) {
  Client& c = client();
  declares(c, {.queue = "q"});
  for (const char* body : {"1", "2", "3"}) c.publishes("q", body);
  EXPECT_EQ(ready(c), 3u);
  EXPECT_EQ(changes({{"x-max-length", std::int64_t{2}}}), "done");
  EXPECT_EQ(ready(c), 2u);
  EXPECT_EQ(changes({{"x-max-length", Void{}}}), "done");
  c.publishes("q", "4");
  EXPECT_EQ(ready(c), 3u);
}

TEST_P(ChangedArguments, AreThoseToDeclareItWithFromThenOn) {
  Client& c = client();
  declares(c, {.queue = "q"});
  EXPECT_EQ(changes({{"x-max-length", std::int64_t{5}}}), "done");
  declares(c, {.queue = "q", .arguments = args({{"x-max-length", std::int64_t{5}}})});
}

TEST_P(ChangedArguments, SurviveACrash) {
  declares(client(), {.queue = "q", .durable = true, .arguments = args({{"x-expires", std::int64_t{60'000}}})});
  EXPECT_EQ(changes({{"x-max-length", std::int64_t{1}}, {"x-expires", Void{}}}), "done");
  crash();
  Client& c = client();
  declares(c, {.queue = "q", .durable = true, .arguments = args({{"x-max-length", std::int64_t{1}}})});
  c.publishes("q", "1").publishes("q", "2");
  EXPECT_EQ(ready(c), 1u);
}

TEST_P(ChangedArguments, BringPrioritiesToAQueue) {
  Client& c = client();
  declares(c, {.queue = "q"}).publishes("q", "1").publishes("q", "2");
  EXPECT_EQ(changes({{"x-max-priority", std::int64_t{3}}}), "done");
  c.publishes("q", "3", {.priority = 2}).sends(BasicGet{.queue = "q"});
  c.receives_content(BasicGetOk{1, false, "", "q", 2}, "3");
  EXPECT_EQ(changes({{"x-max-priority", Void{}}}), "done");
  c.publishes("q", "4", {.priority = 2}).sends(BasicGet{.queue = "q"}).receives_content(BasicGetOk{2, false, "", "q", 2}, "1");
}

TEST_P(ChangedArguments, OfPrioritiesLoseNothingThatWasConfirmed) {
  Client& c = client();
  declares(c, {.queue = "q", .durable = true}).sends(ConfirmSelect{}).receives(ConfirmSelectOk{});
  const Properties low{.delivery_mode = 2}, high{.delivery_mode = 2, .priority = 3};
  c.publishes("q", "1", low).receives(BasicAck{1, false});
  EXPECT_EQ(changes({{"x-max-priority", std::int64_t{5}}}), "done");
  c.publishes("q", "2", high).receives(BasicAck{2, false}).publishes("q", "3", low).receives(BasicAck{3, false});
  EXPECT_EQ(changes({{"x-max-priority", Void{}}}), "done");
  c.publishes("q", "4", high).receives(BasicAck{4, false});
  crash();
  Client& after = client();
  after.sends(BasicConsume{.queue = "q", .consumer_tag = "t"}).receives(BasicConsumeOk{"t"});
  after.receives_deliveries("t", "q", 1, {"2", "1", "3", "4"});
}

TEST_P(ChangedArguments, LetAllConsumersBeServed) {
  Client& first = client();
  declares(first, {.queue = "q", .arguments = args({{"x-single-active-consumer", true}})});
  first.sends(BasicQos{.prefetch_count = 1}).receives(BasicQosOk{});
  first.sends(BasicConsume{.queue = "q", .consumer_tag = "a"}).receives(BasicConsumeOk{"a"});
  Client& second = client();
  second.sends(BasicConsume{.queue = "q", .consumer_tag = "b"}).receives(BasicConsumeOk{"b"});
  second.publishes("q", "1").publishes("q", "2").receives_nothing();
  EXPECT_EQ(changes({{"x-single-active-consumer", Void{}}}), "done");
  second.receives_deliveries("b", "q", 1, {"2"});
}

TEST_P(ChangedArguments, MakeOneConsumerTheActiveOne) {
  Client& first = client();
  declares(first, {.queue = "q"}).sends(BasicConsume{.queue = "q", .consumer_tag = "a"}).receives(BasicConsumeOk{"a"});
  Client& second = client();
  second.sends(BasicConsume{.queue = "q", .consumer_tag = "b"}).receives(BasicConsumeOk{"b"});
  EXPECT_EQ(changes({{"x-single-active-consumer", true}}), "done");
  second.publishes("q", "1").publishes("q", "2").receives_nothing();
  first.receives_deliveries("a", "q", 1, {"1", "2"});
  first.closes();
  second.takes_delivery();
}

TEST_P(ChangedArguments, AreRefusedWithTheTextsOfDeclarations) {
  declares(client(), {.queue = "q"});
  EXPECT_EQ(changes({{"x-max-length", "many"}}),
            "invalid arg 'x-max-length' for queue 'q' in vhost '/': \"expected integer, got longstr\"");
  EXPECT_EQ(changes({{"x-queue-type", "quorum"}}), "invalid property 'non-durable' for queue 'q' in vhost '/'");
  EXPECT_EQ(changes({}, "none"), "no queue 'none' in vhost '/'");
}

}  // namespace mq::test
