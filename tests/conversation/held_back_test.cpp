// Memory gets short: who publishes to what grows is held back, others go on.
#include "support/conversation.hpp"

namespace mq::test {
namespace {

using namespace amqp;

class HeldBack : public Conversation {
 protected:
  /// Publishers fill queues; consumers empty theirs.
  void fills(Client& publisher, std::string_view queue, int messages = 40) {
    for (int message = 0; message < messages; ++message) publisher.publishes(queue, std::string(4000, 'x'));
    settle();
  }
  Client& with_queue(std::string_view queue) {
    Client& c = client();
    c.sends(QueueDeclare{.queue = queue}).receives(QueueDeclareOk{queue, 0, 0});
    return c;
  }
  std::uint32_t ready_in(std::string_view queue) {
    return client().sends(QueueDeclare{.queue = queue, .passive = true}).takes<QueueDeclareOk>().message_count;
  }
  /// Two looks at memory, and what `meanwhile` does between them.
  template <class Meanwhile>
  void memory_is_short_while(Meanwhile&& meanwhile) {
    broker().set_memory_is_short(true);
    meanwhile();
    settle();
    broker().set_memory_is_short(true);
  }
};
INSTANTIATE_TEST_SUITE_P(Sent, HeldBack, ::testing::ValuesIn(kWays), [](const auto& each) { return std::string(each.param.name); });

TEST_P(HeldBack, ThePublishersOfAQueueThatGrowsWhileMemoryIsShort) {
  Client& c = with_queue("grows");
  memory_is_short_while([&] { fills(c, "grows"); });
  c.publishes("grows", "the last that enters").receives_nothing();
  c.publishes("grows", "waits").receives(ConnectionBlocked{"low on memory: queue 'grows' in vhost '/' grows"});
  EXPECT_EQ(ready_in("grows"), 41U);
  broker().set_memory_is_short(false);
  c.receives(ConnectionUnblocked{}).receives_nothing();
  EXPECT_EQ(ready_in("grows"), 42U);
}

TEST_P(HeldBack, NobodyWhoPublishesElsewhere) {
  Client& grows = with_queue("grows");
  Client& drains = with_queue("drains");
  drains.sends(BasicConsume{.queue = "drains", .consumer_tag = "t", .no_ack = true}).receives(BasicConsumeOk{"t"});
  memory_is_short_while([&] {
    fills(grows, "grows");
    drains.publishes("drains", "a").receives_content(BasicDeliver{"t", 1, false, "", "drains"}, "a");
  });
  grows.publishes("grows", "m").receives_nothing();
  grows.publishes("grows", "m").receives(ConnectionBlocked{"low on memory: queue 'grows' in vhost '/' grows"});
  drains.publishes("drains", "b").receives_content(BasicDeliver{"t", 2, false, "", "drains"}, "b");
  drains.publishes("drains", "c").receives_content(BasicDeliver{"t", 3, false, "", "drains"}, "c");
}

TEST_P(HeldBack, NobodyAsLongAsThereIsEnoughMemory) {
  Client& c = with_queue("grows");
  broker().set_memory_is_short(false);
  fills(c, "grows");
  broker().set_memory_is_short(false);
  fills(c, "grows");
  c.receives_nothing();
  EXPECT_EQ(ready_in("grows"), 80U);
}

TEST_P(HeldBack, NobodyForABacklogThatWasThereBefore) {
  Client& c = with_queue("large");
  fills(c, "large");
  memory_is_short_while([] {});
  c.publishes("large", "m").receives_nothing();
  c.publishes("large", "m").receives_nothing();
}

TEST_P(HeldBack, UntilHalfOfTheBacklogIsGone) {
  Client& c = with_queue("grows");
  memory_is_short_while([&] { fills(c, "grows"); });
  c.publishes("grows", "m").receives_nothing();
  c.publishes("grows", "n").receives(ConnectionBlocked{"low on memory: queue 'grows' in vhost '/' grows"});
  Client& other = client();
  for (int message = 0; message < 10; ++message) other.sends(BasicGet{.queue = "grows", .no_ack = true});
  settle();
  broker().set_memory_is_short(true);
  c.receives_nothing();
  for (int message = 0; message < 15; ++message) other.sends(BasicGet{.queue = "grows", .no_ack = true});
  settle();
  broker().set_memory_is_short(true);
  c.receives(ConnectionUnblocked{});
  EXPECT_EQ(ready_in("grows"), 40U + 2 - 25);
}

TEST_P(HeldBack, AndReleasedWhenTheQueueIsDeleted) {
  Client& c = with_queue("grows");
  memory_is_short_while([&] { fills(c, "grows"); });
  c.publishes("grows", "m").receives_nothing();
  c.publishes("grows", "n").receives(ConnectionBlocked{"low on memory: queue 'grows' in vhost '/' grows"});
  client().sends(QueueDelete{.queue = "grows"}).takes<QueueDeleteOk>();
  broker().set_memory_is_short(true);
  c.receives(ConnectionUnblocked{}).receives_nothing();
}

TEST_P(HeldBack, WithItsAcknowledgementsGoingOn) {
  Client& c = with_queue("grows");
  c.sends(BasicQos{0, 1, false}).receives(BasicQosOk{});
  c.sends(BasicConsume{.queue = "grows", .consumer_tag = "t"}).receives(BasicConsumeOk{"t"});
  memory_is_short_while([&] { fills(c, "grows"); });
  const std::string body(4000, 'x');
  c.receives_content(BasicDeliver{"t", 1, false, "", "grows"}, body);
  c.publishes("grows", "m").receives_nothing();
  c.publishes("grows", "n").receives(ConnectionBlocked{"low on memory: queue 'grows' in vhost '/' grows"});
  for (std::uint64_t tag = 1; tag < 10; ++tag)
    c.sends(BasicAck{tag, false}).receives_content(BasicDeliver{"t", tag + 1, false, "", "grows"}, body);
}

TEST_P(HeldBack, ByVHostWhereManyQueuesGrowALittle) {
  Client& c = client();
  std::vector<std::string> names;
  for (int queue = 0; queue < 20; ++queue) names.push_back("little" + std::to_string(queue));
  for (const std::string& name : names) c.sends(QueueDeclare{.queue = name}).takes<QueueDeclareOk>();
  memory_is_short_while([&] {
    for (const std::string& name : names) fills(c, name, 2);
  });
  c.publishes("little7", "m").receives_nothing();
  c.publishes("little7", "n").receives(ConnectionBlocked{"low on memory: vhost '/' grows"});
}

TEST_P(HeldBack, AndStillByAnAlarmWhenThatComes) {
  Client& c = with_queue("grows");
  memory_is_short_while([&] { fills(c, "grows"); });
  c.publishes("grows", "m").receives_nothing();
  c.publishes("grows", "n").receives(ConnectionBlocked{"low on memory: queue 'grows' in vhost '/' grows"});
  broker().set_alarm("low on memory");
  broker().set_memory_is_short(false);
  c.receives_nothing();
  EXPECT_EQ(ready_in("grows"), 41U);
  broker().set_alarm(std::nullopt);
  c.receives(ConnectionUnblocked{});
  EXPECT_EQ(ready_in("grows"), 42U);
}

TEST_P(HeldBack, InTransactionsToo) {
  Client& c = with_queue("grows");
  memory_is_short_while([&] { fills(c, "grows"); });
  c.sends(TxSelect{}).receives(TxSelectOk{});
  c.publishes("grows", "m").sends(TxCommit{}).receives(TxCommitOk{});
  c.publishes("grows", "n").sends(TxCommit{}).receives(ConnectionBlocked{"low on memory: queue 'grows' in vhost '/' grows"});
  EXPECT_EQ(ready_in("grows"), 41U);
  broker().set_memory_is_short(false);
  c.receives(ConnectionUnblocked{}).receives(TxCommitOk{});
}

}  // namespace
}  // namespace mq::test
