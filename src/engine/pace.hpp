// How often something happened lately, per millisecond. Moments are the steady clock's. Used on one strand.
#pragma once

#include <algorithm>
#include <cstdint>

#include "mq/base/clock.hpp"

namespace mq::engine {

class Pace {
 public:
  void add(std::uint64_t events) noexcept { counted_ += events; }
  /// The average over about the last kMemoryMs; a pace that was never looked at is 0.
  double per_ms(Millis now) noexcept {
    const Millis elapsed_ms = now - since_;
    if (elapsed_ms < kLeastMs) return per_ms_;
    const double weight = since_ == 0 ? 1.0 : std::min(1.0, static_cast<double>(elapsed_ms) / kMemoryMs);
    if (since_ != 0) per_ms_ += (static_cast<double>(counted_) / static_cast<double>(elapsed_ms) - per_ms_) * weight;
    since_ = now;
    counted_ = 0;
    return per_ms_;
  }

 private:
  static constexpr Millis kLeastMs = 5;
  static constexpr Millis kMemoryMs = 20;
  std::uint64_t counted_ = 0;
  Millis since_ = 0;
  double per_ms_ = 0;
};

}  // namespace mq::engine
