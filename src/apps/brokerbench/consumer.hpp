// One connection that consumes, on a thread of its own; with --work rpc it replies to each message.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "apps/brokerbench/options.hpp"
#include "apps/brokerbench/shared.hpp"
#include "apps/brokerbench/wire.hpp"

namespace mq::bench {

class Consumer {
 public:
  Consumer(const Options& options, Shared& shared, Counters& counters, WorkerResult& result, int index);

  /// Connects, subscribes, reports itself ready, and consumes until told to stop.
  void run();

 private:
  [[nodiscard]] client::Outcome<> connect();
  [[nodiscard]] client::Outcome<> subscribe();
  [[nodiscard]] client::Outcome<> consume();
  /// Handles frames that have arrived, up to the next `most` messages; tells whether none are left.
  [[nodiscard]] bool take_frames(std::uint64_t most, std::uint64_t now);
  /// Any method but basic.deliver.
  void take_method(const amqp::Frame& frame);
  void take_body(std::string_view payload, std::uint64_t now);
  void finish_message();
  /// How many messages the rate allows by now, at least 1 after waiting; no limit without a rate.
  [[nodiscard]] std::uint64_t allowance();
  /// Acks what is due; with `all` what is left, too.
  [[nodiscard]] client::Outcome<> send_acks(bool all);
  void append_reply();
  void report_ready();

  const Options& options_;
  Shared& shared_;
  Counters& counters_;
  WorkerResult& result_;
  int index_;

  std::unique_ptr<client::Connection> connection_;
  std::uint64_t batch_size_;  // messages that one ack is for; 0 = all of one read
  Pacer pacer_;
  std::size_t missing_subscriptions_ = 0;  // consume-ok still to come
  bool is_ready_ = false;
  std::uint64_t consumed_ = 0;
  std::uint64_t delivery_tag_ = 0;  // of the message that is arriving, or arrived last
  std::uint64_t finished_tag_ = 0;  // of the message that arrived whole last
  BodyReader body_;
  std::optional<client::Failure> failure_;  // noted here and not returned: a result per frame would cost more than the frame
  std::uint64_t batch_messages_ = 0;        // that arrived in this read
  std::uint64_t unacked_ = 0;
  std::uint64_t tx_acked_ = 0;  // since the last commit
  std::string out_;             // acks and replies
  std::string request_properties_, request_body_;
};

}  // namespace mq::bench
