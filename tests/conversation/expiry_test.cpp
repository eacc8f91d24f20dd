// What time does to messages and queues: message TTL, x-message-ttl, x-expires; and what length limits and priorities do to the order.
#include "support/conversation.hpp"

namespace mq::test {

using namespace amqp;

MQ_CONVERSATIONS(Expiry);
MQ_CONVERSATIONS(Limits);

namespace {

Client& declares(Client& c, const QueueDeclare& declare) { return c.sends(declare).receives(QueueDeclareOk{declare.queue, 0, 0}); }

std::uint32_t ready(Client& c, std::string_view queue) {
  return c.sends(QueueDeclare{.queue = queue, .passive = true}).takes<QueueDeclareOk>().message_count;
}

Client& publishes(Client& c, std::string_view queue, int first, int last) {
  for (int number = first; number <= last; ++number) c.publishes(queue, std::to_string(number));
  return c;
}

// What is in the queue, in order.
std::string rest(Client& c, std::string_view queue) {
  std::string all;
  for (;;) {
    c.sends(BasicConsume{.queue = queue, .consumer_tag = "rest", .no_ack = true}).receives(BasicConsumeOk{"rest"});
    while (c.frames_waiting() > 0) all += (all.empty() ? "" : " ") + c.takes_delivery().second;
    c.sends(BasicCancel{"rest"}).receives(BasicCancelOk{"rest"});
    return all;
  }
}

constexpr std::string_view kGone = "NOT_FOUND - no queue 'q' in vhost '/'";

}  // namespace

TEST_P(Expiry, DropsMessagesAfterTheQueuesTtl) {
  Client& c = client();
  publishes(declares(c, {.queue = "q", .arguments = args({{"x-message-ttl", 1000}})}), "q", 1, 2);
  passes(999);
  EXPECT_EQ(ready(c, "q"), 2u);
  passes(2);
  EXPECT_EQ(ready(c, "q"), 0u);
}

TEST_P(Expiry, DropsAMessageAfterItsOwnTtl) {
  Client& c = client();
  declares(c, {.queue = "q"}).publishes("q", "short", {.expiration = "100"}).publishes("q", "lasting");
  passes(101);
  EXPECT_EQ(rest(c, "q"), "lasting");
}

TEST_P(Expiry, TakesTheShorterOfBothTtls) {
  Client& c = client();
  declares(c, {.queue = "q", .arguments = args({{"x-message-ttl", 1000}})});
  c.publishes("q", "a", {.expiration = "100"}).publishes("q", "b", {.expiration = "5000"});
  passes(500);
  EXPECT_EQ(ready(c, "q"), 1u);
  passes(600);
  EXPECT_EQ(ready(c, "q"), 0u);
}

TEST_P(Expiry, DeliversWithATtlOfZeroOnlyAtOnce) {
  Client& c = client();
  declares(c, {.queue = "q"}).publishes("q", "nobody waits", {.expiration = "0"});
  EXPECT_EQ(ready(c, "q"), 0u);
  c.sends(BasicConsume{.queue = "q", .consumer_tag = "t", .no_ack = true})
      .receives(BasicConsumeOk{"t"})
      .publishes("q", "m", {.expiration = "0"});
  c.receives_deliveries("t", "q", 1, {"m"});
}

TEST_P(Expiry, CountsNothingExpiredAmongThePurgedOrDeleted) {
  Client& c = client();
  declares(c, {.queue = "q"}).publishes("q", "gone", {.expiration = "0"}).sends(QueuePurge{.queue = "q"}).receives(QueuePurgeOk{0});
  c.publishes("q", "gone", {.expiration = "0"}).sends(QueueDelete{.queue = "q", .if_empty = true}).receives(QueueDeleteOk{0});
}

TEST_P(Expiry, NeverDeliversWhatHasExpired) {
  Client& c = client();
  declares(c, {.queue = "q"}).publishes("q", "long", {.expiration = "1000"}).publishes("q", "short", {.expiration = "10"});
  passes(11);
  EXPECT_EQ(rest(c, "q"), "long");
}

TEST_P(Expiry, KeepsTheDeadlineOfWhatIsGivenBack) {
  Client& c = client();
  declares(c, {.queue = "q"}).publishes("q", "m", {.expiration = "100"}).sends(BasicGet{.queue = "q"});
  c.receives_content(BasicGetOk{1, false, "", "q", 0}, "m");
  passes(101);
  c.sends(BasicNack{1, false, true}).receives_nothing();
  EXPECT_EQ(ready(c, "q"), 0u);
}

TEST_P(Expiry, LeavesWhatIsOutAlone) {
  Client& c = client();
  declares(c, {.queue = "q"}).publishes("q", "m", {.expiration = "100"}).sends(BasicGet{.queue = "q"});
  c.receives_content(BasicGetOk{1, false, "", "q", 0}, "m");
  passes(1000);
  c.sends(BasicAck{1}).sends(BasicQos{}).receives(BasicQosOk{});
}

TEST_P(Expiry, GoesOnAfterARestart) {
  Client& c = client();
  declares(c, {.queue = "q", .durable = true}).publishes("q", "m", {.delivery_mode = 2, .expiration = "1000"}).receives_nothing();
  passes(500);
  restart();
  Client& after = client();
  EXPECT_EQ(ready(after, "q"), 1u);
  passes(501);
  EXPECT_EQ(ready(after, "q"), 0u);
}

TEST_P(Expiry, TakesAnUnusedQueueAway) {
  Client& c = client();
  declares(c, {.queue = "q", .arguments = args({{"x-expires", 1000}})}).publishes("q", "m");
  passes(1001);
  c.sends(QueueDeclare{.queue = "q", .passive = true}).loses_channel_with(404, kGone, QueueDeclare::kId);
}

TEST_P(Expiry, TakesAGetOrADeclareForUse) {
  Client& c = client();
  declares(c, {.queue = "q", .arguments = args({{"x-expires", 1000}})});
  passes(900);
  c.sends(BasicGet{.queue = "q"}).receives(BasicGetEmpty{});
  passes(900);
  c.sends(QueueDeclare{.queue = "q", .arguments = args({{"x-expires", 1000}})}).receives(QueueDeclareOk{"q", 0, 0});
  passes(900);
  c.sends(QueueDeclare{.queue = "q", .passive = true}).receives(QueueDeclareOk{"q", 0, 0});
}

TEST_P(Expiry, KeepsAQueueThatHasConsumers) {
  Client& c = client();
  declares(c, {.queue = "q", .arguments = args({{"x-expires", 1000}})})
      .sends(BasicConsume{.queue = "q", .consumer_tag = "t"})
      .receives(BasicConsumeOk{"t"});
  passes(5000);
  c.sends(BasicCancel{"t"}).receives(BasicCancelOk{"t"});
  passes(900);
  EXPECT_EQ(ready(c, "q"), 0u);
  passes(1001);
  c.sends(QueueDeclare{.queue = "q", .passive = true}).loses_channel_with(404, kGone, QueueDeclare::kId);
}

// --- length ---

TEST_P(Limits, DropTheOldest) {
  Client& c = client();
  publishes(declares(c, {.queue = "q", .arguments = args({{"x-max-length", 3}})}), "q", 1, 5);
  EXPECT_EQ(rest(c, "q"), "3 4 5");
}

TEST_P(Limits, CountTheBytesOfBodies) {
  Client& c = client();
  declares(c, {.queue = "q", .arguments = args({{"x-max-length-bytes", 10}})});
  c.publishes("q", "aaaa").publishes("q", "bbbb").publishes("q", "cccc").publishes("q", "dd");
  EXPECT_EQ(rest(c, "q"), "bbbb cccc dd");
}

TEST_P(Limits, KeepNothingWhenNothingIsAllowed) {
  Client& c = client();
  publishes(declares(c, {.queue = "q", .arguments = args({{"x-max-length", 0}})}), "q", 1, 2);
  EXPECT_EQ(ready(c, "q"), 0u);
  c.sends(BasicConsume{.queue = "q", .consumer_tag = "t"}).receives(BasicConsumeOk{"t"});
  publishes(c, "q", 3, 4).receives_deliveries("t", "q", 1, {"3", "4"});
}

TEST_P(Limits, DoNotCountWhatIsOut) {
  Client& c = client();
  publishes(declares(c, {.queue = "q", .arguments = args({{"x-max-length", 1}})}), "q", 1, 1).sends(BasicGet{.queue = "q"});
  c.receives_content(BasicGetOk{1, false, "", "q", 0}, "1");
  publishes(c, "q", 2, 2);
  EXPECT_EQ(ready(c, "q"), 1u);
}

TEST_P(Limits, DropTheOldestAlsoWhenItComesBack) {
  Client& c = client();
  publishes(declares(c, {.queue = "q", .arguments = args({{"x-max-length", 1}})}), "q", 1, 1).sends(BasicGet{.queue = "q"});
  c.receives_content(BasicGetOk{1, false, "", "q", 0}, "1");
  publishes(c, "q", 2, 2).sends(BasicNack{1, false, true}).receives_nothing();
  EXPECT_EQ(rest(c, "q"), "2");
}

TEST_P(Limits, RefuseWhatIsTooMuch) {
  Client& c = client();
  declares(c, {.queue = "q", .arguments = args({{"x-max-length", 1}, {"x-overflow", "reject-publish"}})})
      .sends(ConfirmSelect{})
      .receives(ConfirmSelectOk{});
  c.publishes("q", "1").receives(BasicAck{1, false}).publishes("q", "2").receives(BasicNack{2, false, false});
  EXPECT_EQ(rest(c, "q"), "1");
  c.publishes("q", "3").receives(BasicAck{3, false});
}

TEST_P(Limits, RefuseOnceWhenOneOfManyQueuesIsFull) {
  Client& c = client();
  declares(c, {.queue = "q", .arguments = args({{"x-max-length", 0}, {"x-overflow", "reject-publish"}})});
  declares(c, {.queue = "p"}).sends(QueueBind{.queue = "p", .exchange = "amq.fanout"}).receives(QueueBindOk{});
  c.sends(QueueBind{.queue = "q", .exchange = "amq.fanout"}).receives(QueueBindOk{}).sends(ConfirmSelect{}).receives(ConfirmSelectOk{});
  c.sends_content({.exchange = "amq.fanout"}, "m").receives(BasicNack{1, false, false}).receives_nothing();
  EXPECT_EQ(ready(c, "p"), 1u);
}

TEST_P(Limits, RefuseAndBuryWhatIsTooMuch) {
  Client& c = client();
  const Table arguments{
      {"x-max-length", 1}, {"x-overflow", "reject-publish-dlx"}, {"x-dead-letter-exchange", ""}, {"x-dead-letter-routing-key", "dead"}};
  declares(declares(c, {.queue = "dead"}), {.queue = "q", .arguments = args(arguments)}).sends(ConfirmSelect{}).receives(ConfirmSelectOk{});
  c.publishes("q", "1").receives(BasicAck{1, false}).publishes("q", "2").receives(BasicNack{2, false, false}).receives_nothing();
  EXPECT_EQ(rest(c, "dead"), "2");
  EXPECT_EQ(rest(c, "q"), "1");
}

TEST_P(Limits, HoldAfterARestart) {
  Client& c = client();
  declares(c, {.queue = "q", .durable = true, .arguments = args({{"x-max-length", 2}})});
  for (const char* body : {"1", "2", "3"}) c.publishes("q", body, {.delivery_mode = 2});
  c.receives_nothing();
  restart();
  Client& after = client();
  after.publishes("q", "4");
  EXPECT_EQ(rest(after, "q"), "3 4");
}

// --- priorities ---

TEST_P(Limits, ServeHigherPrioritiesFirst) {
  Client& c = client();
  declares(c, {.queue = "q", .arguments = args({{"x-max-priority", 5}})});
  c.publishes("q", "none")
      .publishes("q", "five", {.priority = 5})
      .publishes("q", "nine", {.priority = 9})
      .publishes("q", "one", {.priority = 1});
  c.publishes("q", "zero", {.priority = 0});
  EXPECT_EQ(rest(c, "q"), "five nine one none zero");
}

TEST_P(Limits, KeepPrioritiesOverARestart) {
  Client& c = client();
  declares(c, {.queue = "q", .durable = true, .arguments = args({{"x-max-priority", 5}})});
  c.publishes("q", "low", {.delivery_mode = 2}).publishes("q", "high", {.delivery_mode = 2, .priority = 4}).receives_nothing();
  restart();
  EXPECT_EQ(rest(client(), "q"), "high low");
}

TEST_P(Limits, IgnorePrioritiesWithoutTheArgument) {
  Client& c = client();
  declares(c, {.queue = "q"}).publishes("q", "low").publishes("q", "high", {.priority = 9});
  EXPECT_EQ(rest(c, "q"), "low high");
}

}  // namespace mq::test
