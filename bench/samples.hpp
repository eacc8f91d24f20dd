// What the benches send around: the same message everywhere, so that their numbers can be set side by side.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "broker/message.hpp"
#include "mq/amqp/methods.hpp"
#include "mq/amqp/properties.hpp"

namespace mq::bench {

inline constexpr std::string_view kExchange = "amq.topic";
inline constexpr std::string_view kRoutingKey = "order.eu.created";

/// Properties with nothing but a delivery mode, as most publishers send them.
inline std::string plain_properties(bool persistent = true) {
  amqp::Properties properties;
  properties.delivery_mode = persistent ? 2 : 1;
  std::string encoded;
  amqp::encode_properties(properties, encoded);
  return encoded;
}

inline broker::MessagePtr message_of(std::size_t body_bytes, bool persistent = true) {
  return broker::make_message_encoded(kExchange, kRoutingKey, plain_properties(persistent), std::string(body_bytes, 'b'));
}

/// `count` publishes one behind the other, as a client sends them on channel 1.
inline std::string publishes(std::size_t count, std::size_t body_bytes, std::string_view exchange, std::string_view routing_key,
                             std::string_view encoded_properties) {
  const std::string body(body_bytes, 'b');
  std::string bytes;
  for (std::size_t number = 0; number < count; ++number) {
    amqp::append_method_frame(bytes, 1, amqp::BasicPublish{.exchange = exchange, .routing_key = routing_key});
    amqp::append_content(bytes, 1, encoded_properties, body, amqp::kDefaultFrameMax);
  }
  return bytes;
}

inline std::string publishes(std::size_t count, std::size_t body_bytes) {
  return publishes(count, body_bytes, kExchange, kRoutingKey, plain_properties());
}

}  // namespace mq::bench
