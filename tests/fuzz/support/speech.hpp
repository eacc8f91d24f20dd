// What a client may say, made of an input: whole methods with fields that mean something, so that few bytes lead deep into a session.
#pragma once

#include <deque>
#include <string>
#include <string_view>

#include "mq/amqp/methods.hpp"
#include "mq/amqp/properties.hpp"
#include "support/input.hpp"

namespace mq::fuzz {

class Speech {
 public:
  /// `tag`: a delivery that the client holds, perhaps.
  Speech(Input& input, std::uint64_t tag) : input_(input), tag_(tag) {}

  /// Appends a frame with a method, mostly one that clients send.
  void append_method(std::string& out);
  /// Appends a publish with its content.
  void append_publish(std::string& out);
  /// Appends an acknowledgement, refusal or requeue of the delivery.
  void append_settlement(std::string& out);

  [[nodiscard]] std::string_view queue();
  [[nodiscard]] std::string_view exchange();
  [[nodiscard]] std::string_view routing_key();

 private:
  template <amqp::Method M>
  void append(std::string& out, std::uint16_t channel);
  [[nodiscard]] std::uint16_t channel();

  void fill(std::string_view name, bool& value);
  void fill(std::string_view name, std::uint8_t& value);
  void fill(std::string_view name, std::uint16_t& value);
  void fill(std::string_view name, std::uint32_t& value);
  void fill(std::string_view name, std::uint64_t& value);
  void fill(std::string_view name, amqp::ShortStr& value);
  void fill(std::string_view name, amqp::LongStr& value);
  void fill(std::string_view name, amqp::EncodedTable& value);

  Input& input_;
  std::uint64_t tag_;
  std::deque<amqp::TableBytes> tables_;
};

}  // namespace mq::fuzz
