// brokerd: reads the configuration, starts the broker, waits for signals.
#include <pthread.h>
#include <signal.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/log.hpp"
#include "mq/server.hpp"

namespace {

constexpr int kUsageExit = 2;
constexpr int kStoreFailedExit = 74;  // EX_IOERR: the disk failed; what was confirmed is on it

struct CommandLine {
  std::string config_file;
  std::vector<std::pair<std::string, std::string>> overrides;  // key, text
  bool check_only = false;
};

void complain(const mq::ConfigErrors& errors) {
  for (const mq::ConfigError& error : errors) std::fprintf(stderr, "brokerd: %s\n", error.to_string().c_str());
}

mq::ConfigResult<mq::Config> read_config(const CommandLine& line) {
  auto config = line.config_file.empty() ? mq::ConfigResult<mq::Config>(mq::default_config()) : mq::load_config(line.config_file);
  if (!config) return config;
  for (const auto& [key, text] : line.overrides)
    if (auto set = mq::apply_override(*config, key, text); !set) return set.error();
  if (auto consistent = mq::check_config(*config); !consistent) return consistent.error();
  return config;
}

void configure_log(const mq::Config& config) {
  mq::log::Settings settings;
  if (auto level = mq::log::level_from_name(config.log_level)) settings.level = *level;
  settings.console = config.log_console;
  settings.file = config.log_file;
  settings.rotate_bytes = config.log_rotate_bytes;
  settings.keep_files = config.log_keep_files;
  mq::log::configure(settings);
}

void reload(mq::Server& server, const CommandLine& line) {
  auto fresh = read_config(line);
  if (!fresh) {
    for (const mq::ConfigError& error : fresh.error()) mq::log::error("configuration not reloaded: {}", error.to_string());
    return;
  }
  for (const mq::ConfigChange& change : server.reload(*fresh))
    mq::log::info("{}: {} -> {}{}", change.key, change.from, change.to, change.reloadable ? "" : " (needs a restart)");
  mq::log::info("configuration reloaded");
}

std::string ports_text(const std::string& what, std::uint16_t plain, std::uint16_t tls) {
  std::string text = what + " on port ";
  if (plain != 0) text += std::to_string(plain);
  if (tls != 0) text += (plain != 0 ? " and " : "") + std::to_string(tls) + " (TLS)";
  return text;
}

// Runs until a signal ends it. The signals are blocked in all threads and taken here.
int serve(const CommandLine& line, const mq::Config& config, const sigset_t& signals) {
  auto server = mq::Server::start(config, [](const std::string&) { std::_Exit(kStoreFailedExit); });
  if (!server) {
    mq::log::error("{}", server.error().text);
    return EXIT_FAILURE;
  }
  mq::log::info("brokerd {} ready: {}, data in {}", BROKERD_VERSION, ports_text("AMQP", (*server)->amqp_port(), (*server)->amqps_port()),
                config.data_dir);
  if (config.management_enabled)
    mq::log::info("{}", ports_text("management API", (*server)->management_port(), (*server)->management_tls_port()));
  sd_notify(0, "READY=1");
  for (;;) {
    int signal = 0;
    if (sigwait(&signals, &signal) != 0) continue;
    if (signal == SIGHUP) {
      reload(**server, line);
      continue;
    }
    mq::log::info("{} received: stopping", strsignal(signal));
    sd_notify(0, "STOPPING=1");
    (*server)->stop();
    mq::log::info("stopped");
    return EXIT_SUCCESS;
  }
}

}  // namespace

int main(int argc, char** argv) {
  CommandLine line;
  CLI::App app{"brokerd: an AMQP 0-9-1 message broker"};
  app.set_version_flag("--version", "brokerd " BROKERD_VERSION);
  app.add_option("--config", line.config_file, "configuration file (TOML)")->type_name("FILE");
  auto override_option = [&](const char* flag, const char* key, const char* help, const char* type) {
    app.add_option_function<std::string>(
           flag, [&line, key](const std::string& text) { line.overrides.emplace_back(key, text); }, help)
        ->type_name(type);
  };
  override_option("--data-dir", "server.data_dir", "where messages are kept; :memory: keeps nothing", "DIR");
  override_option("--bind", "amqp.bind", "address to listen on", "ADDRESS");
  override_option("--amqp-port", "amqp.port", "port for AMQP; 0 = any free one", "PORT");
  override_option("--management-port", "management.port", "port for the management API; 0 = any free one", "PORT");
  override_option("--log-level", "log.level", "trace, debug, info, warn, error or off", "LEVEL");
  app.add_option_function<std::vector<std::string>>(
         "--set",
         [&line](const std::vector<std::string>& pairs) {
           for (const std::string& pair : pairs) {
             const std::size_t equals = pair.find('=');
             line.overrides.emplace_back(pair.substr(0, equals), equals == std::string::npos ? "" : pair.substr(equals + 1));
           }
         },
         "any other key of the configuration")
      ->type_name("KEY=VALUE");
  app.add_flag_callback(
      "--print-default-config",
      [] {
        std::printf("%s", mq::config_file_text().c_str());
        std::exit(EXIT_SUCCESS);
      },
      "print config/brokerd.toml and exit");
  app.add_flag("--check-config", line.check_only, "check the configuration and exit");
  app.footer("Keys of the configuration:\n\n" + mq::config_help_text());
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);
    return code == 0 ? EXIT_SUCCESS : kUsageExit;
  }

  auto config = read_config(line);
  if (!config) {
    complain(config.error());
    return EXIT_FAILURE;
  }
  if (line.check_only) {
    std::printf("brokerd: the configuration is good\n");
    return EXIT_SUCCESS;
  }
  try {
    configure_log(*config);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "brokerd: %s\n", error.what());
    return EXIT_FAILURE;
  }
  sigset_t signals;
  sigemptyset(&signals);
  for (int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
  const int code = serve(line, *config, signals);
  mq::log::flush();
  return code;
}
