// basic.publish, basic.return and publisher confirms.
#include "support/conversation.hpp"

namespace mq::test {

using namespace amqp;

MQ_CONVERSATIONS(Publishing);
// Many bytes one by one take long and show nothing new.
MQ_CONVERSATIONS_IN(PublishingMuch, ways_cut({Way::Cut::kWhole, Way::Cut::kFrames, Way::Cut::kAnyhow}));
// Reads that bring much at once.
MQ_CONVERSATIONS_IN(PublishingInOneRead, ways_cut({Way::Cut::kWhole}));

namespace {

const Properties kPersistent{.delivery_mode = 2};

Client& declares(Client& c, const QueueDeclare& declare) { return c.sends(declare).receives(QueueDeclareOk{declare.queue, 0, 0}); }

// Acks and nacks in whatever pieces they come, as one line: `1 2 -3 4`, in order of their numbers.
std::string answers(Client& c, std::uint64_t publishes) {
  std::vector<char> answered(publishes + 1, '?');
  while (c.frames_waiting() > 0) {
    const auto ack = c.takes<BasicAck>();
    for (std::uint64_t tag = ack.multiple ? 1 : ack.delivery_tag; tag <= ack.delivery_tag && tag <= publishes; ++tag) {
      EXPECT_TRUE(answered[tag] == '?' || ack.multiple) << "answered twice: " << tag;
      answered[tag] = '+';
    }
  }
  return std::string(answered.begin() + 1, answered.end());
}

}  // namespace

TEST_P(Publishing, CarriesPropertiesAndBodyUnchanged) {
  Client& c = client();
  declares(c, {.queue = "q"});
  Properties all{.content_type = "text/plain",
                 .content_encoding = "utf-8",
                 .headers = Table{{"n", 1}, {"s", "x"}, {"t", Table{{"in", true}}}},
                 .delivery_mode = 1,
                 .priority = 3,
                 .correlation_id = "c",
                 .reply_to = "r",
                 .expiration = "60000",
                 .message_id = "m",
                 .timestamp = 12345,
                 .type = "ty",
                 .user_id = "guest",
                 .app_id = "a",
                 .cluster_id = "cl"};
  c.publishes("q", "hello", all).sends(BasicGet{.queue = "q"});
  EXPECT_EQ(c.receives_content(BasicGetOk{1, false, "", "q", 0}, "hello"), all);
}

TEST_P(Publishing, CarriesAnEmptyBody) {
  Client& c = client();
  declares(c, {.queue = "q"}).publishes("q", "").sends(BasicGet{.queue = "q"}).receives_content(BasicGetOk{1, false, "", "q", 0}, "");
}

TEST_P(PublishingMuch, CutsABodyForAConsumerWithSmallFrames) {
  Client& c = client();
  Client& small = client({.frame_max = 4096});
  const std::string body(300'000, 'b');
  declares(c, {.queue = "q"}).publishes("q", body);
  small.sends(BasicGet{.queue = "q"}).receives_content(BasicGetOk{1, false, "", "q", 0}, body);
}

TEST_P(Publishing, FindsNoSuchExchange) {
  client()
      .sends_content({.exchange = "x", .routing_key = "k"}, "m")
      .loses_channel_with(404, "NOT_FOUND - no exchange 'x' in vhost '/'", BasicPublish::kId);
}

TEST_P(Publishing, StopsAtInternalExchanges) {
  Client& c = client();
  c.sends(ExchangeDeclare{.exchange = "x", .type = "fanout", .internal = true}).receives(ExchangeDeclareOk{});
  c.sends_content({.exchange = "x"}, "m");
  c.loses_channel_with(403, "ACCESS_REFUSED - cannot publish to internal exchange 'x' in vhost '/'", BasicPublish::kId);
}

TEST_P(Publishing, DoesNotKnowImmediate) {
  client()
      .sends_content({.routing_key = "q", .immediate = true}, "m")
      .is_closed_with(540, "NOT_IMPLEMENTED - immediate=true", BasicPublish::kId);
}

TEST_P(Publishing, DropsWhatGoesNowhere) { client().publishes("nowhere", "m").receives_nothing(); }

TEST_P(Publishing, ReturnsWhatIsMandatoryAndGoesNowhere) {
  Client& c = client();
  c.sends_content({.exchange = "amq.direct", .routing_key = "k", .mandatory = true}, "m", {.message_id = "id"});
  EXPECT_EQ(c.receives_content(BasicReturn{312, "NO_ROUTE", "amq.direct", "k"}, "m").message_id, "id");
}

TEST_P(Publishing, SendsEachMessageWhereItsOwnMethodSays) {
  Client& c = client();
  declares(c, {.queue = "q"});
  declares(c, {.queue = "r"});
  for (const char* key : {"q", "q", "r", "q"}) c.publishes(key, key);
  for (std::uint32_t left : {2u, 1u, 0u})
    c.sends(BasicGet{.queue = "q", .no_ack = true}).receives_content(BasicGetOk{3 - left, false, "", "q", left}, "q");
  c.sends(BasicGet{.queue = "r", .no_ack = true}).receives_content(BasicGetOk{4, false, "", "r", 0}, "r");
}

TEST_P(Publishing, ReturnsEveryRepeatedMandatoryMessageAndNoOther) {
  Client& c = client();
  for (bool mandatory : {true, true, false, false, true}) {
    c.sends_content({.routing_key = "nowhere", .mandatory = mandatory}, "m");
    if (mandatory) c.receives_content(BasicReturn{312, "NO_ROUTE", "", "nowhere"}, "m");
  }
  c.receives_nothing();
}

TEST_P(Publishing, RefusesAMessageLargerThanConfigured) {
  options.max_message_bytes = 10;
  Client& c = client();
  c.publishes("q", "0123456789a")
      .loses_channel_with(406, "PRECONDITION_FAILED - message size 11 is larger than configured max size 10", BasicPublish::kId);
  c.opens_channel().publishes("q", "0123456789").receives_nothing();
}

TEST_P(Publishing, ClosesForABodyBeyondAllLimits) {
  std::string frames;
  append_method_frame(frames, 1, BasicPublish{.routing_key = "q"});
  append_header_frame(frames, 1, {60, (512ULL << 20) + 1, std::string_view("\0\0", 2)});
  Client& c = client();
  c.sends_bytes(frames);
  EXPECT_EQ(c.takes<ConnectionClose>().reply_code, 501);
}

TEST_P(Publishing, ChecksTheUserId) {
  client()
      .publishes("q", "m", {.user_id = "ann"})
      .loses_channel_with(406, "PRECONDITION_FAILED - user_id property set to 'ann' but authenticated user was 'guest'", BasicPublish::kId);
}

TEST_P(Publishing, ChecksTheExpiration) {
  const std::pair<const char*, const char*> wrong[] = {{"abc", "no_integer"},
                                                       {"-1", "{value_negative,-1}"},
                                                       {"1x", "{leftover_string,\"x\"}"},
                                                       {"315360000001", "{value_too_large,315360000001}"}};
  Client& c = client();
  for (const auto& [value, reason] : wrong) {
    const std::string text = "PRECONDITION_FAILED - invalid expiration '" + std::string(value) + "': " + reason;
    c.publishes("q", "m", {.expiration = value}).loses_channel_with(406, text, BasicPublish::kId).opens_channel();
  }
}

TEST_P(Publishing, SendsCopiesToCcAndBcc) {
  Client& c = client();
  for (const char* queue : {"to", "cc", "bcc"}) declares(c, {.queue = queue});
  const Properties properties{.headers = Table{{"CC", Array{"cc", "to"}}, {"BCC", Array{"bcc"}}}};
  c.publishes("to", "m", properties);
  std::uint64_t tag = 1;
  for (const char* queue : {"to", "cc", "bcc"}) {
    c.sends(BasicGet{.queue = queue});
    EXPECT_EQ(c.receives_content(BasicGetOk{tag++, false, "", "to", 0}, "m").headers, (Table{{"CC", Array{"cc", "to"}}}));
  }
}

TEST_P(Publishing, WantsCcToBeAnArray) {
  client()
      .publishes("q", "m", {.headers = Table{{"CC", "cc"}}})
      .loses_channel_with(406, "PRECONDITION_FAILED - invalid message: {unacceptable_type_in_header,\"CC\",longstr}", BasicPublish::kId);
}

// --- confirms ---

TEST_P(Publishing, ConfirmsTransientAndPersistent) {
  Client& c = client();
  declares(c, {.queue = "q", .durable = true}).sends(ConfirmSelect{}).receives(ConfirmSelectOk{});
  c.publishes("q", "1").receives(BasicAck{1, false}).publishes("q", "2", kPersistent).receives(BasicAck{2, false}).receives_nothing();
}

TEST_P(Publishing, ConfirmsEachPublishOnce) {
  Client& c = client();
  declares(c, {.queue = "q", .durable = true}).sends(ConfirmSelect{}).receives(ConfirmSelectOk{});
  for (int i = 0; i < 20; ++i) c.publishes(i % 3 == 0 ? "nowhere" : "q", std::to_string(i), i % 2 == 0 ? kPersistent : Properties{});
  EXPECT_EQ(answers(c, 20), std::string(20, '+'));
}

TEST_P(Publishing, FoldsConfirmsThatAreDueTogether) {
  Client& c = client();
  c.sends(ConfirmSelect{}).receives(ConfirmSelectOk{});
  for (int i = 0; i < 3; ++i) c.publishes("nowhere", "m");
  if (GetParam().cut == Way::Cut::kWhole) c.receives(BasicAck{3, true}).receives_nothing();
  else EXPECT_EQ(answers(c, 3), "+++");
}

TEST_P(Publishing, ReturnsBeforeItConfirms) {
  Client& c = client();
  c.sends(ConfirmSelect{}).receives(ConfirmSelectOk{}).sends_content({.routing_key = "nowhere", .mandatory = true}, "m");
  c.receives_content(BasicReturn{312, "NO_ROUTE", "", "nowhere"}, "m");
  c.receives(BasicAck{1, false});
}

TEST_P(Publishing, ConfirmsOnceWhateverTheNumberOfQueues) {
  Client& c = client();
  for (const char* queue : {"a", "b", "c"})
    declares(c, {.queue = queue, .durable = queue[0] != 'b'})
        .sends(QueueBind{.queue = queue, .exchange = "amq.fanout"})
        .receives(QueueBindOk{});
  c.sends(ConfirmSelect{}).receives(ConfirmSelectOk{}).sends_content({.exchange = "amq.fanout"}, "m", kPersistent);
  c.receives(BasicAck{1, false}).receives_nothing();
}

TEST_P(Publishing, CountsFromConfirmSelectOn) {
  Client& c = client();
  c.publishes("nowhere", "not counted")
      .sends(ConfirmSelect{})
      .receives(ConfirmSelectOk{})
      .publishes("nowhere", "m")
      .receives(BasicAck{1, false});
  c.sends(ConfirmSelect{}).receives(ConfirmSelectOk{}).publishes("nowhere", "m").receives(BasicAck{2, false});
}

TEST_P(Publishing, KeepsWhatItConfirmed) {
  Client& c = client();
  declares(c, {.queue = "q", .durable = true}).sends(ConfirmSelect{}).receives(ConfirmSelectOk{}).publishes("q", "m", kPersistent);
  c.receives(BasicAck{1, false});
  crash();
  client().sends(BasicGet{.queue = "q"}).receives_content(BasicGetOk{1, false, "", "q", 0}, "m");
}

TEST_P(Publishing, ConfirmsWhatRacesWithTheEndOfItsQueue) {
  Client& c = client();
  Client& other = client();
  declares(c, {.queue = "q", .durable = true}).sends(ConfirmSelect{}).receives(ConfirmSelectOk{});
  other.sends(QueueDelete{.queue = "q"});
  other.flush();
  for (int i = 0; i < 5; ++i) c.publishes("q", "m", kPersistent);
  EXPECT_EQ(answers(c, 5), "+++++");
}

TEST_P(Publishing, CannotSwitchToConfirmsInATransaction) {
  Client& c = client();
  c.sends(TxSelect{}).receives(TxSelectOk{}).sends(ConfirmSelect{});
  c.loses_channel_with(406, "PRECONDITION_FAILED - cannot switch from tx to confirm mode", ConfirmSelect::kId);
}

TEST_P(Publishing, KeepsTheOrderOfAChannel) {
  Client& c = client();
  declares(c, {.queue = "q", .durable = true});
  std::vector<std::string> bodies;
  for (int i = 0; i < 50; ++i) c.publishes("q", bodies.emplace_back(std::to_string(i)), i % 2 == 0 ? kPersistent : Properties{});
  c.sends(BasicConsume{.queue = "q", .consumer_tag = "t", .no_ack = true})
      .receives(BasicConsumeOk{"t"})
      .receives_deliveries("t", "q", 1, bodies);
}

TEST_P(PublishingInOneRead, WaitsForQueuesWhenTooMuchIsOnItsWay) {
  options.publish_window_bytes = 1000;
  Client& c = client();
  declares(c, {.queue = "q"}).publishes("q", std::string(2000, 'x'));
  c.flush();
  EXPECT_FALSE(c.session().wants_read());
  settle();
  EXPECT_TRUE(c.session().wants_read());
}

}  // namespace mq::test
