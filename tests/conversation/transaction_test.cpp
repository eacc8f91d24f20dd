// tx.select, commit and rollback; and that a commit is whole or not at all, wherever the broker stops.
#include "support/conversation.hpp"

namespace mq::test {

using namespace amqp;

MQ_CONVERSATIONS(Transactions);

namespace {

const Properties kPersistent{.delivery_mode = 2};

Client& declares(Client& c, std::string_view queue) {
  return c.sends(QueueDeclare{.queue = queue, .durable = true}).receives(QueueDeclareOk{queue, 0, 0});
}

Client& declares(Client& c, std::string_view queue, EncodedTable arguments) {
  return c.sends(QueueDeclare{.queue = queue, .durable = true, .arguments = arguments}).receives(QueueDeclareOk{queue, 0, 0});
}

Client& selects(Client& c) { return c.sends(TxSelect{}).receives(TxSelectOk{}); }

std::uint32_t ready(Client& c, std::string_view queue) {
  return c.sends(QueueDeclare{.queue = queue, .passive = true}).takes<QueueDeclareOk>().message_count;
}

}  // namespace

TEST_P(Transactions, PublishAtTheirCommit) {
  Client& c = client();
  selects(declares(c, "q")).publishes("q", "1").publishes("q", "2");
  EXPECT_EQ(ready(c, "q"), 0u);
  c.sends(TxCommit{}).receives(TxCommitOk{});
  EXPECT_EQ(ready(c, "q"), 2u);
}

TEST_P(Transactions, PublishNothingWhenRolledBack) {
  Client& c = client();
  selects(declares(c, "q")).publishes("q", "1").sends(TxRollback{}).receives(TxRollbackOk{}).sends(TxCommit{}).receives(TxCommitOk{});
  EXPECT_EQ(ready(c, "q"), 0u);
}

TEST_P(Transactions, PublishNothingWhenTheirChannelCloses) {
  Client& c = client();
  selects(declares(c, "q")).publishes("q", "1").closes_channel();
  EXPECT_EQ(ready(c.opens_channel(), "q"), 0u);
}

TEST_P(Transactions, AcknowledgeAtTheirCommit) {
  Client& c = client();
  selects(declares(c, "q").publishes("q", "1").publishes("q", "2")).sends(TxCommit{}).receives(TxCommitOk{});
  c.publishes("q", "x");  // not committed
  c.sends(BasicGet{.queue = "q"}).receives_content(BasicGetOk{1, false, "", "q", 1}, "1");
  c.sends(BasicAck{1}).sends(TxCommit{}).receives(TxCommitOk{}).closes_channel();
  EXPECT_EQ(ready(c.opens_channel(), "q"), 2u);
}

TEST_P(Transactions, GiveBackWhatWasAcknowledgedButNotCommitted) {
  Client& c = client();
  selects(declares(c, "q").publishes("q", "1")).sends(BasicGet{.queue = "q"}).receives_content(BasicGetOk{1, false, "", "q", 0}, "1");
  c.sends(BasicAck{1}).closes_channel();
  c.opens_channel().sends(BasicGet{.queue = "q"}).receives_content(BasicGetOk{1, true, "", "q", 0}, "1");
}

TEST_P(Transactions, LeaveAcknowledgementsOpenWhenRolledBack) {
  Client& c = client();
  selects(declares(c, "q").publishes("q", "1").publishes("q", "2"));
  c.sends(BasicGet{.queue = "q"}).receives_content(BasicGetOk{1, false, "", "q", 1}, "1");
  c.sends(BasicGet{.queue = "q"}).receives_content(BasicGetOk{2, false, "", "q", 0}, "2");
  c.sends(BasicAck{1}).sends(BasicAck{2}).sends(TxRollback{}).receives(TxRollbackOk{});
  c.sends(BasicAck{2, true}).sends(TxCommit{}).receives(TxCommitOk{}).closes_channel();
  EXPECT_EQ(ready(c.opens_channel(), "q"), 0u);
}

TEST_P(Transactions, RejectAtTheirCommit) {
  Client& c = client();
  selects(declares(c, "q").publishes("q", "1")).sends(BasicGet{.queue = "q"}).receives_content(BasicGetOk{1, false, "", "q", 0}, "1");
  c.sends(BasicNack{1, false, true});
  EXPECT_EQ(ready(c, "q"), 0u);
  c.sends(TxCommit{}).receives(TxCommitOk{});
  EXPECT_EQ(ready(c, "q"), 1u);
}

TEST_P(Transactions, RejectAlsoWhenTheirClientIsGoneBeforeTheAnswer) {
  Client& c = client();
  selects(declares(c, "q").publishes("q", "1")).sends(BasicGet{.queue = "q"}).receives_content(BasicGetOk{1, false, "", "q", 0}, "1");
  c.publishes("q", "2").sends(BasicNack{1, false, true}).sends(TxCommit{}).vanishes();
  EXPECT_EQ(ready(client(), "q"), 2u);
}

TEST_P(Transactions, ReturnWhatGoesNowhereBeforeCommitOk) {
  Client& c = client();
  selects(c).sends_content({.routing_key = "nowhere", .mandatory = true}, "m").receives_nothing();
  c.sends(TxCommit{}).receives_content(BasicReturn{312, "NO_ROUTE", "", "nowhere"}, "m");
  c.receives(TxCommitOk{});
}

TEST_P(Transactions, TellMistakesAtOnce) {
  selects(client())
      .sends_content({.exchange = "x"}, "m")
      .loses_channel_with(404, "NOT_FOUND - no exchange 'x' in vhost '/'", BasicPublish::kId);
}

TEST_P(Transactions, CommitNothingGladly) {
  selects(client()).sends(TxCommit{}).receives(TxCommitOk{}).sends(TxRollback{}).receives(TxRollbackOk{});
}

TEST_P(Transactions, MustBeSelected) {
  const std::string_view text = "PRECONDITION_FAILED - channel is not transactional";
  client()
      .sends(TxCommit{})
      .loses_channel_with(406, text, TxCommit::kId)
      .opens_channel()
      .sends(TxRollback{})
      .loses_channel_with(406, text, TxRollback::kId);
}

TEST_P(Transactions, DoNotMixWithConfirms) {
  client()
      .sends(ConfirmSelect{})
      .receives(ConfirmSelectOk{})
      .sends(TxSelect{})
      .loses_channel_with(406, "PRECONDITION_FAILED - cannot switch from confirm to tx mode", TxSelect::kId);
}

TEST_P(Transactions, MayTouchAQueueThatIsGone) {
  Client& c = client();
  selects(declares(declares(c, "q"), "gone")).publishes("gone", "1").publishes("q", "1");
  c.sends(QueueDelete{.queue = "gone"}).receives(QueueDeleteOk{0}).sends(TxCommit{}).receives(TxCommitOk{});
  EXPECT_EQ(ready(c, "q"), 1u);
}

TEST_P(Transactions, DoNothingWhenAQueueWouldRefuseItsPart) {
  Client& c = client();
  declares(declares(c, "full", args({{"x-max-length", 2}, {"x-overflow", "reject-publish"}})), "free").publishes("full", "old");
  declares(c, "from").publishes("from", "job").opens_channel(2).sends(TxSelect{}, 2).receives(TxSelectOk{}, 2);
  c.sends(BasicGet{.queue = "from"}, 2).receives_content(BasicGetOk{1, false, "", "from", 0}, "job", 2);
  c.publishes("free", "1", {}, 2).publishes("full", "1", {}, 2).publishes("full", "2", {}, 2).sends(BasicAck{1}, 2).sends(TxCommit{}, 2);
  c.loses_channel_with(406, "PRECONDITION_FAILED - partial tx completion", TxCommit::kId, 2);
  EXPECT_EQ(ready(c, "full"), 1u);
  EXPECT_EQ(ready(c, "free"), 0u);
  c.sends(BasicGet{.queue = "from"}).receives_content(BasicGetOk{1, true, "", "from", 0}, "job");
}

TEST_P(Transactions, FillAQueueToItsLimit) {
  Client& c = client();
  selects(declares(c, "q", args({{"x-max-length", 2}, {"x-overflow", "reject-publish"}})));
  c.publishes("q", "1").publishes("q", "2").sends(TxCommit{}).receives(TxCommitOk{});
  EXPECT_EQ(ready(c, "q"), 2u);
}

TEST_P(Transactions, GoThroughAFullQueueWhoseConsumersWait) {
  Client& consumer = client();
  declares(consumer, "q", args({{"x-max-length", 0}, {"x-overflow", "reject-publish"}}));
  consumer.sends(BasicConsume{.queue = "q", .consumer_tag = "t"}).receives(BasicConsumeOk{"t"});
  selects(client()).publishes("q", "1").sends(TxCommit{}).receives(TxCommitOk{});
  consumer.receives_content(BasicDeliver{"t", 1, false, "", "q"}, "1");
}

// --- crashes ---

TEST_P(Transactions, AreWholeOrNotAtAllWhereverTheBrokerCrashes) {
  bool whole = false, nothing = false;
  for (std::size_t tasks = 0; tasks < 24; ++tasks) {
    const std::string from = "from" + std::to_string(tasks), a = "a" + std::to_string(tasks), b = "b" + std::to_string(tasks);
    Client& c = client();
    declares(declares(declares(c, from), a), b).sends(ConfirmSelect{}).receives(ConfirmSelectOk{}).publishes(from, "job", kPersistent);
    c.receives(BasicAck{1, false}).opens_channel(2).sends(TxSelect{}, 2).receives(TxSelectOk{}, 2).sends(BasicGet{.queue = from}, 2);
    c.receives_content(BasicGetOk{1, false, "", from, 0}, "job", 2);
    c.publishes(a, "result", kPersistent, 2).publishes(b, "result", kPersistent, 2).sends(BasicAck{1}, 2).sends(TxCommit{}, 2);
    gets_only_this_far(tasks);
    const bool answered = c.heard_something();
    crash();
    Client& after = client();
    const std::uint32_t jobs = ready(after, from), results = ready(after, a);
    EXPECT_EQ(ready(after, b), results) << tasks;
    EXPECT_EQ(jobs, 1 - results) << tasks;
    EXPECT_LE(answered ? 1u : 0u, results) << tasks;
    whole = whole || results == 1;
    nothing = nothing || results == 0;
  }
  EXPECT_TRUE(whole) << "never got as far as the commit";
  EXPECT_TRUE(nothing || GetParam().cut != Way::Cut::kWhole) << "never stopped before it";
}

namespace {

// What the crash tests below work on: jobs of two queues are done, their results go to three others, in one transaction.
struct Work {
  std::string first, second, urgent, plain, limited;
  explicit Work(std::size_t run)
      : first("first" + std::to_string(run)), second("second" + std::to_string(run)), urgent("urgent" + std::to_string(run)),
        plain("plain" + std::to_string(run)), limited("limited" + std::to_string(run)) {}
};

// Channel 2 is left with the commit on its way.
Client& works(Client& c, const Work& work, EncodedTable priorities, EncodedTable limit) {
  declares(declares(declares(c, work.first), work.second), work.plain);
  declares(declares(c, work.urgent, priorities), work.limited, limit).sends(ConfirmSelect{}).receives(ConfirmSelectOk{});
  std::uint64_t sequence = 0;
  for (const std::string& queue : {work.first, work.second, work.limited})
    c.publishes(queue, "job", kPersistent).receives(BasicAck{++sequence, false});
  c.opens_channel(2).sends(TxSelect{}, 2).receives(TxSelectOk{}, 2);
  c.sends(BasicGet{.queue = work.first}, 2).receives_content(BasicGetOk{1, false, "", work.first, 0}, "job", 2);
  c.sends(BasicGet{.queue = work.second}, 2).receives_content(BasicGetOk{2, false, "", work.second, 0}, "job", 2);
  for (std::uint8_t priority : {std::uint8_t{0}, std::uint8_t{5}, std::uint8_t{2}})
    c.publishes(work.urgent, "result", {.delivery_mode = 2, .priority = priority}, 2);
  c.publishes(work.plain, "result", kPersistent, 2).publishes(work.limited, "result", kPersistent, 2);
  return c.publishes(work.plain, "result", kPersistent, 2).sends(BasicAck{2, true}, 2).sends(TxCommit{}, 2);
}

// How many messages each queue has: jobs of both, results in all three.
std::vector<std::uint32_t> counts(Client& c, const Work& work) {
  std::vector<std::uint32_t> counts;
  for (const std::string& queue : {work.first, work.second, work.urgent, work.plain, work.limited}) counts.push_back(ready(c, queue));
  return counts;
}

}  // namespace

TEST_P(Transactions, OfFiveQueuesAreWholeOrNotAtAllWhereverTheBrokerCrashes) {
  const std::vector<std::uint32_t> before = {1, 1, 0, 0, 1}, after = {0, 0, 3, 2, 2};
  std::size_t whole = 0, nothing = 0;
  for (std::size_t tasks = 0; tasks < 64; ++tasks) {
    const Work work(tasks);
    Client& c = works(client(), work, args({{"x-max-priority", 5}}), args({{"x-max-length", 2}, {"x-overflow", "reject-publish"}}));
    gets_only_this_far(tasks);
    const bool answered = c.heard_something();
    crash();
    const std::vector<std::uint32_t> found = counts(client(), work);
    EXPECT_TRUE(found == after || (found == before && !answered)) << tasks << ": " << ::testing::PrintToString(found);
    ++(found == after ? whole : nothing);
  }
  EXPECT_GT(whole, 0u) << "never got as far as the commit";
  EXPECT_TRUE(nothing > 0 || GetParam().cut != Way::Cut::kWhole) << "never stopped before it";
}

TEST_P(Transactions, ThatAQueueRefusesLeaveNothingWhereverTheBrokerCrashes) {
  const std::vector<std::uint32_t> before = {1, 1, 0, 0, 1};
  for (std::size_t tasks = 0; tasks < 64; ++tasks) {
    const Work work(tasks);
    works(client(), work, args({{"x-max-priority", 5}}), args({{"x-max-length", 1}, {"x-overflow", "reject-publish"}}));
    gets_only_this_far(tasks);
    crash();
    EXPECT_EQ(counts(client(), work), before) << tasks;
  }
}

}  // namespace mq::test
