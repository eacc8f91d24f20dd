// Acknowledging, rejecting and giving back; and what comes back after the broker stopped.
#include "support/conversation.hpp"

namespace mq::test {

using namespace amqp;

MQ_CONVERSATIONS(Settling);

namespace {

const Properties kPersistent{.delivery_mode = 2};

// Channel 1 has got the messages 1 to `count` of a new queue q, with as many tags.
Client& holding(Client& c, int count, bool durable = false) {
  c.sends(QueueDeclare{.queue = "q", .durable = durable}).receives(QueueDeclareOk{"q", 0, 0});
  for (int number = 1; number <= count; ++number) c.publishes("q", std::to_string(number), durable ? kPersistent : Properties{});
  for (int number = 1; number <= count; ++number) {
    c.sends(BasicGet{.queue = "q"});
    c.receives_content(BasicGetOk{static_cast<std::uint64_t>(number), false, "", "q", static_cast<std::uint32_t>(count - number)},
                       std::to_string(number));
  }
  return c;
}

// What is ready in q, in order; a star marks what is redelivered.
std::string rest(Client& c, std::uint16_t channel = 1) {
  std::string all;
  for (;;) {
    c.sends(BasicConsume{.queue = "q", .consumer_tag = "rest", .no_ack = true}, channel).receives(BasicConsumeOk{"rest"}, channel);
    while (c.frames_waiting() > 0) {
      auto [deliver, body] = c.takes_delivery(channel);
      all += (all.empty() ? "" : " ") + body + (deliver.redelivered ? "*" : "");
    }
    c.sends(BasicCancel{"rest"}, channel).receives(BasicCancelOk{"rest"}, channel);
    return all;
  }
}

}  // namespace

TEST_P(Settling, ForgetsWhatIsAcknowledged) {
  Client& c = holding(client(), 3).sends(BasicAck{2});
  c.closes_channel();
  EXPECT_EQ(rest(c.opens_channel()), "1* 3*");
}

TEST_P(Settling, AcknowledgesAllUpToATag) {
  Client& c = holding(client(), 4).sends(BasicAck{3, true});
  c.closes_channel();
  EXPECT_EQ(rest(c.opens_channel()), "4*");
}

TEST_P(Settling, AcknowledgesEverythingWithZero) {
  Client& c = holding(client(), 3).sends(BasicAck{0, true}).sends(BasicAck{0, true});
  c.closes_channel();
  EXPECT_EQ(rest(c.opens_channel()), "");
}

TEST_P(Settling, KnowsNoSuchTag) {
  Client& c = client();
  auto refused = [&](MethodId method, std::uint64_t tag) {
    c.loses_channel_with(406, "PRECONDITION_FAILED - unknown delivery tag " + std::to_string(tag), method).opens_channel();
  };
  c.sends(BasicAck{1});
  refused(BasicAck::kId, 1);
  c.sends(BasicAck{0});
  refused(BasicAck::kId, 0);
  c.sends(BasicAck{7, true});
  refused(BasicAck::kId, 7);
  c.sends(BasicNack{2, false, true});
  refused(BasicNack::kId, 2);
  c.sends(BasicReject{3, true});
  refused(BasicReject::kId, 3);
}

TEST_P(Settling, TakesATagOnce) {
  holding(client(), 2)
      .sends(BasicAck{1})
      .sends(BasicAck{1})
      .loses_channel_with(406, "PRECONDITION_FAILED - unknown delivery tag 1", BasicAck::kId);
}

TEST_P(Settling, WantsTheVeryTagOfAMultiple) {
  holding(client(), 3)
      .sends(BasicAck{2})
      .sends(BasicAck{2, true})
      .loses_channel_with(406, "PRECONDITION_FAILED - unknown delivery tag 2", BasicAck::kId);
}

TEST_P(Settling, CountsTagsForEachChannel) {
  holding(client(), 1)
      .opens_channel(2)
      .sends(BasicAck{1}, 2)
      .loses_channel_with(406, "PRECONDITION_FAILED - unknown delivery tag 1", BasicAck::kId, 2);
}

TEST_P(Settling, CountsDeliveriesThatNeedNoAcknowledgement) {
  Client& c = holding(client(), 1)
                  .publishes("q", "2")
                  .publishes("q", "3")
                  .sends(BasicGet{.queue = "q", .no_ack = true})
                  .sends(BasicGet{.queue = "q"});
  c.receives_content(BasicGetOk{2, false, "", "q", 1}, "2");
  c.receives_content(BasicGetOk{3, false, "", "q", 0}, "3");
  c.sends(BasicAck{3}).sends(BasicAck{2}).loses_channel_with(406, "PRECONDITION_FAILED - unknown delivery tag 2", BasicAck::kId);
}

// --- giving back ---

TEST_P(Settling, PutsAMessageBackInItsPlace) {
  Client& c = holding(client(), 3).publishes("q", "4");
  c.sends(BasicNack{2, false, true}).sends(BasicReject{1, true}).sends(BasicReject{3, true});
  EXPECT_EQ(rest(c), "1* 2* 3* 4");
}

TEST_P(Settling, PutsManyBackAtOnceInTheirPlaces) {
  Client& c = holding(client(), 4).publishes("q", "5").sends(BasicNack{3, true, true});
  EXPECT_EQ(rest(c), "1* 2* 3* 5");
}

TEST_P(Settling, DropsWhatIsRejected) {
  Client& c = holding(client(), 3).sends(BasicReject{1, false}).sends(BasicNack{3, true, false});
  c.closes_channel();
  EXPECT_EQ(rest(c.opens_channel()), "");
}

TEST_P(Settling, GivesBackInPlaceWhenAChannelCloses) {
  Client& c = holding(client(), 3).publishes("q", "4").sends(BasicAck{2});
  c.closes_channel();
  EXPECT_EQ(rest(c.opens_channel()), "1* 3* 4");
}

TEST_P(Settling, GivesBackInPlaceWhenAChannelFails) {
  Client& c = holding(client(), 2).publishes("q", "3").sends(BasicAck{9});
  c.loses_channel_with(406, "PRECONDITION_FAILED - unknown delivery tag 9", BasicAck::kId);
  EXPECT_EQ(rest(c.opens_channel()), "1* 2* 3");
}

TEST_P(Settling, RecoversAll) {
  Client& c = holding(client(), 2).sends(BasicRecover{true}).receives(BasicRecoverOk{});
  c.sends(BasicGet{.queue = "q"}).receives_content(BasicGetOk{3, true, "", "q", 1}, "1");
  c.sends(BasicAck{1}).loses_channel_with(406, "PRECONDITION_FAILED - unknown delivery tag 1", BasicAck::kId);
}

TEST_P(Settling, RecoversToTheConsumerItself) {
  Client& c = client();
  c.sends(QueueDeclare{.queue = "q"})
      .receives(QueueDeclareOk{"q", 0, 0})
      .sends(BasicConsume{.queue = "q", .consumer_tag = "t"})
      .receives(BasicConsumeOk{"t"});
  c.publishes("q", "m").receives_deliveries("t", "q", 1, {"m"}).sends(BasicRecover{true}).receives(BasicRecoverOk{});
  c.receives_content(BasicDeliver{"t", 2, true, "", "q"}, "m");
}

TEST_P(Settling, RecoversWithoutAnAnswerWhenAskedThatWay) {
  Client& c = holding(client(), 1).sends(BasicRecoverAsync{true}).receives_nothing();
  EXPECT_EQ(rest(c), "1*");
}

TEST_P(Settling, CannotRecoverToTheSameConsumer) {
  Client& c = client();
  c.sends(BasicRecover{false}).is_closed_with(540, "NOT_IMPLEMENTED - requeue=false", BasicRecover::kId);
}

// --- after a stop ---

TEST_P(Settling, BringsBackWhatWasPersistentAndTellsWhatWasDelivered) {
  holding(client(), 2, true).publishes("q", "3", kPersistent).publishes("q", "transient").sends(BasicAck{1});
  restart();
  EXPECT_EQ(rest(client()), "2* 3");
}

TEST_P(Settling, IsHonestAboutDeliveriesAfterACrash) {
  holding(client(), 1, true);
  crash();
  EXPECT_EQ(rest(client()), "1*");
}

TEST_P(Settling, ForgetsAcknowledgedMessagesOnDisk) {
  holding(client(), 3, true).sends(BasicAck{3, true}).receives_nothing();
  restart();
  EXPECT_EQ(rest(client()), "");
}

TEST_P(Settling, ForgetsPurgedMessagesOnDisk) {
  Client& c = holding(client(), 1, true).publishes("q", "2", kPersistent).sends(QueuePurge{.queue = "q"}).receives(QueuePurgeOk{1});
  c.receives_nothing();
  restart();
  EXPECT_EQ(rest(client()), "1*");
}

TEST_P(Settling, KeepsOrderOverManyStops) {
  Client& c = client();
  c.sends(QueueDeclare{.queue = "q", .durable = true}).receives(QueueDeclareOk{"q", 0, 0});
  for (int number = 1; number <= 30; ++number) c.publishes("q", std::to_string(number), kPersistent);
  for (int round = 0; round < 3; ++round) {
    Client& next = round == 0 ? c : client();
    for (std::uint64_t got = 1; got <= 5; ++got) {
      next.sends(BasicGet{.queue = "q"});
      (void)next.takes<BasicGetOk>();
      std::string body;
      EXPECT_EQ(next.takes_content(body, 1).delivery_mode, 2);
      EXPECT_EQ(body, std::to_string(round * 2 + static_cast<int>(got)));
    }
    next.sends(BasicAck{2, true}).receives_nothing();
    restart();
  }
  EXPECT_EQ(rest(client()).substr(0, 12), "7* 8* 9* 10 ");
}

}  // namespace mq::test
