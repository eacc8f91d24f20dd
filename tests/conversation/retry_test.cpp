// Retry with backoff: what comes back waits before it is delivered again (x-delayed-retry-*), until the delivery limit ends it.
#include "support/conversation.hpp"

namespace mq::test {

using namespace amqp;

MQ_CONVERSATIONS(Retries);

namespace {

Table retry(std::string_view type, std::int32_t min_ms) {
  return {{"x-delayed-retry-type", type}, {"x-delayed-retry-min", min_ms}, {"x-delayed-retry-backoff", "exponential"}};
}

Client& declares(Client& c, const EncodedTable& arguments, std::string_view queue = "q") {
  return c.sends(QueueDeclare{.queue = queue, .durable = true, .arguments = arguments}).receives(QueueDeclareOk{queue, 0, 0});
}

Client& consumes(Client& c) { return c.sends(BasicConsume{.queue = "q", .consumer_tag = "t"}).receives(BasicConsumeOk{"t"}); }

std::int64_t count_in(const Properties& content) {
  const Value* count = content.headers ? content.headers->find("x-delivery-count") : nullptr;
  return count == nullptr ? 0 : count->integer().value_or(-1);
}

}  // namespace

TEST_P(Retries, ComeAfterAPauseThatGrows) {
  Client& c = client();
  consumes(declares(c, args(retry("all", 1000)))).publishes("q", "m");
  c.receives_content(BasicDeliver{"t", 1, false, "", "q"}, "m");
  c.sends(BasicNack{1, false, true});
  passes(999);
  c.receives_nothing();
  passes(1);
  EXPECT_EQ(count_in(c.receives_content(BasicDeliver{"t", 2, true, "", "q"}, "m")), 1);
  c.sends(BasicNack{2, false, true});
  passes(1999);
  c.receives_nothing();
  passes(1);
  EXPECT_EQ(count_in(c.receives_content(BasicDeliver{"t", 3, true, "", "q"}, "m")), 2);
}

TEST_P(Retries, OfFailuresDoNotHoldBackWhatIsGivenBack) {
  Client& c = client();
  consumes(declares(c, args(retry("failed", 1000)))).publishes("q", "m");
  c.receives_content(BasicDeliver{"t", 1, false, "", "q"}, "m");
  c.sends(BasicNack{1, false, true});
  c.receives_content(BasicDeliver{"t", 2, true, "", "q"}, "m");
  c.sends(BasicReject{2, true});
  c.receives_nothing();
  passes(2000);
  c.receives_content(BasicDeliver{"t", 3, true, "", "q"}, "m");
}

TEST_P(Retries, ComeAlsoWhenTheChannelOfTheConsumerIsGone) {
  Client& c = client();
  consumes(declares(c, args(retry("failed", 1000)))).publishes("q", "m");
  c.receives_content(BasicDeliver{"t", 1, false, "", "q"}, "m");
  c.sends(ChannelClose{200, "bye", 0, 0}).receives(ChannelCloseOk{});
  c.sends(ChannelOpen{}).receives(ChannelOpenOk{});
  c.sends(BasicGet{.queue = "q"}).receives(BasicGetEmpty{});
  passes(1000);
  c.sends(BasicGet{.queue = "q"});
  EXPECT_EQ(count_in(c.receives_content(BasicGetOk{1, true, "", "q", 0}, "m")), 1);
}

TEST_P(Retries, EndAtTheDeliveryLimit) {
  Client& c = client();
  Table arguments = retry("all", 1000);
  arguments.set("x-delivery-limit", std::int32_t{1});
  arguments.set("x-dead-letter-exchange", "");
  arguments.set("x-dead-letter-routing-key", "dead");
  consumes(declares(declares(c, {}, "dead"), args(arguments))).publishes("q", "m");
  c.receives_content(BasicDeliver{"t", 1, false, "", "q"}, "m");
  c.sends(BasicNack{1, false, true});
  passes(1000);
  c.receives_content(BasicDeliver{"t", 2, true, "", "q"}, "m");
  c.sends(BasicNack{2, false, true}).sends(BasicConsume{.queue = "dead", .consumer_tag = "d"}).receives(BasicConsumeOk{"d"});
  const Properties dead = c.receives_content(BasicDeliver{"d", 3, false, "", "dead"}, "m");
  ASSERT_TRUE(dead.headers);
  EXPECT_TRUE(*dead.headers->find("x-first-death-reason") == Value("delivery_limit"));
}

TEST_P(Retries, AreOnTimeAfterACrash) {
  Client& c = client();
  declares(c, args(retry("all", 10'000))).sends(ConfirmSelect{}).receives(ConfirmSelectOk{});
  c.publishes("q", "m", {.delivery_mode = 2}).receives(BasicAck{1, false});
  c.sends(BasicGet{.queue = "q"}).receives_content(BasicGetOk{1, false, "", "q", 0}, "m");
  c.sends(BasicNack{1, false, true});
  passes(4000);
  crash();
  Client& after = client();
  after.sends(BasicGet{.queue = "q"}).receives(BasicGetEmpty{});
  passes(5999);
  after.sends(BasicGet{.queue = "q"}).receives(BasicGetEmpty{});
  passes(1);
  after.sends(BasicGet{.queue = "q"});
  EXPECT_EQ(count_in(after.receives_content(BasicGetOk{1, true, "", "q", 0}, "m")), 1);
}

TEST_P(Retries, AreRefusedWithArgumentsThatMakeNoSense) {
  Client& c = client();
  c.sends(QueueDeclare{.queue = "q", .durable = true, .arguments = args({{"x-delayed-retry-type", "sometimes"}})});
  c.loses_channel_with(406,
                       "PRECONDITION_FAILED - invalid arg 'x-delayed-retry-type' for queue 'q' in vhost '/': invalid_delayed_retry_type",
                       QueueDeclare::kId);
}

}  // namespace mq::test
