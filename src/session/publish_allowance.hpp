// What a session may publish before it has to wait, by all the rates that hold for it: its own, its user's and its vhost's. Shares are
// taken from them ahead, so that between two askings a publish costs two additions.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "engine/publish_rate.hpp"

namespace mq::session {

class PublishAllowance {
 public:
  void set_rates(engine::PublishRatePtr of_connection, engine::PublishRatePtr of_user, engine::PublishRatePtr of_vhost) {
    rates_ = {std::move(of_connection), std::move(of_user), std::move(of_vhost)};
  }
  /// Whether anything limits it at present.
  [[nodiscard]] bool limited() const noexcept {
    return std::any_of(rates_.begin(), rates_.end(), [](const auto& rate) { return rate && rate->limited(); });
  }
  /// A message was published; `bytes` of its content.
  void published(std::uint64_t bytes) noexcept {
    ++messages_;
    bytes_ += bytes;
  }
  /// May the next message come now? If not, until() says when to ask again.
  [[nodiscard]] bool permits(Millis now) noexcept {
    const bool used_up = static_cast<std::int64_t>(messages_) >= share_.messages || static_cast<std::int64_t>(bytes_) >= share_.bytes;
    if (used_up || now < until_) settle(now);
    return until_ <= now;
  }
  [[nodiscard]] Millis until() const noexcept { return until_; }
  /// Charges the rates with what was published since the last asking, and takes new shares.
  void settle(Millis now) noexcept;
  /// Whether a rate was set since the last settle().
  [[nodiscard]] bool outdated() const noexcept { return revision() != settled_revision_; }

 private:
  [[nodiscard]] std::uint64_t revision() const noexcept {
    std::uint64_t sum = 0;
    for (const auto& rate : rates_) sum += rate ? rate->revision() : 0;
    return sum;
  }

  std::array<engine::PublishRatePtr, 3> rates_;
  engine::PublishRate::Share share_{0, 0};  // nothing was asked for yet
  std::uint64_t messages_ = 0, bytes_ = 0;  // published since the last asking
  std::uint64_t settled_revision_ = 0;
  Millis until_ = 0;
};

}  // namespace mq::session
