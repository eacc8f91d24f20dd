// Time is told, not asked: rules take the current time as an argument. Milliseconds since the Unix epoch, as AMQP deadlines need.
#pragma once

#include <cstdint>
#include <limits>

namespace mq {

using UnixMillis = std::int64_t;  ///< a moment, milliseconds since 1970-01-01T00:00Z
using Millis = std::int64_t;      ///< a length of time, milliseconds

inline constexpr UnixMillis kNever = std::numeric_limits<UnixMillis>::max();

}  // namespace mq
