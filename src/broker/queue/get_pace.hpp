// How many messages basic.get takes, for the reserve of delivered_below.hpp: who asks for one after the other is not to wait for the disk
// each time.
//
// Used on the queue's strand only.
#pragma once

#include <algorithm>
#include <cstdint>

#include "mq/ports/storage.hpp"

namespace mq::broker {

class GetPace {
 public:
  void took_one(UnixMillis now) noexcept {
    if (now - began_ >= kWindowMs) {
      before_ = now - began_ < 2 * kWindowMs ? lately_ : 0;
      lately_ = 0;
      began_ = now;
    }
    ++lately_;
  }
  /// As many as were taken within a second: a start from nothing doubles with every write it waits for.
  [[nodiscard]] std::uint64_t expected() const noexcept { return std::max(before_, lately_); }

 private:
  static constexpr UnixMillis kWindowMs = 1000;
  UnixMillis began_ = 0;
  std::uint64_t before_ = 0;  // in the window before
  std::uint64_t lately_ = 0;  // in this one
};

}  // namespace mq::broker
