// What producers and consumers both do with frames.
#pragma once

#include <cstdint>
#include <optional>

#include "mq/amqp/methods.hpp"
#include "mq/amqp/properties.hpp"
#include "mq/client/client.hpp"

namespace mq::bench {

inline constexpr std::uint16_t kChannel = 1;
/// A broker that neither reads nor answers for so long has hung.
inline constexpr client::Milliseconds kStallTimeout{20'000};

/// The ids of a method frame as MethodId::key() gives them; 0 for other frames.
[[nodiscard]] inline std::uint32_t method_key(const amqp::Frame& frame) noexcept {
  return frame.type == amqp::FrameType::kMethod && frame.payload.size() >= 4 ? load_big_endian<std::uint32_t>(frame.payload.data()) : 0;
}

/// The broker's reason when the frame closes the channel or the connection.
[[nodiscard]] std::optional<client::Failure> refusal_in(const amqp::Frame& frame);

/// Waits until there is something to read, or for `nanoseconds`: finer than Link's milliseconds, for rates need that.
void wait_readable(const client::Link& link, std::uint64_t nanoseconds) noexcept;

/// Sends connection.close, waits a little for the answer and hangs up, whatever else is still arriving.
void say_goodbye(client::Connection& connection);

/// Follows the frames of one content: how much of its body is to come, and where it starts.
class BodyReader {
 public:
  /// Takes a content header frame's payload. True when the message is complete with it: it has no body.
  [[nodiscard]] bool begin(std::string_view payload) noexcept {
    missing_bytes_ = payload.size() < amqp::kContentHeaderBytes ? 0 : load_big_endian<std::uint64_t>(payload.data() + 4);
    is_at_start_ = true;
    return missing_bytes_ == 0;
  }
  /// The eight bytes the body starts with, when this body frame's payload has them; 0 otherwise. To be called before take().
  [[nodiscard]] std::uint64_t stamp(std::string_view payload) const noexcept {
    std::uint64_t stamp_ns = 0;
    if (is_at_start_ && payload.size() >= sizeof stamp_ns) std::memcpy(&stamp_ns, payload.data(), sizeof stamp_ns);
    return stamp_ns;
  }
  /// Takes a body frame's payload. True when the message is complete with it.
  [[nodiscard]] bool take(std::string_view payload) noexcept {
    is_at_start_ = false;
    missing_bytes_ -= payload.size() < missing_bytes_ ? payload.size() : missing_bytes_;
    return missing_bytes_ == 0;
  }

 private:
  std::uint64_t missing_bytes_ = 0;
  bool is_at_start_ = false;
};

}  // namespace mq::bench
