// Message groups as clients see them: x-group-header and x-group-by.
#include "support/conversation.hpp"

namespace mq::test {

using namespace amqp;

MQ_CONVERSATIONS(MessageGroups);

namespace {

Client& of_account(Client& c, std::string_view account, std::string_view body) {
  return c.publishes("q", body, {.headers = Table{{"account", account}}});
}

Client& consumes(Client& c, std::string_view tag) {
  return c.sends(BasicConsume{.queue = "q", .consumer_tag = tag}).receives(BasicConsumeOk{tag});
}

}  // namespace

TEST_P(MessageGroups, AreHandledInOrderEachByOneConsumerAtATime) {
  Client& c = client();
  c.sends(QueueDeclare{.queue = "q", .arguments = args({{"x-group-header", "account"}})}).receives(QueueDeclareOk{"q", 0, 0});
  c.sends(BasicQos{0, 1, false}).receives(BasicQosOk{});
  consumes(consumes(c, "one"), "two");
  of_account(of_account(of_account(c, "a", "a1"), "a", "a2"), "b", "b1");
  c.receives_content(BasicDeliver{"one", 1, false, "", "q"}, "a1");
  c.receives_content(BasicDeliver{"two", 2, false, "", "q"}, "b1");
  c.receives_nothing();
  c.sends(BasicAck{2, false}).receives_nothing();
  c.sends(BasicAck{1, false});
  EXPECT_EQ(c.takes_delivery().second, "a2");
}

TEST_P(MessageGroups, MayBeNamedByAProperty) {
  Client& c = client();
  c.sends(QueueDeclare{.queue = "q", .arguments = args({{"x-group-by", "correlation-id"}})}).receives(QueueDeclareOk{"q", 0, 0});
  c.sends(BasicQos{0, 1, false}).receives(BasicQosOk{});
  consumes(consumes(c, "one"), "two").publishes("q", "a1", {.correlation_id = "a"}).publishes("q", "a2", {.correlation_id = "a"});
  c.receives_content(BasicDeliver{"one", 1, false, "", "q"}, "a1");
  c.receives_nothing();
}

TEST_P(MessageGroups, GoOnWithAnotherConsumerWhenTheirsIsGone) {
  Client& c = client();
  c.sends(QueueDeclare{.queue = "q", .arguments = args({{"x-group-header", "account"}})}).receives(QueueDeclareOk{"q", 0, 0});
  consumes(c, "one");
  of_account(of_account(c, "a", "a1"), "a", "a2");
  c.receives_content(BasicDeliver{"one", 1, false, "", "q"}, "a1");
  c.receives_content(BasicDeliver{"one", 2, false, "", "q"}, "a2");
  Client& d = client();
  consumes(d, "two");
  c.closes();
  d.receives_content(BasicDeliver{"two", 1, true, "", "q"}, "a1");
  d.receives_content(BasicDeliver{"two", 2, true, "", "q"}, "a2");
}

TEST_P(MessageGroups, AreRefusedBesidePriorities) {
  Client& c = client();
  c.sends(QueueDeclare{.queue = "q", .arguments = args({{"x-group-header", "account"}, {"x-max-priority", std::int32_t{5}}})});
  c.loses_channel_with(
      406, "PRECONDITION_FAILED - invalid arg 'x-group-header' for queue 'q' in vhost '/': groups_and_priorities_exclude_each_other",
      QueueDeclare::kId);
}

TEST_P(MessageGroups, AreRefusedWithoutAKnownName) {
  Client& c = client();
  c.sends(QueueDeclare{.queue = "q", .arguments = args({{"x-group-by", "colour"}})});
  c.loses_channel_with(406, "PRECONDITION_FAILED - invalid arg 'x-group-by' for queue 'q' in vhost '/': invalid_group_by",
                       QueueDeclare::kId);
}

}  // namespace mq::test
