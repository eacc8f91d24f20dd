// A connection that runs: heartbeats, closes from either side, alarms, secrets, and frames that make no sense.
#include "support/conversation.hpp"

namespace mq::test {

using namespace amqp;

MQ_CONVERSATIONS(Connection);

// --- heartbeats ---

TEST_P(Connection, SendsAHeartbeatAfterHalfAnIntervalOfSilence) {
  Client& c = stranger().logs_in({.heartbeat = 10});
  passes(4900);
  c.receives_nothing();
  passes(200);
  c.receives_heartbeat().receives_nothing();
}

TEST_P(Connection, SendsNoHeartbeatsWhenNoneAreWanted) {
  Client& c = client({.heartbeat = 0});
  passes(3600'000);
  c.receives_nothing();
  EXPECT_TRUE(c.socket_open());
}

TEST_P(Connection, EndsWithinThreeIntervalsOfSilence) {
  Client& c = stranger().logs_in({.heartbeat = 10});
  passes(20'000);
  EXPECT_TRUE(c.socket_open());
  passes(10'000);
  while (c.frames_waiting() > 0) c.receives_heartbeat();
  c.is_cut_off();
}

TEST_P(Connection, LivesByHeartbeats) {
  Client& c = stranger().logs_in({.heartbeat = 10});
  for (int beat = 0; beat < 20; ++beat) {
    c.sends_heartbeat();
    passes(10'000);
  }
  EXPECT_TRUE(c.socket_open());
}

TEST_P(Connection, LivesByAnyOctets) {
  Client& c = stranger().logs_in({.heartbeat = 10});
  for (char octet : std::string("\1\0\0\0\0\0\4", 7)) {
    c.sends_bytes({&octet, 1});
    passes(10'000);
  }
  EXPECT_TRUE(c.socket_open());
}

TEST_P(Connection, RefusesAHeartbeatOnAChannel) {
  client().sends_bytes(std::string_view("\x08\0\1\0\0\0\0\xCE", 8)).is_closed_with(505, "UNEXPECTED_FRAME - heartbeat frame on channel 1");
}

// --- closing ---

TEST_P(Connection, ClosesInOrder) { client().closes(); }

TEST_P(Connection, ListensToNothingButCloseOkAfterItsClose) {
  Client& c = client();
  c.sends(BasicQos{.prefetch_size = 1}).sends(QueueDeclare{.queue = "q"}).sends(BasicQos{.prefetch_size = 1});
  c.is_closed_with(540, "NOT_IMPLEMENTED - prefetch_size!=0 (1)", BasicQos::kId);
}

TEST_P(Connection, AnswersACloseThatCrossesItsOwn) {
  Client& c = client();
  c.sends(BasicQos{.prefetch_size = 1}).sends(ConnectionClose{200, "Goodbye", 0, 0});
  c.receives(ConnectionClose{540, "NOT_IMPLEMENTED - prefetch_size!=0 (1)", 60, 10}).receives(ConnectionCloseOk{}).ends();
}

TEST_P(Connection, DoesNotWaitForeverForCloseOk) {
  Client& c = client();
  c.sends(BasicQos{.prefetch_size = 1}).receives(ConnectionClose{540, "NOT_IMPLEMENTED - prefetch_size!=0 (1)", 60, 10});
  passes(5000);
  c.is_cut_off();
}

TEST_P(Connection, EndsWhenItsClientHangsUpInsteadOfAnsweringItsClose) {
  Client& c = client();
  c.sends(BasicQos{.prefetch_size = 1}).receives(ConnectionClose{540, "NOT_IMPLEMENTED - prefetch_size!=0 (1)", 60, 10});
  c.vanishes();
  settle();
  EXPECT_TRUE(c.session().finished());
}

TEST_P(Connection, EndsWhenItsClientVanishes) {
  Client& c = client();
  c.sends(QueueDeclare{.queue = "q"}).sends(BasicConsume{.queue = "q", .consumer_tag = "t"}).vanishes();
  settle();
  EXPECT_TRUE(c.session().finished());
}

TEST_P(Connection, ClosesWhenTheBrokerStops) {
  Client& c = client();
  broker().close_sessions(ReplyCode::kConnectionForced, "broker forced connection closure with reason 'shutdown'");
  c.is_closed_with(320, "CONNECTION_FORCED - broker forced connection closure with reason 'shutdown'");
}

TEST_P(Connection, IsClosedAtOnceByAStopDuringTheHandshake) {
  Client& c = stranger();
  broker().close_sessions(ReplyCode::kConnectionForced, "");
  settle();
  c.is_cut_off();
}

TEST_P(Connection, TakesItsExclusiveQueuesWithItBeforeCloseOk) {
  Client& c = client();
  Client& other = client();
  c.sends(QueueDeclare{.queue = "mine", .exclusive = true}).receives(QueueDeclareOk{"mine", 0, 0}).closes();
  other.sends(QueueDeclare{.queue = "mine"}).receives(QueueDeclareOk{"mine", 0, 0});
}

TEST_P(Connection, TakesItsAutoDeleteQueuesWithItBeforeCloseOk) {
  Client& c = client();
  c.sends(QueueDeclare{.queue = "q", .auto_delete = true}).receives(QueueDeclareOk{"q", 0, 0});
  c.sends(BasicConsume{.queue = "q", .consumer_tag = "t"}).receives(BasicConsumeOk{"t"});
  c.sends(ConnectionClose{200, "", 0, 0}).flush();
  while (c.session().outbox().waiting_bytes() == 0 && !c.session().finished() && scheduler().run_one()) {}
  EXPECT_FALSE(broker().find_vhost("/")->find_queue("q", 0));
}

TEST_P(Connection, GivesBackWhatItHadNotAcknowledged) {
  Client& c = client();
  Client& other = client();
  c.sends(QueueDeclare{.queue = "q"}).receives(QueueDeclareOk{"q", 0, 0}).publishes("q", "m");
  c.sends(BasicConsume{.queue = "q", .consumer_tag = "t"}).receives(BasicConsumeOk{"t"}).receives_deliveries("t", "q", 1, {"m"}).vanishes();
  other.sends(BasicGet{.queue = "q"}).receives_content(BasicGetOk{1, true, "", "q", 0}, "m");
}

TEST_P(Connection, GivesBackWhatComesWhileItCancelsAndCloses) {
  Client& publisher = client();
  for (std::size_t tasks = 0; tasks < 8; ++tasks) {  // how far the message has got when the cancel comes
    const std::string queue = "q" + std::to_string(tasks);
    Client& c = client();
    c.sends(QueueDeclare{.queue = queue}).receives(QueueDeclareOk{queue, 0, 0});
    c.sends(BasicConsume{.queue = queue, .consumer_tag = "t"}).receives(BasicConsumeOk{"t"});
    publisher.publishes(queue, "m");
    gets_only_this_far(tasks);
    c.sends(BasicCancel{"t"}).sends(ConnectionClose{200, "", 0, 0}).vanishes();
    publisher.sends(QueueDeclare{.queue = queue, .passive = true}).receives(QueueDeclareOk{queue, 1, 0});
  }
}

// --- alarms ---

TEST_P(Connection, IsToldThatItIsBlockedWhenItPublishes) {
  Client& c = client();
  c.sends(QueueDeclare{.queue = "q"}).receives(QueueDeclareOk{"q", 0, 0});
  broker().set_alarm("low on disk");
  c.receives_nothing().publishes("q", "m").receives(ConnectionBlocked{"low on disk"});
  broker().set_alarm(std::nullopt);
  c.receives(ConnectionUnblocked{}).receives_nothing();
}

TEST_P(Connection, PublishesNothingIntoAnAlarm) {
  Client& c = client();
  c.sends(QueueDeclare{.queue = "q"}).receives(QueueDeclareOk{"q", 0, 0});
  broker().set_alarm("low on memory");
  settle();
  c.publishes("q", "m").receives(ConnectionBlocked{"low on memory"});
  Client& other = client();
  other.sends(QueueDeclare{.queue = "q", .passive = true}).receives(QueueDeclareOk{"q", 0, 0});
  broker().set_alarm(std::nullopt);
  c.receives(ConnectionUnblocked{});
  other.sends(QueueDeclare{.queue = "q", .passive = true}).receives(QueueDeclareOk{"q", 1, 0});
}

TEST_P(Connection, AcknowledgesWhileItsPublishesWait) {
  Client& c = client();
  c.sends(QueueDeclare{.queue = "q"}).receives(QueueDeclareOk{"q", 0, 0});
  c.sends(BasicQos{0, 1, false}).receives(BasicQosOk{});
  c.sends(BasicConsume{.queue = "q", .consumer_tag = "t"}).receives(BasicConsumeOk{"t"});
  c.publishes("q", "a").publishes("q", "b");
  c.receives_content(BasicDeliver{"t", 1, false, "", "q"}, "a");
  broker().set_alarm("low on memory");
  settle();
  c.publishes("q", "c").receives(ConnectionBlocked{"low on memory"});
  c.sends(BasicAck{1, false}).receives_content(BasicDeliver{"t", 2, false, "", "q"}, "b");
  c.sends(BasicReject{2, true}).receives_content(BasicDeliver{"t", 3, true, "", "q"}, "b");
  c.sends(BasicNack{3, false, false}).receives_nothing();
  broker().set_alarm(std::nullopt);
  c.receives(ConnectionUnblocked{}).receives_content(BasicDeliver{"t", 4, false, "", "q"}, "c");
}

TEST_P(Connection, UsesOtherChannelsWhileItsPublishesWait) {
  Client& c = client();
  c.opens_channel(2);
  broker().set_alarm("low on memory");
  settle();
  c.publishes("nowhere", "m").receives(ConnectionBlocked{"low on memory"});
  c.sends(QueueDeclare{.queue = "q"}, 2).receives(QueueDeclareOk{"q", 0, 0}, 2);
}

TEST_P(Connection, KeepsTheOrderOfATransactionThatWaitsForAnAlarm) {
  Client& c = client();
  c.sends(QueueDeclare{.queue = "q"}).receives(QueueDeclareOk{"q", 0, 0});
  c.publishes("q", "m").sends(TxSelect{}).receives(TxSelectOk{});
  c.sends(BasicGet{.queue = "q"}).receives_content(BasicGetOk{1, false, "", "q", 0}, "m");
  broker().set_alarm("low on memory");
  settle();
  c.publishes("q", "n").sends(TxCommit{}).sends(BasicAck{1, false}).receives(ConnectionBlocked{"low on memory"}).receives_nothing();
  broker().set_alarm(std::nullopt);
  c.receives(ConnectionUnblocked{}).receives(TxCommitOk{}).sends(TxRollback{}).receives(TxRollbackOk{});
  c.sends(BasicAck{1, false}).sends(TxCommit{}).receives(TxCommitOk{});
}

TEST_P(Connection, ClosesWhenWhatItPublishedBeforeIsThere) {
  Client& c = client();
  c.sends(QueueDeclare{.queue = "q"}).receives(QueueDeclareOk{"q", 0, 0});
  broker().set_alarm("low on memory");
  settle();
  c.publishes("q", "m").sends(ConnectionClose{200, "bye", 0, 0}).receives(ConnectionBlocked{"low on memory"}).receives_nothing();
  broker().set_alarm(std::nullopt);
  c.receives(ConnectionUnblocked{}).receives(ConnectionCloseOk{});
  client().sends(QueueDeclare{.queue = "q", .passive = true}).receives(QueueDeclareOk{"q", 1, 0});
}

TEST_P(Connection, IsReadNoFurtherWhenMoreWaitsThanItMayHaveUnderWay) {
  options.publish_window_bytes = 10'000;
  Client& c = client();
  broker().set_alarm("low on memory");
  settle();
  c.publishes("nowhere", std::string(9'000, 'x')).receives(ConnectionBlocked{"low on memory"});
  EXPECT_TRUE(c.session().wants_read());
  c.publishes("nowhere", std::string(2'000, 'x')).receives_nothing();
  EXPECT_FALSE(c.session().wants_read());
}

TEST_P(Connection, HoldsWhatItAsksBehindAPublishIntoAnAlarm) {
  Client& c = client();
  broker().set_alarm("low on memory");
  settle();
  c.publishes("nowhere", "m").receives(ConnectionBlocked{"low on memory"}).sends(QueueDeclare{.queue = "q"}).receives_nothing();
  broker().set_alarm(std::nullopt);
  c.receives(ConnectionUnblocked{}).receives(QueueDeclareOk{"q", 0, 0});
}

TEST_P(Connection, IsToldOfAnAlarmThatWasThereBeforeIt) {
  broker().set_alarm("low on memory");
  client().publishes("q", "m").receives(ConnectionBlocked{"low on memory"});
}

TEST_P(Connection, IsLeftAloneByAlarmsWhenItDoesNotPublish) {
  Client& c = client();
  broker().set_alarm("low on memory");
  c.sends(QueueDeclare{.queue = "q"}).receives(QueueDeclareOk{"q", 0, 0});
  broker().set_alarm(std::nullopt);
  c.receives_nothing();
}

TEST_P(Connection, HearsNothingOfAlarmsWithoutTheCapability) {
  Client& c = client({.capabilities = {}});
  broker().set_alarm("low on memory");
  settle();
  c.publishes("q", "m").receives_nothing();
  broker().set_alarm(std::nullopt);
  c.receives_nothing();
}

TEST_P(Connection, MissesNoHeartbeatsWhileItIsBlocked) {
  Client& c = client({.heartbeat = 10});
  broker().set_alarm("low on memory");
  settle();
  c.publishes("q", "m").receives(ConnectionBlocked{"low on memory"});
  for (int i = 0; i < 6; ++i) {
    c.sends_heartbeat();
    passes(10'000);
  }
  EXPECT_TRUE(c.socket_open());
}

TEST_P(Connection, MissesNoHeartbeatsWhileItIsNotRead) {
  options.publish_window_bytes = 100;
  Client& c = client({.heartbeat = 10});
  broker().set_alarm("low on memory");
  settle();
  c.publishes("q", std::string(200, 'x')).receives(ConnectionBlocked{"low on memory"});
  passes(60'000);
  EXPECT_TRUE(c.socket_open());
}

// --- secrets ---

TEST_P(Connection, TakesANewSecret) { client().sends(ConnectionUpdateSecret{"guest", "renewed"}).receives(ConnectionUpdateSecretOk{}); }

// --- nonsense ---

TEST_P(Connection, ClosesForAFrameThatIsTooLarge) {
  Client& c = stranger().logs_in({.frame_max = 4096}).opens_channel();
  c.sends_bytes(std::string_view("\1\0\1\0\0\x10\1", 7));
  c.receives(ConnectionClose{501, "FRAME_ERROR - type 1, all octets = <<>>: {frame_too_large,4097,4088}", 0, 0});
  passes(3000);
  c.is_cut_off();
}

TEST_P(Connection, ToleratesEightOctetsTooMany) {
  Client& c = stranger().logs_in({.frame_max = 4096}).opens_channel();
  std::string frames;
  append_method_frame(frames, 1, BasicPublish{.routing_key = "nowhere", .mandatory = true});
  append_header_frame(frames, 1, {60, 4096, std::string_view("\0\0", 2)});
  append_frame(frames, FrameType::kBody, 1, std::string(4096, 'x'));
  c.sends_bytes(frames).receives_content(BasicReturn{312, "NO_ROUTE", "", "nowhere"}, std::string(4096, 'x'));
}

TEST_P(Connection, ClosesForAFrameWithoutItsEnd) {
  Client& c = client();
  c.sends_bytes(std::string_view("\x08\0\0\0\0\0\0\xCD", 8));
  EXPECT_TRUE(c.takes<ConnectionClose>().reply_text.starts_with("FRAME_ERROR - "));
  passes(3000);
  c.is_cut_off();
}

TEST_P(Connection, ClosesForAnUnknownTypeOfFrame) {
  Client& c = client();
  c.sends_bytes(std::string_view("\x05\0\0\0\0\0\0\xCE", 8));
  EXPECT_EQ(c.takes<ConnectionClose>().reply_code, 501);
}

TEST_P(Connection, ClosesForAnUnknownMethod) {
  std::string frame;
  append_frame(frame, FrameType::kMethod, 1, std::string_view("\0\x3C\3\xE7", 4));
  client().sends_bytes(frame).is_closed_with(540, "NOT_IMPLEMENTED - unknown method 60.999", {60, 999});
}

TEST_P(Connection, ClosesForAMethodOnTheWrongChannel) {
  client().sends(BasicQos{}, 0).is_closed_with(504, "CHANNEL_ERROR - unexpected method on channel 0", BasicQos::kId);
}

TEST_P(Connection, ClosesForAMethodThatOnlyServersSend) {
  client().sends(BasicQosOk{}).is_closed_with(503, "COMMAND_INVALID - unimplemented method", BasicQosOk::kId);
}

TEST_P(Connection, ClosesForAMethodThatIsCutShort) {
  std::string frame;
  append_frame(frame, FrameType::kMethod, 1, std::string_view("\0\x32\0\x0A\0\0\5ab", 9));
  client().sends_bytes(frame).is_closed_with(502, "SYNTAX_ERROR - malformed method", QueueDeclare::kId);
}

TEST_P(Connection, ClosesForANameThatIsNotUtf8) {
  client().sends(QueueDeclare{.queue = "\xC3\x28"}).is_closed_with(501, "FRAME_ERROR - Malformed UTF-8 in shortstr", QueueDeclare::kId);
}

}  // namespace mq::test
