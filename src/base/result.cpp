#include "mq/base/result.hpp"

#include <stdexcept>

namespace mq {
namespace {

constexpr std::size_t kMaxShortStrBytes = 255;
constexpr std::string_view kCut = "...";  // where RabbitMQ cuts a text, and how it says so

}  // namespace

std::string_view reply_name(ReplyCode code) noexcept {
  switch (code) {
    case ReplyCode::kSuccess: return "OK";
    case ReplyCode::kContentTooLarge: return "CONTENT_TOO_LARGE";
    case ReplyCode::kNoRoute: return "NO_ROUTE";
    case ReplyCode::kNoConsumers: return "NO_CONSUMERS";
    case ReplyCode::kConnectionForced: return "CONNECTION_FORCED";
    case ReplyCode::kInvalidPath: return "INVALID_PATH";
    case ReplyCode::kAccessRefused: return "ACCESS_REFUSED";
    case ReplyCode::kNotFound: return "NOT_FOUND";
    case ReplyCode::kResourceLocked: return "RESOURCE_LOCKED";
    case ReplyCode::kPreconditionFailed: return "PRECONDITION_FAILED";
    case ReplyCode::kFrameError: return "FRAME_ERROR";
    case ReplyCode::kSyntaxError: return "SYNTAX_ERROR";
    case ReplyCode::kCommandInvalid: return "COMMAND_INVALID";
    case ReplyCode::kChannelError: return "CHANNEL_ERROR";
    case ReplyCode::kUnexpectedFrame: return "UNEXPECTED_FRAME";
    case ReplyCode::kResourceError: return "RESOURCE_ERROR";
    case ReplyCode::kNotAllowed: return "NOT_ALLOWED";
    case ReplyCode::kNotImplemented: return "NOT_IMPLEMENTED";
    case ReplyCode::kInternalError: return "INTERNAL_ERROR";
  }
  return "INTERNAL_ERROR";
}

bool is_hard(ReplyCode code) noexcept {
  switch (code) {
    case ReplyCode::kContentTooLarge:
    case ReplyCode::kNoRoute:
    case ReplyCode::kNoConsumers:
    case ReplyCode::kAccessRefused:
    case ReplyCode::kNotFound:
    case ReplyCode::kResourceLocked:
    case ReplyCode::kPreconditionFailed: return false;
    default: return true;
  }
}

std::string Error::reply_text() const {
  std::string whole(reply_name(code));
  if (!text.empty()) whole.append(" - ").append(text);
  if (whole.size() > kMaxShortStrBytes) {
    std::size_t end = kMaxShortStrBytes - kCut.size();
    while (end > 0 && (static_cast<unsigned char>(whole[end]) & 0xC0) == 0x80) --end;  // never inside a UTF-8 character
    whole.resize(end);
    whole.append(kCut);
  }
  return whole;
}

void throw_exception_from_error(const Error& error, const boost::source_location&) {
  throw std::logic_error("value() of an error: " + error.reply_text());
}

}  // namespace mq
