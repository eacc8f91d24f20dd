// What was asked for, as reports tell it: a row for each option that matters to this run.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <utility>

#include "apps/brokerbench/report.hpp"
#include "apps/brokerbench/uri.hpp"

namespace mq::bench {

namespace {

struct Row {
  const char* name;
  std::string (*value)(const Options&);  ///< empty = not worth telling
};

std::string nonzero(double value) { return value == 0 ? std::string() : fmt::format("{:.10g}", value); }
std::string flag(bool is_set) { return is_set ? "yes" : ""; }
bool moves_messages(const Options& o) { return o.work == Work::kLoad || o.work == Work::kRpc; }
std::string of_messages(const Options& o, std::string text) { return moves_messages(o) ? std::move(text) : std::string(); }

std::string priorities(const Options& o) {
  if (o.least_priority < 0) return {};
  return o.least_priority == o.most_priority ? std::to_string(o.least_priority)
                                             : fmt::format("{} to {}", o.least_priority, o.most_priority);
}

std::string acks(const Options& o) {
  if (!moves_messages(o) || o.consumers == 0) return {};
  if (o.prefetch == 0) return "automatic";
  if (o.ack_each) return "one for each message";
  return o.ack_every != 0 ? fmt::format("one for {} messages", o.ack_every) : std::string("one for each read");
}

constexpr Row kRows[] = {
    {"preset", [](const Options& o) { return o.preset; }},
    {"work", [](const Options& o) { return std::string(names_of(o.work).name); }},
    {"producers", [](const Options& o) { return o.work == Work::kIdle ? std::string() : std::to_string(o.producers); }},
    {"consumers", [](const Options& o) { return of_messages(o, std::to_string(o.consumers)); }},
    {"connections", [](const Options& o) { return o.work == Work::kIdle ? std::to_string(o.connections) : std::string(); }},
    {"queues", [](const Options& o) { return of_messages(o, std::to_string(o.queues) + (o.durable ? ", durable" : "")); }},
    {"queue arguments", [](const Options& o) { return fmt::format("{}", fmt::join(o.queue_arguments, ", ")); }},
    {"exchange", [](const Options& o) { return o.exchange.empty() ? std::string() : o.exchange + " (" + o.exchange_type + ")"; }},
    {"exchanges", [](const Options& o) { return o.exchanges == 1 ? std::string() : std::to_string(o.exchanges); }},
    {"routing key", [](const Options& o) { return o.key; }},
    {"routing keys", [](const Options& o) { return o.keys == 1 ? std::string() : std::to_string(o.keys); }},
    {"binding key", [](const Options& o) { return o.binding; }},
    {"bindings", [](const Options& o) { return nonzero(o.bindings); }},
    {"binding arguments", [](const Options& o) { return fmt::format("{}", fmt::join(o.binding_arguments, ", ")); }},
    {"size", [](const Options& o) { return of_messages(o, o.size.describe()); }},
    {"persistent", [](const Options& o) { return of_messages(o, o.persistent ? "yes" : "no"); }},
    {"mandatory", [](const Options& o) { return flag(o.mandatory); }},
    {"confirms outstanding", [](const Options& o) { return nonzero(static_cast<double>(o.confirm_window)); }},
    {"publishes per transaction", [](const Options& o) { return nonzero(static_cast<double>(o.tx_publishes)); }},
    {"message TTL, ms", [](const Options& o) { return nonzero(static_cast<double>(o.ttl_ms)); }},
    {"priorities", priorities},
    {"headers", [](const Options& o) { return fmt::format("{}", fmt::join(o.headers, ", ")); }},
    {"requests outstanding", [](const Options& o) { return o.work == Work::kRpc ? std::to_string(o.outstanding) : std::string(); }},
    {"prefetch", [](const Options& o) { return of_messages(o, std::to_string(o.prefetch)); }},
    {"acks", acks},
    {"acks per transaction", [](const Options& o) { return nonzero(static_cast<double>(o.tx_acks)); }},
    {"rate, messages/s", [](const Options& o) { return fmt::format("{:.10g}", fmt::join(o.rates, ", then ")); }},
    {"consumers' rate, messages/s", [](const Options& o) { return nonzero(o.consumer_rate); }},
    {"consumers begin", [](const Options& o) { return o.fill_first ? std::string("when publishing has ended") : std::string(); }},
    {"seconds", [](const Options& o) { return nonzero(o.seconds); }},
    {"seconds of warm-up", [](const Options& o) { return nonzero(o.warmup_s); }},
    {"messages", [](const Options& o) { return nonzero(static_cast<double>(o.count)); }},
};

}  // namespace

std::vector<std::pair<std::string, std::string>> options_told(const Options& options) {
  std::vector<std::pair<std::string, std::string>> told;
  for (const Row& row : kRows)
    if (std::string value = row.value(options); !value.empty()) told.emplace_back(row.name, value);
  return told;
}

}  // namespace mq::bench
