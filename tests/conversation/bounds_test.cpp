// What a peer may have at most, and what it hears when it wants more.
#include "broker/parameters.hpp"
#include "support/conversation.hpp"
#include "support/operator.hpp"

namespace mq::test {
namespace {

using namespace amqp;

MQ_CONVERSATIONS(Bounds);
MQ_CONVERSATIONS_IN(BoundsOfMuch, ways_cut({Way::Cut::kWhole, Way::Cut::kFrames}));  // too much to be read octet by octet

void sets_user_limit(Conversation& conversation, const std::string& name, std::int64_t limit) {
  bool done = false;
  conversation.broker().change_user_limits("guest", Table{{name, limit}}, engine::reply_to([&](Result<engine::Answer> answer) {
                                             EXPECT_TRUE(answer);
                                             done = true;
                                           }));
  conversation.settle();
  EXPECT_TRUE(done);
}

void sets_vhost_limit(Conversation& conversation, const std::string& name, std::int64_t limit) {
  conversation.broker().find_vhost("/")->put(engine::ChangeLimit{name, Value(limit), {}});
  conversation.settle();
}

std::uint32_t ready_in(Client& c, std::string_view queue) {
  return c.sends(QueueDeclare{.queue = queue, .passive = true}).takes<QueueDeclareOk>().message_count;
}

// --- bounds ---

TEST_P(Bounds, OfConsumersPerChannel) {
  options.consumers_per_channel = 2;
  Client& c = client();
  c.sends(QueueDeclare{.queue = "q"}).receives(QueueDeclareOk{"q", 0, 0});
  c.sends(BasicConsume{.queue = "q", .consumer_tag = "a"}).receives(BasicConsumeOk{"a"});
  c.sends(BasicConsume{.queue = "q", .consumer_tag = "b"}).receives(BasicConsumeOk{"b"});
  c.opens_channel(2).sends(BasicConsume{.queue = "q", .consumer_tag = "a"}, 2).receives(BasicConsumeOk{"a"}, 2);
  c.sends(BasicConsume{.queue = "q", .consumer_tag = "c"});
  c.is_closed_with(530, "NOT_ALLOWED - reached maximum (2) of consumers per channel", BasicConsume::kId);
}

TEST_P(Bounds, OfChannelsOfAllConnections) {
  engine::BrokerOptions fewer;
  fewer.max_channels = 2;
  broker().apply(fewer);
  client();
  Client& c = client();
  c.sends(ChannelOpen{}, 2);
  c.is_closed_with(530, "NOT_ALLOWED - number of channels opened on node 'brokerd@localhost' has reached the maximum allowed limit of (2)",
                   ChannelOpen::kId);
}

TEST_P(Bounds, OfQueuesExchangesAndBindingsOfAVhost) {
  const std::size_t there = broker().find_vhost("/")->with_topology([](const broker::Topology& all) { return all.exchanges().size(); });
  engine::BrokerOptions fewer;
  fewer.queues_per_vhost = fewer.bindings_per_vhost = 1;
  fewer.exchanges_per_vhost = there + 1;
  broker().apply(fewer);
  Client& c = client();
  c.sends(QueueDeclare{.queue = "q"}).receives(QueueDeclareOk{"q", 0, 0});
  c.sends(QueueDeclare{.queue = "q"}).receives(QueueDeclareOk{"q", 0, 0});
  c.sends(ExchangeDeclare{.exchange = "x", .type = "topic"}).receives(ExchangeDeclareOk{});
  c.sends(QueueBind{.queue = "q", .exchange = "x", .routing_key = "a"}).receives(QueueBindOk{});
  c.sends(QueueBind{.queue = "q", .exchange = "x", .routing_key = "a"}).receives(QueueBindOk{});
  c.sends(QueueBind{.queue = "q", .exchange = "x", .routing_key = "b"});
  c.loses_channel_with(406, "PRECONDITION_FAILED - cannot bind 'q' to exchange 'x' in vhost '/': binding limit of 1 is reached",
                       QueueBind::kId);
  c.opens_channel().sends(ExchangeDeclare{.exchange = "y", .type = "topic"});
  c.loses_channel_with(
      406, "PRECONDITION_FAILED - cannot declare exchange 'y' in vhost '/': exchange limit of " + std::to_string(there + 1) + " is reached",
      ExchangeDeclare::kId);
  c.opens_channel().sends(QueueDeclare{.queue = "r"});
  c.loses_channel_with(406, "PRECONDITION_FAILED - cannot declare queue 'r': queue limit in vhost '/' (1) is reached", QueueDeclare::kId);
}

TEST_P(Bounds, OfAVhostGoBeforeTheGeneralOne) {
  engine::BrokerOptions fewer;
  fewer.queues_per_vhost = 1;
  broker().apply(fewer);
  sets_vhost_limit(*this, "max-queues", 2);
  Client& c = client();
  for (const char* name : {"a", "b"}) c.sends(QueueDeclare{.queue = name}).receives(QueueDeclareOk{name, 0, 0});
  c.sends(QueueDeclare{.queue = "c"});
  c.loses_channel_with(406, "PRECONDITION_FAILED - cannot declare queue 'c': queue limit in vhost '/' (2) is reached", QueueDeclare::kId);
}

TEST_P(Bounds, OfArguments) {
  options.arguments_bytes = 100;
  Client& c = client();
  const Table large{{"x-note", std::string(100, 'n')}};
  c.sends(QueueDeclare{.queue = "q", .arguments = args(large)});
  c.loses_channel_with(406, "PRECONDITION_FAILED - arguments of 112 bytes are larger than the limit of 100", QueueDeclare::kId);
  c.opens_channel().sends(ExchangeDeclare{.exchange = "x", .type = "topic", .arguments = args(large)});
  c.loses_channel_with(406, "PRECONDITION_FAILED - arguments of 112 bytes are larger than the limit of 100", ExchangeDeclare::kId);
  c.opens_channel().sends(QueueDeclare{.queue = "q"}).receives(QueueDeclareOk{"q", 0, 0});
  c.sends(QueueBind{.queue = "q", .exchange = "amq.topic", .arguments = args(large)});
  c.loses_channel_with(406, "PRECONDITION_FAILED - arguments of 112 bytes are larger than the limit of 100", QueueBind::kId);
}

TEST_P(Bounds, OfWhatATransactionHolds) {
  options.transaction_bytes = 10'000;
  Client& c = client();
  c.sends(QueueDeclare{.queue = "q"}).receives(QueueDeclareOk{"q", 0, 0});
  c.sends(TxSelect{}).receives(TxSelectOk{});
  for (int turn = 0; turn < 3; ++turn) c.publishes("q", std::string(6000, 'x')).sends(TxCommit{}).receives(TxCommitOk{});
  c.publishes("q", std::string(6000, 'x')).sends(TxRollback{}).receives(TxRollbackOk{});
  c.publishes("q", std::string(6000, 'x')).publishes("q", std::string(6000, 'x'));
  c.loses_channel_with(406, "PRECONDITION_FAILED - transaction is larger than the limit of 10000 bytes", BasicPublish::kId);
  EXPECT_EQ(ready_in(c.opens_channel(), "q"), 3U);
}

TEST_P(Bounds, OfWhatATransactionAcknowledges) {
  options.transaction_bytes = 1000;
  Client& c = client();
  c.sends(TxSelect{}).receives(TxSelectOk{});
  for (int turn = 0; turn < 100; ++turn) c.sends(BasicAck{0, true});  // of nothing, again and again
  c.loses_channel_with(406, "PRECONDITION_FAILED - transaction is larger than the limit of 1000 bytes", BasicAck::kId);
}

TEST_P(Bounds, OfDeliveriesThatAConnectionLeavesUnacknowledged) {
  options.unsettled_per_connection = 3;
  Client& c = client();
  for (const char* queue : {"q", "r"}) {
    c.sends(QueueDeclare{.queue = queue}).receives(QueueDeclareOk{queue, 0, 0});
    c.sends(BasicConsume{.queue = queue, .consumer_tag = queue}).receives(BasicConsumeOk{queue});
  }
  Client& publisher = client();
  std::size_t delivered = 0;
  for (int message = 0; message < 20; ++message) {
    publisher.publishes(message % 2 == 0 ? "q" : "r", "m");
    publisher.receives_nothing();
    delivered += c.frames_waiting() / 3 - delivered;
  }
  EXPECT_GE(delivered, 3U);
  EXPECT_LE(delivered, 3U + 2U);  // queues look before each batch
  std::size_t acknowledged = 0;
  while (acknowledged < 20) {
    const std::size_t waiting = c.frames_waiting() / 3;
    ASSERT_GT(waiting, 0U) << acknowledged << " were acknowledged, and no more came";
    for (std::size_t each = 0; each < waiting; ++each) (void)c.takes_delivery();
    c.sends(BasicAck{0, true});
    acknowledged += waiting;
  }
}

TEST_P(Bounds, OfDeliveriesHoldForBasicGetAsWell) {
  options.unsettled_per_connection = 1;
  Client& c = client();
  c.sends(QueueDeclare{.queue = "q"}).receives(QueueDeclareOk{"q", 0, 0});
  c.publishes("q", "a").publishes("q", "b").sends(BasicGet{.queue = "q"}).receives_content(BasicGetOk{1, false, "", "q", 1}, "a");
  c.sends(BasicConsume{.queue = "q", .consumer_tag = "t"}).receives(BasicConsumeOk{"t"}).receives_nothing();
  c.sends(BasicAck{1, false}).receives_content(BasicDeliver{"t", 2, false, "", "q"}, "b");
}

TEST_P(BoundsOfMuch, OfWhatAConnectionIsDeliveredWhileItDoesNotRead) {
  options.outbox_bytes = 64 * 1024;
  constexpr int kQueues = 30;
  Client& c = client();
  Client& publisher = client();
  for (int queue = 0; queue < kQueues; ++queue) {
    const std::string name = "q" + std::to_string(queue);
    c.sends(QueueDeclare{.queue = name}).takes<QueueDeclareOk>();
    c.sends(BasicConsume{.queue = name, .consumer_tag = name, .no_ack = true}).takes<BasicConsumeOk>();
  }
  c.stops_reading();
  const std::string body(10'000, 'x');
  for (int turn = 0; turn < 10; ++turn)
    for (int queue = 0; queue < kQueues; ++queue) publisher.publishes("q" + std::to_string(queue), body);
  publisher.receives_nothing();
  // Its consumers together have the windows of four, and a batch each of those that looked at the same time; not all thirty.
  EXPECT_LT(c.session().outbox().waiting_bytes(), 6 * options.outbox_bytes);
  c.reads_again();
  EXPECT_EQ(c.frames_waiting(), 3U * 10U * kQueues);
}

// --- a peer that does not read its answers ---

TEST_P(BoundsOfMuch, OfReturnsThatAPublisherDoesNotRead) {
  Client& c = client();
  c.stops_reading();
  const std::string body(20'000, 'x');
  for (int message = 0; message < 300; ++message) {
    c.sends_content({.routing_key = "nowhere", .mandatory = true}, body);
    settle();  // as sockets have it: not all in one read
  }
  EXPECT_FALSE(c.session().wants_read());
  EXPECT_LT(c.session().outbox().waiting_bytes(), 3U << 20);
  c.reads_again();
  EXPECT_EQ(c.frames_waiting(), 300U * 3);  // a method, a header and a body each
  EXPECT_TRUE(c.session().wants_read());
}

TEST_P(BoundsOfMuch, OfMessagesThatAnAskerDoesNotRead) {
  Client& c = client();
  c.sends(QueueDeclare{.queue = "q"}).receives(QueueDeclareOk{"q", 0, 0});
  for (int message = 0; message < 100; ++message) c.publishes("q", std::string(60'000, 'x'));
  c.receives_nothing().stops_reading();
  for (int message = 0; message < 100; ++message) c.sends(BasicGet{.queue = "q", .no_ack = true});
  settle();
  EXPECT_LT(c.session().outbox().waiting_bytes(), 3U << 20);
  c.reads_again();
  EXPECT_EQ(c.frames_waiting(), 100U * 3);
}

// --- rates ---

TEST_P(Bounds, OfTheRateAtWhichAUserPublishes) {
  sets_user_limit(*this, "max-publish-rate", 100);
  Client& c = client();
  Client& watcher = client({.user = "guest"});
  c.sends(QueueDeclare{.queue = "q"}).receives(QueueDeclareOk{"q", 0, 0});
  for (int message = 0; message < 60; ++message) c.publishes("q", std::to_string(message));
  settle();
  const std::uint32_t at_once = ready_in(watcher, "q");
  EXPECT_GE(at_once, 10U);  // what nobody used
  EXPECT_LE(at_once, 12U);
  passes(200);
  EXPECT_NEAR(ready_in(watcher, "q"), at_once + 20, 2);
  passes(10'000);
  EXPECT_EQ(ready_in(watcher, "q"), 60U);
  for (int message = 0; message < 60; ++message) {
    watcher.sends(BasicGet{.queue = "q", .no_ack = true});
    watcher.receives_content(BasicGetOk{static_cast<std::uint64_t>(message) + 1, false, "", "q", static_cast<std::uint32_t>(59 - message)},
                             std::to_string(message));
  }
}

TEST_P(Bounds, OfARateLetAcknowledgementsThrough) {
  Client& c = client();
  c.sends(QueueDeclare{.queue = "q"}).receives(QueueDeclareOk{"q", 0, 0});
  c.sends(BasicQos{0, 1, false}).receives(BasicQosOk{});
  c.sends(BasicConsume{.queue = "q", .consumer_tag = "t"}).receives(BasicConsumeOk{"t"});
  c.publishes("q", "a").publishes("q", "b").receives_content(BasicDeliver{"t", 1, false, "", "q"}, "a");
  sets_user_limit(*this, "max-publish-rate", 0);
  c.publishes("q", "c").sends(BasicAck{1, false}).receives_content(BasicDeliver{"t", 2, false, "", "q"}, "b");
  c.sends(BasicAck{2, false}).receives_nothing();
  sets_user_limit(*this, "max-publish-rate", -1);
  passes(1000);
  c.receives_content(BasicDeliver{"t", 3, false, "", "q"}, "c");
}

TEST_P(Bounds, OfARateHoldForThoseWhoAreConnectedAndAreNotTold) {
  Client& c = client();
  c.sends(QueueDeclare{.queue = "q"}).receives(QueueDeclareOk{"q", 0, 0});
  c.publishes("q", "a").receives_nothing();
  sets_vhost_limit(*this, "max-publish-byte-rate", 0);
  c.publishes("q", "b").receives_nothing();
  EXPECT_EQ(ready_in(client(), "q"), 1U);
  sets_vhost_limit(*this, "max-publish-byte-rate", 1'000'000);
  passes(1000);
  EXPECT_EQ(ready_in(client(), "q"), 2U);
}

TEST_P(Bounds, OfARateHoldTheCloseBackUntilAllIsPublished) {
  sets_user_limit(*this, "max-publish-rate", 10);
  Client& c = client();
  c.sends(QueueDeclare{.queue = "q"}).receives(QueueDeclareOk{"q", 0, 0});
  c.sends(ConfirmSelect{}).receives(ConfirmSelectOk{});
  for (int message = 0; message < 5; ++message) c.publishes("q", "m");
  c.sends(ConnectionClose{200, "bye", 0, 0});
  passes(5000);
  Client& watcher = client();
  EXPECT_EQ(ready_in(watcher, "q"), 5U);
}

TEST_P(Bounds, OfTheRateOfAConnection) {
  options.publish_rate = 10;
  Client& c = client();
  Client& other = client();
  c.sends(QueueDeclare{.queue = "q"}).receives(QueueDeclareOk{"q", 0, 0});
  for (int message = 0; message < 30; ++message) c.publishes("q", "m");
  other.publishes("q", "m");
  other.receives_nothing();
  options.publish_rate = -1;
  Client& watcher = client();
  EXPECT_LE(ready_in(watcher, "q"), 4U);
  passes(5000);
  EXPECT_EQ(ready_in(watcher, "q"), 31U);
}

// --- one key, many queues ---

TEST_P(BoundsOfMuch, OfWhatOneReadMayBecome) {
  options.publish_window_bytes = 64 * 1024;
  constexpr int kQueues = 200;
  constexpr int kMessages = 700;
  Client& c = client();
  for (int queue = 0; queue < kQueues; ++queue) {
    const std::string name = "q" + std::to_string(queue);
    c.sends(QueueDeclare{.queue = name}).takes<QueueDeclareOk>();
    c.sends(QueueBind{.queue = name, .exchange = "amq.fanout"}).receives(QueueBindOk{});
  }
  for (int message = 0; message < kMessages; ++message) c.sends_content({.exchange = "amq.fanout"}, std::to_string(message));
  c.receives_nothing();
  for (const char* name : {"q0", "q77", "q199"}) EXPECT_EQ(ready_in(c, name), static_cast<std::uint32_t>(kMessages));
}

}  // namespace
}  // namespace mq::test
