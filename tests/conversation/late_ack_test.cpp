// Consumer timeout: what happens to deliveries that are not settled in time, in each of the three ways an operator may choose.
#include "support/conversation.hpp"

namespace mq::test {

using namespace amqp;

MQ_CONVERSATIONS(LateAcks);

namespace {

constexpr std::string_view kTooLate =
    "PRECONDITION_FAILED - delivery acknowledgement on channel 1 timed out. Timeout value used: 5000 ms. This timeout value can be "
    "configured, "
    "see consumers doc guide to learn more";

session::SessionOptions late_after(std::uint64_t timeout_ms, session::LateAck how) {
  session::SessionOptions options;
  options.ack_timeout_ms = timeout_ms;
  options.late_ack = how;
  return options;
}

Client& consumes(Client& c, const QueueDeclare& queue = {.queue = "q"}, const BasicConsume& consume = {.queue = "q", .consumer_tag = "t"}) {
  return c.sends(queue).receives(QueueDeclareOk{queue.queue, 0, 0}).sends(consume).receives(BasicConsumeOk{consume.consumer_tag});
}

}  // namespace

TEST_P(LateAcks, GiveTheirMessageBackAndDisturbNothingElse) {
  options = late_after(5000, session::LateAck::kRequeue);
  Client& c = client();
  consumes(c).publishes("q", "m");
  c.receives_content(BasicDeliver{"t", 1, false, "", "q"}, "m");
  passes(4999);
  c.receives_nothing();
  passes(1);
  c.receives_content(BasicDeliver{"t", 2, true, "", "q"}, "m");
}

TEST_P(LateAcks, GiveBackOnlyWhatIsLate) {
  options = late_after(5000, session::LateAck::kRequeue);
  Client& c = client();
  consumes(c).publishes("q", "a");
  c.receives_content(BasicDeliver{"t", 1, false, "", "q"}, "a");
  passes(3000);
  c.publishes("q", "b");
  c.receives_content(BasicDeliver{"t", 2, false, "", "q"}, "b");
  passes(2000);
  c.receives_content(BasicDeliver{"t", 3, true, "", "q"}, "a");
  c.receives_nothing();
  passes(3000);
  c.receives_content(BasicDeliver{"t", 4, true, "", "q"}, "b");
}

TEST_P(LateAcks, AreTakenAndMeanNothing) {
  options = late_after(5000, session::LateAck::kRequeue);
  Client& c = client();
  consumes(c).publishes("q", "m");
  c.receives_content(BasicDeliver{"t", 1, false, "", "q"}, "m");
  passes(5000);
  c.receives_content(BasicDeliver{"t", 2, true, "", "q"}, "m");
  c.sends(BasicAck{1, false}).sends(BasicAck{2, false});
  c.sends(QueueDeclare{.queue = "q", .passive = true}).receives(QueueDeclareOk{"q", 0, 1});
}

TEST_P(LateAcks, AreTakenOnlyOnce) {
  options = late_after(5000, session::LateAck::kRequeue);
  Client& c = client();
  consumes(c).publishes("q", "m");
  c.receives_content(BasicDeliver{"t", 1, false, "", "q"}, "m");
  passes(5000);
  c.receives_content(BasicDeliver{"t", 2, true, "", "q"}, "m");
  c.sends(BasicAck{1, false}).sends(BasicAck{1, false});
  c.loses_channel_with(406, "PRECONDITION_FAILED - unknown delivery tag 1", BasicAck::kId);
}

TEST_P(LateAcks, OfSeveralSettleTheOthersUpToThem) {
  options = late_after(5000, session::LateAck::kRequeue);
  Client& c = client();
  consumes(c, {.queue = "q"}, {.queue = "q", .consumer_tag = "t", .arguments = args({{"x-consumer-timeout", std::int32_t{0}}})});
  c.publishes("q", "a").receives_content(BasicDeliver{"t", 1, false, "", "q"}, "a");
  c.sends(QueueDeclare{.queue = "r"}).receives(QueueDeclareOk{"r", 0, 0}).publishes("r", "b").sends(BasicGet{.queue = "r"});
  c.receives_content(BasicGetOk{2, false, "", "r", 0}, "b");
  passes(5000);
  c.sends(BasicAck{2, true}).sends(BasicCancel{"t"}).receives(BasicCancelOk{"t"});
  c.sends(QueueDeclare{.queue = "q", .passive = true}).receives(QueueDeclareOk{"q", 0, 0});
  c.sends(QueueDeclare{.queue = "r", .passive = true}).receives(QueueDeclareOk{"r", 1, 0});
}

TEST_P(LateAcks, CountTowardsTheDeliveryLimit) {
  options = late_after(5000, session::LateAck::kRequeue);
  Client& c = client();
  consumes(c, {.queue = "q", .arguments = args({{"x-delivery-limit", std::int32_t{1}}})}).publishes("q", "m");
  c.receives_content(BasicDeliver{"t", 1, false, "", "q"}, "m");
  passes(5000);
  c.receives_content(BasicDeliver{"t", 2, true, "", "q"}, "m");
  passes(5000);
  c.receives_nothing();
  c.sends(QueueDeclare{.queue = "q", .passive = true}).receives(QueueDeclareOk{"q", 0, 1});
}

TEST_P(LateAcks, HaveTheTimeTheQueueGives) {
  Client& c = client();
  consumes(c, {.queue = "q", .arguments = args({{"x-consumer-timeout", std::int32_t{2000}}})}).publishes("q", "m");
  c.receives_content(BasicDeliver{"t", 1, false, "", "q"}, "m");
  passes(2000);
  c.receives_content(BasicDeliver{"t", 2, true, "", "q"}, "m");
}

TEST_P(LateAcks, HaveTheTimeTheConsumerTakes) {
  Client& c = client();
  consumes(c, {.queue = "q", .arguments = args({{"x-consumer-timeout", std::int32_t{2000}}})},
           {.queue = "q", .consumer_tag = "t", .arguments = args({{"x-consumer-timeout", std::int64_t{9000}}})})
      .publishes("q", "m");
  c.receives_content(BasicDeliver{"t", 1, false, "", "q"}, "m");
  passes(8999);
  c.receives_nothing();
  passes(1);
  c.receives_content(BasicDeliver{"t", 2, true, "", "q"}, "m");
}

TEST_P(LateAcks, HaveAllTheTimeThereIsWithZero) {
  options = late_after(0, session::LateAck::kRequeue);
  Client& c = client();
  consumes(c).publishes("q", "m");
  c.receives_content(BasicDeliver{"t", 1, false, "", "q"}, "m");
  passes(100'000'000'000);
  c.receives_nothing();
}

TEST_P(LateAcks, CloseTheChannelWhereThatIsWanted) {
  options = late_after(5000, session::LateAck::kClose);
  Client& c = client();
  consumes(c).publishes("q", "m");
  c.receives_content(BasicDeliver{"t", 1, false, "", "q"}, "m");
  passes(5000);
  c.loses_channel_with(406, kTooLate);
  c.opens_channel(2).sends(BasicGet{.queue = "q"}, 2);
  c.receives_content(BasicGetOk{1, true, "", "q", 0}, "m", 2);
}

TEST_P(LateAcks, OfATransactionThatIsRolledBackMayBeSaidAgain) {
  options = late_after(5000, session::LateAck::kRequeue);
  Client& c = client();
  consumes(c).publishes("q", "m");
  c.receives_content(BasicDeliver{"t", 1, false, "", "q"}, "m");
  passes(5000);
  c.receives_content(BasicDeliver{"t", 2, true, "", "q"}, "m");
  c.sends(TxSelect{}).receives(TxSelectOk{});
  c.sends(BasicAck{1, false}).sends(TxRollback{}).receives(TxRollbackOk{});
  c.sends(BasicAck{1, false}).sends(BasicAck{2, false}).sends(TxCommit{}).receives(TxCommitOk{});
  c.sends(QueueDeclare{.queue = "q", .passive = true}).receives(QueueDeclareOk{"q", 0, 1});
}

TEST_P(LateAcks, CancelTheConsumerWhereThatIsWanted) {
  options = late_after(5000, session::LateAck::kCancel);
  Client& c = client();
  consumes(c).publishes("q", "m");
  c.receives_content(BasicDeliver{"t", 1, false, "", "q"}, "m");
  passes(5000);
  c.receives(BasicCancel{"t", true}).sends(BasicGet{.queue = "q"});
  c.receives_content(BasicGetOk{2, true, "", "q", 0}, "m");
}

TEST_P(LateAcks, CloseTheChannelOfAClientThatCannotBeToldOfACancelledConsumer) {
  options = late_after(5000, session::LateAck::kCancel);
  Client& c = client({.capabilities = {}});
  consumes(c).publishes("q", "m");
  c.receives_content(BasicDeliver{"t", 1, false, "", "q"}, "m");
  passes(5000);
  c.loses_channel_with(406, kTooLate);
}

TEST_P(LateAcks, AreNoMatterWhereNoneAreExpected) {
  options = late_after(5000, session::LateAck::kClose);
  Client& c = client();
  consumes(c, {.queue = "q"}, {.queue = "q", .consumer_tag = "t", .no_ack = true}).publishes("q", "m");
  c.receives_content(BasicDeliver{"t", 1, false, "", "q"}, "m");
  passes(6000);
  c.receives_nothing();
}

TEST_P(LateAcks, AreRefusedATimeThatIsNone) {
  Client& c = client();
  c.sends(QueueDeclare{.queue = "q"}).receives(QueueDeclareOk{"q", 0, 0});
  c.sends(BasicConsume{.queue = "q", .consumer_tag = "t", .arguments = args({{"x-consumer-timeout", std::int32_t{-1}}})});
  c.loses_channel_with(406, "PRECONDITION_FAILED - invalid arg 'x-consumer-timeout' for queue 'q' in vhost '/': {value_negative,-1}",
                       BasicConsume::kId);
}

}  // namespace mq::test
