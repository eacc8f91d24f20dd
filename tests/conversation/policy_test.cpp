// Policies and limits that an operator sets while clients talk: what becomes of the queues, exchanges and connections there are.
#include "support/operator.hpp"

namespace mq::test {

using namespace amqp;

namespace {

using broker::PolicyKind;

class WithPolicies : public WithOperator {
 protected:
  std::string sets(const std::string& name, const std::string& pattern, Table definition, std::int64_t priority = 0,
                   PolicyKind kind = PolicyKind::kPolicy) {
    broker::Policy policy{name, pattern, broker::ApplyTo::kAll, priority, std::move(definition)};
    return asks(engine::ChangePolicy{kind, name, std::move(policy), {}});
  }
  std::string clears(const std::string& name, PolicyKind kind = PolicyKind::kPolicy) {
    return asks(engine::ChangePolicy{kind, name, std::nullopt, {}});
  }
  std::string limits_vhost(const std::string& limit, std::optional<Value> value) {
    return asks(engine::ChangeLimit{limit, std::move(value), {}});
  }
  std::string limits_user(const std::string& user, Table limits) {
    auto answer = std::make_shared<std::string>("no answer");
    broker().change_user_limits(user, std::move(limits), answer_into(answer));
    settle();
    return *answer;
  }
};

Table number(const char* key, std::int64_t value) { return {{key, value}}; }

Client& declares(Client& c, const QueueDeclare& declare) { return c.sends(declare).receives(QueueDeclareOk{declare.queue, 0, 0}); }

std::uint32_t ready(Client& c, std::string_view queue) {
  return c.sends(QueueDeclare{.queue = queue, .passive = true}).takes<QueueDeclareOk>().message_count;
}

// A mandatory message finds the queue q, or comes back.
bool reaches_q(Client& c, std::string_view exchange) {
  c.sends_content({.exchange = exchange, .routing_key = "k", .mandatory = true}, "m");
  const bool returned = c.frames_waiting() > 0;
  if (returned) {
    std::string body;
    (void)c.takes<BasicReturn>();
    (void)c.takes_content(body);
  }
  const bool arrived = ready(c, "q") > 0;
  c.sends(QueuePurge{.queue = "q"}).receives(QueuePurgeOk{arrived ? 1u : 0u});
  EXPECT_NE(returned, arrived);
  return arrived;
}

constexpr std::string_view kNoQ = "NOT_FOUND - no queue 'q' in vhost '/'";

}  // namespace

MQ_OPERATOR_CONVERSATIONS(PolicyOnQueues, WithPolicies);
MQ_OPERATOR_CONVERSATIONS(PolicyOnExchanges, WithPolicies);
MQ_OPERATOR_CONVERSATIONS(OperatorLimits, WithPolicies);

// --- queues ---

TEST_P(PolicyOnQueues, TrimsAQueueThatIsTooLong) {
  Client& c = client();
  declares(c, {.queue = "q"});
  for (const char* body : {"1", "2", "3", "4"}) c.publishes("q", body);
  EXPECT_EQ(ready(c, "q"), 4u);
  EXPECT_EQ(sets("p", "^q$", number("max-length", 2)), "done");
  EXPECT_EQ(ready(c, "q"), 2u);
  c.sends(BasicGet{.queue = "q"}).receives_content(BasicGetOk{1, false, "", "q", 1}, "3");
}

TEST_P(PolicyOnQueues, LeavesQueuesOfOtherNamesAlone) {
  Client& c = client();
  declares(c, {.queue = "other"}).publishes("other", "1").publishes("other", "2");
  EXPECT_EQ(sets("p", "^q$", number("max-length", 1)), "done");
  EXPECT_EQ(ready(c, "other"), 2u);
}

TEST_P(PolicyOnQueues, HoldsForQueuesMadeLater) {
  EXPECT_EQ(sets("p", "^q", number("max-length", 1)), "done");
  Client& c = client();
  declares(c, {.queue = "q"}).publishes("q", "1").publishes("q", "2");
  EXPECT_EQ(ready(c, "q"), 1u);
}

TEST_P(PolicyOnQueues, EndsWhenItIsCleared) {
  EXPECT_EQ(sets("p", "^q", number("max-length", 1)), "done");
  Client& c = client();
  declares(c, {.queue = "q"}).publishes("q", "1");
  EXPECT_EQ(clears("p"), "done");
  c.publishes("q", "2");
  EXPECT_EQ(ready(c, "q"), 2u);
}

TEST_P(PolicyOnQueues, YieldsToOneOfHigherPriority) {
  Client& c = client();
  declares(c, {.queue = "q"});
  for (const char* body : {"1", "2", "3"}) c.publishes("q", body);
  EXPECT_EQ(sets("low", "", number("max-length", 1), 0), "done");
  EXPECT_EQ(ready(c, "q"), 1u);
  EXPECT_EQ(sets("high", "", number("max-length", 2), 1), "done");
  for (const char* body : {"4", "5", "6"}) c.publishes("q", body);
  EXPECT_EQ(ready(c, "q"), 2u);
}

TEST_P(PolicyOnQueues, IsBoundedByTheOperators) {
  Client& c = client();
  declares(c, {.queue = "q"});
  for (const char* body : {"1", "2", "3", "4"}) c.publishes("q", body);
  EXPECT_EQ(sets("p", "", number("max-length", 3)), "done");
  EXPECT_EQ(sets("o", "", number("max-length", 2), 0, PolicyKind::kOperatorPolicy), "done");
  EXPECT_EQ(ready(c, "q"), 2u);
  EXPECT_EQ(clears("o", PolicyKind::kOperatorPolicy), "done");
  c.publishes("q", "5").publishes("q", "6");
  EXPECT_EQ(ready(c, "q"), 3u);
}

TEST_P(PolicyOnQueues, GivesATtlToMessagesPublishedFromThenOn) {
  Client& c = client();
  declares(c, {.queue = "q"}).publishes("q", "before");
  EXPECT_EQ(ready(c, "q"), 1u);
  EXPECT_EQ(sets("p", "", number("message-ttl", 100)), "done");
  c.publishes("q", "after");
  EXPECT_EQ(ready(c, "q"), 2u);
  passes(101);
  c.sends(BasicGet{.queue = "q"}).receives_content(BasicGetOk{1, false, "", "q", 0}, "before");
}

TEST_P(PolicyOnQueues, DeadLettersWhatDiesFromThenOn) {
  Client& c = client();
  declares(declares(c, {.queue = "q"}), {.queue = "morgue"});
  c.publishes("q", "1").publishes("q", "2").publishes("q", "3").sends(BasicGet{.queue = "q"});
  c.receives_content(BasicGetOk{1, false, "", "q", 2}, "1");
  c.sends(BasicReject{1, false});
  settle();
  EXPECT_EQ(ready(c, "morgue"), 0u);
  EXPECT_EQ(sets("p", "^q$", {{"dead-letter-exchange", ""}, {"dead-letter-routing-key", "morgue"}}), "done");
  c.sends(BasicGet{.queue = "q"}).receives_content(BasicGetOk{2, false, "", "q", 1}, "2");
  c.sends(BasicReject{2, false});
  settle();
  EXPECT_EQ(ready(c, "morgue"), 1u);
  EXPECT_EQ(clears("p"), "done");
  c.sends(BasicGet{.queue = "q"}).receives_content(BasicGetOk{3, false, "", "q", 0}, "3");
  c.sends(BasicReject{3, false});
  settle();
  EXPECT_EQ(ready(c, "morgue"), 1u);
}

TEST_P(PolicyOnQueues, DeadLettersWhatItsOwnLengthDrives) {
  Client& c = client();
  declares(declares(c, {.queue = "q"}), {.queue = "morgue"}).publishes("q", "1").publishes("q", "2");
  EXPECT_EQ(sets("p", "^q$", {{"dead-letter-exchange", ""}, {"dead-letter-routing-key", "morgue"}, {"max-length", std::int64_t{1}}}),
            "done");
  EXPECT_EQ(ready(c, "morgue"), 1u);
}

TEST_P(PolicyOnQueues, IgnoresARoutingKeyWithoutAnExchange) {
  Client& c = client();
  declares(declares(c, {.queue = "q"}), {.queue = "morgue"}).publishes("q", "1").publishes("q", "2");
  EXPECT_EQ(sets("p", "^q$", {{"dead-letter-routing-key", "morgue"}, {"max-length", std::int64_t{1}}}), "done");
  EXPECT_EQ(ready(c, "q"), 1u);
  EXPECT_EQ(ready(c, "morgue"), 0u);
}

TEST_P(PolicyOnQueues, RefusesPublishesToAFullQueue) {
  Client& c = client();
  declares(c, {.queue = "q"}).sends(ConfirmSelect{}).receives(ConfirmSelectOk{}).publishes("q", "1").receives(BasicAck{1, false});
  EXPECT_EQ(sets("p", "", {{"max-length", std::int64_t{1}}, {"overflow", "reject-publish"}}), "done");
  c.publishes("q", "2").receives(BasicNack{2, false, false});
}

TEST_P(PolicyOnQueues, StartsTheTimeOfAnUnusedQueue) {
  Client& c = client();
  declares(c, {.queue = "q"});
  passes(10'000);
  EXPECT_EQ(sets("p", "", number("expires", 1000)), "done");
  passes(999);
  EXPECT_EQ(broker().find_vhost("/")->queues().size(), 1u);
  passes(2);
  c.sends(QueueDeclare{.queue = "q", .passive = true}).loses_channel_with(404, kNoQ, QueueDeclare::kId);
}

TEST_P(PolicyOnQueues, ExpiresAQueueMadeUnderIt) {
  EXPECT_EQ(sets("p", "", number("expires", 1000)), "done");
  Client& c = client();
  declares(c, {.queue = "q"});
  passes(1001);
  c.sends(QueueDeclare{.queue = "q", .passive = true}).loses_channel_with(404, kNoQ, QueueDeclare::kId);
}

TEST_P(PolicyOnQueues, SparesAQueueOnceItIsCleared) {
  Client& c = client();
  declares(c, {.queue = "q"});
  EXPECT_EQ(sets("p", "", number("expires", 1000)), "done");
  passes(900);
  EXPECT_EQ(clears("p"), "done");
  passes(10'000);
  EXPECT_EQ(ready(c, "q"), 0u);
}

TEST_P(PolicyOnQueues, LimitsTheReturnsOfAQuorumQueue) {
  Client& c = client();
  declares(c, {.queue = "q", .durable = true, .arguments = args({{"x-queue-type", "quorum"}})}).publishes("q", "1");
  EXPECT_EQ(sets("p", "", number("delivery-limit", 1)), "done");
  for (std::uint64_t tag : {1u, 2u}) {
    c.sends(BasicGet{.queue = "q"}).takes<BasicGetOk>();
    std::string body;
    (void)c.takes_content(body);
    c.sends(BasicReject{tag, true});
  }
  EXPECT_EQ(ready(c, "q"), 0u);
}

TEST_P(PolicyOnQueues, PlaysNoPartInRedeclaring) {
  Client& c = client();
  declares(c, {.queue = "q"});
  EXPECT_EQ(sets("p", "", number("max-length", 1)), "done");
  declares(c, {.queue = "q"});
}

TEST_P(PolicyOnQueues, SurvivesACrash) {
  EXPECT_EQ(sets("p", "^q", number("max-length", 1)), "done");
  EXPECT_EQ(sets("o", "^q", number("max-length", 2), 0, PolicyKind::kOperatorPolicy), "done");
  Client& before = client();
  declares(before, {.queue = "q", .durable = true});
  crash();
  Client& c = client();
  c.publishes("q", "1").publishes("q", "2").publishes("q", "3");
  EXPECT_EQ(ready(c, "q"), 1u);
  EXPECT_EQ(clears("p"), "done");
  crash();
  Client& again = client();
  again.publishes("q", "1").publishes("q", "2").publishes("q", "3");
  EXPECT_EQ(ready(again, "q"), 2u);
}

TEST_P(PolicyOnQueues, ChangesNothingWhenItIsRefused) {
  EXPECT_EQ(sets("p", "", number("max-length", 1)), "done");
  EXPECT_EQ(sets("p", "", number("max-length", -1)), "Validation failed\n\n-1 is not a valid maximum length\n");
  Client& c = client();
  declares(c, {.queue = "q"}).publishes("q", "1").publishes("q", "2");
  EXPECT_EQ(ready(c, "q"), 1u);
}

TEST_P(PolicyOnQueues, CannotBeClearedWhenItIsNotThere) { EXPECT_EQ(clears("p"), "no policy 'p' in vhost '/'"); }

// --- exchanges ---

TEST_P(PolicyOnExchanges, GivesAnAlternateExchange) {
  Client& c = client();
  declares(c, {.queue = "q"}).sends(QueueBind{.queue = "q", .exchange = "amq.fanout"}).receives(QueueBindOk{});
  c.sends(ExchangeDeclare{.exchange = "x", .type = "direct"}).receives(ExchangeDeclareOk{});
  EXPECT_FALSE(reaches_q(c, "x"));
  EXPECT_EQ(sets("p", "^x$", {{"alternate-exchange", "amq.fanout"}}), "done");
  EXPECT_TRUE(reaches_q(c, "x"));
  EXPECT_EQ(clears("p"), "done");
  EXPECT_FALSE(reaches_q(c, "x"));
}

TEST_P(PolicyOnExchanges, HoldsForExchangesMadeLaterAndPredeclaredOnes) {
  EXPECT_EQ(sets("p", "^(x|amq.direct)$", {{"alternate-exchange", "amq.fanout"}}), "done");
  Client& c = client();
  declares(c, {.queue = "q"}).sends(QueueBind{.queue = "q", .exchange = "amq.fanout"}).receives(QueueBindOk{});
  c.sends(ExchangeDeclare{.exchange = "x", .type = "direct"}).receives(ExchangeDeclareOk{});
  EXPECT_TRUE(reaches_q(c, "x"));
  EXPECT_TRUE(reaches_q(c, "amq.direct"));
  EXPECT_FALSE(reaches_q(c, "amq.topic"));
}

TEST_P(PolicyOnExchanges, YieldsToTheExchangesOwnArgument) {
  Client& c = client();
  declares(c, {.queue = "q"}).sends(QueueBind{.queue = "q", .exchange = "amq.fanout"}).receives(QueueBindOk{});
  c.sends(ExchangeDeclare{.exchange = "x", .type = "direct", .arguments = args({{"alternate-exchange", "amq.fanout"}})});
  c.receives(ExchangeDeclareOk{});
  EXPECT_EQ(sets("p", "^x$", {{"alternate-exchange", "amq.topic"}}), "done");
  EXPECT_TRUE(reaches_q(c, "x"));
}

TEST_P(PolicyOnExchanges, SurvivesACrash) {
  EXPECT_EQ(sets("p", "^x$", {{"alternate-exchange", "amq.fanout"}}), "done");
  Client& before = client();
  before.sends(ExchangeDeclare{.exchange = "x", .type = "direct", .durable = true}).receives(ExchangeDeclareOk{});
  crash();
  Client& c = client();
  declares(c, {.queue = "q"}).sends(QueueBind{.queue = "q", .exchange = "amq.fanout"}).receives(QueueBindOk{});
  EXPECT_TRUE(reaches_q(c, "x"));
}

// --- limits ---

TEST_P(OperatorLimits, RefuseAQueueTooMany) {
  EXPECT_EQ(limits_vhost("max-queues", std::int64_t{1}), "done");
  Client& c = client();
  declares(c, {.queue = "q"});
  declares(c, {.queue = "q"});  // is there already
  c.sends(QueueDeclare{.queue = "p"})
      .loses_channel_with(406, "PRECONDITION_FAILED - cannot declare queue 'p': queue limit in vhost '/' (1) is reached",
                          QueueDeclare::kId);
  EXPECT_EQ(limits_vhost("max-queues", std::nullopt), "done");
  declares(c.opens_channel(), {.queue = "p"});
}

TEST_P(OperatorLimits, RefuseAConnectionTooManyInAVHost) {
  EXPECT_EQ(limits_vhost("max-connections", std::int64_t{1}), "done");
  Client& first = client();
  Client& second = stranger();
  second.sends_bytes(kProtocolHeader).takes<ConnectionStart>();
  const std::string response("\0guest\0guest", 12);
  second.sends(ConnectionStartOk{{}, "PLAIN", response, "en_US"}).takes<ConnectionTune>();
  second.sends(ConnectionTuneOk{2047, 131072, 0}).sends(ConnectionOpen{.virtual_host = "/"});
  second.is_closed_with(530, "NOT_ALLOWED - access to vhost '/' refused for user 'guest': connection limit (1) is reached",
                        ConnectionOpen::kId);
  first.sends(ConnectionClose{200, "bye", 0, 0}).receives(ConnectionCloseOk{});
  client();  // the place is free again
}

TEST_P(OperatorLimits, RefuseAConnectionTooManyOfAUser) {
  EXPECT_EQ(limits_user("guest", {{"max-connections", std::int64_t{0}}}), "done");
  Client& c = stranger();
  c.sends_bytes(kProtocolHeader).takes<ConnectionStart>();
  const std::string response("\0guest\0guest", 12);
  c.sends(ConnectionStartOk{{}, "PLAIN", response, "en_US"}).takes<ConnectionTune>();
  c.sends(ConnectionTuneOk{2047, 131072, 0}).sends(ConnectionOpen{.virtual_host = "/"});
  c.is_closed_with(530, "NOT_ALLOWED - connection refused for user 'guest': user connection limit (0) is reached", ConnectionOpen::kId);
  EXPECT_EQ(limits_user("guest", {{"max-connections", std::int64_t{-1}}}), "done");
  client();
}

TEST_P(OperatorLimits, RefuseAChannelTooManyOfAUser) {
  EXPECT_EQ(limits_user("guest", {{"max-channels", std::int64_t{2}}}), "done");
  Client& c = client();
  Client& other = client();
  other.sends(ChannelClose{200, "bye", 0, 0}).receives(ChannelCloseOk{});
  c.opens_channel(2);
  c.sends(ChannelOpen{}, 3)
      .is_closed_with(530, "NOT_ALLOWED - number of channels opened for user 'guest' has reached the maximum allowed user limit of (2)",
                      ChannelOpen::kId);
  other.opens_channel(5);
}

TEST_P(OperatorLimits, SurviveACrash) {
  EXPECT_EQ(limits_vhost("max-queues", std::int64_t{0}), "done");
  EXPECT_EQ(limits_user("guest", {{"max-channels", std::int64_t{1}}}), "done");
  crash();
  Client& c = client();
  c.sends(QueueDeclare{.queue = "p"})
      .loses_channel_with(406, "PRECONDITION_FAILED - cannot declare queue 'p': queue limit in vhost '/' (0) is reached",
                          QueueDeclare::kId);
  c.opens_channel(1);
  c.sends(ChannelOpen{}, 2)
      .is_closed_with(530, "NOT_ALLOWED - number of channels opened for user 'guest' has reached the maximum allowed user limit of (1)",
                      ChannelOpen::kId);
}

TEST_P(OperatorLimits, AreRefusedWhenTheyAreNone) {
  EXPECT_EQ(limits_vhost("max-foo", std::int64_t{5}), "Validation failed\n\nUnrecognised terms [{<<\"max-foo\">>,5}] in limits\n");
  EXPECT_EQ(limits_user("nobody", {{"max-channels", std::int64_t{1}}}), "no user 'nobody'");
}

}  // namespace mq::test
