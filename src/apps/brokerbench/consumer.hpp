// One connection that consumes from one queue, on a thread of its own.
#pragma once

#include <memory>
#include <string>

#include "apps/brokerbench/options.hpp"
#include "apps/brokerbench/shared.hpp"

namespace mq::bench {

class Consumer {
 public:
  Consumer(const Options& options, Shared& shared, Counters& counters, WorkerResult& result, int index);

  /// Connects, subscribes, reports itself ready, and consumes until told to stop.
  void run();

 private:
  [[nodiscard]] client::Outcome<> connect();
  [[nodiscard]] client::Outcome<> consume();
  [[nodiscard]] client::Outcome<> take(const amqp::Frame& frame, std::uint64_t now);
  [[nodiscard]] client::Outcome<> take_method(const amqp::Frame& frame);
  void take_body(std::string_view payload, std::uint64_t now);
  void finish_message();
  [[nodiscard]] client::Outcome<> send_acks();
  void report_ready();

  const Options& options_;
  Shared& shared_;
  Counters& counters_;
  WorkerResult& result_;
  int index_;

  std::unique_ptr<client::Connection> connection_;
  bool is_ready_ = false;
  std::uint64_t delivery_tag_ = 0;   // of the message that is arriving, or arrived last
  std::uint64_t finished_tag_ = 0;   // of the message that arrived whole last
  std::uint64_t missing_bytes_ = 0;  // of its body
  bool at_body_start_ = false;
  std::uint64_t batch_messages_ = 0;  // that arrived in this read
  std::string acks_;
};

}  // namespace mq::bench
