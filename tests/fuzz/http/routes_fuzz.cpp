// Every route of the table, with names, queries and bodies out of the input: the first octets choose the row, its variables are filled in.
#include "http/routes.hpp"

#include "fuzz.hpp"
#include "support/input.hpp"
#include "support/world.hpp"

using namespace mq;
using namespace mq::fuzz;

namespace {

constexpr std::size_t kMostCalls = 12;
constexpr std::string_view kUsers[] = {"guest", "guest", "guest", "neighbour", "nobody"};
constexpr std::string_view kNames[] = {
    "q",        "%2F",       "p",   "guest", "amq.topic", "vhost-limits", "limits", "max-queues", "max-connections", "vhost-settings",
    "settings", "redeclare", "0-1", "%00",   "%ff",       "..",           ""};
constexpr std::string_view kQueries[] = {"?page=1&page_size=2",
                                         "?name=q&use_regex=true",
                                         "?sort=name&sort_reverse=true",
                                         "?columns=name,a.b",
                                         "?count=5&from=0-0",
                                         "?by=key",
                                         "?disable_stats=true",
                                         "?name=(&use_regex=true&page=9999999999"};
constexpr std::string_view kBodies[] = {
    R"({"pattern":"^q","definition":{"max-length":3,"message-ttl":1000},"priority":1,"apply-to":"queues"})",
    R"({"value":1})",
    R"({"value":{"max-queues":2}})",
    R"({"arguments":{"x-max-length":1}})",
    R"({"delivery":true,"publish":true})",
    R"({"pattern":"(","definition":[]})",
    "[1,2",
    "{}",
    ""};

std::string make_target(std::string_view path, Input& input) {
  std::string target;
  while (!path.empty()) {
    const std::size_t begin = path.find('{');
    target += path.substr(0, begin);
    if (begin == std::string_view::npos) break;
    const std::size_t end = path.find('}');
    const bool vhost = path.substr(begin, end - begin) == "{vhost";
    const std::uint8_t which = input.u8();
    if (vhost && which < 200) target += "%2F";
    else if (which > 245) target += input.text();
    else target += kNames[which % std::size(kNames)];
    path.remove_prefix(end + 1);
  }
  const std::uint8_t query = input.u8();
  if (query > 245) target.append("?").append(input.text());
  else if (query >= 128) target += kQueries[query % std::size(kQueries)];
  return target;
}

void calls(World& world, Input& input) {
  static const http::Site site{"1.2.3", "brokerd@here", "the cluster", {}};
  const auto all = http::routes();
  const http::Route& route = all[input.u8() % all.size()];
  http::Request request;
  if (!http::read_target(make_target(route.path, input), request)) return;
  request.verb = route.verb;
  request.user = std::string(input.pick(kUsers));
  const std::uint8_t body = input.u8();
  if (body > 200) request.body = std::string(input.text());
  else request.body = std::string(kBodies[body % std::size(kBodies)]);
  auto answers = std::make_shared<std::size_t>(0);
  auto done = [answers](const http::Response& response) {
    ++*answers;
    FUZZ_CLAIM(response.status >= 200 && response.status < 500);
    if (response.content_type == "application/json" && !response.body.empty()) FUZZ_CLAIM(http::parse_json(response.body).has_value());
  };
  http::dispatch(std::make_shared<http::Call>(world.broker(), site, std::move(request), done));
  world.settles();
  FUZZ_CLAIM(*answers == 1);
}

}  // namespace

FUZZ_TARGET(bytes) {
  Input input(bytes);
  World world;
  Peer& peer = world.logs_in();
  std::string said;
  for (const std::string_view queue : {"q", "r"}) amqp::append_method_frame(said, 1, amqp::QueueDeclare{.queue = queue, .durable = true});
  peer.says(said);
  world.settles();
  for (std::size_t count = 0; count < kMostCalls && !input.empty(); ++count) calls(world, input);
  world.ends();
}
