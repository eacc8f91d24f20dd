// What arrives on one channel, sorted by what it is: replies, deliveries, returns, confirms, cancellations, the channel's end.
#pragma once

#include "mq/client/client.hpp"
#include "mq/client/confirm_window.hpp"

namespace mq::client {

struct ChannelState {
  explicit ChannelState(std::uint16_t channel) : number(channel) {}

  /// Takes one frame of this channel and appends to `answer` what has to be sent back. Copies what it keeps.
  [[nodiscard]] Outcome<> take(const amqp::Frame& frame, std::string& answer);
  /// Forgets everything but the number, for a channel that is opened anew.
  void reset() { *this = ChannelState(number); }

  std::uint16_t number;
  bool is_open = false;
  std::optional<Failure> failure;    // why the broker closed it
  std::optional<std::string> reply;  // the payload of a reply nobody has taken yet
  std::string taken_reply;           // the one taken last: the caller's views point into it

  std::deque<Delivery> deliveries;
  std::optional<Delivery> got;  // the answer to basic.get
  std::vector<Returned> returned;
  std::vector<std::string> cancelled;

  bool confirm_mode = false;
  std::uint64_t window_size = 0;
  ConfirmWindow window;
  Confirms confirms;

 private:
  enum class ContentOf : std::uint8_t { kNothing, kDeliver, kGetOk, kReturn };

  [[nodiscard]] Outcome<> take_method(std::string_view payload, std::string& answer);
  [[nodiscard]] Outcome<> take_header(std::string_view payload);
  [[nodiscard]] Outcome<> take_body(std::string_view payload);
  void on(const amqp::BasicDeliver& deliver);
  void on(const amqp::BasicGetOk& get_ok);
  void on(const amqp::BasicReturn& returned_message);
  void on(const amqp::BasicAck& ack);
  void on(const amqp::BasicNack& nack);
  void expect_content(ContentOf kind, std::string_view exchange, std::string_view routing_key);
  void finish_content();
  /// Decodes M from `fields` and hands it to on().
  template <amqp::Method M>
  [[nodiscard]] Outcome<> hand_over(std::string_view fields);

  ContentOf content_of_ = ContentOf::kNothing;
  bool has_header_ = false;
  std::uint64_t missing_bytes_ = 0;
  Delivery incoming_;
  Returned incoming_return_;
};

}  // namespace mq::client
