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

}  // namespace mq::test
