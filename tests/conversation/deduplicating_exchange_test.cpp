// Exchanges that let each id in once (x-message-deduplication): all queues or none, confirms, transactions, delays, refusals, crashes.
#include "support/conversation.hpp"

namespace mq::test {

using namespace amqp;

MQ_CONVERSATIONS(DeduplicatingExchanges);

namespace {

Properties named(std::string_view id, std::uint8_t mode = 2) {
  Properties properties;
  properties.delivery_mode = mode;
  properties.headers = Table{{"x-deduplication-header", id}};
  return properties;
}

const Table kUnique = {{"x-message-deduplication", true}};

Client& declares_queue(Client& c, std::string_view queue, const EncodedTable& arguments = {}) {
  return c.sends(QueueDeclare{.queue = queue, .durable = true, .arguments = arguments}).receives(QueueDeclareOk{queue, 0, 0});
}

/// The exchange x, with its queues.
Client& declares(Client& c, const EncodedTable& arguments, std::initializer_list<std::string_view> queues,
                 std::string_view type = "fanout") {
  c.sends(ExchangeDeclare{.exchange = "x", .type = type, .durable = true, .arguments = arguments}).receives(ExchangeDeclareOk{});
  for (std::string_view queue : queues)
    declares_queue(c, queue).sends(QueueBind{.queue = queue, .exchange = "x", .routing_key = "k"}).receives(QueueBindOk{});
  return c;
}

Client& confirms(Client& c) { return c.sends(ConfirmSelect{}).receives(ConfirmSelectOk{}); }

Client& says(Client& c, std::string_view body, const Properties& properties, bool mandatory = false) {
  return c.sends_content({.exchange = "x", .routing_key = "k", .mandatory = mandatory}, body, properties);
}

std::uint32_t ready(Client& c, std::string_view queue) {
  return c.sends(QueueDeclare{.queue = queue, .passive = true}).takes<QueueDeclareOk>().message_count;
}

}  // namespace

TEST_P(DeduplicatingExchanges, LetAnIdIntoAllTheirQueuesOnce) {
  Client& c = client();
  confirms(declares(c, args(kUnique), {"a", "b"}));
  says(c, "1", named("id")).receives(BasicAck{1, false});
  says(c, "2", named("id")).receives(BasicAck{2, false});
  EXPECT_EQ(ready(c, "a"), 1u);
  EXPECT_EQ(ready(c, "b"), 1u);
}

TEST_P(DeduplicatingExchanges, LetInWhatHasNoId) {
  Client& c = client();
  confirms(declares(c, args(kUnique), {"a"}));
  says(c, "1", {}).receives(BasicAck{1, false});
  says(c, "2", {}).receives(BasicAck{2, false});
  EXPECT_EQ(ready(c, "a"), 2u);
}

TEST_P(DeduplicatingExchanges, KeepTheOrderOfAChannel) {
  Client& c = declares(client(), args(kUnique), {"a"});
  c.sends(BasicConsume{.queue = "a", .consumer_tag = "t", .no_ack = true}).receives(BasicConsumeOk{"t"});
  says(c, "1", named("1")).flush();
  says(c, "2", {}).flush();
  says(c, "3", named("3")).flush();
  std::string order;
  for (int message = 0; message < 3; ++message) order += c.takes_delivery().second;
  EXPECT_EQ(order, "123");
}

TEST_P(DeduplicatingExchanges, RememberAfterACrash) {
  Client& c = client();
  confirms(declares(c, args(kUnique), {"a", "b"}));
  says(c, "1", named("id")).receives(BasicAck{1, false});
  crash();
  Client& after = client();
  says(confirms(after), "2", named("id")).receives(BasicAck{1, false});
  says(after, "3", named("other")).receives(BasicAck{2, false});
  EXPECT_EQ(ready(after, "a"), 2u);
  EXPECT_EQ(ready(after, "b"), 2u);
}

TEST_P(DeduplicatingExchanges, RememberAfterARestart) {
  Client& c = client();
  confirms(declares(c, args(kUnique), {"a"}));
  says(c, "1", named("id")).receives(BasicAck{1, false});
  restart();
  Client& after = client();
  says(confirms(after), "2", named("id")).receives(BasicAck{1, false});
  EXPECT_EQ(ready(after, "a"), 1u);
}

TEST_P(DeduplicatingExchanges, ForgetTheOldestAndWithTime) {
  Client& c = client();
  confirms(declares(c, args({{"x-cache-size", "2"}, {"x-cache-ttl", std::int32_t{1000}}}), {"a"}, "x-message-deduplication"));
  std::uint64_t tag = 0;
  for (const char* id : {"1", "2", "3", "1", "3"}) says(c, id, named(id)).receives(BasicAck{++tag, false});
  EXPECT_EQ(ready(c, "a"), 4u) << "3 is remembered";
  passes(1000);
  says(c, "3", named("3")).receives(BasicAck{++tag, false});
  EXPECT_EQ(ready(c, "a"), 5u);
}

TEST_P(DeduplicatingExchanges, DoNotReturnADuplicate) {
  Client& c = client();
  confirms(declares(c, args(kUnique), {"a"}));
  says(c, "1", named("id"), true).receives(BasicAck{1, false});
  says(c, "2", named("id"), true).receives(BasicAck{2, false});
}

TEST_P(DeduplicatingExchanges, RememberNothingThatGoesNowhere) {
  Client& c = client();
  confirms(declares(c, args(kUnique), {}));
  says(c, "1", named("id"), true).receives(BasicReturn{312, "NO_ROUTE", "x", "k"});
  std::string body;
  (void)c.takes_content(body);
  c.receives(BasicAck{1, false});
  declares_queue(c, "a").sends(QueueBind{.queue = "a", .exchange = "x"}).receives(QueueBindOk{});
  says(c, "2", named("id"), true).receives(BasicAck{2, false});
  EXPECT_EQ(ready(c, "a"), 1u);
}

TEST_P(DeduplicatingExchanges, LetNothingInWhereOneQueueRefuses) {
  Client& c = client();
  confirms(declares(c, args(kUnique), {"a"}));
  declares_queue(c, "full", args({{"x-max-length", std::int32_t{0}}, {"x-overflow", "reject-publish"}}));
  c.sends(QueueBind{.queue = "full", .exchange = "x"}).receives(QueueBindOk{});
  says(c, "1", named("id")).receives(BasicNack{1, false, false});
  EXPECT_EQ(ready(c, "a"), 0u);
  c.sends(QueueDelete{.queue = "full"}).receives(QueueDeleteOk{0});
  says(c, "2", named("id")).receives(BasicAck{2, false});
  EXPECT_EQ(ready(c, "a"), 1u);
}

TEST_P(DeduplicatingExchanges, RefuseOnlyWhatDoesNotFit) {
  Client& c = client();
  declares(c, args(kUnique), {});
  declares_queue(c, "some", args({{"x-max-length", std::int32_t{3}}, {"x-overflow", "reject-publish"}}));
  c.sends(QueueBind{.queue = "some", .exchange = "x"}).receives(QueueBindOk{});
  for (const char* id : {"1", "2", "2", "3", "4", "5"}) says(c, id, named(id));
  settle();
  EXPECT_EQ(ready(c, "some"), 3u);
}

TEST_P(DeduplicatingExchanges, SendDuplicatesAway) {
  Client& c = client();
  declares_queue(c, "twins");
  Table arguments = kUnique;
  arguments.set("x-duplicate-exchange", "");
  arguments.set("x-duplicate-routing-key", "twins");
  confirms(declares(c, args(arguments), {"a"}));
  says(c, "1", named("id")).receives(BasicAck{1, false});
  says(c, "2", named("id")).receives(BasicAck{2, false});
  c.sends(BasicGet{.queue = "twins", .no_ack = true}).receives_content(BasicGetOk{1, false, "", "twins", 0}, "2");
  EXPECT_EQ(ready(c, "a"), 1u);
}

TEST_P(DeduplicatingExchanges, TakePartInTransactions) {
  Client& c = client();
  declares_queue(declares(c, args(kUnique), {"a", "b"}), "other").sends(TxSelect{}).receives(TxSelectOk{});
  says(c, "1", named("id"));
  says(c, "2", named("id")).publishes("other", "m", {.delivery_mode = 2}).sends(TxCommit{}).receives(TxCommitOk{});
  crash();
  Client& after = client();
  EXPECT_EQ(ready(after, "a"), 1u);
  EXPECT_EQ(ready(after, "b"), 1u);
  EXPECT_EQ(ready(after, "other"), 1u);
  says(after.sends(TxSelect{}).receives(TxSelectOk{}), "3", named("id")).sends(TxCommit{}).receives(TxCommitOk{});
  EXPECT_EQ(ready(after, "a"), 1u);
}

TEST_P(DeduplicatingExchanges, RememberNothingOfATransactionThatIsRefused) {
  Client& c = client();
  declares(c, args(kUnique), {"a"});
  declares_queue(c, "full", args({{"x-max-length", std::int32_t{0}}, {"x-overflow", "reject-publish"}}));
  c.sends(TxSelect{}).receives(TxSelectOk{});
  says(c, "1", named("id")).publishes("full", "m").sends(TxCommit{});
  c.loses_channel_with(406, "PRECONDITION_FAILED - partial tx completion", TxCommit::kId);
  confirms(c.opens_channel());
  says(c, "2", named("id")).receives(BasicAck{1, false});
  EXPECT_EQ(ready(c, "a"), 1u);
}

TEST_P(DeduplicatingExchanges, AskForADelayedMessageWhenItIsAccepted) {
  Client& c = client();
  confirms(declares(c, args(kUnique), {"a"}));
  Properties later = named("id");
  later.headers->set("x-delay", std::int32_t{1000});
  says(c, "1", later).receives(BasicAck{1, false});
  says(c, "2", named("id")).receives(BasicAck{2, false});
  EXPECT_EQ(ready(c, "a"), 0u);
  passes(1000);
  EXPECT_EQ(ready(c, "a"), 1u);
}

TEST_P(DeduplicatingExchanges, LetDeadLettersPass) {
  Client& c = client();
  declares(c, args(kUnique), {"a"});
  declares_queue(c, "from", args({{"x-dead-letter-exchange", "x"}, {"x-message-ttl", std::int32_t{10}}}));
  c.publishes("from", "1", named("id")).publishes("from", "2", named("id"));
  passes(20);
  EXPECT_EQ(ready(c, "a"), 2u);
}

TEST_P(DeduplicatingExchanges, ForgetWhenTheyAreDeleted) {
  Client& c = client();
  confirms(declares(c, args(kUnique), {"a"}));
  says(c, "1", named("id")).receives(BasicAck{1, false});
  c.sends(ExchangeDelete{.exchange = "x"}).receives(ExchangeDeleteOk{});
  c.sends(ExchangeDeclare{.exchange = "x", .type = "fanout", .durable = true, .arguments = args(kUnique)}).receives(ExchangeDeclareOk{});
  c.sends(QueueBind{.queue = "a", .exchange = "x"}).receives(QueueBindOk{});
  says(c, "2", named("id")).receives(BasicAck{2, false});
  EXPECT_EQ(ready(c, "a"), 2u);
  crash();
  Client& after = client();
  says(confirms(after), "3", named("id")).receives(BasicAck{1, false});
  EXPECT_EQ(ready(after, "a"), 2u);
}

TEST_P(DeduplicatingExchanges, AreRefusedInTheWordsOfThePlugin) {
  const std::string kFailed = "PRECONDITION_FAILED - ";
  const std::pair<Table, std::string> kRows[] = {
      {{}, "Missing or invalid argument, 'x-cache-size' must be an integer greater than 0"},
      {{{"x-cache-size", std::int32_t{0}}}, "Missing or invalid argument, 'x-cache-size' must be an integer greater than 0"},
      {{{"x-cache-size", "many"}}, "Missing or invalid argument, 'x-cache-size' must be an integer greater than 0"},
      {{{"x-cache-size", std::int32_t{10'000'001}}}, "Invalid argument, 'x-cache-size' must not be greater than 10000000"},
      {{{"x-cache-size", std::int32_t{1}}, {"x-cache-ttl", std::int32_t{0}}},
       "Invalid argument, 'x-cache-ttl' must be an integer greater than 0"},
      {{{"x-cache-size", std::int32_t{1}}, {"x-cache-persistence", "tape"}},
       "Invalid argument, 'x-cache-persistence' must be either 'disk' or 'memory'"},
  };
  Client& c = client();
  for (const auto& [arguments, text] : kRows) {
    c.sends(ExchangeDeclare{.exchange = "x", .type = "x-message-deduplication", .arguments = args(arguments)});
    c.loses_channel_with(406, kFailed + text, ExchangeDeclare::kId).opens_channel();
  }
}

}  // namespace mq::test
