// Retry with backoff: how long a message that came back waits before it is delivered again. Pure.
#pragma once

#include <cstdint>

#include "broker/queue_settings.hpp"

namespace mq::broker {

/// How a message came back.
enum class ReturnKind : std::uint8_t { kFailed, kReturned };

/// Zero where the settings do not ask for a wait. `returns` counts this return too; `seed` chooses the jitter, the same seed the same.
[[nodiscard]] Millis retry_delay_ms(const RetrySettings& retry, ReturnKind kind, std::uint32_t returns, std::uint64_t seed) noexcept;

}  // namespace mq::broker
