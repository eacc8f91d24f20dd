// What can go wrong for a client, as a value: the network, the peer's bytes, or the broker's own refusal with its reply code.
#pragma once

#include <boost/system/result.hpp>
#include <cstdint>
#include <string>
#include <utility>

namespace mq::client {

enum class FailureKind : std::uint8_t {
  kUnreachable,       ///< no address, or nobody listens there
  kTimeout,           ///< the peer did not answer in time
  kDisconnected,      ///< the socket closed without a word
  kProtocol,          ///< the peer sent what AMQP 0-9-1 does not allow here
  kConnectionClosed,  ///< the broker closed the connection; reply_code and text are the broker's
  kChannelClosed,     ///< the broker closed the channel; reply_code and text are the broker's
};

struct Failure {
  FailureKind kind = FailureKind::kProtocol;
  std::uint16_t reply_code = 0;  ///< AMQP reply code when the broker refused, else 0
  std::string text;              ///< the broker's whole reply text (`NOT_FOUND - no queue ...`), or our explanation

  /// True when the broker said no, as opposed to not being there.
  [[nodiscard]] bool is_refusal() const noexcept { return reply_code != 0; }
  /// One line for people: `the broker closed the channel: 404 NOT_FOUND - no queue 'q' in vhost '/'`.
  [[nodiscard]] std::string describe() const;
};

template <class T = void>
using Outcome = boost::system::result<T, Failure>;

[[nodiscard]] inline Failure failed(FailureKind kind, std::string text) { return Failure{kind, 0, std::move(text)}; }

/// Called by boost::system::result when value() is asked of a failure; throws std::runtime_error with describe().
[[noreturn]] void throw_exception_from_error(const Failure& failure, const boost::source_location& where);

}  // namespace mq::client
