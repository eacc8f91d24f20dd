// The management API as bytes of HTTP: requests one behind the other on a connection, read by the parser that the connection has, with its
// limits, and answered by the handlers of a whole broker. Everything is answered once, with a status and a body that is JSON; the broker is
// as good as before for its neighbour.
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <optional>

#include "fuzz.hpp"
#include "http/routes.hpp"
#include "mq/amqp/utf8.hpp"
#include "support/input.hpp"
#include "support/world.hpp"

using namespace mq;
using namespace mq::fuzz;

namespace {

namespace wire = boost::beast::http;
using Parser = wire::request_parser<wire::string_body>;

constexpr std::uint32_t kMaxHeaderBytes = 16 * 1024;
constexpr std::uint64_t kMaxBodyBytes = 64 * 1024;
constexpr std::size_t kMostRequests = 8;

http::Site& site() {
  static http::Site here{"1.2.3", "brokerd@here", "the cluster", {}};
  return here;
}

void check(const http::Response& response) {
  FUZZ_CLAIM(response.status >= 200 && response.status < 600);
  if (response.content_type == "application/json" && !response.body.empty()) FUZZ_CLAIM(http::parse_json(response.body).has_value());
  for (const auto& [name, value] : response.headers) FUZZ_CLAIM(value.find_first_of("\r\n") == std::string::npos);
}

std::optional<http::Verb> verb_of(wire::verb verb) {
  switch (verb) {
    case wire::verb::get:
    case wire::verb::head: return http::Verb::kGet;
    case wire::verb::put: return http::Verb::kPut;
    case wire::verb::post: return http::Verb::kPost;
    case wire::verb::delete_: return http::Verb::kDelete;
    default: return std::nullopt;
  }
}

/// As http::Connection does it; every other request comes from somebody who is logged in already.
void handle(World& world, const wire::request<wire::string_body>& message, bool trusted) {
  http::Request request;
  const auto target = message.target();
  if (!http::read_target({target.data(), target.size()}, request)) return;
  const auto verb = verb_of(message.method());
  if (!verb) return static_cast<void>(http::allowed_verbs(request));
  request.verb = *verb;
  request.user = "guest";
  if (!trusted) {
    const auto authorization = message[wire::field::authorization];
    http::Claim claim;
    if (const auto refused = http::read_claim({authorization.data(), authorization.size()}, claim)) return check(*refused);
    auto passed = std::make_shared<bool>(false);
    const auto later = [&] { return engine::reply_to([passed](const Result<engine::Answer>& given) { *passed = given.has_value(); }); };
    const auto known = world.broker().logins().log_in({claim.user, claim.password, "Basic", "a client", "127.0.0.1", true}, later);
    world.settles();
    if (!(known ? known->has_value() : *passed)) return check(http::login_failed());
    request.user = claim.user;
  }
  request.body = message.body();
  auto answers = std::make_shared<std::size_t>(0);
  auto done = [answers](const http::Response& response) {
    ++*answers;
    check(response);
  };
  http::dispatch(std::make_shared<http::Call>(world.broker(), site(), std::move(request), done));
  world.settles();
  FUZZ_CLAIM(*answers == 1);
}

/// The bytes behind the first request; empty when it is none, or not whole.
std::string_view take_request(World& world, std::string_view bytes, bool trusted) {
  Parser parser;
  parser.eager(true);
  parser.header_limit(kMaxHeaderBytes);
  parser.body_limit(kMaxBodyBytes);
  while (!parser.is_done()) {
    boost::system::error_code error;
    const std::size_t used = parser.put(boost::asio::buffer(bytes.data(), bytes.size()), error);
    if ((error && error != wire::error::need_more) || used == 0) return {};
    bytes.remove_prefix(used);
  }
  handle(world, parser.get(), trusted);
  return bytes;
}

}  // namespace

FUZZ_TARGET(bytes) {
  Input input(bytes);
  const std::uint8_t how = input.u8();
  World world;
  Peer& peer = world.logs_in();
  std::string said;
  amqp::append_method_frame(said, 1, amqp::QueueDeclare{.queue = "q", .durable = true});
  amqp::append_method_frame(said, 1, amqp::BasicPublish{.routing_key = "q"});
  amqp::append_content(said, 1, std::string_view("\0\0", 2), "body", 8192);
  peer.says(said);
  world.settles();
  std::string_view left = input.rest();
  for (std::size_t requests = 0; requests < kMostRequests && !left.empty(); ++requests) left = take_request(world, left, (how & 1) == 0);
  if ((how & 2) != 0) world.serves_the_neighbour();
  world.ends();
}
