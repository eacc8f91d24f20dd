// Delayed and scheduled messages as clients see them: when they come, what is confirmed when, what is refused; that none is lost or doubled
// wherever the broker stops.
#include "engine/delayed.hpp"
#include "support/conversation.hpp"

namespace mq::test {

using namespace amqp;

MQ_CONVERSATIONS(Delays);

namespace {

Properties delayed(Value delay) { return {.headers = Table{{"x-delay", std::move(delay)}}, .delivery_mode = 2}; }
Properties deliver_at(Value when) { return {.headers = Table{{"x-deliver-at", std::move(when)}}, .delivery_mode = 2}; }

Client& declares(Client& c, std::string_view queue) {
  return c.sends(QueueDeclare{.queue = queue, .durable = true}).receives(QueueDeclareOk{queue, 0, 0});
}

Client& confirms(Client& c) { return c.sends(ConfirmSelect{}).receives(ConfirmSelectOk{}); }

std::uint32_t ready(Client& c, std::string_view queue) {
  return c.sends(QueueDeclare{.queue = queue, .passive = true}).takes<QueueDeclareOk>().message_count;
}

// Gets the next message of a queue; its body is expected, its headers are the result.
Table gets(Client& c, std::string_view queue, std::string_view body) {
  c.sends(BasicGet{.queue = queue, .no_ack = true});
  (void)c.takes<BasicGetOk>();
  std::string got;
  const Properties properties = c.takes_content(got);
  EXPECT_EQ(got, body);
  return properties.headers.value_or(Table{});
}

std::int64_t number(const Table& headers, std::string_view name) {
  const Value* value = headers.find(name);
  return value != nullptr && value->integer() ? *value->integer() : 0;
}

}  // namespace

TEST_P(Delays, AreKeptOnTheDefaultExchange) {
  Client& c = client();
  declares(c, "q").publishes("q", "m", delayed(1000));
  passes(999);
  EXPECT_EQ(ready(c, "q"), 0u);
  passes(1);
  EXPECT_EQ(ready(c, "q"), 1u);
}

TEST_P(Delays, AreNegativeWhenDelivered) {
  Client& c = client();
  declares(c, "q").publishes("q", "m", delayed(1000));
  passes(1000);
  EXPECT_EQ(number(gets(c, "q", "m"), "x-delay"), -1000);
}

TEST_P(Delays, MayBeNumbersOfAnyKind) {
  Client& c = client();
  declares(c, "q");
  const Value kinds[] = {std::int8_t{100},
                         std::uint8_t{100},
                         std::int16_t{100},
                         std::uint16_t{100},
                         std::int32_t{100},
                         std::uint32_t{100},
                         std::int64_t{100},
                         100.9F,
                         100.9,
                         "100"};
  for (const Value& kind : kinds) c.publishes("q", "m", delayed(kind));
  EXPECT_EQ(ready(c, "q"), 0u);
  passes(100);
  for (std::size_t left = std::size(kinds); left > 0; --left) EXPECT_EQ(number(gets(c, "q", "m"), "x-delay"), -100);
}

TEST_P(Delays, ThatAreNotPositiveAreNone) {
  Client& c = client();
  declares(c, "q").publishes("q", "1", delayed(0)).publishes("q", "2", delayed(-5000));
  EXPECT_EQ(number(gets(c, "q", "1"), "x-delay"), 0);
  EXPECT_EQ(number(gets(c, "q", "2"), "x-delay"), -5000);
}

TEST_P(Delays, EndAtAMoment) {
  Client& c = client();
  const UnixMillis now = scheduler().now();
  declares(c, "q").publishes("q", "seconds", deliver_at(Timestamp{static_cast<std::uint64_t>(now / 1000 + 60)}));
  c.publishes("q", "milliseconds", deliver_at(now + 59'000));
  passes(58'999);
  EXPECT_EQ(ready(c, "q"), 0u);
  passes(1);
  EXPECT_EQ(number(gets(c, "q", "milliseconds"), "x-deliver-at"), now + 59'000);
  passes(999);
  EXPECT_EQ(ready(c, "q"), 0u);
  passes(1);
  gets(c, "q", "seconds");
}

TEST_P(Delays, ToAMomentThatIsPastAreNone) {
  Client& c = client();
  declares(c, "q").publishes("q", "m", deliver_at(Timestamp{1}));
  gets(c, "q", "m");
}

TEST_P(Delays, EndAtTheLaterOfTwoTimes) {
  Client& c = client();
  Properties both = delayed(5000);
  both.headers->append("x-deliver-at", scheduler().now() + 2000);
  declares(c, "q").publishes("q", "m", both);
  passes(4999);
  EXPECT_EQ(ready(c, "q"), 0u);
  passes(1);
  EXPECT_EQ(ready(c, "q"), 1u);
}

TEST_P(Delays, MustBeNumbers) {
  client()
      .publishes("q", "m", delayed("soon"))
      .loses_channel_with(406, "PRECONDITION_FAILED - invalid header 'x-delay': a number of milliseconds is expected, not 'soon'",
                          {60, 40});
  client()
      .publishes("q", "m", delayed(Table{}))
      .loses_channel_with(406, "PRECONDITION_FAILED - invalid header 'x-delay': a number of milliseconds is expected, not table", {60, 40});
}

TEST_P(Delays, ToAMomentNeedATimestampOrMilliseconds) {
  client()
      .publishes("q", "m", deliver_at("2030-01-01"))
      .loses_channel_with(
          406,
          "PRECONDITION_FAILED - invalid header 'x-deliver-at': a timestamp or an integer of milliseconds is expected, not '2030-01-01'",
          {60, 40});
}

TEST_P(Delays, AreAtMostACentury) {
  client()
      .publishes("q", "m", delayed(std::int64_t{4'000'000'000'000}))
      .loses_channel_with(406, "PRECONDITION_FAILED - invalid header 'x-delay': more than a hundred years away", {60, 40});
  client()
      .publishes("q", "m", deliver_at(Timestamp{UINT64_MAX}))
      .loses_channel_with(406, "PRECONDITION_FAILED - invalid header 'x-deliver-at': more than a hundred years away", {60, 40});
}

TEST_P(Delays, LastYears) {
  Client& c = client();
  declares(c, "q").publishes("q", "m", delayed(std::int64_t{10} * 365 * 24 * 3600 * 1000));
  settle();
  scheduler().set_clock(Millis{10} * 365 * 24 * 3600 * 1000 - 2000);
  passes(1999);
  EXPECT_EQ(ready(c, "q"), 0u);
  passes(1);
  EXPECT_EQ(ready(c, "q"), 1u);
}

TEST_P(Delays, CountNothingOnOrdinaryExchangesWhenSwitchedOff) {
  options.delayed_messages = false;
  Client& c = client();
  declares(c, "q").publishes("q", "m", delayed(1000)).publishes("q", "n", delayed("soon"));
  EXPECT_EQ(number(gets(c, "q", "m"), "x-delay"), 1000);
  gets(c, "q", "n");
}

// --- order and time to live ---

TEST_P(Delays, KeepTheOrderOfPublishingAtTheSameTime) {
  Client& c = client();
  declares(c, "q").sends(BasicConsume{.queue = "q", .consumer_tag = "c", .no_ack = true}).receives(BasicConsumeOk{"c"});
  const UnixMillis due = scheduler().now() + 1000;
  std::vector<std::string> bodies;
  for (int n = 0; n < 20; ++n) c.publishes("q", bodies.emplace_back(std::to_string(n)), deliver_at(due));
  passes(1000);
  c.receives_deliveries("c", "q", 1, bodies);
}

TEST_P(Delays, ComeBeforeTheTimeToLiveInAQueue) {
  Client& c = client();
  Properties properties = delayed(5000);
  properties.expiration = "1000";
  declares(c, "q").publishes("q", "m", properties);
  passes(5999);
  EXPECT_EQ(ready(c, "q"), 1u);
  passes(2);
  EXPECT_EQ(ready(c, "q"), 0u);
}

// --- confirms, mandatory, transactions ---

TEST_P(Delays, AreConfirmedWhenTheyAreOnDisk) {
  Client& c = client();
  confirms(declares(c, "q")).publishes("q", "m", delayed(3600'000)).receives(BasicAck{1, false});
  crash();
  passes(3600'000);
  EXPECT_EQ(ready(client(), "q"), 1u);
}

TEST_P(Delays, KeepTransientMessagesOnDiskToo) {
  Client& c = client();
  Properties transient = delayed(1000);
  transient.delivery_mode = 1;
  confirms(declares(c, "q")).publishes("q", "m", transient).receives(BasicAck{1, false});
  restart();
  passes(1000);
  EXPECT_EQ(ready(client(), "q"), 1u);
}

TEST_P(Delays, ReturnAtOnceWhatIsMandatoryAndGoesNowhere) {
  Client& c = client();
  confirms(c).sends_content({.routing_key = "nowhere", .mandatory = true}, "m", delayed(1000));
  const Properties returned = c.receives_content(BasicReturn{312, "NO_ROUTE", "", "nowhere"}, "m");
  EXPECT_EQ(number(*returned.headers, "x-delay"), 1000);
  c.receives(BasicAck{1, false});
  declares(c, "nowhere");
  passes(2000);
  EXPECT_EQ(ready(c, "nowhere"), 0u);
}

TEST_P(Delays, GiveOthersTimeToBindAQueue) {
  Client& c = client();
  confirms(c).publishes("later", "m", delayed(1000)).receives(BasicAck{1, false});
  declares(c, "later");
  passes(1000);
  EXPECT_EQ(ready(c, "later"), 1u);
}

TEST_P(Delays, DropWhatGoesNowhereWhenDue) {
  Client& c = client();
  declares(c, "q").publishes("q", "m", delayed(1000)).sends(QueueDelete{.queue = "q"}).receives(QueueDeleteOk{0});
  passes(1000);
  EXPECT_EQ(broker().find_vhost("/")->delayed()->gauges().unroutable, 1u);
  EXPECT_EQ(broker().find_vhost("/")->delayed()->gauges().waiting, 0u);
}

TEST_P(Delays, GoToTheAlternateExchangeWhenNothingElseTakesThem) {
  Client& c = client();
  declares(c, "q").sends(QueueBind{.queue = "q", .exchange = "amq.fanout"}).receives(QueueBindOk{});
  c.sends(ExchangeDeclare{.exchange = "x", .type = "direct", .arguments = args({{"alternate-exchange", "amq.fanout"}})});
  c.receives(ExchangeDeclareOk{}).sends_content({.exchange = "x", .routing_key = "k"}, "m", delayed(1000));
  passes(1000);
  EXPECT_EQ(ready(c, "q"), 1u);
}

TEST_P(Delays, TakeCopiesAlongAndHideBlindOnes) {
  Client& c = client();
  Properties properties = delayed(1000);
  properties.headers->append("CC", Array{"cc"});
  properties.headers->append("BCC", Array{"bcc"});
  declares(declares(declares(c, "q"), "cc"), "bcc").publishes("q", "m", properties);
  passes(1000);
  for (std::string_view queue : {"q", "cc", "bcc"}) {
    const Table headers = gets(c, queue, "m");
    EXPECT_NE(headers.find("CC"), nullptr);
    EXPECT_EQ(headers.find("BCC"), nullptr);
  }
}

TEST_P(Delays, BeginWithTheCommitOfTheirTransaction) {
  Client& c = client();
  declares(c, "q").sends(TxSelect{}).receives(TxSelectOk{}).publishes("q", "m", delayed(1000));
  passes(5000);
  EXPECT_EQ(ready(c, "q"), 0u);
  c.sends(TxCommit{}).receives(TxCommitOk{});
  passes(999);
  EXPECT_EQ(ready(c, "q"), 0u);
  passes(1);
  EXPECT_EQ(ready(c, "q"), 1u);
}

TEST_P(Delays, EndWithTheRollbackOfTheirTransaction) {
  Client& c = client();
  declares(c, "q").sends(TxSelect{}).receives(TxSelectOk{}).publishes("q", "m", delayed(1000));
  c.sends(TxRollback{}).receives(TxRollbackOk{}).sends(TxCommit{}).receives(TxCommitOk{});
  passes(2000);
  EXPECT_EQ(ready(c, "q"), 0u);
}

TEST_P(Delays, NeedTheRightToWriteWhenPublished) {
  adds_user("reader", ".*", "^$", ".*");
  restart();
  client({.user = "reader", .password = "reader"})
      .publishes("q", "m", delayed(1000))
      .loses_channel_with(403, "ACCESS_REFUSED - write access to exchange 'amq.default' in vhost '/' refused for user 'reader'", {60, 40});
}

TEST_P(Delays, DoNotTouchReplies) {
  Client& c = client();
  c.sends(BasicConsume{.queue = "amq.rabbitmq.reply-to", .consumer_tag = "r", .no_ack = true}).receives(BasicConsumeOk{"r"});
  Properties request{.reply_to = "amq.rabbitmq.reply-to"};
  declares(c, "q").publishes("q", "request", request).sends(BasicGet{.queue = "q", .no_ack = true});
  (void)c.takes<BasicGetOk>();
  std::string body;
  const std::string reply_to = *c.takes_content(body).reply_to;
  c.publishes(reply_to, "reply", delayed(1000)).receives_content(BasicDeliver{"r", 2, false, "", reply_to}, "reply");
}

// --- the exchange of RabbitMQ's plugin ---

TEST_P(Delays, RouteAsTheTypeTheirExchangeNames) {
  options.delayed_messages = false;  // that exchange is there for delaying
  Client& c = client();
  c.sends(ExchangeDeclare{.exchange = "x", .type = "x-delayed-message", .arguments = args({{"x-delayed-type", "topic"}})});
  c.receives(ExchangeDeclareOk{});
  declares(c, "q").sends(QueueBind{.queue = "q", .exchange = "x", .routing_key = "a.*"}).receives(QueueBindOk{});
  c.sends_content({.exchange = "x", .routing_key = "a.b"}, "m", delayed(1000));
  c.sends_content({.exchange = "x", .routing_key = "b.b"}, "m", delayed(1000));
  c.sends_content({.exchange = "x", .routing_key = "a.c"}, "now");
  gets(c, "q", "now");
  passes(1000);
  EXPECT_EQ(number(gets(c, "q", "m"), "x-delay"), -1000);
  EXPECT_EQ(ready(c, "q"), 0u);
}

TEST_P(Delays, AreRememberedWhenDueByAnExchangeThatKeepsHistory) {
  Client& c = client();
  c.sends(ExchangeDeclare{.exchange = "x", .type = "x-delayed-message", .arguments = args({{"x-delayed-type", "x-recent-history"}})});
  declares(c.receives(ExchangeDeclareOk{}), "early").sends_content({.exchange = "x"}, "m", delayed(1000));
  c.sends(QueueBind{.queue = "early", .exchange = "x"}).receives(QueueBindOk{});
  EXPECT_EQ(ready(c, "early"), 0u);
  passes(1000);
  EXPECT_EQ(ready(c, "early"), 1u);
  declares(c, "late").sends(QueueBind{.queue = "late", .exchange = "x"}).receives(QueueBindOk{});
  EXPECT_EQ(ready(c, "late"), 1u);
}

TEST_P(Delays, PassOverWhatIsNoNumberOnTheirExchange) {
  Client& c = client();
  c.sends(ExchangeDeclare{.exchange = "x", .type = "x-delayed-message", .arguments = args({{"x-delayed-type", "fanout"}})});
  declares(c.receives(ExchangeDeclareOk{}), "q").sends(QueueBind{.queue = "q", .exchange = "x"}).receives(QueueBindOk{});
  c.sends_content({.exchange = "x"}, "m", delayed(Table{}));
  gets(c, "q", "m");
}

TEST_P(Delays, HeedLavinMqsArgument) {
  options.delayed_messages = false;
  Client& c = client();
  c.sends(ExchangeDeclare{.exchange = "x", .type = "fanout", .arguments = args({{"x-delayed-exchange", true}})});
  declares(c.receives(ExchangeDeclareOk{}), "q").sends(QueueBind{.queue = "q", .exchange = "x"}).receives(QueueBindOk{});
  c.sends_content({.exchange = "x"}, "m", delayed(1000));
  EXPECT_EQ(ready(c, "q"), 0u);
  passes(1000);
  EXPECT_EQ(ready(c, "q"), 1u);
}

TEST_P(Delays, RefuseExchangesThatNameNoType) {
  const auto refuses = [&](const Table& arguments, std::string_view text) {
    client()
        .sends(ExchangeDeclare{.exchange = "x", .type = "x-delayed-message", .arguments = args(arguments)})
        .loses_channel_with(406, text, ExchangeDeclare::kId);
  };
  refuses({}, "PRECONDITION_FAILED - Invalid argument, 'x-delayed-type' must be an existing exchange type");
  refuses({{"x-delayed-type", 1}}, "PRECONDITION_FAILED - Invalid argument, 'x-delayed-type' must be an existing exchange type");
  refuses({{"x-delayed-type", "x-delayed-message"}},
          "PRECONDITION_FAILED - Invalid argument, 'x-delayed-message' can't be used for 'x-delayed-type'");
  refuses({{"x-delayed-type", "none"}}, "PRECONDITION_FAILED - unknown exchange type 'none'");
}

TEST_P(Delays, SurviveTogetherWithTheirExchange) {
  Client& c = client();
  c.sends(
      ExchangeDeclare{.exchange = "x", .type = "x-delayed-message", .durable = true, .arguments = args({{"x-delayed-type", "direct"}})});
  declares(c.receives(ExchangeDeclareOk{}), "q")
      .sends(QueueBind{.queue = "q", .exchange = "x", .routing_key = "k"})
      .receives(QueueBindOk{});
  confirms(c).sends_content({.exchange = "x", .routing_key = "k"}, "m", delayed(1000)).receives(BasicAck{1, false});
  restart();
  passes(1000);
  EXPECT_EQ(ready(client(), "q"), 1u);
}

// --- dead letters ---

TEST_P(Delays, AreNotRepeatedByDeadLettering) {
  Client& c = client();
  declares(c, "dead").sends(
      QueueDeclare{.queue = "q", .arguments = args({{"x-dead-letter-exchange", ""}, {"x-dead-letter-routing-key", "dead"}})});
  c.receives(QueueDeclareOk{"q", 0, 0}).publishes("q", "m", delayed(1000));
  passes(1000);
  const std::uint64_t tag = c.sends(BasicGet{.queue = "q"}).takes<BasicGetOk>().delivery_tag;
  std::string body;
  (void)c.takes_content(body);
  c.sends(BasicReject{tag, false}).receives_nothing();
  EXPECT_EQ(ready(c, "dead"), 1u);
}

TEST_P(Delays, BeginWhenADeadLetterComesToTheirExchange) {
  options.delayed_messages = false;  // with it the first publish would have waited
  Client& c = client();
  c.sends(ExchangeDeclare{.exchange = "x", .type = "x-delayed-message", .arguments = args({{"x-delayed-type", "fanout"}})});
  declares(c.receives(ExchangeDeclareOk{}), "again").sends(QueueBind{.queue = "again", .exchange = "x"}).receives(QueueBindOk{});
  c.sends(QueueDeclare{.queue = "q", .arguments = args({{"x-dead-letter-exchange", "x"}})}).receives(QueueDeclareOk{"q", 0, 0});
  const std::uint64_t tag = c.publishes("q", "m", delayed(1000)).sends(BasicGet{.queue = "q"}).takes<BasicGetOk>().delivery_tag;
  std::string body;
  (void)c.takes_content(body);
  c.sends(BasicReject{tag, false}).receives_nothing();
  EXPECT_EQ(ready(c, "again"), 0u);
  passes(1000);
  EXPECT_EQ(number(gets(c, "again", "m"), "x-delay"), -1000);
}

// --- crashes ---

TEST_P(Delays, LoseAndDoubleNothingWhereverTheBrokerCrashes) {
  bool still_waiting = false, moved = false;
  for (std::size_t tasks = 0; tasks < 24; ++tasks) {
    const std::string a = "a" + std::to_string(tasks), b = "b" + std::to_string(tasks), key = "k" + std::to_string(tasks);
    Client& c = client();
    declares(declares(c, a), b);
    for (const std::string& queue : {a, b})
      c.sends(QueueBind{.queue = queue, .exchange = "amq.direct", .routing_key = key}).receives(QueueBindOk{});
    confirms(c).sends_content({.exchange = "amq.direct", .routing_key = key}, "m", delayed(1000)).receives(BasicAck{1, false});
    scheduler().set_clock(1000);
    broker().find_vhost("/")->delayed()->put(engine::WakeUp{});
    gets_only_this_far(tasks);
    crash();
    still_waiting = still_waiting || broker().find_vhost("/")->delayed()->gauges().waiting == 1;
    moved = moved || broker().find_vhost("/")->delayed()->gauges().waiting == 0;
    settle();
    Client& after = client();
    EXPECT_EQ(ready(after, a), 1u) << tasks;
    EXPECT_EQ(ready(after, b), 1u) << tasks;
  }
  EXPECT_TRUE(still_waiting);
  EXPECT_TRUE(moved);
}

TEST_P(Delays, OfATransactionAreWholeOrNotAtAllWhereverTheBrokerCrashes) {
  for (std::size_t tasks = 0; tasks < 24; ++tasks) {
    const std::string now = "now" + std::to_string(tasks), later = "later" + std::to_string(tasks);
    Client& c = client();
    declares(declares(c, now), later).sends(TxSelect{}).receives(TxSelectOk{});
    c.publishes(now, "m", {.delivery_mode = 2}).publishes(later, "m", delayed(1000)).sends(TxCommit{});
    gets_only_this_far(tasks);
    const bool answered = c.heard_something();
    crash();
    passes(2000);
    Client& after = client();
    const std::uint32_t committed = ready(after, now);
    EXPECT_EQ(ready(after, later), committed) << tasks;
    EXPECT_LE(answered ? 1u : 0u, committed) << tasks;
  }
}

}  // namespace mq::test
