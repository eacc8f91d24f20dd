// From the protocol header to connection.open-ok, and everything that can go wrong on that way.
#include "support/conversation.hpp"

namespace mq::test {

using namespace amqp;

MQ_CONVERSATIONS(Handshake);

namespace {

constexpr std::string_view kLoginRefused =
    "ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN. For details see the broker logfile.";

std::string plain(const std::string& user, const std::string& password) {
  return std::string(1, '\0') + user + std::string(1, '\0') + password;
}

Client& starts(Client& c) {
  c.sends_bytes(kProtocolHeader);
  (void)c.takes<ConnectionStart>();
  return c;
}

Client& authenticates(Client& c) {
  const std::string response = plain("guest", "guest");
  starts(c).sends(ConnectionStartOk{{}, "PLAIN", response, "en_US"}).receives(ConnectionTune{2047, 131072, 60});
  return c;
}

}  // namespace

TEST_P(Handshake, AnswersAHeaderItDoesNotSpeakWithItsOwn) {
  for (std::string_view header :
       {std::string_view("AMQP\0\1\0\0", 8), std::string_view("AMQP\0\0\x09\2", 8), std::string_view("AMQP\3\1\0\0", 8),
        std::string_view("GET / HTTP/1.1\r\n"), std::string_view("\x16\x03\1\0\xC8\1\0\0", 8)}) {
    Client& c = stranger();
    c.sends_bytes(header).receives_bytes(kProtocolHeader).ends();
  }
}

TEST_P(Handshake, TakesTheHeaderOfAmqp09Clients) {
  Client& c = stranger();
  c.sends_bytes(kProtocolHeader09);
  EXPECT_EQ(c.takes<ConnectionStart>().version_minor, 9);
}

TEST_P(Handshake, SaysWhatClientsLookFor) {
  Client& c = stranger();
  c.sends_bytes(kProtocolHeader);
  const auto start = c.takes<ConnectionStart>();
  EXPECT_EQ(start.mechanisms, "PLAIN AMQPLAIN");
  EXPECT_EQ(start.locales, "en_US");
  const Table properties = start.server_properties.decode();
  EXPECT_EQ(*properties.find("product")->string(), "RabbitMQ");
  for (const char* name : {"publisher_confirms", "exchange_exchange_bindings", "basic.nack", "consumer_cancel_notify", "connection.blocked",
                           "consumer_priorities", "authentication_failure_close", "per_consumer_qos"})
    EXPECT_TRUE(*properties.find("capabilities")->table()->find(name)->boolean()) << name;
}

TEST_P(Handshake, LogsInWithPlain) { stranger().logs_in().closes(); }

TEST_P(Handshake, LogsInWithAmqplain) {
  Client& c = stranger();
  std::string response;
  encode_table({{"LOGIN", "guest"}, {"PASSWORD", "guest"}}, response);
  starts(c)
      .sends(ConnectionStartOk{{}, "AMQPLAIN", std::string_view(response).substr(4), "en_US"})
      .receives(ConnectionTune{2047, 131072, 60});
}

TEST_P(Handshake, RefusesAnUnknownMechanism) {
  starts(stranger())
      .sends(ConnectionStartOk{{}, "FOO", "", "en_US"})
      .is_closed_with(503, "COMMAND_INVALID - unknown authentication mechanism 'FOO'", ConnectionStartOk::kId);
}

TEST_P(Handshake, RefusesAResponseThatIsNotPlain) {
  starts(stranger())
      .sends(ConnectionStartOk{{}, "PLAIN", "guest", "en_US"})
      .is_closed_with(502, "SYNTAX_ERROR - invalid SASL response", ConnectionStartOk::kId);
}

TEST_P(Handshake, TellsAClientThatAskedForItWhyItsLoginIsRefused) {
  const std::string response = plain("guest", "wrong");
  const auto properties = args({{"capabilities", Table{{"authentication_failure_close", true}}}});
  starts(stranger()).sends(ConnectionStartOk{properties, "PLAIN", response, "en_US"}).is_closed_with(403, kLoginRefused);
}

TEST_P(Handshake, RefusesALoginSilentlyOtherwise) {
  Client& c = stranger();
  const std::string response = plain("guest", "wrong");
  starts(c).sends(ConnectionStartOk{{}, "PLAIN", response, "en_US"}).receives_nothing();
  passes(2999);
  EXPECT_TRUE(c.socket_open());
  passes(1);
  c.is_cut_off();
}

TEST_P(Handshake, RefusesGuestFromAnotherMachine) {
  const std::string response = plain("guest", "guest");
  const auto properties = args({{"capabilities", Table{{"authentication_failure_close", true}}}});
  starts(stranger(false)).sends(ConnectionStartOk{properties, "PLAIN", response, "en_US"}).is_closed_with(403, kLoginRefused);
}

TEST_P(Handshake, RefusesWhoDoesNotExistAsItRefusesAWrongPassword) {
  adds_user("passwordless", ".*", ".*", ".*", "");
  restart();
  const auto properties = args({{"capabilities", Table{{"authentication_failure_close", true}}}});
  for (const char* user : {"guest", "nobody", "passwordless"}) {
    const std::string response = plain(user, "wrong");
    starts(stranger()).sends(ConnectionStartOk{properties, "PLAIN", response, "en_US"}).is_closed_with(403, kLoginRefused);
  }
}

TEST_P(Handshake, ReadsWhatComesBehindALoginOnlyWhenThatIsDecided) {
  Client& c = stranger();
  const std::string response = plain("guest", "guest");
  starts(c)
      .sends(ConnectionStartOk{{}, "PLAIN", response, "en_US"})
      .sends(ConnectionTuneOk{2047, 131072, 0})
      .sends(ConnectionOpen{"/"})
      .sends(ChannelOpen{})
      .receives(ConnectionTune{2047, 131072, 60})
      .receives(ConnectionOpenOk{})
      .receives(ChannelOpenOk{})
      .closes();
}

TEST_P(Handshake, EndsInTimeWhileALoginIsNotDecided) {
  scheduler().hold("login", true);
  Client& c = stranger();
  const std::string response = plain("guest", "guest");
  starts(c).sends(ConnectionStartOk{{}, "PLAIN", response, "en_US"}).receives_nothing();
  passes(10'000);
  EXPECT_FALSE(c.socket_open());
  scheduler().hold("login", false);
  c.is_cut_off();
}

TEST_P(Handshake, OffersExternalToWhoHasACertificateOnly) {
  Client& c = stranger();
  c.session().set_certified_user("guest");
  c.sends_bytes(kProtocolHeader);
  EXPECT_EQ(c.takes<ConnectionStart>().mechanisms, "PLAIN AMQPLAIN EXTERNAL");
  c.sends(ConnectionStartOk{{}, "EXTERNAL", "", "en_US"}).receives(ConnectionTune{2047, 131072, 60});
  c.sends(ConnectionTuneOk{2047, 131072, 0}).sends(ConnectionOpen{"/"}).receives(ConnectionOpenOk{}).closes();
  starts(stranger())
      .sends(ConnectionStartOk{{}, "EXTERNAL", "", "en_US"})
      .is_closed_with(503, "COMMAND_INVALID - unknown authentication mechanism 'EXTERNAL'", ConnectionStartOk::kId);
}

TEST_P(Handshake, RefusesACertificateOfNobody) {
  const auto properties = args({{"capabilities", Table{{"authentication_failure_close", true}}}});
  for (const char* user : {"nobody", "guest"}) {  // guest may come from this machine only
    Client& c = stranger(false);
    c.session().set_certified_user(user);
    starts(c)
        .sends(ConnectionStartOk{properties, "EXTERNAL", "", "en_US"})
        .is_closed_with(403,
                        "ACCESS_REFUSED - Login was refused using authentication mechanism EXTERNAL. For details see the broker logfile.");
  }
}

TEST_P(Handshake, TakesOverRabbitsHashAndMakesABetterOneOfIt) {
  adds_user("ann", ".*", ".*", ".*");
  restart();
  const auto hashing = [this] {
    return broker().with_access([](const broker::Access& access) { return access.find_user("ann")->hashing; });
  };
  EXPECT_EQ(hashing(), broker::PasswordHashing::kSha256);
  for (int life = 0; life < 2; ++life) {
    stranger().logs_in({.user = "ann", .password = "ann"}).closes();
    EXPECT_EQ(hashing(), broker::PasswordHashing::kScrypt);
    restart();
  }
}

TEST_P(Handshake, LetsOtherUsersInFromAnotherMachine) {
  adds_user("ann", ".*", ".*", ".*");
  restart();
  stranger(false).logs_in({.user = "ann", .password = "ann"}).closes();
}

TEST_P(Handshake, AcceptsTheSmallestFrameMax) { stranger().logs_in({.frame_max = 4096}).closes(); }

TEST_P(Handshake, RefusesAFrameMaxThatIsTooSmall) {
  authenticates(stranger())
      .sends(ConnectionTuneOk{2047, 4095, 60})
      .is_closed_with(530, "NOT_ALLOWED - negotiated frame_max = 4095 is lower than the minimum allowed value (4096)",
                      ConnectionTuneOk::kId);
}

TEST_P(Handshake, RefusesAFrameMaxThatIsTooLarge) {
  authenticates(stranger())
      .sends(ConnectionTuneOk{2047, 131073, 60})
      .is_closed_with(530, "NOT_ALLOWED - negotiated frame_max = 131073 is higher than the maximum allowed value (131072)",
                      ConnectionTuneOk::kId);
}

TEST_P(Handshake, RefusesFramesWithoutLimit) {
  authenticates(stranger())
      .sends(ConnectionTuneOk{2047, 0, 60})
      .is_closed_with(530, "NOT_ALLOWED - negotiated frame_max = 0 (no limit) is higher than the maximum allowed value (131072)",
                      ConnectionTuneOk::kId);
}

TEST_P(Handshake, RefusesChannelsWithoutLimit) {
  authenticates(stranger())
      .sends(ConnectionTuneOk{0, 131072, 60})
      .is_closed_with(530, "NOT_ALLOWED - negotiated channel_max = 0 (no limit) is higher than the maximum allowed value (2047)",
                      ConnectionTuneOk::kId);
}

TEST_P(Handshake, RefusesMoreChannelsThanItOffered) {
  authenticates(stranger())
      .sends(ConnectionTuneOk{2048, 131072, 60})
      .is_closed_with(530, "NOT_ALLOWED - negotiated channel_max = 2048 is higher than the maximum allowed value (2047)",
                      ConnectionTuneOk::kId);
}

TEST_P(Handshake, KnowsNoSuchVhost) {
  authenticates(stranger())
      .sends(ConnectionTuneOk{2047, 131072, 60})
      .sends(ConnectionOpen{"nowhere"})
      .is_closed_with(530, "NOT_ALLOWED - vhost nowhere not found", ConnectionOpen::kId);
}

TEST_P(Handshake, KeepsUsersOutOfVhostsThatAreNotTheirs) {
  adds_vhost("other");
  restart();
  adds_user("ann", ".*", ".*", ".*");
  restart();
  const std::string response = plain("ann", "ann");
  starts(stranger())
      .sends(ConnectionStartOk{{}, "PLAIN", response, "en_US"})
      .receives(ConnectionTune{2047, 131072, 60})
      .sends(ConnectionTuneOk{2047, 131072, 60})
      .sends(ConnectionOpen{"other"})
      .is_closed_with(530, "NOT_ALLOWED - access to vhost 'other' refused for user 'ann'", ConnectionOpen::kId);
}

TEST_P(Handshake, RefusesMethodsOutOfTurn) {
  starts(stranger())
      .sends(ConnectionOpen{"/"})
      .is_closed_with(504, "CHANNEL_ERROR - unexpected method in connection state running", ConnectionOpen::kId);
}

TEST_P(Handshake, RefusesChannelsBeforeTheConnectionIsOpen) {
  authenticates(stranger()).sends(ChannelOpen{}).is_closed_with(505, "UNEXPECTED_FRAME - channel frame before connection.open");
}

TEST_P(Handshake, RefusesALargeFrameBeforeItKnowsTheClient) {
  Client& c = stranger();
  const std::string response = plain("guest", std::string(9000, 'x'));
  starts(c).sends(ConnectionStartOk{{}, "PLAIN", response, "en_US"});
  EXPECT_TRUE(c.takes<ConnectionClose>().reply_text.starts_with("FRAME_ERROR - type 1, all octets = <<>>: {frame_too_large,"));
  passes(3000);
  c.is_cut_off();
}

TEST_P(Handshake, MayBeGivenUpInOrder) { starts(stranger()).closes(); }

TEST_P(Handshake, MustBeOverInTenSeconds) {
  for (int stage = 0; stage < 3; ++stage) {
    Client& c = stranger();
    if (stage == 1) starts(c);
    if (stage == 2) authenticates(c);
    passes(9999);
    EXPECT_TRUE(c.socket_open()) << stage;
    passes(1);
    c.is_cut_off();
  }
}

TEST_P(Handshake, HasNoTimeoutOnceItIsOver) {
  Client& c = stranger().logs_in();
  passes(3600'000);
  EXPECT_TRUE(c.socket_open());
}

}  // namespace mq::test
