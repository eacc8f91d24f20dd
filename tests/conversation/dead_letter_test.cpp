// Dead letters: what makes one, where it goes, what it looks like; and that it is in one place, wherever the broker stops.
#include "support/conversation.hpp"

namespace mq::test {

using namespace amqp;

MQ_CONVERSATIONS(DeadLetters);

namespace {

Client& declares(Client& c, const QueueDeclare& declare) { return c.sends(declare).receives(QueueDeclareOk{declare.queue, 0, 0}); }

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

Client& gets_and_rejects(Client& c, std::string_view queue, bool requeue = false) {
  const std::uint64_t tag = c.sends(BasicGet{.queue = queue}).takes<BasicGetOk>().delivery_tag;
  std::string body;
  (void)c.takes_content(body);
  return c.sends(BasicReject{tag, requeue}).receives_nothing();  // the way to the other queue takes a moment
}

std::string text(const Table& table, std::string_view name) {
  const Value* value = table.find(name);
  return value != nullptr && value->string() != nullptr ? *value->string() : "no " + std::string(name);
}

std::int64_t count(const Table& death) {
  const Value* value = death.find("count");
  return value != nullptr ? value->integer().value_or(-1) : -1;
}

Table death(const Table& headers, std::size_t index = 0) {
  const Value* deaths = headers.find("x-death");
  if (deaths == nullptr || deaths->array() == nullptr || deaths->array()->size() <= index) return {{"no", "such death"}};
  return *(*deaths->array())[index].table();
}

Table to_dead() { return {{"x-dead-letter-exchange", ""}, {"x-dead-letter-routing-key", "dead"}}; }

Table with(Table table, std::string_view name, Value value) {
  table.append(name, std::move(value));
  return table;
}

}  // namespace

TEST_P(DeadLetters, TellHowTheyDied) {
  Client& c = client();
  declares(declares(c, {.queue = "dead"}), {.queue = "q", .arguments = args(to_dead())});
  c.sends(QueueBind{.queue = "q", .exchange = "amq.direct", .routing_key = "k"}).receives(QueueBindOk{});
  c.sends_content({.exchange = "amq.direct", .routing_key = "k"}, "m", {.headers = Table{{"own", 1}}});
  gets_and_rejects(c, "q");
  const Table headers = gets(c, "dead", "m");
  const Timestamp now{static_cast<std::uint64_t>(scheduler().now() / 1000)};
  EXPECT_EQ(death(headers), (Table{{"count", std::int64_t{1}},
                                   {"reason", "rejected"},
                                   {"queue", "q"},
                                   {"time", now},
                                   {"exchange", "amq.direct"},
                                   {"routing-keys", Array{"k"}}}));
  EXPECT_NE(headers.find("own"), nullptr);
  for (const char* which : {"first", "last"}) {
    const std::string name = "x-" + std::string(which) + "-death-";
    EXPECT_EQ(text(headers, name + "queue"), "q");
    EXPECT_EQ(text(headers, name + "reason"), "rejected");
    EXPECT_EQ(text(headers, name + "exchange"), "amq.direct");
  }
}

TEST_P(DeadLetters, KeepTheirKeyWhenNoOtherIsGiven) {
  Client& c = client();
  declares(c, {.queue = "q", .arguments = args({{"x-dead-letter-exchange", "amq.topic"}})});
  declares(c, {.queue = "dead"}).sends(QueueBind{.queue = "dead", .exchange = "amq.topic", .routing_key = "q"}).receives(QueueBindOk{});
  gets_and_rejects(c.publishes("q", "m"), "q")
      .sends(BasicGet{.queue = "dead"})
      .receives_content(BasicGetOk{2, false, "amq.topic", "q", 0}, "m");
}

TEST_P(DeadLetters, LoseTheirExpiration) {
  Client& c = client();
  declares(declares(c, {.queue = "dead"}), {.queue = "q", .arguments = args(to_dead())}).publishes("q", "m", {.expiration = "100"});
  passes(101);
  c.sends(BasicGet{.queue = "dead"});
  const Properties properties = c.receives_content(BasicGetOk{1, false, "", "dead", 0}, "m");
  EXPECT_EQ(properties.expiration, std::nullopt);
  EXPECT_EQ(text(death(*properties.headers), "original-expiration"), "100");
  EXPECT_EQ(text(death(*properties.headers), "reason"), "expired");
}

TEST_P(DeadLetters, ComeFromFullQueues) {
  Client& c = client();
  declares(declares(c, {.queue = "dead"}), {.queue = "q", .arguments = args(with(to_dead(), "x-max-length", 1))})
      .publishes("q", "1")
      .publishes("q", "2")
      .receives_nothing();
  EXPECT_EQ(text(death(gets(c, "dead", "1")), "reason"), "maxlen");
}

TEST_P(DeadLetters, ComeFromMessagesThatFailTooOften) {
  Client& c = client();
  const Table arguments = with(with(to_dead(), "x-queue-type", "quorum"), "x-delivery-limit", 2);
  declares(declares(c, {.queue = "dead"}), {.queue = "q", .durable = true, .arguments = args(arguments)})
      .publishes("q", "m", {.delivery_mode = 2});
  for (int attempt = 0; attempt < 3; ++attempt) gets_and_rejects(c, "q", true);
  EXPECT_EQ(text(death(gets(c, "dead", "m")), "reason"), "delivery_limit");
}

TEST_P(DeadLetters, CountHowOftenTheyDied) {
  Client& c = client();
  declares(declares(c, {.queue = "dead"}), {.queue = "q", .arguments = args(to_dead())}).publishes("q", "m");
  gets_and_rejects(c, "q");
  declares(c, {.queue = "retry",
               .arguments = args({{"x-dead-letter-exchange", ""}, {"x-dead-letter-routing-key", "q"}, {"x-message-ttl", 10}})});
  c.sends(QueueDelete{.queue = "dead"}).receives(QueueDeleteOk{1});
  declares(
      c, {.queue = "dead", .arguments = args({{"x-dead-letter-exchange", ""}, {"x-dead-letter-routing-key", "q"}, {"x-message-ttl", 10}})});
  c.publishes("q", "again");
  for (std::int64_t round = 1; round <= 3; ++round) {
    gets_and_rejects(c, "q");
    passes(11);
  }
  const Table headers = gets(c, "q", "again");
  EXPECT_EQ(text(death(headers, 0), "queue"), "dead");
  EXPECT_EQ(count(death(headers, 0)), 3);
  EXPECT_EQ(text(death(headers, 1), "queue"), "q");
  EXPECT_EQ(count(death(headers, 1)), 3);
  EXPECT_EQ(text(headers, "x-first-death-queue"), "q");
  EXPECT_EQ(text(headers, "x-last-death-queue"), "dead");
}

TEST_P(DeadLetters, DoNotGoInCirclesByThemselves) {
  Client& c = client();
  declares(c,
           {.queue = "q", .arguments = args({{"x-dead-letter-exchange", ""}, {"x-dead-letter-routing-key", "q"}, {"x-message-ttl", 10}})});
  c.publishes("q", "m");
  passes(11);
  EXPECT_EQ(ready(c, "q"), 0u);
}

TEST_P(DeadLetters, GoInCirclesWhenAConsumerRejectsThem) {
  Client& c = client();
  declares(c, {.queue = "q", .arguments = args({{"x-dead-letter-exchange", ""}, {"x-dead-letter-routing-key", "q"}})}).publishes("q", "m");
  gets_and_rejects(gets_and_rejects(c, "q"), "q");
  EXPECT_EQ(count(death(gets(c, "q", "m"))), 2);
}

TEST_P(DeadLetters, AreDroppedWithoutTheirExchange) {
  Client& c = client();
  declares(c, {.queue = "q", .arguments = args({{"x-dead-letter-exchange", "missing"}})}).publishes("q", "m");
  gets_and_rejects(c, "q").closes_channel();
  EXPECT_EQ(ready(c.opens_channel(), "q"), 0u);
}

TEST_P(DeadLetters, DoNotComeFromPurgedOrDeletedQueues) {
  Client& c = client();
  declares(declares(c, {.queue = "dead"}), {.queue = "q", .arguments = args(to_dead())}).publishes("q", "1");
  c.sends(QueuePurge{.queue = "q"})
      .receives(QueuePurgeOk{1})
      .publishes("q", "2")
      .sends(QueueDelete{.queue = "q"})
      .receives(QueueDeleteOk{1});
  EXPECT_EQ(ready(c, "dead"), 0u);
}

TEST_P(DeadLetters, DoNotComeFromQueuesThatExpire) {
  Client& c = client();
  declares(declares(c, {.queue = "dead"}), {.queue = "q", .arguments = args(with(to_dead(), "x-expires", 100))}).publishes("q", "1");
  passes(101);
  EXPECT_EQ(ready(c, "dead"), 0u);
}

TEST_P(DeadLetters, NameTheirVisibleCopies) {
  Client& c = client();
  declares(declares(c, {.queue = "dead"}), {.queue = "q", .arguments = args(to_dead())})
      .publishes("q", "m", {.headers = Table{{"CC", Array{"also"}}}});
  gets_and_rejects(c, "q");
  const Table dead = death(gets(c, "dead", "m"));
  ASSERT_NE(dead.find("routing-keys"), nullptr);
  EXPECT_TRUE(*dead.find("routing-keys") == Value(Array{"q", "also"}));
}

TEST_P(DeadLetters, WaitForNoDiskWhenTheyAreTransient) {
  Client& c = client();
  declares(declares(c, {.queue = "dead"}), {.queue = "q", .arguments = args(to_dead())});
  for (int i = 0; i < 20; ++i) gets_and_rejects(c.publishes("q", std::to_string(i)), "q");
  for (int i = 0; i < 20; ++i) (void)gets(c, "dead", std::to_string(i));
}

TEST_P(DeadLetters, TellQuorumConsumersHowOftenAMessageCameBack) {
  Client& c = client();
  declares(c, {.queue = "q", .durable = true, .arguments = args({{"x-queue-type", "quorum"}})});
  c.sends(BasicConsume{.queue = "q", .consumer_tag = "t"}).receives(BasicConsumeOk{"t"}).publishes("q", "m");
  EXPECT_EQ(c.receives_content(BasicDeliver{"t", 1, false, "", "q"}, "m").headers, std::nullopt);
  c.sends(BasicReject{1, true});
  EXPECT_EQ(c.receives_content(BasicDeliver{"t", 2, true, "", "q"}, "m").headers,
            (Table{{"x-delivery-count", std::int64_t{1}}, {"x-acquired-count", std::int64_t{1}}}));
}

TEST_P(DeadLetters, AreInOnePlaceWhereverTheBrokerCrashes) {
  for (std::size_t tasks = 0; tasks < 16; ++tasks) {
    const std::string from = "from" + std::to_string(tasks), dead = "dead" + std::to_string(tasks);
    Client& c = client();
    declares(c, {.queue = from, .durable = true, .arguments = args({{"x-dead-letter-exchange", ""}, {"x-dead-letter-routing-key", dead}})});
    declares(c, {.queue = dead, .durable = true}).publishes(from, "m", {.delivery_mode = 2}).sends(BasicGet{.queue = from});
    c.receives_content(BasicGetOk{1, false, "", from, 0}, "m");
    c.sends(BasicReject{1, false});
    gets_only_this_far(tasks);
    crash();
    Client& after = client();
    EXPECT_EQ(ready(after, from) + ready(after, dead), 1u) << tasks;
  }
}

}  // namespace mq::test
