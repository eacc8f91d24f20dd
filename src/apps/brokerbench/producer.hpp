// One connection that publishes, on a thread of its own.
#pragma once

#include <memory>
#include <string>

#include "apps/brokerbench/options.hpp"
#include "apps/brokerbench/shared.hpp"
#include "mq/client/confirm_window.hpp"

namespace mq::bench {

class Producer {
 public:
  Producer(const Options& options, Shared& shared, Counters& counters, WorkerResult& result, int index);

  /// Connects, waits for the start, publishes until told to stop or all is published, then waits for outstanding confirms.
  void run();

 private:
  [[nodiscard]] client::Outcome<> connect();
  [[nodiscard]] client::Outcome<> publish();
  [[nodiscard]] client::Outcome<> send_burst(std::uint64_t messages);
  [[nodiscard]] client::Outcome<> wait_for_confirms();
  /// Handles what the broker has sent; waits for it up to `timeout`.
  [[nodiscard]] client::Outcome<> take_frames(client::Milliseconds timeout);
  [[nodiscard]] client::Outcome<> take(const amqp::Frame& frame);
  void settle(const amqp::Frame& frame, bool nacked);
  void encode_burst();
  /// How many messages may go now: burst, window, rate, tickets.
  [[nodiscard]] std::uint64_t allowance() const;
  [[nodiscard]] std::uint64_t claim(std::uint64_t messages);

  const Options& options_;
  Shared& shared_;
  Counters& counters_;
  WorkerResult& result_;
  int index_;

  std::unique_ptr<client::Connection> connection_;
  std::string burst_;              // the same message over and over, encoded once; only its stamps change
  std::size_t message_bytes_ = 0;  // of one message within the burst
  std::size_t stamp_offset_ = 0;   // of the body within one message
  std::uint64_t burst_messages_ = 1;
  client::ConfirmWindow window_;
  std::uint64_t published_ = 0;
  bool blocked_ = false;
};

}  // namespace mq::bench
