// How fast a connection, a user or a vhost may publish: messages and bytes a second, each paid for with time. Whoever publishes says
// what it published and is told from when on it may go on; so nothing is counted message by message in common, and who is not limited
// pays nothing. Moments are the steady clock's. Any thread.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>

#include "mq/base/clock.hpp"

namespace mq::engine {

class PublishRate {
 public:
  /// Per second; negative = no limit, 0 = nobody may publish. What was overdrawn before is forgiven when a limit changes.
  void set(std::int64_t messages, std::int64_t bytes) noexcept {
    messages_.set(messages);
    bytes_.set(bytes);
    revision_.fetch_add(1, std::memory_order_release);
  }
  /// Another after each set(); shares of the time before do not count any more.
  [[nodiscard]] std::uint64_t revision() const noexcept { return revision_.load(std::memory_order_acquire); }
  [[nodiscard]] bool limited() const noexcept { return messages_.limited() || bytes_.limited(); }

  /// What somebody may publish before it has to ask again: ten milliseconds' worth, at least one message.
  struct Share {
    std::int64_t messages = INT64_MAX;
    std::int64_t bytes = INT64_MAX;
  };
  [[nodiscard]] Share share() const noexcept { return {messages_.share(), bytes_.share()}; }

  /// So much was published. Returns when that is paid for: what is not later than `now` lets its publisher go on.
  [[nodiscard]] Millis spend(std::uint64_t messages, std::uint64_t bytes, Millis now) noexcept {
    return std::max(messages_.spend(messages, now), bytes_.spend(bytes, now));
  }

 private:
  /// One quantity. Time that nobody used is kept for a tenth of a second.
  class Meter {
   public:
    void set(std::int64_t per_s) noexcept {
      if (per_s_.exchange(per_s) != per_s) paid_until_ns_ = 0;
    }
    [[nodiscard]] bool limited() const noexcept { return per_s_.load(std::memory_order_relaxed) >= 0; }
    [[nodiscard]] std::int64_t share() const noexcept {
      const std::int64_t per_s = per_s_.load(std::memory_order_relaxed);
      return per_s < 0 ? INT64_MAX : std::max<std::int64_t>(per_s / kSharesPerSecond, 1);
    }
    [[nodiscard]] Millis spend(std::uint64_t amount, Millis now) noexcept {
      const std::int64_t per_s = per_s_.load(std::memory_order_relaxed);
      if (per_s < 0) return 0;
      if (per_s == 0) return now + kLookAgainMs;
      const auto cost_ns = static_cast<std::int64_t>(static_cast<double>(amount) * 1e9 / static_cast<double>(per_s));
      const std::int64_t now_ns = now * kNsPerMs;
      std::int64_t known = paid_until_ns_.load(std::memory_order_relaxed);
      std::int64_t paid_ns = 0;
      do paid_ns = std::max(known, now_ns - kSavedMs * kNsPerMs) + cost_ns;
      while (!paid_until_ns_.compare_exchange_weak(known, paid_ns, std::memory_order_relaxed));
      return (paid_ns + kNsPerMs - 1) / kNsPerMs;
    }

   private:
    static constexpr std::int64_t kSharesPerSecond = 100;
    static constexpr std::int64_t kNsPerMs = 1'000'000;
    static constexpr Millis kSavedMs = 100;
    static constexpr Millis kLookAgainMs = 1000;
    std::atomic<std::int64_t> per_s_{-1};
    std::atomic<std::int64_t> paid_until_ns_{0};
  };
  Meter messages_, bytes_;
  std::atomic<std::uint64_t> revision_{1};
};
using PublishRatePtr = std::shared_ptr<PublishRate>;

}  // namespace mq::engine
