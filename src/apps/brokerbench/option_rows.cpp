#include "apps/brokerbench/option_rows.hpp"

#include <charconv>
#include <functional>

#include "apps/brokerbench/uri.hpp"

namespace mq::bench {

namespace {

std::string check_argument(const std::string& text) {
  return text.find('=') == std::string::npos || text.front() == '=' ? "expected name=value, got " + text : std::string();
}

bool to_int(std::string_view text, int& number) {
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size();
}

/// An option whose text `parse` understands: it returns an empty text, or what is wrong.
CLI::Option* add_text(CLI::App& app, const char* name, std::function<std::string(const std::string&)> parse, const char* help) {
  return app.add_option_function<std::string>(
      name,
      [name, parse = std::move(parse)](const std::string& text) {
        if (std::string problem = parse(text); !problem.empty()) throw CLI::ValidationError(name, problem);
      },
      help);
}

std::string set_priorities(const std::string& text, Options& o) {
  std::size_t dash = text.find('-');
  std::string_view view(text);
  bool good = to_int(view.substr(0, dash), o.least_priority) &&
              to_int(dash == std::string::npos ? view : view.substr(dash + 1), o.most_priority) && o.least_priority >= 0 &&
              o.least_priority <= o.most_priority && o.most_priority <= 255;
  return good ? std::string() : "expected a priority or a range such as 0-9, got " + text;
}

std::string set_work(const std::string& text, Options& o) {
  for (Work work : {Work::kLoad, Work::kRpc, Work::kChurn, Work::kIdle}) {
    if (text != names_of(work).name) continue;
    o.work = work;
    return {};
  }
  return "expected load, rpc, churn or idle, got " + text;
}

void add_peer_options(CLI::App& app, Options& o) {
  add_text(
      app, "--uri", [&o](const std::string& text) { return apply_uri(text, o.connect); }, "amqp://USER:PASSWORD@HOST:PORT/VHOST")
      ->group("Broker");
  app.add_option("--host", o.connect.host, "Where the broker is")->capture_default_str()->group("Broker");
  app.add_option("--port", o.connect.port, "Its AMQP port")->capture_default_str()->group("Broker");
  app.add_option("--user", o.connect.user, "Who logs in")->capture_default_str()->group("Broker");
  app.add_option("--password", o.connect.password, "and with which password")->group("Broker");
  app.add_option("--vhost", o.connect.vhost, "Virtual host")->capture_default_str()->group("Broker");
  app.add_option("--pid", o.broker_pids, "Its process on this machine: tells its CPU time and memory")
      ->check(CLI::PositiveNumber)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->allow_extra_args(false)
      ->group("Broker");
}

void add_shape_options(CLI::App& app, Options& o) {
  const char* group = "Shape";
  add_text(
      app, "--work", [&o](const std::string& text) { return set_work(text, o); },
      "load (publish and consume), rpc (requests and replies), churn (connect and close) or idle (hold connections)")
      ->group(group);
  app.add_option("--producers", o.producers, "Connections that publish, request or come and go")
      ->check(CLI::Range(0, 10'000))
      ->capture_default_str()
      ->group(group);
  app.add_option("--consumers", o.consumers, "Connections that consume or reply")
      ->check(CLI::Range(0, 10'000))
      ->capture_default_str()
      ->group(group);
  app.add_option("--connections", o.connections, "Connections to hold, for --work idle")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str()
      ->group(group);
  app.add_option("--queues", o.queues, "Queues, shared out among them")->check(CLI::Range(1, 100'000))->capture_default_str()->group(group);
  app.add_option("--queue", o.queue, "Queue names: this, a dot and a number")->capture_default_str()->group(group);
  app.add_option("--queue-arg", o.queue_arguments, "Queue argument, name=value; may be given again")
      ->check(check_argument)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->allow_extra_args(false)
      ->group(group);
  app.add_flag("--durable", o.durable, "Durable queues and exchanges")->group(group);
  app.add_flag("--purge", o.purge, "Empty queues that are there already")->group(group);
  app.add_flag("--keep", o.keep, "Leave the queues and exchanges that this run makes")->group(group);
}

void add_routing_options(CLI::App& app, Options& o) {
  const char* group = "Routing";
  app.add_option("--exchange", o.exchange, "Publish to this exchange; without it to queues by their names")->group(group);
  app.add_option("--exchange-type", o.exchange_type, "What to declare it as")->capture_default_str()->group(group);
  app.add_option("--exchanges", o.exchanges, "So many, producers take turns: names with a dot and a number")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str()
      ->group(group);
  app.add_option("--key", o.key, "Routing key; {n} in it stands for a number below --keys")->group(group);
  app.add_option("--keys", o.keys, "Routing keys, taken in turns")->check(CLI::Range(1, 100'000))->capture_default_str()->group(group);
  app.add_option("--binding", o.binding, "Binding key, if not the same as --key; {n}: a number below --bindings, shared out to the queues")
      ->group(group);
  app.add_option("--bindings", o.bindings, "Bindings in all; without it as many as keys")->check(CLI::Range(0, 1'000'000))->group(group);
  app.add_option("--binding-arg", o.binding_arguments, "Binding argument, name=value; may be given again")
      ->check(check_argument)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->allow_extra_args(false)
      ->group(group);
}

void add_publish_options(CLI::App& app, Options& o) {
  const char* group = "Messages";
  add_text(
      app, "--size", [&o](const std::string& text) { return SizeMix::parse(text, o.size); },
      "Bytes of body: 100, 4KiB, 100-2000, or a mix SIZE:WEIGHT,...; from 8 on the delivery latency is measured [100]")
      ->group(group);
  app.add_flag("--persistent", o.persistent, "Persistent messages")->group(group);
  app.add_flag("--mandatory", o.mandatory, "Have messages returned that reach no queue")->group(group);
  app.add_option("--ttl-ms", o.ttl_ms, "Messages expire after so many milliseconds")->group(group);
  add_text(
      app, "--priority", [&o](const std::string& text) { return set_priorities(text, o); }, "Priority, or a range such as 0-9 in turns")
      ->group(group);
  app.add_option("--header", o.headers, "Header, name=value; may be given again")
      ->check(check_argument)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->allow_extra_args(false)
      ->group(group);
  app.add_option("--confirm", o.confirm_window, "Publisher confirms with at most so many outstanding per producer; 0 = none")->group(group);
  app.add_option("--tx", o.tx_publishes, "Publish in transactions of so many; 0 = none")->group(group);
  app.add_option("--outstanding", o.outstanding, "Requests on the way per producer, for --work rpc")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str()
      ->group(group);
}

void add_consume_options(CLI::App& app, Options& o) {
  const char* group = "Consumers";
  app.add_option("--prefetch", o.prefetch, "Unacked messages per consumer; 0 = automatic acks")->capture_default_str()->group(group);
  app.add_flag("--ack-each", o.ack_each, "Ack every message by itself; without it one ack for all that came in one read")->group(group);
  app.add_option("--ack-every", o.ack_every, "One ack for so many messages")->group(group);
  app.add_option("--tx-acks", o.tx_acks, "Ack in transactions of so many; 0 = none")->group(group);
  app.add_option("--consumer-rate", o.consumer_rate, "Messages per second of all consumers; 0 = as fast as it goes")
      ->check(CLI::NonNegativeNumber)
      ->group(group);
  app.add_flag("--fill-first", o.fill_first, "Consumers begin when producers have ended")->group(group);
}

void add_time_options(CLI::App& app, Options& o) {
  const char* group = "Time";
  app.add_option("--seconds", o.seconds, "How long to publish; 0 = no limit")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str()
      ->group(group);
  app.add_option("--warmup", o.warmup_s, "Seconds of publishing before, left out of the figures; not with --fill-first or idle")
      ->check(CLI::NonNegativeNumber)
      ->group(group);
  app.add_option("--count", o.count, "How many messages in all; lifts the time limit unless --seconds is given")->group(group);
  app.add_option("--rate", o.rates,
                 "Messages per second in all; several, with commas, one after the other. Latency then counts from when"
                 " a message was due, whether or not it could leave")
      ->delimiter(',')
      ->check(CLI::NonNegativeNumber)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->allow_extra_args(false)
      ->group(group);
  app.add_option("--step", o.step_s, "Seconds of each rate; without it --seconds are shared out")
      ->check(CLI::NonNegativeNumber)
      ->group(group);
}

void add_report_options(CLI::App& app, Options& o, std::string& save) {
  const char* group = "Reports";
  app.add_option("--title", o.title, "The sentence that reports show")->group(group);
  app.add_option("--interval", o.interval_s, "Seconds of each step of the time series")
      ->check(CLI::Range(0.05, 3600.0))
      ->capture_default_str()
      ->group(group);
  app.add_flag("--json", o.json, "Print the result as one JSON object")->group(group);
  app.add_flag("--quiet", o.quiet, "Nothing while it runs")->group(group);
  app.add_option("--json-file", o.json_file, "Write the result and its time series as JSON")->group(group);
  app.add_option("--csv-file", o.csv_file, "Write the time series as CSV")->group(group);
  app.add_option("--html-file", o.html_file, "Write a report with plots, one file that needs no network")->group(group);
  app.add_option("--save", save, "All three: this name with .json, .csv and .html")->group(group);
}

}  // namespace

void add_run_options(CLI::App& app, Options& options, std::string& save) {
  add_peer_options(app, options);
  add_shape_options(app, options);
  add_routing_options(app, options);
  add_publish_options(app, options);
  add_consume_options(app, options);
  add_time_options(app, options);
  add_report_options(app, options, save);
}

}  // namespace mq::bench
