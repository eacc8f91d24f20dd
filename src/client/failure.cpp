#include "mq/client/failure.hpp"

#include <stdexcept>

namespace mq::client {

std::string Failure::describe() const {
  std::string refusal = std::to_string(reply_code) + " " + text;
  switch (kind) {
    case FailureKind::kConnectionClosed: return "the broker closed the connection: " + refusal;
    case FailureKind::kChannelClosed: return "the broker closed the channel: " + refusal;
    default: return text;
  }
}

void throw_exception_from_error(const Failure& failure, const boost::source_location&) { throw std::runtime_error(failure.describe()); }

}  // namespace mq::client
