// The oracle notices what it is there to notice: one short story per promise.
#include "sim/oracle.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mq::sim {
namespace {

using ::testing::HasSubstr;

/// One queue, one publisher, two consumers.
class OracleTest : public ::testing::Test {
 protected:
  OracleTest() : plan(1) {
    plan.queues.clear();
    plan.bindings.clear();
    QueuePlan queue;
    queue.name = "q";
    plan.queues.push_back(queue);
    publisher->name = "publisher";
    for (const LifePtr& life : {one, other}) life->consumers["t"].queue = 0;
    one->name = "one";
    other->name = "other";
  }
  MessageId publishes(std::uint64_t sequence = 0) {
    Oracle::Published what;
    what.key = "q";
    const MessageId message = oracle.publishes(publisher, what, sequence);
    oracle.arrived(message);
    return message;
  }
  void gets(const LifePtr& life, MessageId message, std::uint64_t tag, bool redelivered = false) {
    (void)oracle.delivered(life, "t", 0, tag, redelivered, false, oracle.body_of(message), {}, now);
  }
  /// Something was asked and answered, so that nothing is on its way any more.
  void proves_alive(const LifePtr& life) { oracle.seals(*life, life->next_index++); }

  Plan plan;
  UnixMillis now = 1000;
  Oracle oracle{plan, [this] { return now; }};
  LifePtr publisher = std::make_shared<ChannelLife>(), one = std::make_shared<ChannelLife>(), other = std::make_shared<ChannelLife>();
};

}  // namespace

TEST_F(OracleTest, IsContentWithADeliveryAndItsAcknowledgement) {
  const MessageId message = publishes(1);
  oracle.confirmed(*publisher, 1, false, false);
  gets(one, message, 1);
  oracle.settles(one, 1, false, Settling::kAck, one->next_index++);
  proves_alive(one);
  oracle.judge();
  EXPECT_EQ(oracle.violation(), "");
}

TEST_F(OracleTest, MissesAConfirmedMessage) {
  publishes(1);
  oracle.confirmed(*publisher, 1, false, false);
  oracle.judge();
  EXPECT_THAT(oracle.violation(), HasSubstr("message 0 in queue 'q' is lost"));
}

TEST_F(OracleTest, MissesNoMessageThatWasNotConfirmed) {
  publishes(1);
  oracle.judge();
  EXPECT_EQ(oracle.violation(), "");
}

TEST_F(OracleTest, SeesAMessageWithTwoConsumersOnceBothAreKnownToBeThere) {
  const MessageId message = publishes();
  gets(one, message, 1);
  gets(other, message, 1, true);
  proves_alive(one);
  EXPECT_EQ(oracle.violation(), "");
  proves_alive(other);
  EXPECT_THAT(oracle.violation(), HasSubstr("while one holds it"));
}

TEST_F(OracleTest, SeesNoFaultInAMessageThatCameBackFromAClosedChannel) {
  const MessageId message = publishes();
  gets(one, message, 1);
  gets(other, message, 1, true);
  oracle.dies(*one);
  proves_alive(other);
  EXPECT_EQ(oracle.violation(), "");
}

TEST_F(OracleTest, SeesAMessageThatDoesNotSayThatItCameBefore) {
  const MessageId message = publishes();
  gets(one, message, 1);
  oracle.dies(*one);
  gets(other, message, 1, false);
  proves_alive(other);
  EXPECT_THAT(oracle.violation(), HasSubstr("was delivered before, and does not say so"));
}

TEST_F(OracleTest, SeesAMessageThatComesAgainAfterItsAcknowledgement) {
  const MessageId message = publishes();
  gets(one, message, 1);
  oracle.settles(one, 1, false, Settling::kAck, one->next_index++);
  proves_alive(one);
  gets(other, message, 1, true);
  proves_alive(other);
  EXPECT_THAT(oracle.violation(), HasSubstr("after one acknowledged it"));
}

TEST_F(OracleTest, SeesMessagesOutOfOrder) {
  const MessageId first = publishes(), second = publishes();
  gets(one, second, 1);
  gets(one, first, 2);
  EXPECT_THAT(oracle.violation(), HasSubstr("comes for the first time after message 1"));
}

TEST_F(OracleTest, SeesMoreThanThePrefetch) {
  one->consumers["t"].prefetch = 1;
  gets(one, publishes(), 1);
  gets(one, publishes(), 2);
  EXPECT_THAT(oracle.violation(), HasSubstr("has 2 messages out, with a prefetch of 1"));
}

TEST_F(OracleTest, SeesAMessageThatExpiredBeforeItWasGivenOut) {
  plan.queues[0].ttl_ms = 10;
  const MessageId message = publishes();
  oracle.is_idle();
  now += 11;
  gets(one, message, 1);
  EXPECT_THAT(oracle.violation(), HasSubstr("is delivered 1 ms after it expired"));
}

TEST_F(OracleTest, SeesABodyThatNobodyPublished) {
  publishes();
  (void)oracle.delivered(one, "t", 0, 1, false, false, "0:x", {}, now);
  EXPECT_THAT(oracle.violation(), HasSubstr("a body that nobody published"));
}

TEST_F(OracleTest, SeesAConfirmOfNothing) {
  oracle.confirmed(*publisher, 1, false, false);
  EXPECT_THAT(oracle.violation(), HasSubstr("of nothing unconfirmed"));
}

TEST_F(OracleTest, SeesHalfATransaction) {
  publisher->tx = std::make_shared<Transaction>();
  const auto tx = publisher->tx;
  const MessageId first = publishes();
  publishes();
  oracle.commit_arrives(publisher, tx, {}, 1);
  oracle.drained(0, oracle.body_of(first), {});
  oracle.judge();
  EXPECT_THAT(oracle.violation(), HasSubstr("half a transaction"));
}

}  // namespace mq::sim
