// basic.consume, cancel, get and qos: who gets what, when and in which order.
#include <map>

#include "support/conversation.hpp"

namespace mq::test {

using namespace amqp;

MQ_CONVERSATIONS(Consuming);

namespace {

Client& declares(Client& c, const QueueDeclare& declare) { return c.sends(declare).receives(QueueDeclareOk{declare.queue, 0, 0}); }

Client& consumes(Client& c, const BasicConsume& consume, std::uint16_t channel = 1) {
  return c.sends(consume, channel).receives(BasicConsumeOk{consume.consumer_tag}, channel);
}

Client& publishes(Client& c, std::string_view queue, int first, int last) {
  for (int number = first; number <= last; ++number) c.publishes(queue, std::to_string(number));
  return c;
}

using Bodies = std::vector<std::string>;

// What each consumer of channel 1 has got by now.
std::map<std::string, Bodies> deliveries(Client& c) {
  std::map<std::string, Bodies> got;
  while (c.frames_waiting() > 0) {
    auto [deliver, body] = c.takes_delivery();
    got[std::string(deliver.consumer_tag)].push_back(body);
  }
  return got;
}

constexpr std::string_view kInUse = "ACCESS_REFUSED - queue 'q' in vhost '/' in exclusive use";

}  // namespace

TEST_P(Consuming, AnswersBeforeItDelivers) {
  Client& c = client();
  publishes(declares(c, {.queue = "q"}), "q", 1, 3);
  consumes(c, {.queue = "q", .consumer_tag = "t"}).receives_deliveries("t", "q", 1, {"1", "2", "3"}).receives_nothing();
}

TEST_P(Consuming, NamesAConsumer) {
  Client& c = client();
  declares(c, {.queue = "q"}).sends(BasicConsume{.queue = "q"});
  const std::string tag(c.takes<BasicConsumeOk>().consumer_tag);
  EXPECT_TRUE(tag.starts_with("amq.ctag-")) << tag;
  c.publishes("q", "m").receives_deliveries(tag, "q", 1, {"m"});
}

TEST_P(Consuming, RefusesATagTwice) {
  Client& c = client();
  consumes(declares(c, {.queue = "q"}), {.queue = "q", .consumer_tag = "t"}).sends(BasicConsume{.queue = "q", .consumer_tag = "t"});
  c.is_closed_with(530, "NOT_ALLOWED - attempt to reuse consumer tag 't'", BasicConsume::kId);
}

TEST_P(Consuming, TakesATagAgainAfterItsCancel) {
  Client& c = client();
  consumes(declares(c, {.queue = "q"}), {.queue = "q", .consumer_tag = "t"}).sends(BasicCancel{"t"}).receives(BasicCancelOk{"t"});
  consumes(c, {.queue = "q", .consumer_tag = "t"}).publishes("q", "m").receives_deliveries("t", "q", 1, {"m"});
}

TEST_P(Consuming, FindsNoSuchQueue) {
  client().sends(BasicConsume{.queue = "q"}).loses_channel_with(404, "NOT_FOUND - no queue 'q' in vhost '/'", BasicConsume::kId);
}

TEST_P(Consuming, KeepsOthersOutOfAQueueInExclusiveUse) {
  Client& c = client();
  Client& other = client();
  consumes(declares(c, {.queue = "q"}), {.queue = "q", .consumer_tag = "t", .exclusive = true});
  other.sends(BasicConsume{.queue = "q"}).loses_channel_with(403, kInUse, BasicConsume::kId).opens_channel();
  c.sends(BasicCancel{"t"}).receives(BasicCancelOk{"t"});
  consumes(other, {.queue = "q", .consumer_tag = "o"});
  c.sends(BasicConsume{.queue = "q", .exclusive = true}).loses_channel_with(403, kInUse, BasicConsume::kId);
}

TEST_P(Consuming, CancelsAnUnknownConsumerGladly) { client().sends(BasicCancel{"nobody"}).receives(BasicCancelOk{"nobody"}); }

TEST_P(Consuming, DeliversNothingAfterCancelOk) {
  Client& c = client();
  consumes(declares(c, {.queue = "q"}), {.queue = "q", .consumer_tag = "t"});
  publishes(c, "q", 1, 3).sends(BasicCancel{"t"});
  publishes(c, "q", 4, 6).sends(QueueDeclare{.queue = "q", .passive = true});
  std::uint32_t delivered = 0;
  while (c.frames_waiting() > 2) {
    (void)c.takes_delivery();
    ++delivered;
  }
  c.receives(BasicCancelOk{"t"}).receives(QueueDeclareOk{"q", 6 - delivered, 0}).receives_nothing();
}

TEST_P(Consuming, LeavesWhatACancelledConsumerHoldsToItsChannel) {
  Client& c = client();
  consumes(declares(c, {.queue = "q"}), {.queue = "q", .consumer_tag = "t"}).publishes("q", "m").receives_deliveries("t", "q", 1, {"m"});
  c.sends(BasicCancel{"t"}).receives(BasicCancelOk{"t"}).sends(BasicGet{.queue = "q"}).receives(BasicGetEmpty{});
  c.sends(BasicNack{1, false, true}).sends(BasicGet{.queue = "q"}).receives_content(BasicGetOk{2, true, "", "q", 0}, "m");
}

TEST_P(Consuming, TellsConsumersThatTheirQueueIsGone) {
  Client& c = client();
  Client& other = client();
  consumes(declares(c, {.queue = "q"}), {.queue = "q", .consumer_tag = "t"});
  other.sends(QueueDelete{.queue = "q"}).receives(QueueDeleteOk{0});
  c.receives(BasicCancel{"t", true}).sends(BasicCancelOk{"t"}).sends(BasicQos{}).receives(BasicQosOk{});
}

TEST_P(Consuming, DoesNotTellClientsWithoutTheCapability) {
  Client& c = client({.capabilities = {}});
  Client& other = client();
  consumes(declares(c, {.queue = "q"}), {.queue = "q", .consumer_tag = "t"});
  other.sends(QueueDelete{.queue = "q"}).receives(QueueDeleteOk{0});
  c.receives_nothing();
}

TEST_P(Consuming, TakesAcknowledgementsForADeletedQueue) {
  Client& c = client();
  consumes(declares(c, {.queue = "q"}), {.queue = "q", .consumer_tag = "t"}).publishes("q", "m").receives_deliveries("t", "q", 1, {"m"});
  c.sends(QueueDelete{.queue = "q"});
  EXPECT_EQ(c.frames_waiting(), 2u);  // cancel and delete-ok, whichever is first
  (void)c.sends(BasicAck{1}).sends(BasicQos{});
  EXPECT_EQ(c.frames_waiting(), 3u);
}

// --- prefetch ---

TEST_P(Consuming, DeliversNoMoreThanThePrefetch) {
  Client& c = client();
  publishes(declares(c, {.queue = "q"}), "q", 1, 5).sends(BasicQos{.prefetch_count = 2}).receives(BasicQosOk{});
  consumes(c, {.queue = "q", .consumer_tag = "t"}).receives_deliveries("t", "q", 1, {"1", "2"}).receives_nothing();
  c.sends(BasicAck{2, true}).receives_deliveries("t", "q", 3, {"3", "4"}).receives_nothing();
}

TEST_P(Consuming, CountsThePrefetchForEachConsumer) {
  Client& c = client();
  declares(c, {.queue = "q"}).sends(BasicQos{.prefetch_count = 1}).receives(BasicQosOk{});
  publishes(consumes(consumes(c, {.queue = "q", .consumer_tag = "a"}), {.queue = "q", .consumer_tag = "b"}), "q", 1, 5);
  EXPECT_EQ(deliveries(c), (std::map<std::string, Bodies>{{"a", {"1"}}, {"b", {"2"}}}));
}

TEST_P(Consuming, KeepsThePrefetchThatAConsumerStartedWith) {
  Client& c = client();
  declares(c, {.queue = "q"}).sends(BasicQos{.prefetch_count = 1}).receives(BasicQosOk{});
  publishes(consumes(c, {.queue = "q", .consumer_tag = "t"}).sends(BasicQos{.prefetch_count = 0}).receives(BasicQosOk{}), "q", 1, 3);
  c.receives_deliveries("t", "q", 1, {"1"}).receives_nothing();
}

TEST_P(Consuming, DoesNotLimitConsumersThatNeverAcknowledge) {
  Client& c = client();
  declares(c, {.queue = "q"}).sends(BasicQos{.prefetch_count = 1}).receives(BasicQosOk{});
  publishes(consumes(c, {.queue = "q", .consumer_tag = "t", .no_ack = true}), "q", 1, 3).receives_deliveries("t", "q", 1, {"1", "2", "3"});
}

TEST_P(Consuming, SharesAGlobalPrefetchAmongTheConsumersOfAChannel) {
  Client& c = client();
  declares(declares(c, {.queue = "q"}), {.queue = "p"}).sends(BasicQos{.prefetch_count = 2, .global = true}).receives(BasicQosOk{});
  consumes(consumes(c, {.queue = "q", .consumer_tag = "a"}), {.queue = "p", .consumer_tag = "b"});
  publishes(publishes(c, "q", 1, 3), "p", 1, 3);
  for (std::uint64_t acked = 1; acked <= 4; ++acked) {
    EXPECT_EQ(c.frames_waiting(), acked == 1 ? 6u : 3u) << acked;  // method, header and body each
    while (c.frames_waiting() > 0) (void)c.takes_delivery();
    c.sends(BasicAck{acked});
  }
  EXPECT_EQ(c.frames_waiting(), 3u);
}

TEST_P(Consuming, AppliesAGlobalPrefetchToConsumersThatAreThere) {
  Client& c = client();
  consumes(declares(c, {.queue = "q"}), {.queue = "q", .consumer_tag = "t"})
      .sends(BasicQos{.prefetch_count = 1, .global = true})
      .receives(BasicQosOk{});
  publishes(c, "q", 1, 3).receives_deliveries("t", "q", 1, {"1"}).receives_nothing();
  c.sends(BasicQos{.prefetch_count = 2, .global = true}).receives(BasicQosOk{}).receives_deliveries("t", "q", 2, {"2"}).receives_nothing();
  c.sends(BasicQos{.global = true}).receives(BasicQosOk{}).receives_deliveries("t", "q", 3, {"3"});
}

TEST_P(Consuming, DoesNotCountGetsAgainstThePrefetch) {
  Client& c = client();
  publishes(declares(c, {.queue = "q"}), "q", 1, 3)
      .sends(BasicQos{.prefetch_count = 1})
      .receives(BasicQosOk{})
      .sends(BasicGet{.queue = "q"});
  c.receives_content(BasicGetOk{1, false, "", "q", 2}, "1");
  consumes(c, {.queue = "q", .consumer_tag = "t"}).receives_deliveries("t", "q", 2, {"2"}).receives_nothing();
}

TEST_P(Consuming, StopsDeliveringToAClientThatDoesNotRead) {
  options.outbox_bytes = 20'000;
  Client& c = client();
  Client& publisher = client();
  consumes(declares(c, {.queue = "q"}), {.queue = "q", .consumer_tag = "t", .no_ack = true}).stops_reading();
  for (int i = 0; i < 100; ++i) publisher.publishes("q", std::string(1000, 'x'));
  settle();
  EXPECT_LT(c.session().outbox().waiting_bytes(), 25'000u);
  c.reads_again();
  EXPECT_EQ(c.frames_waiting(), 300u);
}

// --- turns ---

TEST_P(Consuming, TakesConsumersInTurn) {
  Client& c = client();
  publishes(consumes(consumes(declares(c, {.queue = "q"}), {.queue = "q", .consumer_tag = "a"}), {.queue = "q", .consumer_tag = "b"}), "q",
            1, 6);
  EXPECT_EQ(deliveries(c), (std::map<std::string, Bodies>{{"a", {"1", "3", "5"}}, {"b", {"2", "4", "6"}}}));
}

TEST_P(Consuming, PrefersConsumersOfHigherPriority) {
  Client& c = client();
  declares(c, {.queue = "q"}).sends(BasicQos{.prefetch_count = 2}).receives(BasicQosOk{});
  consumes(consumes(c, {.queue = "q", .consumer_tag = "low"}),
           {.queue = "q", .consumer_tag = "high", .arguments = args({{"x-priority", 10}})});
  publishes(consumes(c, {.queue = "q", .consumer_tag = "lower", .arguments = args({{"x-priority", -5}})}), "q", 1, 5);
  EXPECT_EQ(deliveries(c), (std::map<std::string, Bodies>{{"high", {"1", "2"}}, {"low", {"3", "4"}}, {"lower", {"5"}}}));
}

TEST_P(Consuming, WantsPrioritiesToBeIntegers) {
  Client& c = client();
  declares(c, {.queue = "q"}).sends(BasicConsume{.queue = "q", .arguments = args({{"x-priority", "high"}})});
  EXPECT_EQ(c.takes<ChannelClose>().reply_code, 406);
}

TEST_P(Consuming, ServesOneConsumerAtATimeWhenAskedTo) {
  Client& first = client();
  Client& second = client();
  declares(first, {.queue = "q", .arguments = args({{"x-single-active-consumer", true}})});
  consumes(first, {.queue = "q", .consumer_tag = "a"});
  publishes(consumes(second, {.queue = "q", .consumer_tag = "b"}), "q", 1, 2);
  first.receives_deliveries("a", "q", 1, {"1", "2"});
  second.receives_nothing();
  first.sends(BasicCancel{"a"}).receives(BasicCancelOk{"a"});
  publishes(second, "q", 3, 3).receives_deliveries("b", "q", 1, {"3"});
}

TEST_P(Consuming, HandsOverWhatTheActiveConsumerDidNotAcknowledge) {
  Client& first = client();
  Client& second = client();
  declares(first, {.queue = "q", .arguments = args({{"x-single-active-consumer", true}})});
  consumes(first, {.queue = "q", .consumer_tag = "a"});
  publishes(consumes(second, {.queue = "q", .consumer_tag = "b"}), "q", 1, 2);
  first.receives_deliveries("a", "q", 1, {"1", "2"}).vanishes();
  second.receives_content(BasicDeliver{"b", 1, true, "", "q"}, "1");
  second.receives_content(BasicDeliver{"b", 2, true, "", "q"}, "2");
}

TEST_P(Consuming, RefusesExclusiveUseOfASingleActiveConsumerQueue) {
  Client& c = client();
  declares(c, {.queue = "q", .arguments = args({{"x-single-active-consumer", true}})}).sends(BasicConsume{.queue = "q", .exclusive = true});
  c.loses_channel_with(403, kInUse, BasicConsume::kId);
}

// --- get ---

TEST_P(Consuming, GetsOneByOne) {
  Client& c = client();
  publishes(declares(c, {.queue = "q"}), "q", 1, 2)
      .sends(BasicGet{.queue = "q"})
      .sends(BasicGet{.queue = "q", .no_ack = true})
      .sends(BasicGet{.queue = "q"});
  c.receives_content(BasicGetOk{1, false, "", "q", 1}, "1");
  c.receives_content(BasicGetOk{2, false, "", "q", 0}, "2");
  c.receives(BasicGetEmpty{});
}

// --- direct reply-to ---

TEST_P(Consuming, CarriesAReplyStraightBack) {
  Client& asking = client();
  Client& answering = client();
  declares(answering, {.queue = "rpc"});
  asking.sends(BasicConsume{.queue = "amq.rabbitmq.reply-to", .consumer_tag = "r", .no_ack = true}).receives(BasicConsumeOk{"r"});
  asking.publishes("rpc", "question", {.reply_to = "amq.rabbitmq.reply-to"});
  answering.sends(BasicGet{.queue = "rpc", .no_ack = true});
  const std::string reply_to = answering.receives_content(BasicGetOk{1, false, "", "rpc", 0}, "question").reply_to.value_or("");
  answering.publishes(reply_to, "answer");
  asking.receives_content(BasicDeliver{"r", 1, false, "", reply_to}, "answer");
}

TEST_P(Consuming, RefusesARequestWithoutAReplyConsumer) {
  client()
      .publishes("rpc", "question", {.reply_to = "amq.rabbitmq.reply-to"})
      .loses_channel_with(406, "PRECONDITION_FAILED - fast reply consumer does not exist", BasicPublish::kId);
}

TEST_P(Consuming, TakesARepliesConsumerThroughQosAndCancel) {
  Client& c = client();
  c.sends(BasicConsume{.queue = "amq.rabbitmq.reply-to", .consumer_tag = "r", .no_ack = true}).receives(BasicConsumeOk{"r"});
  c.sends(BasicQos{.prefetch_count = 1, .global = true})
      .receives(BasicQosOk{})
      .sends(BasicQos{.prefetch_count = 2, .global = true})
      .receives(BasicQosOk{});
  c.sends(BasicCancel{"r"}).receives(BasicCancelOk{"r"}).closes();
}

}  // namespace mq::test
