// One connection that publishes, on a thread of its own; with --work rpc it sends requests and takes their replies.
#pragma once

#include <memory>
#include <string>

#include "apps/brokerbench/deck.hpp"
#include "apps/brokerbench/options.hpp"
#include "apps/brokerbench/shared.hpp"
#include "apps/brokerbench/wire.hpp"
#include "mq/client/confirm_window.hpp"

namespace mq::bench {

class Producer {
 public:
  Producer(const Options& options, Shared& shared, Counters& counters, WorkerResult& result, int index);

  /// Connects, waits for the start, publishes until told to stop or all is published, then waits for what is not settled yet.
  void run();

 private:
  [[nodiscard]] client::Outcome<> connect();
  /// The queue that replies come to; empty unless requests are sent.
  [[nodiscard]] client::Outcome<std::string> listen_for_replies(client::Channel& channel);
  [[nodiscard]] client::Outcome<> publish();
  [[nodiscard]] client::Outcome<> send_batch(std::uint64_t most, std::uint64_t& sent);
  [[nodiscard]] client::Outcome<> send_bytes(std::string_view bytes);
  [[nodiscard]] client::Outcome<> commit();
  [[nodiscard]] client::Outcome<> wait_until_settled();
  /// Waits for the broker, but not beyond the moment the next message is due.
  void wait(std::uint64_t now) const;
  /// Handles what the broker has sent; waits for it up to `timeout`.
  [[nodiscard]] client::Outcome<> take_frames(client::Milliseconds timeout);
  [[nodiscard]] client::Outcome<> take(const amqp::Frame& frame);
  [[nodiscard]] client::Outcome<> take_method(const amqp::Frame& frame);
  void take_confirm(const amqp::Frame& frame, bool nacked);
  void take_reply();
  void settled(std::uint64_t messages, std::uint64_t now);
  /// How many messages may go now: burst, window, transaction, rate.
  [[nodiscard]] std::uint64_t allowance(std::uint64_t now) const;
  [[nodiscard]] std::uint64_t claim(std::uint64_t messages);
  [[nodiscard]] std::uint64_t unsettled() const;

  const Options& options_;
  Shared& shared_;
  Counters& counters_;
  WorkerResult& result_;
  int index_;

  std::unique_ptr<client::Connection> connection_;
  Deck deck_;
  Pacer pacer_;
  client::ConfirmWindow window_;
  std::uint64_t published_ = 0;
  std::uint64_t replied_ = 0;
  std::uint64_t tx_messages_ = 0;  // of the open transaction
  std::uint64_t tx_stamp_ns_ = 0;  // of its first message
  bool is_committing_ = false;
  bool is_blocked_ = false;
  bool is_in_returned_ = false;  // the content that arrives is of a message that came back
  std::uint64_t reply_stamp_ns_ = 0;
  BodyReader body_;
};

}  // namespace mq::bench
