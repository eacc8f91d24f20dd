// What the user asked for. One row per option in options.cpp; presets are rows of presets.cpp.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "apps/brokerbench/size_mix.hpp"
#include "mq/amqp/table.hpp"
#include "mq/client/client.hpp"

namespace mq::bench {

/// What the connections do.
enum class Work : std::uint8_t {
  kLoad,   ///< producers publish, consumers consume
  kRpc,    ///< producers send requests and wait for replies, consumers reply
  kChurn,  ///< producers open and close connections
  kIdle,   ///< connections are opened and held
};

/// How a work is asked for and what its messages are called.
struct WorkNames {
  Work work;
  const char* name;       ///< as --work takes it
  const char* sent;       ///< what producers count
  const char* settled;    ///< what the broker, or the other side, answered
  const char* taken;      ///< what consumers count
  const char* answering;  ///< what the latency that producers measure is of
};
[[nodiscard]] const WorkNames& names_of(Work work);

// NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding): its fields stand in groups, and there is one of it
struct Options {
  client::ConnectOptions connect;

  Work work = Work::kLoad;
  std::string preset;
  std::string title;  ///< the sentence reports show; the preset's, unless the user gives one

  int producers = 1;
  int consumers = 1;
  int queues = 1;
  std::string queue = "brokerbench";  ///< queue names are this, a dot and a number
  std::string exchange;               ///< empty = the default exchange, each message to one queue by its name
  std::string exchange_type = "direct";
  int exchanges = 1;                           ///< more than one: exchange names are `exchange`, a dot and a number
  std::string key;                             ///< {n} in it stands for 0 to keys-1
  int keys = 1;                                ///< routing keys, taken in turns
  std::string binding;                         ///< binding key; {n} in it stands for 0 to bindings-1. Empty = the same as `key`
  int bindings = 0;                            ///< 0 = as many as keys
  std::vector<std::string> binding_arguments;  ///< as name=value
  bool durable = false;
  std::vector<std::string> queue_arguments;  ///< as name=value
  bool purge = false;
  bool keep = false;  ///< leave the queues and the exchange that this run makes

  SizeMix size;
  bool persistent = false;
  bool mandatory = false;
  std::uint64_t confirm_window = 0;  ///< 0 = no confirms
  std::uint64_t tx_publishes = 0;    ///< per transaction; 0 = no transactions
  std::uint64_t ttl_ms = 0;          ///< 0 = messages do not expire
  int least_priority = -1;           ///< -1 = messages have no priority
  int most_priority = -1;            ///< priorities are taken in turns from least to most
  std::vector<std::string> headers;  ///< as name=value

  std::uint16_t prefetch = 500;  ///< 0 = automatic acks
  bool ack_each = false;         ///< else one ack for everything that came in one read, or for
  std::uint64_t ack_every = 0;   ///< so many messages
  std::uint64_t tx_acks = 0;     ///< messages acked per transaction of a consumer; 0 = no transactions
  double consumer_rate = 0;      ///< messages per second of all consumers together; 0 = as fast as it goes
  bool fill_first = false;       ///< consumers begin when producers have ended

  std::uint64_t outstanding = 1;  ///< requests per producer without a reply yet
  int connections = 100;          ///< that are held open

  double seconds = 5;         ///< of publishing that count; 0 = no limit
  double warmup_s = 0;        ///< of publishing before them
  std::uint64_t count = 0;    ///< messages in all; 0 = no limit
  std::vector<double> rates;  ///< messages per second of all producers together, step after step; empty = as fast as it goes
  double step_s = 0;          ///< how long each rate holds; 0 = the run's seconds shared out evenly

  double interval_s = 1;         ///< of the time series
  std::vector<int> broker_pids;  ///< local processes whose CPU time and memory are told; one for each broker
  bool json = false;
  bool quiet = false;
  std::string json_file, csv_file, html_file;

  [[nodiscard]] std::string queue_name(int index) const { return queue + "." + std::to_string(index); }
  [[nodiscard]] std::string exchange_name(int index) const;
  /// The queues that worker `index` of `workers` serves: each queue has a worker, and each worker a queue.
  [[nodiscard]] std::vector<std::string> queues_of(int index, int workers) const;
  /// What producer `index` publishes with, in turns.
  [[nodiscard]] std::vector<std::string> routing_keys(int index) const;
  /// The keys that queue `index` is bound with; none on the default exchange.
  [[nodiscard]] std::vector<std::string> binding_keys(int index) const;
  [[nodiscard]] int broker_pid() const { return broker_pids.empty() ? 0 : broker_pids.front(); }
  /// The title, or what the options amount to.
  [[nodiscard]] std::string sentence() const;
};

/// Arguments given as name=value: whole numbers become integers, true and false booleans, the rest strings.
[[nodiscard]] amqp::Table table_of(const std::vector<std::string>& arguments);

}  // namespace mq::bench
