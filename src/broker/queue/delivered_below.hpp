// Honest redelivery: how far messages may have been delivered, as the disk knows it. A message that is on disk is given out only when
// the number on disk covers it, so that after a crash everything that was delivered is known to have been. The number runs ahead of
// the deliveries by a reserve, so that a steady stream seldom waits for it.
//
// What was written without a sync may be gone after a power failure while a page written before it is still there: such a number speaks for
// the pages of its own write, which stay or go with it, and covers nothing else.
//
// Used on the queue's strand only.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "mq/ports/storage.hpp"

namespace mq::broker {

class DeliveredBelow {
 public:
  static constexpr Offset kMaxReserve = 4096;

  /// A message went out to a consumer.
  void delivered(Offset offset) noexcept { delivered_to_ = std::max(delivered_to_, offset + 1); }
  /// True when the disk covers the offset; otherwise it is remembered that somebody waits for that.
  [[nodiscard]] bool covers(Offset offset) noexcept {
    if (offset < stored_) return true;
    wanted_ = std::max(wanted_, offset + 1);
    return false;
  }
  /// True when a message delivered before the last stop may have this offset.
  [[nodiscard]] bool recovered(Offset offset) const noexcept { return offset < recovered_; }
  /// Somebody waits for a number that is not on its way to the disk yet: the next write must be synced.
  [[nodiscard]] bool urgent() const noexcept { return wanted_ > secured_; }

  /// The number to write now, if one is needed. `expected_deliveries`: how many messages could go out at once. `synced`: the write is.
  [[nodiscard]] std::optional<Offset> collect(std::uint64_t expected_deliveries, bool synced) noexcept;
  /// Nothing is to be written now; what is still wanted will be asked for anew.
  void skip() noexcept { wanted_ = std::min(wanted_, secured_); }
  /// A number collected for a synced write is on disk.
  void written(Offset below) noexcept { stored_ = std::max(stored_, below); }
  /// For a clean stop: what was really delivered, when the disk says otherwise.
  [[nodiscard]] std::optional<Offset> exact() const noexcept;
  void restore(Offset below) noexcept { recovered_ = handed_ = secured_ = stored_ = below; }

 private:
  Offset delivered_to_ = 0;  // beyond everything that was delivered
  Offset recovered_ = 0;     // as the last run left it
  Offset wanted_ = 0;        // must be covered before delivery can go on
  Offset handed_ = 0;        // in a write under way or done
  Offset secured_ = 0;       // in a synced one
  Offset stored_ = 0;        // in a synced one that is done
};

inline std::optional<Offset> DeliveredBelow::collect(std::uint64_t expected_deliveries, bool synced) noexcept {
  Offset below = std::max(delivered_to_, recovered_);
  if (!synced) {
    if (below <= handed_) return std::nullopt;
    handed_ = below;
    return below;
  }
  below = std::max(below, wanted_);
  // The reserve moves only when half of it is used up, so that steady streams write it seldom.
  const Offset reserve = std::min<Offset>(expected_deliveries, kMaxReserve);
  if (reserve > 0 && below + reserve / 2 >= secured_) below += reserve;
  if (below <= secured_) {
    skip();
    return std::nullopt;
  }
  handed_ = secured_ = below;
  return below;
}

inline std::optional<Offset> DeliveredBelow::exact() const noexcept {
  const Offset below = std::max(delivered_to_, recovered_);
  return below == handed_ ? std::nullopt : std::optional(below);
}

}  // namespace mq::broker
