// Exchanges beyond the four of the specification: what clients see of x-consistent-hash, x-modulus-hash, x-random, x-local-random and
// x-recent-history.
#include "support/conversation.hpp"

namespace mq::test {

using namespace amqp;

MQ_CONVERSATIONS(ExchangeTypes);

namespace {

Client& has_queue(Client& c, std::string_view queue, bool durable = false) {
  return c.sends(QueueDeclare{.queue = queue, .durable = durable}).receives(QueueDeclareOk{queue, 0, 0});
}

Client& has_exchange(Client& c, std::string_view name, std::string_view type, EncodedTable arguments = {}) {
  return c.sends(ExchangeDeclare{.exchange = name, .type = type, .arguments = arguments}).receives(ExchangeDeclareOk{});
}

Client& binds(Client& c, std::string_view exchange, std::string_view queue, std::string_view key = "") {
  return c.sends(QueueBind{.queue = queue, .exchange = exchange, .routing_key = key}).receives(QueueBindOk{});
}

/// Everything that is ready in the queue, taken out.
std::vector<std::string> taken(Client& c, std::string_view queue) {
  std::uint32_t left = c.sends(QueueDeclare{.queue = queue, .passive = true}).takes<QueueDeclareOk>().message_count;
  std::vector<std::string> bodies;
  for (; left > 0; --left) {
    c.sends(BasicGet{.queue = queue, .no_ack = true}).takes<BasicGetOk>();
    c.takes_content(bodies.emplace_back());
  }
  return bodies;
}

using Bodies = std::vector<std::string>;

}  // namespace

// --- hashes and lots ---

TEST_P(ExchangeTypes, GiveEachKeyToOneQueueByItsHash) {
  Client& c = client();
  has_exchange(c, "x", "x-consistent-hash");
  for (const char* queue : {"a", "b", "c"}) binds(has_queue(c, queue), "x", queue, "1");
  for (int round = 0; round < 3; ++round)
    for (int key = 0; key < 10; ++key) c.sends_content({.exchange = "x", .routing_key = std::to_string(key)}, std::to_string(key));
  std::size_t all = 0;
  for (const char* queue : {"a", "b", "c"}) {
    const Bodies bodies = taken(c, queue);
    all += bodies.size();
    for (const std::string& body : bodies)
      EXPECT_EQ(std::count(bodies.begin(), bodies.end(), body), 3) << body << " went to several queues";
  }
  EXPECT_EQ(all, 30u);
}

TEST_P(ExchangeTypes, GiveEachHeaderToOneQueueByItsHash) {
  Client& c = client();
  has_exchange(c, "x", "x-consistent-hash", args({{"hash-header", "user"}}));
  for (const char* queue : {"a", "b", "c"}) binds(has_queue(c, queue), "x", queue, "1");
  for (int key = 0; key < 10; ++key)
    c.sends_content({.exchange = "x", .routing_key = std::to_string(key)}, "m", {.headers = Table{{"user", "ann"}}});
  std::vector<std::size_t> counts;
  for (const char* queue : {"a", "b", "c"}) counts.push_back(taken(c, queue).size());
  std::sort(counts.begin(), counts.end());
  EXPECT_EQ(counts, (std::vector<std::size_t>{0, 0, 10}));
}

TEST_P(ExchangeTypes, WantAWeightForAKey) {
  Client& c = client();
  has_exchange(has_queue(c, "q"), "x", "x-consistent-hash").sends(QueueBind{.queue = "q", .exchange = "x", .routing_key = "foo"});
  c.loses_channel_with(406, "PRECONDITION_FAILED - The binding key must be an integer: <<\"foo\">>", QueueBind::kId).opens_channel();
  c.sends(QueueBind{.queue = "q", .exchange = "x", .routing_key = "0"});
  c.loses_channel_with(406, "PRECONDITION_FAILED - The binding key must be greater than 0", QueueBind::kId).opens_channel();
  c.sends(ExchangeBind{.destination = "amq.fanout", .source = "x", .routing_key = "bar"});
  c.loses_channel_with(406, "PRECONDITION_FAILED - The binding key must be an integer: <<\"bar\">>", ExchangeBind::kId);
}

TEST_P(ExchangeTypes, HashOneThingOnly) {
  Client& c = client();
  c.sends(ExchangeDeclare{
      .exchange = "x", .type = "x-consistent-hash", .arguments = args({{"hash-header", "a"}, {"hash-property", "message_id"}})});
  c.loses_channel_with(406, "PRECONDITION_FAILED - hash-header and hash-property are mutually exclusive", ExchangeDeclare::kId)
      .opens_channel();
  c.sends(ExchangeDeclare{.exchange = "x", .type = "x-consistent-hash", .arguments = args({{"hash-property", "type"}})});
  c.loses_channel_with(406, "PRECONDITION_FAILED - Unsupported property: type", ExchangeDeclare::kId).opens_channel();
  c.sends(ExchangeDeclare{.exchange = "x", .passive = true})
      .loses_channel_with(404, "NOT_FOUND - no exchange 'x' in vhost '/'", ExchangeDeclare::kId);
}

TEST_P(ExchangeTypes, PlaceKeysAfterARestartAsBefore) {
  std::vector<Bodies> before, after;
  auto publish_and_take = [](Client& c, std::vector<Bodies>& placed) {
    for (int key = 0; key < 20; ++key) c.sends_content({.exchange = "x", .routing_key = std::to_string(key)}, std::to_string(key));
    for (const char* queue : {"z", "a", "m"}) placed.push_back(taken(c, queue));
  };
  Client& c = client();
  c.sends(ExchangeDeclare{.exchange = "x", .type = "x-consistent-hash", .durable = true}).receives(ExchangeDeclareOk{});
  binds(has_queue(c, "z", true), "x", "z", "3");
  binds(has_queue(c, "a", true), "x", "a", "10");
  binds(has_queue(c, "m", true), "x", "m", "2");
  publish_and_take(c, before);
  restart();
  publish_and_take(client(), after);
  EXPECT_EQ(before, after);
}

TEST_P(ExchangeTypes, DoNotScatterCopies) {
  Client& c = client();
  for (const char* type : {"x-consistent-hash", "x-modulus-hash", "x-random"}) {
    has_exchange(c, type, type);
    for (const char* queue : {"a", "b", "c"}) binds(has_queue(c, queue), type, queue, "1");
    c.sends_content({.exchange = type, .routing_key = "k"}, "m", {.headers = Table{{"CC", Array{"l", "m", "n", "o"}}}});
    std::size_t all = 0;
    for (const char* queue : {"a", "b", "c"}) all += taken(c, queue).size();
    EXPECT_EQ(all, 1u) << type;
  }
}

TEST_P(ExchangeTypes, DrawLots) {
  Client& c = client();
  for (const char* type : {"x-random", "x-local-random"}) {
    has_exchange(c, type, type);
    for (const char* queue : {"a", "b"}) binds(has_queue(c, queue), type, queue);
    for (int i = 0; i < 60; ++i) c.sends_content({.exchange = type, .routing_key = "k"}, "m");
    const std::size_t one = taken(c, "a").size(), other = taken(c, "b").size();
    EXPECT_EQ(one + other, 60u) << type;
    EXPECT_GT(one, 8u) << type;
    EXPECT_GT(other, 8u) << type;
  }
}

TEST_P(ExchangeTypes, WantNoKeyWhereLotsAreLocal) {
  Client& c = client();
  has_exchange(has_queue(c, "q"), "x", "x-local-random").sends(QueueBind{.queue = "q", .exchange = "x", .routing_key = "k"});
  c.loses_channel_with(406, "PRECONDITION_FAILED - Non empty binding 'k' key not permitted", QueueBind::kId);
}

// --- recent history ---

TEST_P(ExchangeTypes, GiveRecentMessagesToANewQueue) {
  Client& c = client();
  has_exchange(c, "x", "x-recent-history", args({{"x-recent-history-length", 3}}));
  for (const char* body : {"1", "2", "3", "4"}) c.sends_content({.exchange = "x", .routing_key = "k"}, body);
  binds(has_queue(c, "q"), "x", "q")
      .sends_content({.exchange = "x", .routing_key = "l"}, "5")
      .sends(BasicGet{.queue = "q", .no_ack = true});
  c.receives_content(BasicGetOk{1, false, "x", "k", 3}, "2");
  EXPECT_EQ(taken(c, "q"), (Bodies{"3", "4", "5"}));
}

TEST_P(ExchangeTypes, GiveEachMessageOnceToAQueueBoundWhileOthersPublish) {
  Client& c = client();
  Client& other = client();
  has_exchange(c, "x", "x-recent-history", args({{"x-recent-history-length", 1000}}));
  binds(has_queue(c, "early"), "x", "early");
  has_queue(c, "late");
  for (int i = 0; i < 20; ++i) other.sends_content({.exchange = "x"}, std::to_string(i));
  other.flush();
  c.sends(QueueBind{.queue = "late", .exchange = "x"}).flush();
  for (int i = 20; i < 40; ++i) other.sends_content({.exchange = "x"}, std::to_string(i));
  settle();
  c.receives(QueueBindOk{});
  EXPECT_EQ(taken(c, "late"), taken(c, "early"));
}

TEST_P(ExchangeTypes, GoOnAsAFanoutAfterTheHistory) {
  Client& c = client();
  has_exchange(c, "x", "x-recent-history");
  for (const char* queue : {"a", "b"}) binds(has_queue(c, queue), "x", queue, queue);
  c.sends_content({.exchange = "x", .routing_key = "k"}, "m");
  EXPECT_EQ(taken(c, "a"), Bodies{"m"});
  EXPECT_EQ(taken(c, "b"), Bodies{"m"});
}

TEST_P(ExchangeTypes, KeepNothingThatAsksForIt) {
  Client& c = client();
  has_exchange(c, "x", "x-recent-history");
  c.sends_content({.exchange = "x"}, "kept")
      .sends_content({.exchange = "x"}, "not", {.headers = Table{{"x-recent-history-no-store", true}}});
  EXPECT_EQ(taken(binds(has_queue(c, "q"), "x", "q"), "q"), Bodies{"kept"});
}

TEST_P(ExchangeTypes, GiveTheHistoryAgainForEachNewBinding) {
  Client& c = client();
  has_exchange(c, "x", "x-recent-history").sends_content({.exchange = "x"}, "m");
  binds(has_queue(c, "q"), "x", "q");
  binds(c, "x", "q");  // the same again: nothing new
  EXPECT_EQ(taken(c, "q"), Bodies{"m"});
  EXPECT_EQ(taken(binds(c, "x", "q", "another"), "q"), Bodies{"m"});
}

TEST_P(ExchangeTypes, GiveTheHistoryThroughABoundExchange) {
  Client& c = client();
  has_exchange(c, "x", "x-recent-history");
  c.sends_content({.exchange = "x", .routing_key = "a"}, "1").sends_content({.exchange = "x", .routing_key = "b"}, "2");
  c.sends_content({.exchange = "x", .routing_key = "no"}, "3", {.headers = Table{{"CC", Array{"a"}}}});
  for (const char* queue : {"a", "b"}) binds(has_queue(c, queue), "amq.direct", queue, queue);
  c.sends(ExchangeBind{.destination = "amq.direct", .source = "x"}).receives(ExchangeBindOk{});
  EXPECT_EQ(taken(c, "a"), (Bodies{"1", "3"}));
  EXPECT_EQ(taken(c, "b"), Bodies{"2"});
}

TEST_P(ExchangeTypes, HandTheHistoryOnToAnother) {
  Client& c = client();
  has_exchange(has_exchange(c, "first", "x-recent-history"), "second", "x-recent-history");
  c.sends_content({.exchange = "first"}, "m");
  c.sends(ExchangeBind{.destination = "second", .source = "first"}).receives(ExchangeBindOk{});
  EXPECT_EQ(taken(binds(has_queue(c, "q"), "second", "q"), "q"), Bodies{"m"});
}

TEST_P(ExchangeTypes, EndTheHistoryOfAnExchangeBoundToItself) {
  Client& c = client();
  has_exchange(c, "x", "x-recent-history").sends_content({.exchange = "x"}, "m");
  c.sends(ExchangeBind{.destination = "x", .source = "x"}).receives(ExchangeBindOk{});
  EXPECT_EQ(taken(binds(has_queue(c, "q"), "x", "q"), "q"), (Bodies{"m", "m"}));
}

TEST_P(ExchangeTypes, RememberWhatComesByOtherWays) {
  Client& c = client();
  has_exchange(c, "x", "x-recent-history");
  has_exchange(c, "in", "fanout").sends(ExchangeBind{.destination = "x", .source = "in"}).receives(ExchangeBindOk{});
  has_exchange(c, "nowhere", "direct", args({{"alternate-exchange", "x"}}));
  c.sends(QueueDeclare{.queue = "dying", .arguments = args({{"x-message-ttl", 0}, {"x-dead-letter-exchange", "x"}})});
  c.receives(QueueDeclareOk{"dying", 0, 0});
  c.sends_content({.exchange = "in"}, "bound").sends_content({.exchange = "nowhere"}, "alternate").publishes("dying", "dead");
  settle();
  EXPECT_EQ(taken(binds(has_queue(c, "q"), "x", "q"), "q"), (Bodies{"bound", "alternate", "dead"}));
}

TEST_P(ExchangeTypes, RememberNoBlindCopies) {
  Client& c = client();
  has_exchange(c, "x", "x-recent-history");
  c.sends_content({.exchange = "x", .routing_key = "k"}, "m", {.headers = Table{{"BCC", Array{"secret"}}, {"kept", 1}}});
  binds(has_queue(c, "q"), "x", "q").sends(BasicGet{.queue = "q"});
  const Properties got = c.receives_content(BasicGetOk{1, false, "x", "k", 0}, "m");
  EXPECT_EQ(got.headers, (Table{{"kept", 1}}));
}

TEST_P(ExchangeTypes, RememberTransactionsAtTheirCommit) {
  Client& c = client();
  has_exchange(c, "x", "x-recent-history").sends(TxSelect{}).receives(TxSelectOk{});
  c.sends_content({.exchange = "x"}, "rolled back").sends(TxRollback{}).receives(TxRollbackOk{});
  c.sends_content({.exchange = "x"}, "committed").sends(TxCommit{}).receives(TxCommitOk{});
  c.sends_content({.exchange = "x"}, "open");
  EXPECT_EQ(taken(binds(has_queue(c, "q"), "x", "q"), "q"), Bodies{"committed"});
}

TEST_P(ExchangeTypes, ForgetTheHistoryWithTheExchange) {
  Client& c = client();
  has_exchange(c, "x", "x-recent-history").sends_content({.exchange = "x"}, "old").sends(ExchangeDelete{.exchange = "x"});
  has_exchange(c.receives(ExchangeDeleteOk{}), "x", "x-recent-history");
  EXPECT_EQ(taken(binds(has_queue(c, "q"), "x", "q"), "q"), Bodies{});
}

TEST_P(ExchangeTypes, BeginANewHistoryAfterARestart) {
  Client& c = client();
  c.sends(ExchangeDeclare{.exchange = "x", .type = "x-recent-history", .durable = true}).receives(ExchangeDeclareOk{});
  c.sends_content({.exchange = "x"}, "old", {.delivery_mode = 2});
  restart();
  Client& after = client();
  after.sends_content({.exchange = "x"}, "new");
  EXPECT_EQ(taken(binds(has_queue(after, "q"), "x", "q"), "q"), Bodies{"new"});
}

TEST_P(ExchangeTypes, KeepWhatTheHistoryBroughtInADurableQueue) {
  Client& c = client();
  c.sends(ExchangeDeclare{.exchange = "x", .type = "x-recent-history", .durable = true}).receives(ExchangeDeclareOk{});
  c.sends_content({.exchange = "x"}, "m", {.delivery_mode = 2});
  binds(has_queue(c, "q", true), "x", "q");
  restart();
  EXPECT_EQ(taken(client(), "q"), Bodies{"m"});
}

TEST_P(ExchangeTypes, WantAPositiveLengthOfHistory) {
  client()
      .sends(ExchangeDeclare{.exchange = "x", .type = "x-recent-history", .arguments = args({{"x-recent-history-length", 0}})})
      .loses_channel_with(406, "PRECONDITION_FAILED - Invalid argument 0, 'x-recent-history-length' must be a positive integer",
                          ExchangeDeclare::kId);
}

}  // namespace mq::test
