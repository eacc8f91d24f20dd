// Consumer filters as clients see them: the argument x-filter of basic.consume.
#include "support/conversation.hpp"

namespace mq::test {

using namespace amqp;

MQ_CONVERSATIONS(ConsumerFilters);

namespace {

Client& of_color(Client& c, std::string_view color, std::string_view body) {
  return c.publishes("q", body, {.headers = Table{{"color", color}}});
}

Client& declares(Client& c, const Table& arguments = {}) {
  const TableBytes encoded(arguments);
  return c.sends(QueueDeclare{.queue = "q", .arguments = encoded}).receives(QueueDeclareOk{"q", 0, 0});
}

Client& consumes(Client& c, std::string_view tag, const Value& filter) {
  const TableBytes encoded(Table{{"x-filter", filter}});
  return c.sends(BasicConsume{.queue = "q", .consumer_tag = tag, .arguments = encoded});
}

Client& wants(Client& c, std::string_view tag, const Value& filter) { return consumes(c, tag, filter).receives(BasicConsumeOk{tag}); }

void is_refused(Client& c, const Value& filter, std::string_view text) {
  consumes(c, "refused", filter).loses_channel_with(406, std::string("PRECONDITION_FAILED - ").append(text), BasicConsume::kId);
}

}  // namespace

TEST_P(ConsumerFilters, GiveAConsumerWhatItAsksForAndNothingElse) {
  Client& c = client();
  wants(declares(c), "red", "color = 'red'");
  of_color(of_color(of_color(c, "blue", "b1"), "red", "r1"), "red", "r2");
  c.receives_content(BasicDeliver{"red", 1, false, "", "q"}, "r1");
  c.receives_content(BasicDeliver{"red", 2, false, "", "q"}, "r2");
  c.receives_nothing();
  wants(c, "blue", Table{{"color", "blue"}});
  c.receives_content(BasicDeliver{"blue", 3, false, "", "q"}, "b1");
}

TEST_P(ConsumerFilters, LeaveTheRestToConsumersWithoutOne) {
  Client& c = client();
  wants(declares(c), "red", "color = 'red'");
  of_color(c, "blue", "b1");
  c.receives_nothing();
  c.sends(BasicConsume{.queue = "q", .consumer_tag = "any"}).receives(BasicConsumeOk{"any"});
  c.receives_content(BasicDeliver{"any", 1, false, "", "q"}, "b1");
}

TEST_P(ConsumerFilters, GiveWhatAConsumerLeavesBehindToAnotherThatWantsIt) {
  Client& c = client();
  wants(declares(c), "one", "color = 'red'");
  of_color(of_color(c, "red", "r1"), "blue", "b1");
  c.receives_content(BasicDeliver{"one", 1, false, "", "q"}, "r1");
  Client& d = client();
  wants(d, "two", "color = 'red'");
  c.closes();
  d.receives_content(BasicDeliver{"two", 1, true, "", "q"}, "r1");
  d.receives_nothing();
}

TEST_P(ConsumerFilters, AreReadBeforeAnythingIsDone) {
  is_refused(declares(client()), "color = ", "invalid arg 'x-filter' for consumer: expected a name, a literal or '(' at 9");
  is_refused(client(), std::int32_t{5}, "invalid arg 'x-filter' for consumer: expected a table or a longstr, got signedint");
}

TEST_P(ConsumerFilters, AreRefusedBesideGroups) {
  is_refused(declares(client(), {{"x-group-header", "account"}}), "color = 'red'",
             "invalid arg 'x-filter' for consumer: the queue gives its messages out in groups");
}

TEST_P(ConsumerFilters, AreRefusedWhenTooManyOthersAreInUse) {
  Client& c = declares(client());
  for (int i = 0; i < 63; ++i) wants(c, "t" + std::to_string(i), "color = " + std::to_string(i));
  is_refused(c, "color = 'red'", "invalid arg 'x-filter' for consumer: too many different filters in use on the queue");
}

}  // namespace mq::test
