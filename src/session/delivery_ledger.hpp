// What one channel has delivered and the client has not settled, by delivery tag; and which of it the client should have settled by now.
//
// Moments are milliseconds of a clock that the session starts with itself, in 32 bits that may wrap: what lies ahead is less than kLongest
// away.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <vector>

#include "broker/queue/consumers.hpp"
#include "mq/base/clock.hpp"
#include "mq/base/deque.hpp"
#include "mq/base/result.hpp"

namespace mq::engine {
class QueueActor;
}

namespace mq::session {

struct Unsettled {
  std::uint64_t tag = 0;
  engine::QueueActor* queue = nullptr;  ///< kept alive by the session's QueueTable; null once settled
  broker::Position position = 0;
  std::uint32_t late_at = 0;        ///< when it will be late, if `timed`
  std::uint32_t consumer : 30 = 0;  ///< its number; 0 = basic.get
  bool timed : 1 = false;
  bool counted : 1 = false;  ///< takes a place in the channel's shared prefetch
};

class DeliveryLedger {
 public:
  /// A longer time to settle is as good as none.
  static constexpr Millis kLongest = (Millis{1} << 31) - 1;

  /// The tag of the next delivery; every delivery takes one, also those that need no acknowledgement.
  std::uint64_t next_tag() noexcept { return ++last_tag_; }
  void add(Unsettled delivery);

  /// Takes the delivery of that tag, or with `multiple` all up to it (tag 0: all), out of the ledger and appends them to `out`, lowest
  /// tag first. 406 `unknown delivery tag N` when that very tag is not outstanding; but one that take_late() took may be settled once more,
  /// which does nothing; its tag is appended to `late`, if given.
  [[nodiscard]] Result<> settle(std::uint64_t tag, bool multiple, std::vector<Unsettled>& out, std::vector<std::uint64_t>* late = nullptr);
  /// Takes everything.
  void take_all(std::vector<Unsettled>& out);
  /// Takes those that should have been settled by `now`. Clients may still settle them.
  void take_late(std::uint32_t now, std::vector<Unsettled>& out);
  /// True when take_late() may find something.
  [[nodiscard]] bool has_late(std::uint32_t now) const noexcept { return timed_ && is_due(next_late_, now); }
  /// When to look again, if anything is timed.
  [[nodiscard]] std::optional<std::uint32_t> next_late() const noexcept { return timed_ ? std::optional(next_late_) : std::nullopt; }
  /// Puts deliveries back that settle() took, and late tags that it named (tx.rollback).
  void restore(const std::vector<Unsettled>& deliveries, const std::vector<std::uint64_t>& late);

  [[nodiscard]] std::size_t size() const noexcept { return count_; }

 private:
  [[nodiscard]] std::size_t index_of(std::uint64_t tag) const noexcept;
  [[nodiscard]] std::size_t first_behind(std::uint64_t tag) const noexcept;
  void take(Unsettled& delivery, std::vector<Unsettled>& out);
  void drop_settled_front();
  void note_late(const Unsettled& delivery) noexcept;
  [[nodiscard]] bool forgive(std::uint64_t tag, bool multiple, std::vector<std::uint64_t>* forgiven);
  [[nodiscard]] static bool is_due(std::uint32_t moment, std::uint32_t now) noexcept {
    return static_cast<std::int32_t>(now - moment) >= 0;
  }

  static constexpr std::size_t kMostForgiven = 10'000;

  Deque<Unsettled> outstanding_;  // by tag; settled ones in the middle stay as holes until they reach the front
  std::size_t count_ = 0;
  std::uint64_t last_tag_ = 0;
  bool timed_ = false;
  std::uint32_t next_late_ = 0;   // nothing is late before; perhaps nothing is then
  std::set<std::uint64_t> late_;  // taken by take_late(), not settled by the client since; the newest kMostForgiven
};

}  // namespace mq::session
