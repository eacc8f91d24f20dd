// The first octet chooses the mechanism, the rest is the response. What is read is what was sent: PLAIN says it with two zeros, AMQPLAIN in
// a table. Both are then shown to a broker, as part of a handshake, where only the right password helps.
#include "session/sasl.hpp"

#include "fuzz.hpp"
#include "mq/amqp/methods.hpp"
#include "support/input.hpp"
#include "support/world.hpp"

using namespace mq;
using namespace mq::fuzz;

namespace {

std::string plain(const session::Credentials& credentials) {
  return std::string(1, '\0') + credentials.user + std::string(1, '\0') + credentials.password;
}

std::string amqplain(const session::Credentials& credentials) {
  std::string encoded;
  amqp::encode_table(amqp::Table{{"LOGIN", credentials.user}, {"PASSWORD", credentials.password}}, encoded);
  return encoded.substr(4);
}

void reads_back(std::string_view mechanism, const std::string& response, const session::Credentials& expected) {
  const auto again = session::read_credentials(mechanism, response);
  FUZZ_CLAIM(again && again->user == expected.user && again->password == expected.password);
}

void shakes_hands(std::string_view mechanism, std::string_view response) {
  World world;
  Peer& peer = world.connects();
  std::string bytes(amqp::kProtocolHeader);
  amqp::append_method_frame(bytes, 0, amqp::ConnectionStartOk{{}, mechanism, response, "en_US"});
  peer.says(bytes);
  world.settles();
  const auto credentials = session::is_offered(mechanism, false) ? session::read_credentials(mechanism, response) : std::nullopt;
  const bool right =
      credentials && credentials->user == credentials->password && (credentials->user == "guest" || credentials->user == "neighbour");
  FUZZ_CLAIM(peer.wire().has_event() && peer.wire().read().id == amqp::ConnectionStart::kId);
  if (right) FUZZ_CLAIM(peer.wire().has_event() && peer.wire().read().id == amqp::ConnectionTune::kId);
  else FUZZ_CLAIM(!peer.wire().has_event() || peer.wire().read().id == amqp::ConnectionClose::kId);
  world.ends();
}

}  // namespace

FUZZ_TARGET(bytes) {
  Input input(bytes);
  const std::uint8_t way = input.u8();
  const std::string_view mechanism = (way & 1) != 0 ? "AMQPLAIN" : "PLAIN";
  const std::string_view response = input.rest();
  const auto credentials = session::read_credentials(mechanism, response);
  if (credentials && credentials->user.find('\0') == std::string::npos) reads_back("PLAIN", plain(*credentials), *credentials);
  if (credentials) reads_back("AMQPLAIN", amqplain(*credentials), *credentials);
  if ((way & 0x30) == 0 && response.size() < 4000) shakes_hands((way & 2) != 0 ? response.substr(0, 10) : mechanism, response);
}
