// What the user asked for. One row per option in options.cpp.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "mq/amqp/table.hpp"
#include "mq/client/client.hpp"

namespace mq::bench {

struct Options {
  client::ConnectOptions connect;

  int producers = 1;
  int consumers = 1;
  int queues = 1;
  std::string queue = "brokerbench";  ///< queue names are this, a dot and a number
  std::string exchange;               ///< empty = the default exchange, each message to one queue by its name
  std::string exchange_type = "direct";
  std::string key;
  bool durable = false;
  std::vector<std::string> queue_arguments;  ///< as name=value
  bool keep = false;                         ///< leave the queues and the exchange that this run makes

  std::uint64_t size_bytes = 100;
  bool persistent = false;
  std::uint64_t confirm_window = 0;  ///< 0 = no confirms
  std::uint16_t prefetch = 500;      ///< 0 = automatic acks
  bool ack_each = false;             ///< else one ack for everything that came in one read

  double seconds = 5;       ///< of publishing; 0 = no limit
  std::uint64_t count = 0;  ///< messages in all; 0 = no limit
  double rate = 0;          ///< messages per second of all producers together; 0 = as fast as it goes

  bool json = false;
  bool quiet = false;

  [[nodiscard]] std::string queue_name(int index) const { return queue + "." + std::to_string(index); }
  /// Where producer `index` publishes to.
  [[nodiscard]] std::string routing_key(int index) const { return exchange.empty() ? queue_name(index % queues) : key; }
  /// The queue arguments as a table: whole numbers become integers, true and false booleans, the rest strings.
  [[nodiscard]] amqp::Table argument_table() const;
};

/// Parses the command line. When the program should end instead, returns false and sets `exit_code`; help and errors are printed.
[[nodiscard]] bool parse_options(int argc, char** argv, Options& options, int& exit_code);

}  // namespace mq::bench
