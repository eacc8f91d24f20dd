#include "apps/brokerbench/wire.hpp"

#include <poll.h>

namespace mq::bench {

namespace {

using client::Milliseconds;

constexpr Milliseconds kGoodbyeTimeout{2000};

template <amqp::Method M>
client::Failure failure_of(client::FailureKind kind, std::string_view payload) {
  std::optional<M> close = amqp::decode<M>(amqp::method_fields(payload));
  if (!close) return client::failed(kind, "malformed " + std::string(M::kName));
  return {kind, close->reply_code, std::string(close->reply_text)};
}

}  // namespace

std::optional<client::Failure> refusal_in(const amqp::Frame& frame) {
  std::uint32_t key = method_key(frame);
  if (key == amqp::ConnectionClose::kId.key())
    return failure_of<amqp::ConnectionClose>(client::FailureKind::kConnectionClosed, frame.payload);
  if (key == amqp::ChannelClose::kId.key()) return failure_of<amqp::ChannelClose>(client::FailureKind::kChannelClosed, frame.payload);
  return std::nullopt;
}

void wait_readable(const client::Link& link, std::uint64_t nanoseconds) noexcept {
  constexpr std::uint64_t kSecondNs = 1'000'000'000;
  pollfd watched{link.native_handle(), POLLIN, 0};
  timespec timeout{static_cast<time_t>(nanoseconds / kSecondNs), static_cast<long>(nanoseconds % kSecondNs)};
  ::ppoll(&watched, 1, &timeout, nullptr);
}

void say_goodbye(client::Connection& connection) {
  std::string close;
  amqp::append_method_frame(close, 0, amqp::ConnectionClose{.reply_code = 200, .reply_text = "Goodbye"});
  if (!connection.link().send(close, kGoodbyeTimeout).has_error()) {
    auto deadline = std::chrono::steady_clock::now() + kGoodbyeTimeout;
    for (bool answered = false; !answered && std::chrono::steady_clock::now() < deadline;) {
      amqp::Frame frame;
      while (!answered && connection.link().next(frame)) answered = method_key(frame) == amqp::ConnectionCloseOk::kId.key();
      if (!answered && connection.link().receive(kGoodbyeTimeout).has_error()) break;
    }
  }
  connection.close_now();
}

}  // namespace mq::bench
