#include "apps/brokerbench/options.hpp"

#include <CLI/CLI.hpp>
#include <charconv>
#include <iostream>

namespace mq::bench {

namespace {

amqp::Value value_of(std::string_view text) {
  if (text == "true" || text == "false") return text == "true";
  std::int64_t number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc{} && end == text.data() + text.size()) return number;
  return text;
}

std::string check_argument(const std::string& text) {
  return text.find('=') == std::string::npos || text.front() == '=' ? "expected name=value, got " + text : std::string();
}

void add_peer_options(CLI::App& app, Options& o) {
  app.add_option("--host", o.connect.host, "Where the broker is")->capture_default_str();
  app.add_option("--port", o.connect.port, "Its AMQP port")->capture_default_str();
  app.add_option("--user", o.connect.user, "Who logs in")->capture_default_str();
  app.add_option("--password", o.connect.password, "and with which password");
  app.add_option("--vhost", o.connect.vhost, "Virtual host")->capture_default_str();
}

void add_shape_options(CLI::App& app, Options& o) {
  app.add_option("--producers", o.producers, "Connections that publish")->check(CLI::Range(0, 10'000))->capture_default_str();
  app.add_option("--consumers", o.consumers, "Connections that consume")->check(CLI::Range(0, 10'000))->capture_default_str();
  app.add_option("--queues", o.queues, "Queues, shared out among them")->check(CLI::Range(1, 100'000))->capture_default_str();
  app.add_option("--queue", o.queue, "Queue names: this, a dot and a number")->capture_default_str();
  app.add_option("--exchange", o.exchange, "Publish to this exchange, each queue bound to it with the key");
  app.add_option("--exchange-type", o.exchange_type, "What to declare it as")->capture_default_str();
  app.add_option("--key", o.key, "Routing and binding key for --exchange");
  app.add_flag("--durable", o.durable, "Durable queues and exchange");
  app.add_option("--queue-arg", o.queue_arguments, "Queue argument, name=value; may be given again")->check(check_argument);
  app.add_flag("--keep", o.keep, "Leave the queues and the exchange that this run makes");
}

void add_load_options(CLI::App& app, Options& o) {
  app.add_option("--size", o.size_bytes, "Bytes of body; from 8 on the delivery latency is measured")
      ->check(CLI::Range(std::uint64_t{0}, std::uint64_t{512} << 20))
      ->capture_default_str();
  app.add_flag("--persistent", o.persistent, "Persistent messages");
  app.add_option("--confirm", o.confirm_window, "Publisher confirms with at most so many outstanding per producer; 0 = none");
  app.add_option("--prefetch", o.prefetch, "Unacked messages per consumer; 0 = automatic acks")->capture_default_str();
  app.add_flag("--ack-each", o.ack_each, "Ack every message by itself");
  app.add_option("--seconds", o.seconds, "How long to publish; 0 = no limit")->check(CLI::NonNegativeNumber)->capture_default_str();
  app.add_option("--count", o.count, "How many messages in all; lifts the time limit unless --seconds is given");
  app.add_option("--rate", o.rate, "Messages per second in all; 0 = as fast as it goes")->check(CLI::NonNegativeNumber);
}

}  // namespace

amqp::Table Options::argument_table() const {
  amqp::Table table;
  for (const std::string& argument : queue_arguments) {
    std::size_t equals = argument.find('=');
    table.set(argument.substr(0, equals), value_of(std::string_view(argument).substr(equals + 1)));
  }
  return table;
}

bool parse_options(int argc, char** argv, Options& options, int& exit_code) {
  CLI::App app("Puts load on an AMQP 0-9-1 broker and tells how it did", "brokerbench");
  app.set_version_flag("--version", std::string("brokerbench ") + BROKERD_VERSION);
  add_peer_options(app, options);
  add_shape_options(app, options);
  add_load_options(app, options);
  app.add_flag("--json", options.json, "Print the result as one JSON object");
  app.add_flag("--quiet", options.quiet, "No line per second while it runs");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    exit_code = app.exit(error) == 0 ? 0 : 2;
    return false;
  }
  if (options.producers == 0 && options.consumers == 0) {
    std::cerr << "brokerbench: nothing to do without producers and consumers\n";
    exit_code = 2;
    return false;
  }
  if (options.count != 0 && app.get_option("--seconds")->count() == 0) options.seconds = 0;
  return true;
}

}  // namespace mq::bench
