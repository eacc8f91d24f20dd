// What a client sees while the broker's disk is full: its confirms are late, and nothing else is wrong.
#include "support/conversation.hpp"

namespace mq::test {
namespace {

using namespace amqp;

amqp::Properties persistent() {
  amqp::Properties properties;
  properties.delivery_mode = 2;
  return properties;
}

const amqp::Properties kPersistent = persistent();

}  // namespace

MQ_CONVERSATIONS(FullDisk);

TEST_P(FullDisk, ConfirmsAMessageWhenThereIsSpaceAgain) {
  Client& c = client();
  c.sends(QueueDeclare{.queue = "q", .durable = true}).receives(QueueDeclareOk{"q", 0, 0});
  c.sends(ConfirmSelect{}).receives(ConfirmSelectOk{});
  fills_disk(true);
  c.publishes("q", "m", kPersistent);
  settle();
  passes(60'000);
  c.receives_nothing();
  fills_disk(false);
  passes(1000);
  c.receives(BasicAck{1, false}).receives_nothing();
  crash();
  client().sends(BasicGet{.queue = "q"}).receives_content(BasicGetOk{1, false, "", "q", 0}, "m");
}

TEST_P(FullDisk, ForgetsInACrashWhatItDidNotConfirm) {
  Client& c = client();
  c.sends(QueueDeclare{.queue = "q", .durable = true}).receives(QueueDeclareOk{"q", 0, 0});
  c.sends(ConfirmSelect{}).receives(ConfirmSelectOk{});
  c.publishes("q", "kept", kPersistent).receives(BasicAck{1, false});
  fills_disk(true);
  c.publishes("q", "not confirmed", kPersistent).receives_nothing();
  crash();
  fills_disk(false);
  client().sends(QueueDeclare{.queue = "q", .passive = true}).receives(QueueDeclareOk{"q", 1, 0});
}

TEST_P(FullDisk, DeliversMessagesThatWaitForSpaceAndTakesTheirAcknowledgements) {
  Client& c = client();
  c.sends(QueueDeclare{.queue = "q", .durable = true}).receives(QueueDeclareOk{"q", 0, 0});
  c.sends(BasicConsume{.queue = "q", .consumer_tag = "t"}).receives(BasicConsumeOk{"t"});
  Client& publisher = client();
  publisher.sends(ConfirmSelect{}).receives(ConfirmSelectOk{});
  fills_disk(true);
  publisher.publishes("q", "m", kPersistent);
  settle();
  c.receives_content(BasicDeliver{"t", 1, false, "", "q"}, "m");
  c.sends(BasicAck{1, false});
  settle();
  passes(1000);
  fills_disk(false);
  passes(1000);
  publisher.receives(BasicAck{1, false});
  crash();
  client().sends(BasicGet{.queue = "q"}).receives(BasicGetEmpty{});
}

TEST_P(FullDisk, CommitsATransactionOnceWhenThereIsSpaceAgain) {
  Client& c = client();
  for (const char* queue : {"a", "b"}) c.sends(QueueDeclare{.queue = queue, .durable = true}).receives(QueueDeclareOk{queue, 0, 0});
  c.sends(TxSelect{}).receives(TxSelectOk{});
  fills_disk(true);
  c.publishes("a", "m", kPersistent).publishes("b", "m", kPersistent).sends(TxCommit{});
  settle();
  passes(10'000);
  c.receives_nothing();
  fills_disk(false);
  passes(1000);
  c.receives(TxCommitOk{});
  crash();
  for (const char* queue : {"a", "b"}) client().sends(QueueDeclare{.queue = queue, .passive = true}).receives(QueueDeclareOk{queue, 1, 0});
}

TEST_P(FullDisk, KeepsTheOrderOfWhatWaited) {
  Client& c = client();
  c.sends(QueueDeclare{.queue = "q", .durable = true}).receives(QueueDeclareOk{"q", 0, 0});
  c.sends(ConfirmSelect{}).receives(ConfirmSelectOk{});
  fills_disk(true);
  for (const char* body : {"1", "2", "3"}) {
    c.publishes("q", body, kPersistent);
    settle();
    passes(500);
  }
  fills_disk(false);
  passes(1000);
  for (std::uint64_t confirmed = 0; confirmed < 3;) confirmed = c.takes<BasicAck>().delivery_tag;
  crash();
  Client& d = client();
  for (std::uint64_t tag = 1; tag <= 3; ++tag)
    d.sends(BasicGet{.queue = "q"})
        .receives_content(BasicGetOk{tag, false, "", "q", static_cast<std::uint32_t>(3 - tag)}, std::to_string(tag));
}

}  // namespace mq::test
