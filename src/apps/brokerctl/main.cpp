// brokerctl: asks a broker how it is, over AMQP, and changes its settings, over the management API. See `brokerctl --help`.
#include <CLI/CLI.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "apps/brokerctl/api_commands.hpp"
#include "apps/brokerctl/commands.hpp"
#include "apps/brokerctl/password.hpp"
#include "apps/brokerctl/store_commands.hpp"

namespace {

using mq::brokerctl::ApiCommand;
using mq::brokerctl::Target;
using std::chrono::milliseconds;

constexpr const char* kFooter =
    "ping and await-startup speak AMQP; store works on a data directory that no broker uses. All others speak to the management API, take "
    "--url, --user and --password-file (or $BROKERD_URL,\n"
    "$BROKERD_USER and $BROKERD_PASSWORD), and are spelled as rabbitmqctl's.\n\n"
    "Ends with 0 when all went well, 1 when the broker did not answer, 2 when the command line makes no sense,\n"
    "3 when the broker answered but refused the user, the password or the virtual host, 4 when it could not do what it was asked for.\n"
    "`store` ends with 0 when all is well, 1 when something is damaged, 2 when it could not tell.\n";

using Command = std::function<int()>;

milliseconds milliseconds_of(double seconds) { return std::chrono::duration_cast<milliseconds>(std::chrono::duration<double>(seconds)); }

void add_timeout(CLI::App& sub, double& timeout_s) {
  sub.add_option("--timeout", timeout_s, "seconds to wait at most")->capture_default_str()->check(CLI::Range(0.1, 86400.0));
}

/// A command over AMQP; `chosen` becomes what to run when it is the one named.
void add_command(CLI::App& app, Command& chosen, const std::string& name, const std::string& help, double timeout_s,
                 int (*command)(const Target&, milliseconds)) {
  struct Given {
    Target target;
    double timeout_s = 0;
  };
  auto given = std::make_shared<Given>();
  given->timeout_s = timeout_s;
  Target& target = given->target;
  CLI::App* sub = app.add_subcommand(name, help);
  sub->add_option("--host", target.host, "name or address of the broker")->capture_default_str();
  sub->add_option("--port", target.port, "its AMQP port")->capture_default_str()->check(CLI::Range(1, 65535));
  sub->add_option("--user", target.user, "log in as this user; without, only whether a broker answers is asked");
  mq::brokerctl::add_password_options(*sub, target.password, "the user's");
  sub->add_option("--vhost", target.vhost, "the virtual host to open after logging in")->capture_default_str();
  add_timeout(*sub, given->timeout_s);
  sub->callback(
      [&chosen, given, command] { chosen = [given, command] { return command(given->target, milliseconds_of(given->timeout_s)); }; });
}

/// What the command line of an API command says.
struct ApiRequest {
  mq::brokerctl::ApiTarget target;
  mq::brokerctl::Words words;
  mq::brokerctl::Manner manner;
  std::string vhost = "/", apply_to = "all", formatter = "table";
  std::string subject;  // of --user, where that is not who asks
  std::int64_t priority = 0;
  double timeout_s = 30;
  bool publish = false, publish_too = false;
  bool global = false, silent = false, no_headers = false;

  void settle(std::uint8_t flags) {
    using namespace mq::brokerctl;
    target.timeout = milliseconds_of(timeout_s);
    if (flags & kTakesVHost) words["vhost"] = vhost;
    if (flags & kTakesPolicy) {
      words["priority"] = std::to_string(priority);
      words["apply-to"] = apply_to;
    }
    if (flags & kTakesSubject) words["subject"] = subject.empty() ? target.user : subject;
    if (flags & kTakesPause) words["what"] = publish_too ? "all" : publish ? "publish" : "delivery";
    if (global) words["global"] = "";
    manner.json = formatter == "json";
    manner.quiet = manner.quiet || silent;
    manner.headers = !no_headers && !silent;
  }
};

void add_login(CLI::App& sub, const ApiCommand& row, ApiRequest& request) {
  sub.add_option("--url", request.target.url, "where the management API is")->capture_default_str()->envname("BROKERD_URL");
  sub.add_option("--ca", request.target.ca_file,
                 "for https: a file with whoever must have signed the broker's certificate; without, those whom this machine trusts")
      ->type_name("FILE")
      ->envname("BROKERD_CA");
  const bool about_a_user = (row.flags & mq::brokerctl::kTakesSubject) != 0;
  sub.add_option(about_a_user ? "--username" : "--user,--username", request.target.user, "who asks")
      ->capture_default_str()
      ->envname("BROKERD_USER");
  mq::brokerctl::add_password_options(sub, request.target.password, "that user's");
  if (about_a_user) sub.add_option("--user", request.subject, "whom it is about; without, who asks");
  add_timeout(sub, request.timeout_s);
}

void add_api_command(CLI::App& app, Command& chosen, const ApiCommand& row) {
  using namespace mq::brokerctl;
  auto request = std::make_shared<ApiRequest>();
  CLI::App* sub = app.add_subcommand(std::string(row.name), std::string(row.help));
  for (const Positional& each : row.positionals) {
    const std::string name(each.name);
    auto take = [request, name](const std::string& text) { request->words[name] = text; };
    sub->add_option_function<std::string>(name, take, std::string(each.help))->required(each.required);
  }
  if (row.flags & kTakesVHost) sub->add_option("-p,--vhost", request->vhost, "the virtual host")->capture_default_str();
  if (row.flags & kTakesPolicy) {
    sub->add_option("--priority", request->priority, "of several policies that match, the highest holds")->capture_default_str();
    sub->add_option("--apply-to", request->apply_to, "all, queues, classic_queues, quorum_queues, streams or exchanges")
        ->capture_default_str();
  }
  if (row.flags & kTakesPause) {
    sub->add_flag("--publish", request->publish, "it is about what is published, not about delivery");
    sub->add_flag("--all", request->publish_too, "it is about both");
  }
  if (row.flags & kTakesGlobal) sub->add_flag("--global", request->global, "all there are");
  if (row.flags & kLists) {
    sub->add_option("--formatter", request->formatter, "table or json")->capture_default_str()->check(CLI::IsMember({"table", "json"}));
    sub->add_flag("--no-table-headers", request->no_headers, "no line with the names of columns");
  }
  sub->add_flag("-q,--quiet", request->manner.quiet, "says only what was asked for");
  sub->add_flag("-s,--silent", request->silent, "the same, without the names of columns");
  add_login(*sub, row, *request);
  sub->callback([&chosen, request, &row] {
    chosen = [request, &row] {
      request->settle(row.flags);
      return run_api_command(row, request->target, request->words, request->manner);
    };
  });
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("brokerctl asks a broker how it is, and changes its settings.");
  app.footer(kFooter);
  app.set_version_flag("--version", "brokerctl " BROKERD_VERSION);
  app.require_subcommand(1);
  Command chosen;
  add_command(app, chosen, "ping", "asks once whether the broker answers", 5, mq::brokerctl::ping);
  add_command(app, chosen, "await-startup", "waits until the broker answers", 60, mq::brokerctl::await_startup);
  mq::brokerctl::add_store_commands(app, chosen);
  for (const ApiCommand& row : mq::brokerctl::api_commands()) add_api_command(app, chosen, row);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& problem) {
    mq::brokerctl::hide_passwords(argc, argv);
    return app.exit(problem) == 0 ? mq::brokerctl::kDone : mq::brokerctl::kUsage;
  }
  mq::brokerctl::hide_passwords(argc, argv);
  return chosen();
}
