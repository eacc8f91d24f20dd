// Queues that an operator pauses while clients talk to them.
#include "support/operator.hpp"

namespace mq::test {

using namespace amqp;

namespace {

const Properties kPersistent{.delivery_mode = 2};

class WithPauses : public WithOperator {
 protected:
  std::string pauses_delivery(const std::string& queue = "q") { return asks(engine::ChangePause{queue, true, false, true, {}}); }
  std::string pauses_publishing(const std::string& queue = "q") { return asks(engine::ChangePause{queue, false, true, true, {}}); }
  std::string resumes(const std::string& queue = "q") { return asks(engine::ChangePause{queue, true, true, false, {}}); }
};

Client& declares(Client& c, std::string_view queue = "q") {
  return c.sends(QueueDeclare{.queue = queue, .durable = true}).receives(QueueDeclareOk{queue, 0, 0});
}

Client& consumes(Client& c) { return c.sends(BasicConsume{.queue = "q", .consumer_tag = "t"}).receives(BasicConsumeOk{"t"}); }

Client& confirms(Client& c) { return c.sends(ConfirmSelect{}).receives(ConfirmSelectOk{}); }

std::uint32_t ready(Client& c, std::string_view queue = "q") {
  return c.sends(QueueDeclare{.queue = queue, .passive = true}).takes<QueueDeclareOk>().message_count;
}

}  // namespace

MQ_OPERATOR_CONVERSATIONS(PausedQueues, WithPauses);

TEST_P(PausedQueues, GiveNothingToConsumersUntilTheyAreResumed) {
  Client& c = client();
  consumes(declares(c));
  EXPECT_EQ(pauses_delivery(), "done");
  c.publishes("q", "1").publishes("q", "2").receives_nothing();
  EXPECT_EQ(resumes(), "done");
  c.receives_deliveries("t", "q", 1, {"1", "2"});
}

TEST_P(PausedQueues, AreEmptyForGet) {
  Client& c = client();
  declares(c).publishes("q", "1");
  EXPECT_EQ(pauses_delivery(), "done");
  c.sends(BasicGet{.queue = "q"}).receives(BasicGetEmpty{});
  EXPECT_EQ(ready(c), 1u);
}

TEST_P(PausedQueues, TakeAcknowledgements) {
  Client& c = client();
  consumes(declares(c)).publishes("q", "1").receives_deliveries("t", "q", 1, {"1"});
  EXPECT_EQ(pauses_delivery(), "done");
  c.sends(BasicReject{1, true});
  EXPECT_EQ(ready(c), 1u);
}

TEST_P(PausedQueues, RefuseWhatIsPublishedWithConfirms) {
  Client& c = client();
  confirms(declares(c));
  EXPECT_EQ(pauses_publishing(), "done");
  c.publishes("q", "1", kPersistent).receives(BasicNack{1, false, false});
  EXPECT_EQ(resumes(), "done");
  c.publishes("q", "2", kPersistent).receives(BasicAck{2, false});
  EXPECT_EQ(ready(c), 1u);
}

TEST_P(PausedQueues, RefuseATransactionAsAWhole) {
  Client& c = client();
  declares(declares(c), "other").sends(TxSelect{}).receives(TxSelectOk{});
  EXPECT_EQ(pauses_publishing(), "done");
  c.publishes("q", "1").publishes("other", "2");
  c.sends(TxCommit{}).loses_channel_with(406, "PRECONDITION_FAILED - partial tx completion", TxCommit::kId);
  EXPECT_EQ(ready(c.opens_channel(), "other"), 0u);
}

TEST_P(PausedQueues, TakeDeadLettersAllTheSame) {
  Client& c = client();
  c.sends(QueueDeclare{.queue = "source", .arguments = args({{"x-dead-letter-exchange", ""}, {"x-dead-letter-routing-key", "q"}})})
      .receives(QueueDeclareOk{"source", 0, 0});
  declares(c);
  EXPECT_EQ(pauses_publishing(), "done");
  c.publishes("source", "1").sends(BasicGet{.queue = "source"}).receives_content(BasicGetOk{1, false, "", "source", 0}, "1");
  c.sends(BasicReject{1, false}).receives_nothing();
  EXPECT_EQ(ready(c), 1u);
}

TEST_P(PausedQueues, StayPausedAfterACrash) {
  declares(client());
  declares(client(), "open");
  EXPECT_EQ(pauses_delivery(), "done");
  EXPECT_EQ(pauses_publishing(), "done");
  crash();
  Client& c = client();
  confirms(c).publishes("q", "1").receives(BasicNack{1, false, false});
  c.publishes("open", "2").receives(BasicAck{2, false});
  EXPECT_EQ(resumes(), "done");
  crash();
  Client& later = client();
  later.publishes("q", "3").sends(BasicGet{.queue = "q"}).receives_content(BasicGetOk{1, false, "", "q", 0}, "3");
}

TEST_P(PausedQueues, MayBeExclusive) {
  Client& c = client();
  c.sends(QueueDeclare{.queue = "q", .exclusive = true}).receives(QueueDeclareOk{"q", 0, 0});
  EXPECT_EQ(pauses_delivery(), "done");
  c.publishes("q", "1").sends(BasicGet{.queue = "q"}).receives(BasicGetEmpty{});
  c.sends(QueueDelete{.queue = "q"}).receives(QueueDeleteOk{1});
  declares(c).publishes("q", "2").sends(BasicGet{.queue = "q"}).receives_content(BasicGetOk{1, false, "", "q", 0}, "2");
}

TEST_P(PausedQueues, MustBeThere) { EXPECT_EQ(pauses_delivery("none"), "no queue 'none' in vhost '/'"); }

}  // namespace mq::test
