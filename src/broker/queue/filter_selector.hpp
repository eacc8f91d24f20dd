// Consumer filters: a message goes to those consumers whose filter it matches. The key of its lot says which filters may match it, a bit
// each, and bit 0 stands for consumers without a filter.
//
// A filter that has no consumer is remembered, so that who comes back with it finds its messages; what passes meanwhile is not compared
// with it, but may match. A new filter may match whatever was passed over before. So a bit in a key is no promise: a message is compared
// again when it is called back, and its new key is exact for the filters in use.
//
// Cost: a message is compared once with each filter in use, and once more with each that came after it; a call looks at one number per lot,
// and there are no more lots than combinations of filters that really occur. Used on the queue's strand only.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "broker/filter.hpp"
#include "broker/queue/selector.hpp"

namespace mq::broker {

class FilterSelector final : public Selector {
 public:
  static constexpr std::size_t kMaxFilters = 63;  ///< different ones in use at the same time

  /// `looks_again`: there may be a lot of messages that were passed over for other reasons (kLookAgain).
  explicit FilterSelector(bool looks_again = false) : parked_(looks_again ? kLookAgain : 0) {}

  /// May a consumer with that filter join?
  [[nodiscard]] bool has_place_for(const Filter& filter) const;
  /// One more consumer has that filter. Returns what it is to want.
  std::uint8_t join(std::shared_ptr<const Filter> filter, Lots& lots);
  void leave(std::uint8_t want);
  /// No consumer has a filter.
  [[nodiscard]] bool unused() const noexcept { return used_ == 0; }

  [[nodiscard]] LotKey key_of(const Message& message) override;
  [[nodiscard]] Consumer* choose(LotKey key, Consumers& consumers) override;
  [[nodiscard]] bool open_to_get(LotKey) const override { return true; }
  void given(LotKey, std::uint32_t) override {}
  void settled(const Message&) override {}
  void waits(Position, const Message&) override {}
  void wait_ended(Position) override {}
  void purged() override {}
  void call(const Lots& lots, const Consumers& consumers, std::optional<Position> next, std::vector<LotKey>& calls) override;
  void call_for_get(const Lots& lots, std::optional<Position> next, std::vector<LotKey>& calls) override;
  [[nodiscard]] bool calls_come_first() const override { return true; }  // whose filters overlap get their messages in order

 private:
  static constexpr LotKey kEverybody = 1;
  struct Known {
    std::shared_ptr<const Filter> filter;
    std::uint32_t consumers = 0;
    std::uint64_t left_at = 0;  // when the last of them went, on a clock of leavings
  };
  [[nodiscard]] std::size_t find(const Filter& filter) const;
  [[nodiscard]] static LotKey bit_of(std::size_t index) noexcept { return LotKey{2} << index; }
  static void call_first(const Lots& lots, LotKey wants, std::optional<Position> next, std::vector<LotKey>& calls);

  std::vector<Known> known_;
  LotKey used_ = 0;    // bits of filters that have consumers
  LotKey unused_ = 0;  // of the others
  LotKey parked_;      // of all keys of lots, and perhaps of some that are empty now
  std::uint64_t leavings_ = 0;
};

}  // namespace mq::broker
