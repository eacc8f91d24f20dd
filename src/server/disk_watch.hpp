// When publishers have to wait for the disk, and when to look at it again. Pure: it is told what was seen, and says what follows.
//
// Free space below the limit blocks publishers, as in RabbitMQ. A fast publisher would be far beyond it between two looks, so the next look
// is asked for by the number of bytes that may be written until then, and the fewer are left, the sooner; and what publishers send while
// they are being stopped, and the store's second writing of it, must still fit above the limit: under load they wait that much earlier.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "engine/health.hpp"
#include "mq/ports/storage.hpp"

namespace mq::server {

struct DiskSight {
  Millis now = 0;                           ///< steady
  std::optional<std::uint64_t> free_bytes;  ///< nullopt: the disk is not watched
  std::uint64_t written_bytes = 0;          ///< of messages, ever
  std::optional<StorageError> trouble;      ///< of the store
  Millis commit_under_way_ms = 0;           ///< 0 = none is
  Millis longest_commit_ms = 0;             ///< since the last look
};

struct DiskVerdict {
  bool low = false;  ///< publishers have to wait
  engine::StoreState store = engine::StoreState::kWell;
  std::string store_text;
  Millis look_again_ms = 0;                  ///< at the latest
  std::uint64_t look_at_bytes = UINT64_MAX;  ///< or when so many were written
};

class DiskWatch {
 public:
  static constexpr Millis kLookEveryMs = 1000;
  static constexpr Millis kSlowMs = 1000;       ///< a commit that takes as long is slow
  static constexpr Millis kWellAfterMs = 5000;  ///< without a slow one
  static constexpr Millis kCalmMs = 2000;       ///< publishers wait at least so long where they were stopped early

  /// `limit_bytes` 0: only what the store says counts.
  [[nodiscard]] DiskVerdict look(const DiskSight& sight, std::uint64_t limit_bytes);
  /// What is kept free above the limit, by the last look.
  [[nodiscard]] std::uint64_t headroom_bytes() const noexcept { return headroom_; }

 private:
  void measure(const DiskSight& sight, std::uint64_t limit_bytes);
  [[nodiscard]] bool judge_space(const DiskSight& sight, std::uint64_t limit_bytes);
  void judge_store(const DiskSight& sight, DiskVerdict& verdict);

  std::optional<DiskSight> last_;
  double written_per_ms_ = 0;
  double vanishing_per_ms_ = 0;  // of free space
  std::uint64_t headroom_ = 0;
  bool low_ = false;
  Millis low_since_ = 0;
  std::optional<Millis> slow_at_;  // the last time that it was
  std::string slow_text_;
};

}  // namespace mq::server
