#include "apps/brokerctl/commands.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <string_view>
#include <thread>

#include "mq/client/client.hpp"

namespace mq::brokerctl {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kBetweenAttempts{100};

std::string text_of(const amqp::Table& properties, std::string_view name) {
  const amqp::Value* value = properties.find(name);
  const std::string* text = value == nullptr ? nullptr : value->string();
  return text == nullptr ? std::string{} : *text;
}

client::Outcome<amqp::Table> log_in(const Target& target, milliseconds timeout) {
  client::ConnectOptions options;
  options.host = target.host;
  options.port = target.port;
  options.user = *target.user;
  options.password = target.password;
  options.vhost = target.vhost;
  options.connect_timeout = timeout;
  options.reply_timeout = timeout;
  options.connection_name = "brokerctl";
  auto connection = client::Connection::open(options);
  if (!connection) return connection.error();
  amqp::Table properties = (*connection)->server_properties();
  if (auto closed = (*connection)->close(); !closed) return closed.error();
  return properties;
}

/// The server's properties, or why there are none.
client::Outcome<amqp::Table> ask(const Target& target, milliseconds timeout) {
  if (target.user) return log_in(target, timeout);
  return client::Connection::probe(target.host, target.port, timeout);
}

// What the broker is. A brokerd tells clients a RabbitMQ's product and version, which they look for, and says in `platform` who it is.
std::string who(const amqp::Table& properties) {
  std::string platform = text_of(properties, "platform");
  if (platform.starts_with("brokerd ")) return platform;
  return text_of(properties, "product") + " " + text_of(properties, "version");
}

int report(const Target& target, const client::Outcome<amqp::Table>& answer) {
  if (answer) {
    fmt::print("{} answers at {}:{}\n", who(*answer), target.host, target.port);
    return kDone;
  }
  fmt::print(stderr, "{}:{}: {}\n", target.host, target.port, answer.error().describe());
  return answer.error().is_refusal() ? kRefused : kNoAnswer;
}

}  // namespace

int ping(const Target& target, milliseconds timeout) { return report(target, ask(target, timeout)); }

int await_startup(const Target& target, milliseconds timeout) {
  const auto end = Clock::now() + timeout;
  for (;;) {
    auto left = std::chrono::duration_cast<milliseconds>(end - Clock::now());
    auto answer = ask(target, std::max(left, kBetweenAttempts));
    bool decided = answer || answer.error().is_refusal();
    if (decided || Clock::now() + kBetweenAttempts >= end) return report(target, answer);
    std::this_thread::sleep_for(kBetweenAttempts);
  }
}

}  // namespace mq::brokerctl
