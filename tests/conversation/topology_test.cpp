// Declaring, binding and deleting: what is answered, what is refused and in which words.
#include "support/conversation.hpp"

namespace mq::test {

using namespace amqp;

MQ_CONVERSATIONS(Topology);

namespace {

constexpr std::string_view kLocked =
    "RESOURCE_LOCKED - cannot obtain exclusive access to locked queue 'q' in vhost '/'. It could be originally declared on another "
    "connection or the "
    "exclusive property value does not match that of the original declaration.";

Client& declares(Client& c, const QueueDeclare& declare) { return c.sends(declare).receives(QueueDeclareOk{declare.queue, 0, 0}); }

}  // namespace

// --- exchanges ---

TEST_P(Topology, DeclaresAnExchangeTwiceAlike) {
  Client& c = client();
  for (int i = 0; i < 2; ++i) c.sends(ExchangeDeclare{.exchange = "x", .type = "topic", .durable = true}).receives(ExchangeDeclareOk{});
}

TEST_P(Topology, RefusesToDeclareAnExchangeAsAnotherType) {
  Client& c = client();
  c.sends(ExchangeDeclare{.exchange = "x", .type = "direct"})
      .receives(ExchangeDeclareOk{})
      .sends(ExchangeDeclare{.exchange = "x", .type = "fanout"});
  c.loses_channel_with(
      406, "PRECONDITION_FAILED - inequivalent arg 'type' for exchange 'x' in vhost '/': received 'fanout' but current is 'direct'",
      ExchangeDeclare::kId);
}

TEST_P(Topology, KnowsNoSuchTypeOfExchange) {
  client()
      .sends(ExchangeDeclare{.exchange = "x", .type = "odd"})
      .loses_channel_with(406, "PRECONDITION_FAILED - unknown exchange type 'odd'", ExchangeDeclare::kId);
}

TEST_P(Topology, FindsNoExchangePassively) {
  client()
      .sends(ExchangeDeclare{.exchange = "x", .passive = true})
      .loses_channel_with(404, "NOT_FOUND - no exchange 'x' in vhost '/'", ExchangeDeclare::kId);
}

TEST_P(Topology, FindsAnExchangePassively) {
  client().sends(ExchangeDeclare{.exchange = "amq.topic", .passive = true}).receives(ExchangeDeclareOk{});
}

TEST_P(Topology, KeepsReservedNamesOfExchanges) {
  client()
      .sends(ExchangeDeclare{.exchange = "amq.mine", .type = "direct"})
      .loses_channel_with(403, "ACCESS_REFUSED - exchange name 'amq.mine' contains reserved prefix 'amq.*'", ExchangeDeclare::kId);
}

TEST_P(Topology, KeepsItsOwnExchanges) {
  client()
      .sends(ExchangeDelete{.exchange = "amq.direct"})
      .loses_channel_with(403, "ACCESS_REFUSED - deletion of system exchange 'amq.direct' in vhost '/' not allowed", ExchangeDelete::kId);
}

TEST_P(Topology, KeepsTheDefaultExchangeAsItIs) {
  Client& c = client();
  const std::string_view text = "ACCESS_REFUSED - operation not permitted on the default exchange";
  c.sends(ExchangeDeclare{.exchange = "", .type = "direct"}).loses_channel_with(403, text, ExchangeDeclare::kId).opens_channel();
  c.sends(ExchangeDelete{.exchange = ""}).loses_channel_with(403, text, ExchangeDelete::kId).opens_channel();
  declares(c, {.queue = "q"}).sends(QueueBind{.queue = "q", .exchange = ""}).loses_channel_with(403, text, QueueBind::kId);
}

TEST_P(Topology, DeletesAMissingExchangeGladly) { client().sends(ExchangeDelete{.exchange = "missing"}).receives(ExchangeDeleteOk{}); }

TEST_P(Topology, KeepsAnExchangeInUseWhenAskedTo) {
  Client& c = client();
  declares(c, {.queue = "q"}).sends(ExchangeDeclare{.exchange = "x", .type = "fanout"}).receives(ExchangeDeclareOk{});
  c.sends(QueueBind{.queue = "q", .exchange = "x"}).receives(QueueBindOk{}).sends(ExchangeDelete{.exchange = "x", .if_unused = true});
  c.loses_channel_with(406, "PRECONDITION_FAILED - exchange 'x' in vhost '/' in use", ExchangeDelete::kId);
}

TEST_P(Topology, DropsAnAutoDeleteExchangeWithItsLastBinding) {
  Client& c = client();
  declares(c, {.queue = "q"}).sends(ExchangeDeclare{.exchange = "x", .type = "fanout", .auto_delete = true}).receives(ExchangeDeclareOk{});
  c.sends(QueueBind{.queue = "q", .exchange = "x"})
      .receives(QueueBindOk{})
      .sends(QueueUnbind{.queue = "q", .exchange = "x"})
      .receives(QueueUnbindOk{});
  c.sends(ExchangeDeclare{.exchange = "x", .passive = true})
      .loses_channel_with(404, "NOT_FOUND - no exchange 'x' in vhost '/'", ExchangeDeclare::kId);
}

TEST_P(Topology, BindsExchangesToExchanges) {
  Client& c = client();
  declares(c, {.queue = "q"}).sends(ExchangeDeclare{.exchange = "in", .type = "fanout"}).receives(ExchangeDeclareOk{});
  c.sends(ExchangeBind{.destination = "amq.direct", .source = "in"}).receives(ExchangeBindOk{});
  c.sends(QueueBind{.queue = "q", .exchange = "amq.direct", .routing_key = "k"}).receives(QueueBindOk{});
  c.sends_content({.exchange = "in", .routing_key = "k"}, "m")
      .sends(BasicGet{.queue = "q"})
      .receives_content(BasicGetOk{1, false, "in", "k", 0}, "m");
  c.sends(ExchangeUnbind{.destination = "amq.direct", .source = "in"}).receives(ExchangeUnbindOk{});
  c.sends_content({.exchange = "in", .routing_key = "k"}, "m").sends(BasicGet{.queue = "q"}).receives(BasicGetEmpty{});
}

TEST_P(Topology, RoutesWhatGoesNowhereToTheAlternate) {
  Client& c = client();
  declares(c, {.queue = "q"})
      .sends(ExchangeDeclare{.exchange = "x", .type = "direct", .arguments = args({{"alternate-exchange", "amq.fanout"}})});
  c.receives(ExchangeDeclareOk{}).sends(QueueBind{.queue = "q", .exchange = "amq.fanout"}).receives(QueueBindOk{});
  c.sends_content({.exchange = "x", .routing_key = "k", .mandatory = true}, "m").sends(BasicGet{.queue = "q"});
  c.receives_content(BasicGetOk{1, false, "x", "k", 0}, "m");
}

TEST_P(Topology, ReturnsWhatTheAlternateRoutesNowhereEither) {
  Client& c = client();
  c.sends(ExchangeDeclare{.exchange = "x", .type = "direct", .arguments = args({{"alternate-exchange", "amq.topic"}})});
  c.receives(ExchangeDeclareOk{}).sends_content({.exchange = "x", .routing_key = "k", .mandatory = true}, "m");
  c.receives_content(BasicReturn{312, "NO_ROUTE", "x", "k"}, "m");
}

TEST_P(Topology, TriesEveryKeyOfAMessageFurtherOn) {
  Client& c = client();
  declares(c, {.queue = "q"}).sends(ExchangeBind{.destination = "amq.topic", .source = "amq.fanout"}).receives(ExchangeBindOk{});
  c.sends(QueueBind{.queue = "q", .exchange = "amq.topic", .routing_key = "copy.#"}).receives(QueueBindOk{});
  const Properties properties{.headers = Table{{"CC", Array{"copy.a"}}, {"BCC", Array{"copy.b"}}}};
  c.sends_content({.exchange = "amq.fanout", .routing_key = "k"}, "m", properties).sends(BasicGet{.queue = "q"});
  c.receives_content(BasicGetOk{1, false, "amq.fanout", "k", 0}, "m");
}

// --- queues ---

TEST_P(Topology, NamesAQueue) {
  Client& c = client();
  const std::string name(c.sends(QueueDeclare{.exclusive = true}).takes<QueueDeclareOk>().queue);
  EXPECT_TRUE(name.starts_with("amq.gen-") && name.size() == 30) << name;
  c.sends(QueueDeclare{.queue = name, .passive = true}).receives(QueueDeclareOk{name, 0, 0});
}

TEST_P(Topology, RemembersTheLastQueueDeclared) {
  Client& c = client();
  declares(c, {.queue = "q"}).sends(QueueBind{.exchange = "amq.direct"}).receives(QueueBindOk{});
  c.sends_content({.exchange = "amq.direct", .routing_key = "q"}, "m")
      .sends(BasicGet{})
      .receives_content(BasicGetOk{1, false, "amq.direct", "q", 0}, "m");
  c.sends(QueuePurge{}).receives(QueuePurgeOk{0}).sends(QueueDelete{}).receives(QueueDeleteOk{0});
}

TEST_P(Topology, WantsANameWhenThereWasNoneBefore) {
  client().sends(BasicGet{}).loses_channel_with(404, "NOT_FOUND - no previously declared queue", BasicGet::kId);
}

TEST_P(Topology, CountsMessagesAndConsumersInDeclareOk) {
  Client& c = client();
  declares(c, {.queue = "q"}).publishes("q", "1").publishes("q", "2");
  c.sends(QueueDeclare{.queue = "q"}).receives(QueueDeclareOk{"q", 2, 0});
  c.sends(BasicQos{.prefetch_count = 1})
      .receives(BasicQosOk{})
      .sends(BasicConsume{.queue = "q", .consumer_tag = "t"})
      .receives(BasicConsumeOk{"t"});
  c.receives_deliveries("t", "q", 1, {"1"}).sends(QueueDeclare{.queue = "q", .passive = true}).receives(QueueDeclareOk{"q", 1, 1});
}

TEST_P(Topology, RefusesToDeclareAQueueAsAnother) {
  Client& c = client();
  declares(c, {.queue = "q"}).sends(QueueDeclare{.queue = "q", .durable = true});
  c.loses_channel_with(
      406, "PRECONDITION_FAILED - inequivalent arg 'durable' for queue 'q' in vhost '/': received 'true' but current is 'false'",
      QueueDeclare::kId);
}

TEST_P(Topology, RefusesToDeclareAQueueWithOtherArguments) {
  Client& c = client();
  declares(c, {.queue = "q", .arguments = args({{"x-message-ttl", 60000}})}).sends(QueueDeclare{.queue = "q"});
  c.loses_channel_with(
      406,
      "PRECONDITION_FAILED - inequivalent arg 'x-message-ttl' for queue 'q' in vhost '/': received none but current is the value '60000' "
      "of type 'signedint'",
      QueueDeclare::kId);
}

TEST_P(Topology, RefusesArgumentsThatMakeNoSense) {
  client()
      .sends(QueueDeclare{.queue = "q", .arguments = args({{"x-expires", 0}})})
      .loses_channel_with(406, "PRECONDITION_FAILED - invalid arg 'x-expires' for queue 'q' in vhost '/': {value_zero,0}",
                          QueueDeclare::kId);
}

TEST_P(Topology, KeepsReservedNamesOfQueues) {
  client()
      .sends(QueueDeclare{.queue = "amq.mine"})
      .loses_channel_with(403, "ACCESS_REFUSED - queue name 'amq.mine' contains reserved prefix 'amq.*'", QueueDeclare::kId);
}

TEST_P(Topology, LocksExclusiveQueuesForOthers) {
  Client& owner = client();
  Client& other = client();
  declares(owner, {.queue = "q", .exclusive = true});
  other.sends(QueueDeclare{.queue = "q", .exclusive = true}).loses_channel_with(405, kLocked, QueueDeclare::kId).opens_channel();
  other.sends(QueueDeclare{.queue = "q", .passive = true}).loses_channel_with(405, kLocked, QueueDeclare::kId).opens_channel();
  other.sends(BasicConsume{.queue = "q"}).loses_channel_with(405, kLocked, BasicConsume::kId).opens_channel();
  other.sends(BasicGet{.queue = "q"}).loses_channel_with(405, kLocked, BasicGet::kId).opens_channel();
  other.sends(QueueBind{.queue = "q", .exchange = "amq.fanout"}).loses_channel_with(405, kLocked, QueueBind::kId).opens_channel();
  other.sends(QueuePurge{.queue = "q"}).loses_channel_with(405, kLocked, QueuePurge::kId).opens_channel();
  other.sends(QueueDelete{.queue = "q"}).loses_channel_with(405, kLocked, QueueDelete::kId);
  owner.sends(QueueDeclare{.queue = "q", .exclusive = true}).receives(QueueDeclareOk{"q", 0, 0});
}

TEST_P(Topology, GivesAnExclusiveNameToTheNextAtOnce) {
  Client& c = client();
  Client& next = client();
  declares(c, {.queue = "q", .exclusive = true});
  c.vanishes();
  next.sends(QueueDeclare{.queue = "q", .exclusive = true}).receives(QueueDeclareOk{"q", 0, 0});
}

TEST_P(Topology, TakesAnExclusiveQueueWithItsOwnerThoughADeletionWasJustRefused) {
  Client& c = client();
  Client& next = client();
  declares(c, {.queue = "q", .exclusive = true}).publishes("q", "m").sends(QueueDelete{.queue = "q", .if_empty = true}).flush();
  c.vanishes();
  next.sends(QueueDeclare{.queue = "q", .exclusive = true}).receives(QueueDeclareOk{"q", 0, 0});
}

TEST_P(Topology, DeletesAQueueAndTellsHowManyMessagesItHeld) {
  Client& c = client();
  declares(c, {.queue = "q"}).publishes("q", "1").publishes("q", "2").sends(QueueDelete{.queue = "q"}).receives(QueueDeleteOk{2});
}

TEST_P(Topology, DeletesAMissingQueueGladly) { client().sends(QueueDelete{.queue = "missing"}).receives(QueueDeleteOk{0}); }

TEST_P(Topology, KeepsAQueueInUseWhenAskedTo) {
  Client& c = client();
  declares(c, {.queue = "q"}).sends(BasicConsume{.queue = "q", .consumer_tag = "t"}).receives(BasicConsumeOk{"t"});
  c.sends(QueueDelete{.queue = "q", .if_unused = true})
      .loses_channel_with(406, "PRECONDITION_FAILED - queue 'q' in vhost '/' in use", QueueDelete::kId);
}

TEST_P(Topology, KeepsAQueueWithMessagesWhenAskedTo) {
  Client& c = client();
  declares(c, {.queue = "q"}).publishes("q", "m").sends(QueueDelete{.queue = "q", .if_empty = true});
  c.loses_channel_with(406, "PRECONDITION_FAILED - queue 'q' in vhost '/' not empty", QueueDelete::kId);
}

TEST_P(Topology, PurgesWhatIsReadyOnly) {
  Client& c = client();
  declares(c, {.queue = "q"}).publishes("q", "1").publishes("q", "2").publishes("q", "3");
  c.sends(BasicGet{.queue = "q"}).receives_content(BasicGetOk{1, false, "", "q", 2}, "1");
  c.sends(QueuePurge{.queue = "q"}).receives(QueuePurgeOk{2});
  c.sends(BasicNack{1, false, true}).sends(BasicGet{.queue = "q"}).receives_content(BasicGetOk{2, true, "", "q", 0}, "1");
}

TEST_P(Topology, DropsAnAutoDeleteQueueBeforeTheLastCancelOk) {
  Client& c = client();
  declares(c, {.queue = "q", .auto_delete = true}).sends(BasicConsume{.queue = "q", .consumer_tag = "a"}).receives(BasicConsumeOk{"a"});
  c.sends(BasicConsume{.queue = "q", .consumer_tag = "b"})
      .receives(BasicConsumeOk{"b"})
      .sends(BasicCancel{"a"})
      .receives(BasicCancelOk{"a"});
  c.sends(QueueDeclare{.queue = "q", .passive = true}).receives(QueueDeclareOk{"q", 0, 1});
  c.sends(BasicCancel{"b"}).sends(QueueDeclare{.queue = "q", .passive = true}).receives(BasicCancelOk{"b"});
  c.loses_channel_with(404, "NOT_FOUND - no queue 'q' in vhost '/'", QueueDeclare::kId);
}

TEST_P(Topology, KeepsAnAutoDeleteQueueThatNeverHadAConsumer) {
  Client& c = client();
  declares(c, {.queue = "q", .auto_delete = true}).publishes("q", "m").sends(BasicGet{.queue = "q", .no_ack = true});
  c.receives_content(BasicGetOk{1, false, "", "q", 0}, "m");
  c.sends(QueueDeclare{.queue = "q", .passive = true}).receives(QueueDeclareOk{"q", 0, 0});
}

TEST_P(Topology, NeedsBothEndsOfABinding) {
  Client& c = client();
  declares(c, {.queue = "q"}).sends(QueueBind{.queue = "q", .exchange = "x"});
  c.loses_channel_with(404, "NOT_FOUND - no exchange 'x' in vhost '/'", QueueBind::kId).opens_channel();
  c.sends(QueueBind{.queue = "missing", .exchange = "amq.direct"})
      .loses_channel_with(404, "NOT_FOUND - no queue 'missing' in vhost '/'", QueueBind::kId);
}

TEST_P(Topology, UnbindsWhatWasNeverBound) {
  Client& c = client();
  declares(c, {.queue = "q"}).sends(QueueUnbind{.queue = "q", .exchange = "amq.direct", .routing_key = "k"}).receives(QueueUnbindOk{});
}

// --- restarts ---

TEST_P(Topology, ComesBackAfterARestart) {
  Client& c = client();
  c.sends(ExchangeDeclare{.exchange = "x", .type = "topic", .durable = true}).receives(ExchangeDeclareOk{});
  declares(c, {.queue = "q", .durable = true, .arguments = args({{"x-max-length", 5}})});
  c.sends(QueueBind{.queue = "q", .exchange = "x", .routing_key = "a.#"}).receives(QueueBindOk{});
  restart();
  Client& after = client();
  after.sends(QueueDeclare{.queue = "q", .durable = true, .arguments = args({{"x-max-length", 5}})}).receives(QueueDeclareOk{"q", 0, 0});
  after.sends_content({.exchange = "x", .routing_key = "a.b"}, "m")
      .sends(BasicGet{.queue = "q"})
      .receives_content(BasicGetOk{1, false, "x", "a.b", 0}, "m");
}

TEST_P(Topology, LosesWhatIsNotDurableInARestart) {
  Client& c = client();
  declares(c, {.queue = "q"}).sends(ExchangeDeclare{.exchange = "x", .type = "topic"}).receives(ExchangeDeclareOk{});
  declares(c, {.queue = "mine", .durable = true, .exclusive = true});
  restart();
  Client& after = client();
  for (const char* queue : {"q", "mine"}) {
    const std::string text = "NOT_FOUND - no queue '" + std::string(queue) + "' in vhost '/'";
    after.sends(QueueDeclare{.queue = queue, .passive = true}).loses_channel_with(404, text, QueueDeclare::kId).opens_channel();
  }
  after.sends(ExchangeDeclare{.exchange = "x", .passive = true})
      .loses_channel_with(404, "NOT_FOUND - no exchange 'x' in vhost '/'", ExchangeDeclare::kId);
}

TEST_P(Topology, KeepsBindingsBetweenDurableEnds) {
  Client& c = client();
  for (const char* exchange : {"in", "out"})
    c.sends(ExchangeDeclare{.exchange = exchange, .type = "fanout", .durable = true}).receives(ExchangeDeclareOk{});
  declares(c, {.queue = "q", .durable = true}).sends(ExchangeBind{.destination = "out", .source = "in"}).receives(ExchangeBindOk{});
  c.sends(QueueBind{.queue = "q", .exchange = "out"}).receives(QueueBindOk{});
  crash();
  Client& after = client();
  after.sends_content({.exchange = "in"}, "m").sends(BasicGet{.queue = "q"}).receives_content(BasicGetOk{1, false, "in", "", 0}, "m");
}

TEST_P(Topology, LosesBindingsWithAnEndThatIsNotDurable) {
  Client& c = client();
  c.sends(ExchangeDeclare{.exchange = "kept", .type = "fanout", .durable = true}).receives(ExchangeDeclareOk{});
  c.sends(ExchangeDeclare{.exchange = "lost", .type = "fanout"}).receives(ExchangeDeclareOk{});
  declares(c, {.queue = "q", .durable = true}).sends(QueueBind{.queue = "q", .exchange = "lost"}).receives(QueueBindOk{});
  c.sends(ExchangeBind{.destination = "lost", .source = "kept"}).receives(ExchangeBindOk{});
  restart();
  Client& after = client();
  after.sends(ExchangeDeclare{.exchange = "lost", .type = "fanout"}).receives(ExchangeDeclareOk{});
  for (const char* exchange : {"kept", "lost"})
    after.sends_content({.exchange = exchange}, "m").sends(BasicGet{.queue = "q"}).receives(BasicGetEmpty{});
}

TEST_P(Topology, KeepsADurableAutoDeleteExchangeUntilItsLastBindingGoes) {
  Client& c = client();
  c.sends(ExchangeDeclare{.exchange = "x", .type = "fanout", .durable = true, .auto_delete = true}).receives(ExchangeDeclareOk{});
  declares(c, {.queue = "q", .durable = true}).sends(QueueBind{.queue = "q", .exchange = "x"}).receives(QueueBindOk{});
  restart();
  Client& after = client();
  after.sends(ExchangeDeclare{.exchange = "x", .passive = true}).receives(ExchangeDeclareOk{});
  after.sends(QueueDelete{.queue = "q"}).receives(QueueDeleteOk{0}).sends(ExchangeDeclare{.exchange = "x", .passive = true});
  after.loses_channel_with(404, "NOT_FOUND - no exchange 'x' in vhost '/'", ExchangeDeclare::kId);
}

TEST_P(Topology, ForgetsADeletedQueueAndItsMessages) {
  Client& c = client();
  declares(c, {.queue = "q", .durable = true})
      .publishes("q", "m", {.delivery_mode = 2})
      .sends(QueueDelete{.queue = "q"})
      .receives(QueueDeleteOk{1});
  crash();
  client().sends(QueueDeclare{.queue = "q", .durable = true}).receives(QueueDeclareOk{"q", 0, 0});
}

// --- permissions ---

TEST_P(Topology, AsksForTheRightsOfEachMethod) {
  adds_user("ann", "^conf", "^write", "^read");
  restart();
  Client& c = stranger().logs_in({.user = "ann", .password = "ann"});
  auto refused = [&](const std::string& right, const std::string& what, MethodId method) {
    c.loses_channel_with(403, "ACCESS_REFUSED - " + right + " access to " + what + " in vhost '/' refused for user 'ann'", method);
  };
  c.opens_channel().sends(QueueDeclare{.queue = "write"});
  refused("configure", "queue 'write'", QueueDeclare::kId);
  c.opens_channel().sends(ExchangeDeclare{.exchange = "read", .type = "direct"});
  refused("configure", "exchange 'read'", ExchangeDeclare::kId);
  c.opens_channel().sends(BasicGet{.queue = "write"});
  refused("read", "queue 'write'", BasicGet::kId);
  c.opens_channel().sends(BasicConsume{.queue = "write"});
  refused("read", "queue 'write'", BasicConsume::kId);
  c.opens_channel().sends(QueueBind{.queue = "read", .exchange = "read"});
  refused("write", "queue 'read'", QueueBind::kId);
  c.opens_channel().sends(QueueBind{.queue = "write", .exchange = "write"});
  refused("read", "exchange 'write'", QueueBind::kId);
  c.opens_channel().sends(ExchangeBind{.destination = "read", .source = "read"});
  refused("write", "exchange 'read'", ExchangeBind::kId);
  c.opens_channel().sends(ExchangeBind{.destination = "write", .source = "write"});
  refused("read", "exchange 'write'", ExchangeBind::kId);
  c.opens_channel().sends_content({.exchange = "read", .routing_key = "k"}, "m");
  refused("write", "exchange 'read'", BasicPublish::kId);
  c.opens_channel().sends_content({.exchange = "", .routing_key = "k"}, "m");
  refused("write", "exchange 'amq.default'", BasicPublish::kId);
}

TEST_P(Topology, AsksForTheRightsOfAnAlternate) {
  adds_user("ann", "^(mine|conf)", "^mine", "^mine");
  restart();
  Client& c = stranger().logs_in({.user = "ann", .password = "ann"}).opens_channel();
  auto declares_with = [&](std::string_view exchange, const char* alternate) {
    c.sends(ExchangeDeclare{.exchange = exchange, .type = "direct", .arguments = args({{"alternate-exchange", alternate}})});
  };
  declares_with("mine", "mine.rest");
  c.receives(ExchangeDeclareOk{});
  declares_with("conf", "mine.rest");
  c.loses_channel_with(403, "ACCESS_REFUSED - read access to exchange 'conf' in vhost '/' refused for user 'ann'", ExchangeDeclare::kId)
      .opens_channel();
  declares_with("mine.2", "other");
  c.loses_channel_with(403, "ACCESS_REFUSED - write access to exchange 'other' in vhost '/' refused for user 'ann'", ExchangeDeclare::kId);
}

}  // namespace mq::test
