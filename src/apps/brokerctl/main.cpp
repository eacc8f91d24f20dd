// brokerctl: asks a broker how it is, over AMQP, and tells by its exit code. See `brokerctl --help`.
#include <CLI/CLI.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "apps/brokerctl/commands.hpp"

namespace {

using mq::brokerctl::Target;

constexpr const char* kFooter =
    "Ends with 0 when the broker answered, 1 when it did not, 2 when the command line makes no sense,\n"
    "3 when the broker answered but refused the user, the password or the virtual host.\n";

/// What the command line says.
struct Request {
  Target target;
  double timeout_s = 0;
  std::function<int(const Target&, std::chrono::milliseconds)> command;
};

/// Adds a command whose request is filled in when it is the one named.
void add_command(CLI::App& app, Request& request, const std::string& name, const std::string& help, double timeout_s,
                 int (*command)(const Target&, std::chrono::milliseconds)) {
  CLI::App* sub = app.add_subcommand(name, help);
  Target& target = request.target;
  sub->add_option("--host", target.host, "name or address of the broker")->capture_default_str();
  sub->add_option("--port", target.port, "its AMQP port")->capture_default_str()->check(CLI::Range(1, 65535));
  sub->add_option("--user", target.user, "log in as this user; without, only whether a broker answers is asked");
  sub->add_option("--password", target.password, "the user's password; $BROKERD_PASSWORD serves as well, and is not shown by ps")
      ->envname("BROKERD_PASSWORD");
  sub->add_option("--vhost", target.vhost, "the virtual host to open after logging in")->capture_default_str();
  auto timeout = std::make_shared<double>(timeout_s);
  sub->add_option("--timeout", *timeout, "seconds to wait at most")->capture_default_str()->check(CLI::Range(0.1, 86400.0));
  sub->callback([&request, timeout, command] {
    request.timeout_s = *timeout;
    request.command = command;
  });
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("brokerctl asks a broker how it is.");
  app.footer(kFooter);
  app.set_version_flag("--version", "brokerctl " BROKERD_VERSION);
  app.require_subcommand(1);
  Request request;
  add_command(app, request, "ping", "asks once whether the broker answers", 5, mq::brokerctl::ping);
  add_command(app, request, "await-startup", "waits until the broker answers", 60, mq::brokerctl::await_startup);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& problem) {
    return app.exit(problem) == 0 ? mq::brokerctl::kDone : mq::brokerctl::kUsage;
  }
  std::chrono::duration<double> timeout(request.timeout_s);
  return request.command(request.target, std::chrono::duration_cast<std::chrono::milliseconds>(timeout));
}
