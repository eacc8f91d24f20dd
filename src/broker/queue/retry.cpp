#include "broker/queue/retry.hpp"

#include <algorithm>
#include <cmath>

namespace mq::broker {
namespace {

bool waits(RetryOn on, ReturnKind kind) noexcept {
  return on == RetryOn::kAll || on == (kind == ReturnKind::kFailed ? RetryOn::kFailed : RetryOn::kReturned);
}

double grown_ms(const RetrySettings& retry, std::uint32_t returns) noexcept {
  const auto least = static_cast<double>(retry.min_ms);
  switch (retry.backoff) {
    case Backoff::kFixed: return least;
    case Backoff::kLinear: return least * returns;
    case Backoff::kExponential: return least * std::pow(retry.multiplier, returns - 1);
  }
  return least;
}

/// Between 0 and 1, never 1 (the finalizer of splitmix64).
double fraction_of(std::uint64_t seed) noexcept {
  seed += 0x9E3779B97F4A7C15;
  seed = (seed ^ (seed >> 30)) * 0xBF58476D1CE4E5B9;
  seed = (seed ^ (seed >> 27)) * 0x94D049BB133111EB;
  seed ^= seed >> 31;
  return static_cast<double>(seed >> 11) * 0x1.0p-53;
}

}  // namespace

Millis retry_delay_ms(const RetrySettings& retry, ReturnKind kind, std::uint32_t returns, std::uint64_t seed) noexcept {
  if (!waits(retry.on, kind) || returns == 0) return 0;
  const double full_ms = std::min(grown_ms(retry, returns), static_cast<double>(retry.max_ms));
  return static_cast<Millis>(full_ms - full_ms * retry.jitter_percent / 100 * fraction_of(seed));
}

}  // namespace mq::broker
