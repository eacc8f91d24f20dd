#include "mq/client/client.hpp"

#include <gtest/gtest.h>

#include "scripted_peer.hpp"

namespace mq::client {
namespace {

using test::frame;
using test::handshake;
using test::ScriptedPeer;
using test::Step;

ConnectOptions to(const ScriptedPeer& peer) {
  ConnectOptions options;
  options.port = peer.port();
  options.reply_timeout = Milliseconds(10'000);
  return options;
}

std::vector<Step> handshake_and(std::vector<Step> more) {
  std::vector<Step> steps = handshake();
  steps.insert(steps.end(), more.begin(), more.end());
  return steps;
}

/// A content header and body on channel 1.
std::string content(std::string_view body) {
  std::string bytes;
  amqp::append_content(bytes, 1, std::string_view("\x10\0\x02", 3), body, amqp::kDefaultFrameMax);
  return bytes;
}

/// A connection with one channel to a peer that plays `steps` after the handshake.
struct Talk {
  explicit Talk(std::vector<Step> steps, bool hang_up = false)
      : peer(handshake_and(std::move(steps)), hang_up), connection(Connection::open(to(peer)).value()),
        channel(connection->open_channel().value()) {}
  ~Talk() { connection->close_now(); }

  ScriptedPeer peer;
  std::unique_ptr<Connection> connection;
  Channel channel;
};

TEST(ClientConnect, TellsThatNobodyListens) {
  ConnectOptions options;
  options.port = 1;
  Outcome<std::unique_ptr<Connection>> opened = Connection::open(options);
  ASSERT_TRUE(opened.has_error());
  EXPECT_EQ(opened.error().kind, FailureKind::kUnreachable);
}

TEST(ClientConnect, TellsTheBrokersReasonWhenTheLoginIsRefused) {
  std::vector<Step> steps = handshake();
  steps[1].answer = frame(0, amqp::ConnectionClose{.reply_code = 403, .reply_text = "ACCESS_REFUSED - Login was refused"});
  ScriptedPeer peer(std::vector<Step>{steps[0], steps[1]});
  Outcome<std::unique_ptr<Connection>> opened = Connection::open(to(peer));
  ASSERT_TRUE(opened.has_error());
  EXPECT_EQ(opened.error().kind, FailureKind::kConnectionClosed);
  EXPECT_EQ(opened.error().describe(), "the broker closed the connection: 403 ACCESS_REFUSED - Login was refused");
}

TEST(ClientConnect, TellsThatThePeerHangsUp) {
  ScriptedPeer peer(std::vector<Step>{handshake()[0]}, true);
  Outcome<std::unique_ptr<Connection>> opened = Connection::open(to(peer));
  ASSERT_TRUE(opened.has_error());
  EXPECT_EQ(opened.error().kind, FailureKind::kDisconnected);
}

TEST(ClientConnect, TellsThatThePeerSpeaksSomethingElse) {
  ScriptedPeer peer(std::vector<Step>{{{}, "HTTP/1.1 400 Bad Request\r\n\r\n"}});
  Outcome<std::unique_ptr<Connection>> opened = Connection::open(to(peer));
  ASSERT_TRUE(opened.has_error());
  EXPECT_EQ(opened.error().kind, FailureKind::kProtocol);
}

TEST(ClientConnect, TakesTheLowerOfEachLimit) {
  ScriptedPeer peer(handshake(8192, 10));
  std::unique_ptr<Connection> connection = Connection::open(to(peer)).value();
  EXPECT_EQ(connection->frame_max(), 8192U);
  EXPECT_EQ(connection->channel_max(), 10);
  connection->close_now();
}

TEST(ClientConnect, RefusesFramesTooSmallForABody) {
  ScriptedPeer peer(handshake(8));
  Outcome<std::unique_ptr<Connection>> opened = Connection::open(to(peer));
  ASSERT_TRUE(opened.has_error());
  EXPECT_EQ(opened.error().kind, FailureKind::kProtocol);
}

TEST(ClientProbe, ReturnsTheServerPropertiesWithoutLoggingIn) {
  amqp::TableBytes properties(amqp::Table{{"product", "brokerd"}});
  ScriptedPeer peer(
      std::vector<Step>{{{}, frame(0, amqp::ConnectionStart{.server_properties = properties, .mechanisms = "PLAIN", .locales = "en_US"})}});
  Outcome<amqp::Table> probed = Connection::probe("127.0.0.1", peer.port(), Milliseconds(10'000));
  ASSERT_TRUE(probed.has_value());
  EXPECT_EQ(*probed->find("product")->string(), "brokerd");
}

TEST(ClientChannel, ReturnsWhatTheReplySays) {
  Talk talk({{amqp::QueueDeclare::kId, frame(1, amqp::QueueDeclareOk{.queue = "made-up", .message_count = 3, .consumer_count = 1})}});
  Outcome<QueueState> queue = talk.channel.declare_queue({});
  ASSERT_TRUE(queue.has_value());
  EXPECT_EQ(queue->name, "made-up");
  EXPECT_EQ(queue->messages, 3U);
  EXPECT_EQ(queue->consumers, 1U);
}

TEST(ClientChannel, TellsWhyTheBrokerClosedIt) {
  Talk talk({{amqp::QueueDeclare::kId, frame(1, amqp::ChannelClose{.reply_code = 404, .reply_text = "NOT_FOUND - no queue"})},
             {amqp::ChannelCloseOk::kId, ""}});
  Outcome<QueueState> queue = talk.channel.declare_queue({.passive = true});
  ASSERT_TRUE(queue.has_error());
  EXPECT_EQ(queue.error().kind, FailureKind::kChannelClosed);
  EXPECT_EQ(queue.error().reply_code, 404);
  EXPECT_EQ(queue.error().text, "NOT_FOUND - no queue");
}

TEST(ClientChannel, RepeatsTheReasonOnEveryCallAfterwards) {
  Talk talk({{amqp::QueueDeclare::kId, frame(1, amqp::ChannelClose{.reply_code = 404, .reply_text = "NOT_FOUND"})}});
  EXPECT_TRUE(talk.channel.declare_queue({}).has_error());
  EXPECT_EQ(talk.channel.ack(1).error().reply_code, 404);
}

TEST(ClientChannel, LeavesTheConnectionOpenWhenItIsClosed) {
  Talk talk({{amqp::QueueDeclare::kId, frame(1, amqp::ChannelClose{.reply_code = 404, .reply_text = "NOT_FOUND"})},
             {amqp::ChannelOpen::kId, frame(1, amqp::ChannelOpenOk{})}});
  EXPECT_TRUE(talk.channel.declare_queue({}).has_error());
  EXPECT_TRUE(talk.connection->open_channel().has_value());
}

TEST(ClientChannel, RefusesAReplyToAnotherCall) {
  Talk talk({{amqp::QueueDeclare::kId, frame(1, amqp::QueuePurgeOk{})}});
  EXPECT_EQ(talk.channel.declare_queue({}).error().kind, FailureKind::kProtocol);
}

TEST(ClientChannel, TellsThatTheConnectionWasClosed) {
  Talk talk({{amqp::BasicQos::kId, frame(0, amqp::ConnectionClose{.reply_code = 320, .reply_text = "CONNECTION_FORCED - bye"})}});
  EXPECT_EQ(talk.channel.qos(5).error().kind, FailureKind::kConnectionClosed);
  EXPECT_FALSE(talk.connection->is_open());
}

TEST(ClientGet, ReturnsTheMessage) {
  Talk talk({{amqp::BasicGet::kId,
              frame(1, amqp::BasicGetOk{.delivery_tag = 4, .redelivered = true, .exchange = "x", .routing_key = "k", .message_count = 9}) +
                  content("hello")}});
  Outcome<std::optional<Delivery>> got = talk.channel.get("q");
  ASSERT_TRUE(got.has_value() && got->has_value());
  EXPECT_EQ((*got)->delivery_tag, 4U);
  EXPECT_TRUE((*got)->redelivered);
  EXPECT_EQ((*got)->message_count, 9U);
  EXPECT_EQ((*got)->message.body, "hello");
  EXPECT_EQ((*got)->message.routing_key, "k");
  EXPECT_EQ((*got)->message.properties.delivery_mode, 2);
}

TEST(ClientGet, ReturnsNothingFromAnEmptyQueue) {
  Talk talk({{amqp::BasicGet::kId, frame(1, amqp::BasicGetEmpty{})}});
  Outcome<std::optional<Delivery>> got = talk.channel.get("q");
  ASSERT_TRUE(got.has_value());
  EXPECT_FALSE(got->has_value());
}

TEST(ClientConsume, KeepsDeliveriesThatComeWithAReply) {
  std::string deliver =
      frame(1, amqp::BasicDeliver{.consumer_tag = "c", .delivery_tag = 1, .exchange = "", .routing_key = "q"}) + content("one");
  Talk talk({{amqp::BasicConsume::kId, frame(1, amqp::BasicConsumeOk{.consumer_tag = "c"}) + deliver}});
  EXPECT_EQ(talk.channel.consume("q").value(), "c");
  EXPECT_EQ(talk.channel.next_delivery(Milliseconds(10'000)).value()->message.body, "one");
}

TEST(ClientConsume, ReturnsNothingWhenNothingComes) {
  Talk talk({});
  EXPECT_FALSE(talk.channel.next_delivery(Milliseconds(0)).value().has_value());
}

TEST(ClientConsume, NotesConsumersTheBrokerCancels) {
  Talk talk({{amqp::BasicQos::kId, frame(1, amqp::BasicCancel{.consumer_tag = "c", .nowait = true}) + frame(1, amqp::BasicQosOk{})}});
  ASSERT_FALSE(talk.channel.qos(1).has_error());
  EXPECT_EQ(talk.channel.take_cancelled(), std::vector<std::string>{"c"});
}

TEST(ClientConfirms, CountAcksAndNacks) {
  std::string settled = frame(1, amqp::BasicAck{.delivery_tag = 2, .multiple = true}) + frame(1, amqp::BasicNack{.delivery_tag = 3});
  Talk talk({{amqp::ConfirmSelect::kId, frame(1, amqp::ConfirmSelectOk{})},
             {amqp::BasicPublish::kId, ""},
             {amqp::BasicPublish::kId, ""},
             {amqp::BasicPublish::kId, settled}});
  ASSERT_FALSE(talk.channel.select_confirms().has_error());
  for (std::uint64_t sequence = 1; sequence <= 3; ++sequence) EXPECT_EQ(talk.channel.publish("", "q", "x").value(), sequence);
  Confirms confirms = talk.channel.wait_for_confirms(Milliseconds(10'000)).value();
  EXPECT_EQ(confirms.acked, 2U);
  EXPECT_EQ(confirms.nacked, 1U);
}

TEST(ClientConfirms, HoldBackPublishesBeyondTheWindow) {
  Talk talk({{amqp::ConfirmSelect::kId, frame(1, amqp::ConfirmSelectOk{})},
             {amqp::BasicPublish::kId, frame(1, amqp::BasicAck{.delivery_tag = 1})},
             {amqp::BasicPublish::kId, frame(1, amqp::BasicAck{.delivery_tag = 2})}});
  ASSERT_FALSE(talk.channel.select_confirms(1).has_error());
  EXPECT_TRUE(talk.channel.publish("", "q", "x").has_value());
  EXPECT_TRUE(talk.channel.publish("", "q", "x").has_value());  // the peer acks the first only once it has come
  EXPECT_EQ(talk.channel.wait_for_confirms(Milliseconds(10'000)).value().acked, 2U);
}

TEST(ClientReturns, KeepTheMessageAndTheReason) {
  std::string returned =
      frame(1, amqp::BasicReturn{.reply_code = 312, .reply_text = "NO_ROUTE", .exchange = "x", .routing_key = "k"}) + content("lost");
  Talk talk({{amqp::BasicQos::kId, returned + frame(1, amqp::BasicQosOk{})}});
  ASSERT_FALSE(talk.channel.qos(1).has_error());
  std::vector<Returned> all = talk.channel.take_returned();
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].reply_code, 312);
  EXPECT_EQ(all[0].message.exchange, "x");
  EXPECT_EQ(all[0].message.body, "lost");
}

TEST(ClientConnection, KnowsWhileItIsBlocked) {
  Talk talk({{amqp::BasicQos::kId, frame(0, amqp::ConnectionBlocked{.reason = "low on memory"}) + frame(1, amqp::BasicQosOk{})},
             {amqp::BasicQos::kId, frame(0, amqp::ConnectionUnblocked{}) + frame(1, amqp::BasicQosOk{})}});
  ASSERT_FALSE(talk.channel.qos(1).has_error());
  EXPECT_EQ(talk.connection->blocked(), "low on memory");
  ASSERT_FALSE(talk.channel.qos(1).has_error());
  EXPECT_EQ(talk.connection->blocked(), std::nullopt);
}

TEST(ClientConnection, ShowsRawFrames) {
  Talk talk({{amqp::BasicQos::kId, frame(1, amqp::BasicQosOk{})}});
  std::string qos = frame(1, amqp::BasicQos{});
  ASSERT_FALSE(talk.connection->send_raw(qos).has_error());
  std::optional<amqp::Frame> reply = talk.connection->next_raw_frame(Milliseconds(10'000)).value();
  ASSERT_TRUE(reply);
  EXPECT_EQ(amqp::read_method_id(reply->payload), amqp::BasicQosOk::kId);
}

TEST(ClientConnection, SaysGoodbye) {
  Talk talk({{amqp::ConnectionClose::kId, frame(0, amqp::ConnectionCloseOk{})}});
  EXPECT_FALSE(talk.connection->close().has_error());
  EXPECT_FALSE(talk.connection->is_open());
}

}  // namespace
}  // namespace mq::client
