// Which publishes the broker has not settled yet. Confirms may come one by one or for many at once, and in any order.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

namespace mq::client {

/// Sequence numbers start at 1, as in confirm mode. Each carries a stamp of the caller's choice, e.g. when it was sent.
class ConfirmWindow {
 public:
  /// Notes the next publish and returns its sequence number. `stamp` is anything but the largest number.
  std::uint64_t add(std::uint64_t stamp = 0) {
    if (next_ - lowest_ == stamps_.size()) grow();
    stamps_[slot(next_)] = stamp;
    ++unsettled_;
    return next_++;
  }

  /// Settles `tag`, or everything up to it (0 = everything there is) when `multiple`; calls `visit(stamp)` for each that was not
  /// settled before, and returns how many those were.
  template <class Visit>
  std::uint64_t settle(std::uint64_t tag, bool multiple, Visit&& visit) {
    std::uint64_t last = multiple && tag == 0 ? next_ - 1 : tag;
    if (last < lowest_ || last >= next_) return 0;
    std::uint64_t before = unsettled_;
    for (std::uint64_t at = multiple ? lowest_ : last; at <= last; ++at) {
      std::uint64_t& stamp = stamps_[slot(at)];
      if (stamp == kSettled) continue;
      visit(stamp);
      stamp = kSettled;
      --unsettled_;
    }
    while (lowest_ < next_ && stamps_[slot(lowest_)] == kSettled) ++lowest_;
    return before - unsettled_;
  }
  std::uint64_t settle(std::uint64_t tag, bool multiple) {
    return settle(tag, multiple, [](std::uint64_t) {});
  }

  [[nodiscard]] std::uint64_t unsettled() const noexcept { return unsettled_; }
  [[nodiscard]] std::uint64_t last() const noexcept { return next_ - 1; }

 private:
  static constexpr std::uint64_t kSettled = ~std::uint64_t{0};

  [[nodiscard]] std::size_t slot(std::uint64_t sequence) const noexcept { return sequence & (stamps_.size() - 1); }
  void grow() {
    std::vector<std::uint64_t> larger(stamps_.size() * 2);
    for (std::uint64_t at = lowest_; at < next_; ++at) larger[at & (larger.size() - 1)] = stamps_[slot(at)];
    stamps_ = std::move(larger);
  }

  std::vector<std::uint64_t> stamps_ = std::vector<std::uint64_t>(64);  // a ring; its size is a power of two
  std::uint64_t lowest_ = 1;                                            // the lowest number not settled, or next_
  std::uint64_t next_ = 1;
  std::uint64_t unsettled_ = 0;
};

}  // namespace mq::client
