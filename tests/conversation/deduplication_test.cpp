// Queues that keep out duplicates (x-message-deduplication), as publishers and consumers see them.
#include "support/conversation.hpp"

namespace mq::test {

using namespace amqp;

MQ_CONVERSATIONS(DeduplicatingQueues);

namespace {

Properties named(std::string_view id, std::uint8_t mode = 2) {
  Properties properties;
  properties.delivery_mode = mode;
  properties.headers = Table{{"x-deduplication-header", id}};
  return properties;
}

Table unique(Table more = {}) {
  more.set("x-message-deduplication", true);
  return more;
}

Client& declares(Client& c, const EncodedTable& arguments, std::string_view queue = "q") {
  return c.sends(QueueDeclare{.queue = queue, .durable = true, .arguments = arguments}).receives(QueueDeclareOk{queue, 0, 0});
}

std::uint32_t ready(Client& c, std::string_view queue = "q") {
  return c.sends(QueueDeclare{.queue = queue, .passive = true}).takes<QueueDeclareOk>().message_count;
}

}  // namespace

TEST_P(DeduplicatingQueues, TakeAnIdOnceAndConfirmItEachTime) {
  Client& c = client();
  declares(c, args(unique())).sends(ConfirmSelect{}).receives(ConfirmSelectOk{});
  c.publishes("q", "m", named("a")).receives(BasicAck{1, false});
  c.publishes("q", "m", named("a")).receives(BasicAck{2, false});
  EXPECT_EQ(ready(c), 1u);
}

TEST_P(DeduplicatingQueues, RememberWhatWasConsumed) {
  Client& c = client();
  declares(c, args(unique())).sends(BasicConsume{.queue = "q", .consumer_tag = "t", .no_ack = true}).receives(BasicConsumeOk{"t"});
  c.publishes("q", "1", named("a"));
  c.receives_content(BasicDeliver{"t", 1, false, "", "q"}, "1");
  c.publishes("q", "2", named("a")).publishes("q", "3", named("b"));
  c.receives_content(BasicDeliver{"t", 2, false, "", "q"}, "3");
}

TEST_P(DeduplicatingQueues, RememberAfterACrash) {
  Client& c = client();
  declares(c, args(unique())).sends(ConfirmSelect{}).receives(ConfirmSelectOk{});
  c.sends(BasicConsume{.queue = "q", .consumer_tag = "t", .no_ack = true}).receives(BasicConsumeOk{"t"});
  c.publishes("q", "m", named("a")).receives_content(BasicDeliver{"t", 1, false, "", "q"}, "m");
  passes(10);
  c.receives(BasicAck{1, false});
  crash();
  Client& after = client();
  after.sends(ConfirmSelect{}).receives(ConfirmSelectOk{});
  after.publishes("q", "m", named("a")).receives(BasicAck{1, false});
  EXPECT_EQ(ready(after), 0u);
}

TEST_P(DeduplicatingQueues, ForgetWithTime) {
  Client& c = client();
  declares(c, args(unique({{"x-cache-ttl", std::int32_t{1000}}}))).publishes("q", "1", named("a"));
  EXPECT_EQ(ready(c), 1u);
  passes(999);
  c.publishes("q", "2", named("a"));
  EXPECT_EQ(ready(c), 1u);
  passes(1);
  c.publishes("q", "3", named("a"));
  EXPECT_EQ(ready(c), 2u);
}

TEST_P(DeduplicatingQueues, GoByTheMessageIdWhereThatIsWanted) {
  Client& c = client();
  declares(c, args(unique({{"x-deduplication-by", "message-id"}})));
  Properties properties;
  properties.message_id = "a";
  c.publishes("q", "1", properties).publishes("q", "2", properties).publishes("q", "3");
  EXPECT_EQ(ready(c), 2u);
}

TEST_P(DeduplicatingQueues, SendDuplicatesAwayWithTheReason) {
  Client& c = client();
  declares(declares(c, {}, "twins"), args(unique({{"x-duplicate-exchange", ""}, {"x-duplicate-routing-key", "twins"}})));
  c.publishes("q", "1", named("a")).publishes("q", "2", named("a"));
  EXPECT_EQ(ready(c), 1u);
  c.sends(BasicConsume{.queue = "twins", .consumer_tag = "t", .no_ack = true}).receives(BasicConsumeOk{"t"});
  const Properties twin = c.receives_content(BasicDeliver{"t", 1, false, "", "twins"}, "2");
  ASSERT_TRUE(twin.headers);
  EXPECT_TRUE(*twin.headers->find("x-first-death-reason") == Value("duplicate"));
  EXPECT_TRUE(*twin.headers->find("x-first-death-queue") == Value("q"));
}

TEST_P(DeduplicatingQueues, TakeAnIdOnceInTransactions) {
  Client& c = client();
  declares(c, args(unique())).sends(TxSelect{}).receives(TxSelectOk{});
  c.publishes("q", "1", named("a"))
      .publishes("q", "2", named("a"))
      .publishes("q", "3", named("b"))
      .sends(TxCommit{})
      .receives(TxCommitOk{});
  c.publishes("q", "4", named("b")).sends(TxCommit{}).receives(TxCommitOk{});
  EXPECT_EQ(ready(c), 2u);
  crash();
  Client& after = client();
  after.publishes("q", "5", named("a")).publishes("q", "6", named("c"));
  EXPECT_EQ(ready(after), 3u);
}

TEST_P(DeduplicatingQueues, TakeAnIdAgainWhenTheTransactionWasRolledBack) {
  Client& c = client();
  declares(c, args(unique())).sends(TxSelect{}).receives(TxSelectOk{});
  c.publishes("q", "1", named("a")).sends(TxRollback{}).receives(TxRollbackOk{});
  c.publishes("q", "2", named("a")).sends(TxCommit{}).receives(TxCommitOk{});
  EXPECT_EQ(ready(c), 1u);
}

TEST_P(DeduplicatingQueues, TakeADeadLetterOnce) {
  Client& c = client();
  declares(declares(c, args(unique())), args({{"x-dead-letter-exchange", ""}, {"x-dead-letter-routing-key", "q"}}), "from");
  c.publishes("q", "0", named("a")).publishes("from", "1", named("a")).publishes("from", "2", named("b"));
  c.sends(BasicGet{.queue = "from"}).receives_content(BasicGetOk{1, false, "", "from", 1}, "1");
  c.sends(BasicGet{.queue = "from"}).receives_content(BasicGetOk{2, false, "", "from", 0}, "2");
  c.sends(BasicNack{2, true, false});
  settle();
  EXPECT_EQ(ready(c), 2u);
  EXPECT_EQ(ready(c, "from"), 0u);
}

TEST_P(DeduplicatingQueues, TakeADelayedMessageOnce) {
  Client& c = client();
  declares(c, args(unique()));
  Properties later = named("a");
  later.headers->set("x-delay", std::int32_t{1000});
  c.publishes("q", "1", later).publishes("q", "2", named("a"));
  passes(1000);
  EXPECT_EQ(ready(c), 1u);
}

TEST_P(DeduplicatingQueues, ForgetWithTheQueue) {
  Client& c = client();
  declares(c, args(unique())).publishes("q", "1", named("a"));
  c.sends(QueueDelete{.queue = "q"}).receives(QueueDeleteOk{1});
  declares(c, args(unique())).publishes("q", "2", named("a"));
  EXPECT_EQ(ready(c), 1u);
}

TEST_P(DeduplicatingQueues, AreRefusedWithArgumentsThatMakeNoSense) {
  Client& c = client();
  c.sends(QueueDeclare{.queue = "q", .durable = true, .arguments = args(unique({{"x-cache-size", std::int32_t{0}}}))});
  c.loses_channel_with(406, "PRECONDITION_FAILED - invalid arg 'x-cache-size' for queue 'q' in vhost '/': {value_zero,0}",
                       QueueDeclare::kId);
}

}  // namespace mq::test
