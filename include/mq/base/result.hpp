// Peer mistakes are values: Result<T> holds either a T or an Error that names the AMQP reply code and text.
// One place (session/dispatch) turns an Error into channel.close or connection.close.
#pragma once

#include <boost/system/result.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace mq {

/// AMQP 0-9-1 reply codes (spec section 1.1, "constants").
enum class ReplyCode : std::uint16_t {
  kSuccess = 200,
  kContentTooLarge = 311,
  kNoRoute = 312,
  kNoConsumers = 313,
  kConnectionForced = 320,
  kInvalidPath = 402,
  kAccessRefused = 403,
  kNotFound = 404,
  kResourceLocked = 405,
  kPreconditionFailed = 406,
  kFrameError = 501,
  kSyntaxError = 502,
  kCommandInvalid = 503,
  kChannelError = 504,
  kUnexpectedFrame = 505,
  kResourceError = 506,
  kNotAllowed = 530,
  kNotImplemented = 540,
  kInternalError = 541,
};

/// The constant's name as it stands before the dash in a reply text, e.g. `NOT_FOUND`.
[[nodiscard]] std::string_view reply_name(ReplyCode code) noexcept;

/// True for the codes that close the connection; the others close only the channel.
[[nodiscard]] bool is_hard(ReplyCode code) noexcept;

/// What a peer did wrong. `text` is the explanation alone, without the `NAME - ` prefix.
struct Error {
  ReplyCode code = ReplyCode::kInternalError;
  std::string text;

  /// `NAME - text`, cut to the 255 bytes a shortstr holds.
  [[nodiscard]] std::string reply_text() const;
  [[nodiscard]] bool closes_connection() const noexcept { return is_hard(code); }
};

template <class T = void>
using Result = boost::system::result<T, Error>;

/// Shorthand to return an error: `return fail(ReplyCode::kNotFound, "no queue 'q' in vhost '/'");`
[[nodiscard]] inline Error fail(ReplyCode code, std::string text) { return Error{code, std::move(text)}; }

/// Called by boost::system::result when value() is asked of an error; that is a bug of ours.
[[noreturn]] void throw_exception_from_error(const Error& error, const boost::source_location& where);

}  // namespace mq
