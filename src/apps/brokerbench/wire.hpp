// What producers and consumers both do with frames.
#pragma once

#include <optional>

#include "mq/amqp/methods.hpp"
#include "mq/client/client.hpp"

namespace mq::bench {

inline constexpr std::uint16_t kChannel = 1;

/// The ids of a method frame as MethodId::key() gives them; 0 for other frames.
[[nodiscard]] inline std::uint32_t method_key(const amqp::Frame& frame) noexcept {
  return frame.type == amqp::FrameType::kMethod && frame.payload.size() >= 4 ? load_big_endian<std::uint32_t>(frame.payload.data()) : 0;
}

/// The broker's reason when the frame closes the channel or the connection.
[[nodiscard]] std::optional<client::Failure> refusal_in(const amqp::Frame& frame);

/// Sends connection.close, waits a little for the answer and hangs up, whatever else is still arriving.
void say_goodbye(client::Connection& connection);

}  // namespace mq::bench
