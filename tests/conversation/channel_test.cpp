// Channels: opening, closing from either side, numbers used again, and several of them side by side.
#include "support/conversation.hpp"

namespace mq::test {

using namespace amqp;

MQ_CONVERSATIONS(Channels);

namespace {

constexpr std::string_view kNoQueue = "NOT_FOUND - no queue 'missing' in vhost '/'";

}  // namespace

TEST_P(Channels, MayNotBeOpenedTwice) {
  client().sends(ChannelOpen{}).is_closed_with(504, "CHANNEL_ERROR - second 'channel.open' seen", ChannelOpen::kId);
}

TEST_P(Channels, MustBeOpenedFirst) {
  client().sends(BasicQos{}, 2).is_closed_with(504, "CHANNEL_ERROR - expected 'channel.open'", BasicQos::kId);
}

TEST_P(Channels, MustBeOpenedAgainAfterTheirClose) {
  Client& c = client();
  c.closes_channel();
  c.sends(BasicQos{}).is_closed_with(504, "CHANNEL_ERROR - expected 'channel.open'", BasicQos::kId);
}

TEST_P(Channels, AreCountedAgainstTheNegotiatedNumber) {
  Client& c = stranger().logs_in({.channel_max = 2});
  c.opens_channel(7).opens_channel(1);
  c.sends(ChannelOpen{}, 3)
      .is_closed_with(530, "NOT_ALLOWED - number of channels opened (2) has reached the negotiated channel_max (2)", ChannelOpen::kId);
}

TEST_P(Channels, LeaveTheirNumberToOthersAfterCloseOk) {
  Client& c = client();
  c.closes_channel();
  c.opens_channel();
  c.sends(BasicQos{}).receives(BasicQosOk{});
}

TEST_P(Channels, LeaveTheirNumberToOthersAfterAnError) {
  Client& c = client();
  c.sends(QueueDeclare{.queue = "missing", .passive = true});
  c.receives(ChannelClose{404, kNoQueue, 50, 10}).sends(ChannelCloseOk{}).sends(ChannelOpen{}).receives(ChannelOpenOk{});
  c.sends(BasicQos{}).receives(BasicQosOk{});
}

TEST_P(Channels, DiscardWhatFollowsAnError) {
  Client& c = client();
  c.sends(QueueDeclare{.queue = "q"}).receives(QueueDeclareOk{"q", 0, 0});
  c.sends(QueueDeclare{.queue = "missing", .passive = true}).publishes("q", "lost").sends(QueuePurge{.queue = "q"}).sends(BasicAck{99});
  c.loses_channel_with(404, kNoQueue, QueueDeclare::kId).opens_channel();
  c.sends(QueueDeclare{.queue = "q", .passive = true}).receives(QueueDeclareOk{"q", 0, 0});
}

TEST_P(Channels, AnswerACloseThatCrossesTheirs) {
  Client& c = client();
  c.sends(QueueDeclare{.queue = "missing", .passive = true})
      .sends(ChannelClose{200, "", 0, 0})
      .receives(ChannelClose{404, kNoQueue, 50, 10});
  c.sends(ChannelCloseOk{});
  if (c.frames_waiting() > 0) c.receives(ChannelCloseOk{});
  c.opens_channel();
}

TEST_P(Channels, MayBeClosedInTheMiddleOfAContent) {
  Client& c = client();
  std::string frames;
  append_method_frame(frames, 1, BasicPublish{.routing_key = "q"});
  append_header_frame(frames, 1, {60, 10, std::string_view("\0\0", 2)});
  c.sends_bytes(frames).vanishes();
  settle();
  EXPECT_TRUE(c.session().finished());
}

TEST_P(Channels, DoNotDisturbEachOther) {
  Client& c = client();
  c.opens_channel(2);
  c.sends(QueueDeclare{.queue = "missing", .passive = true}, 2).sends(QueueDeclare{.queue = "q"}, 1);
  const bool first = c.frames_waiting() == 2;
  EXPECT_TRUE(first);
  c.sends(BasicQos{}, 1);
  EXPECT_EQ(c.frames_waiting(), 3u);
}

TEST_P(Channels, InterleaveTheirContents) {
  Client& c = client();
  c.opens_channel(2);
  c.sends(QueueDeclare{.queue = "q"}).receives(QueueDeclareOk{"q", 0, 0});
  std::string frames;
  const std::string_view no_properties("\0\0", 2);
  append_method_frame(frames, 1, BasicPublish{.routing_key = "q"});
  append_method_frame(frames, 2, BasicPublish{.routing_key = "q"});
  append_header_frame(frames, 2, {60, 4, no_properties});
  append_header_frame(frames, 1, {60, 4, no_properties});
  append_frame(frames, FrameType::kBody, 1, "on");
  append_frame(frames, FrameType::kBody, 2, "two!");
  append_frame(frames, FrameType::kBody, 1, "e!");
  c.sends_bytes(frames).sends(BasicGet{.queue = "q"}).receives_content(BasicGetOk{1, false, "", "q", 1}, "two!");
  c.sends(BasicGet{.queue = "q"}).receives_content(BasicGetOk{2, false, "", "q", 0}, "one!");
}

TEST_P(Channels, GetNoDeliveriesMeantForTheirPredecessor) {
  Client& c = client();
  Client& publisher = client();
  c.sends(QueueDeclare{.queue = "q"})
      .receives(QueueDeclareOk{"q", 0, 0})
      .sends(BasicConsume{.queue = "q", .consumer_tag = "t"})
      .receives(BasicConsumeOk{"t"});
  for (std::uint32_t round = 0; round < 6; ++round) {  // how far the message has got when the channel fails
    publisher.publishes("q", "m");
    gets_only_this_far(round);
    c.sends(BasicAck{99}).flush();
    while (c.frames_waiting() > 1) (void)c.takes_delivery();
    c.loses_channel_with(406, "PRECONDITION_FAILED - unknown delivery tag 99", BasicAck::kId).opens_channel().receives_nothing();
    c.sends(QueueDeclare{.queue = "q", .passive = true}).receives(QueueDeclareOk{"q", round + 1, 0});
    c.sends(BasicConsume{.queue = "q", .consumer_tag = "t"}).receives(BasicConsumeOk{"t"});
  }
}

TEST_P(Channels, GiveBackWhatAGetFetchedForNobody) {
  Client& other = client();
  other.sends(QueueDeclare{.queue = "q"}).receives(QueueDeclareOk{"q", 0, 0}).publishes("q", "m");
  for (std::size_t tasks = 0; tasks < 5; ++tasks) {
    Client& c = client();
    c.sends(BasicGet{.queue = "q"});
    gets_only_this_far(tasks);
    c.vanishes();
    other.sends(QueueDeclare{.queue = "q", .passive = true}).receives(QueueDeclareOk{"q", 1, 0});
  }
}

TEST_P(Channels, EndInOrderWhateverTheyWaitFor) {
  Client& other = client();
  for (std::size_t tasks = 0; tasks < 8; ++tasks) {
    const std::string queue = "q" + std::to_string(tasks);
    Client& c = client();
    c.opens_channel(2).opens_channel(3).opens_channel(4);
    c.sends(QueueDeclare{.queue = queue, .exclusive = true, .auto_delete = true}, 1).receives(QueueDeclareOk{queue, 0, 0});
    c.sends(BasicConsume{.queue = queue, .consumer_tag = "a"}, 2).receives(BasicConsumeOk{"a"}, 2);
    c.publishes(queue, "m").sends(QueueDelete{.queue = queue}, 1).sends(BasicConsume{.queue = queue, .consumer_tag = "b"}, 3);
    c.sends(BasicCancel{"a"}, 2).sends(QueueDeclare{.queue = queue, .passive = true}, 4);
    gets_only_this_far(tasks);
    c.sends(ConnectionClose{200, "", 0, 0}).flush();
    settle();
    c.vanishes();
    settle();
    EXPECT_TRUE(c.session().finished()) << tasks;
    const std::string text = "NOT_FOUND - no queue '" + queue + "' in vhost '/'";
    other.sends(QueueDeclare{.queue = queue, .passive = true}).loses_channel_with(404, text, QueueDeclare::kId).opens_channel();
  }
}

TEST_P(Channels, AnswerFlow) { client().sends(ChannelFlow{true}).receives(ChannelFlowOk{true}); }

TEST_P(Channels, DoNotStopTheirFlow) {
  client().sends(ChannelFlow{false}).is_closed_with(540, "NOT_IMPLEMENTED - active=false", ChannelFlow::kId);
}

TEST_P(Channels, AnswerTheLegacyAccessRequest) { client().sends(AccessRequest{}).receives(AccessRequestOk{1}); }

TEST_P(Channels, TakeALateCloseOkInSilence) {
  Client& c = client();
  c.sends(ChannelCloseOk{}, 9).sends(BasicQos{}).receives(BasicQosOk{});
}

TEST_P(Channels, AnswerInTheOrderOfRequests) {
  Client& c = client();
  c.sends(QueueDeclare{.queue = "q"}).sends(BasicQos{}).sends(QueueBind{.queue = "q", .exchange = "amq.direct", .routing_key = "k"});
  c.sends(BasicGet{.queue = "q"}).sends(ConfirmSelect{}).sends(QueueDelete{.queue = "q"});
  c.receives(QueueDeclareOk{"q", 0, 0})
      .receives(BasicQosOk{})
      .receives(QueueBindOk{})
      .receives(BasicGetEmpty{})
      .receives(ConfirmSelectOk{});
  c.receives(QueueDeleteOk{0});
}

TEST_P(Channels, SayNothingToRequestsThatWantNoAnswer) {
  Client& c = client();
  c.sends(ExchangeDeclare{.exchange = "x", .type = "direct", .nowait = true}).sends(QueueDeclare{.queue = "q", .nowait = true});
  c.sends(QueueBind{.queue = "q", .exchange = "x", .routing_key = "k", .nowait = true}).sends(QueuePurge{.queue = "q", .nowait = true});
  c.sends(ExchangeBind{.destination = "x", .source = "amq.direct", .routing_key = "k", .nowait = true});
  c.sends(ExchangeUnbind{.destination = "x", .source = "amq.direct", .routing_key = "k", .nowait = true}).sends(ConfirmSelect{true});
  c.sends(BasicConsume{.queue = "q", .consumer_tag = "t", .nowait = true}).sends(BasicCancel{"t", true});
  c.sends(QueueDelete{.queue = "q", .nowait = true}).sends(ExchangeDelete{.exchange = "x", .nowait = true});
  c.receives_nothing();
  c.sends(QueueDeclare{.queue = "q", .passive = true}).loses_channel_with(404, "NOT_FOUND - no queue 'q' in vhost '/'", QueueDeclare::kId);
}

TEST_P(Channels, AreClosedByErrorsOfRequestsThatWantNoAnswer) {
  client().sends(QueueBind{.queue = "missing", .exchange = "amq.direct", .nowait = true}).loses_channel_with(404, kNoQueue, QueueBind::kId);
}

// --- contents out of order ---

TEST_P(Channels, WantAHeaderAfterAPublish) {
  client()
      .sends(BasicPublish{.routing_key = "q"})
      .sends(BasicQos{})
      .is_closed_with(505, "UNEXPECTED_FRAME - expected content header for class 60, got non content header frame instead", BasicQos::kId);
}

TEST_P(Channels, WantABodyAfterAHeader) {
  std::string frames;
  append_method_frame(frames, 1, BasicPublish{.routing_key = "q"});
  append_header_frame(frames, 1, {60, 4, std::string_view("\0\0", 2)});
  client()
      .sends_bytes(frames)
      .sends(BasicQos{})
      .is_closed_with(505, "UNEXPECTED_FRAME - expected content body, got non content body frame instead", BasicQos::kId);
}

TEST_P(Channels, WantAMethodWhenNoContentIsDue) {
  std::string frame;
  append_frame(frame, FrameType::kBody, 1, "stray");
  client().sends_bytes(frame).is_closed_with(505, "UNEXPECTED_FRAME - expected method frame, got non method frame instead",
                                             BasicPublish::kId);
}

TEST_P(Channels, TakeNoMoreBodyThanWasAnnounced) {
  std::string frames;
  append_method_frame(frames, 1, BasicPublish{.routing_key = "q"});
  append_header_frame(frames, 1, {60, 4, std::string_view("\0\0", 2)});
  append_frame(frames, FrameType::kBody, 1, "five!");
  client().sends_bytes(frames).is_closed_with(501, "FRAME_ERROR - content body frame exceeds remaining content size", BasicPublish::kId);
}

TEST_P(Channels, TakeNoContentHeaderOfAnotherClass) {
  std::string frames;
  append_method_frame(frames, 1, BasicPublish{.routing_key = "q"});
  append_header_frame(frames, 1, {50, 4, std::string_view("\0\0", 2)});
  client().sends_bytes(frames).is_closed_with(505, "UNEXPECTED_FRAME - expected content header for class 60, got one for class 50 instead",
                                              BasicPublish::kId);
}

TEST_P(Channels, TakeNoPropertiesThatMakeNoSense) {
  std::string frames;
  append_method_frame(frames, 1, BasicPublish{.routing_key = "q"});
  append_header_frame(frames, 1, {60, 4, std::string_view("\x80\0\x20", 3)});
  client().sends_bytes(frames).is_closed_with(502, "SYNTAX_ERROR - malformed content properties", BasicPublish::kId);
}

}  // namespace mq::test
