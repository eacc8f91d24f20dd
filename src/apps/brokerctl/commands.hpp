// What brokerctl can do; each command returns the code the process ends with.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace mq::brokerctl {

/// Part of the contract with scripts and health checks: meanings do not change.
enum ExitCode : int {
  kDone = 0,
  kNoAnswer = 1,  ///< nobody listens, or what listens is no AMQP 0-9-1 broker, or it is too slow
  kUsage = 2,     ///< the command line makes no sense
  kRefused = 3,   ///< the broker answers, but refuses the user, the password or the virtual host
  kFailed = 4,    ///< the broker answers, and says that what it was asked for cannot be
};

/// Which broker is meant, and who asks.
struct Target {
  std::string host = "127.0.0.1";
  std::uint16_t port = 5672;
  std::optional<std::string> user;  ///< none: only asks whether a broker answers, without logging in
  std::string password;
  std::string vhost = "/";
};

/// Asks once and says what it learned on standard output, or what is wrong on standard error.
int ping(const Target& target, std::chrono::milliseconds timeout);

/// Asks until the broker answers or `timeout` is over. A refusal ends it at once: waiting would not help.
int await_startup(const Target& target, std::chrono::milliseconds timeout);

}  // namespace mq::brokerctl
