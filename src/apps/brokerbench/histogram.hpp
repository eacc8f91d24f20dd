// A histogram of durations in nanoseconds: buckets of equal width within each power of two, so that any percentile is known to
// within one part in 64 whatever the range, and recording is a shift and an increment.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>

namespace mq::bench {

class Histogram {
 public:
  void record(std::uint64_t nanoseconds) noexcept {
    ++buckets_[bucket_of(nanoseconds)];
    ++count_;
    largest_ = std::max(largest_, nanoseconds);
  }

  void merge(const Histogram& other) noexcept {
    for (std::size_t i = 0; i < buckets_.size(); ++i) buckets_[i] += other.buckets_[i];
    count_ += other.count_;
    largest_ = std::max(largest_, other.largest_);
  }

  /// The duration that a share `quantile` (0..1) of all records does not exceed; 0 when there are none.
  [[nodiscard]] std::uint64_t quantile(double quantile) const noexcept {
    auto wanted = std::max<std::uint64_t>(1, static_cast<std::uint64_t>(std::ceil(quantile * static_cast<double>(count_))));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < buckets_.size(); ++i) {
      seen += buckets_[i];
      if (seen >= wanted) return std::min(largest_in(i), largest_);
    }
    return 0;
  }

  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
  [[nodiscard]] std::uint64_t largest() const noexcept { return largest_; }

 private:
  static constexpr unsigned kPrecisionBits = 6;
  static constexpr std::uint64_t kWidth = std::uint64_t{1} << kPrecisionBits;  // buckets per power of two

  static std::size_t bucket_of(std::uint64_t value) noexcept {
    if (value < kWidth) return value;
    unsigned shift = static_cast<unsigned>(std::bit_width(value)) - 1 - kPrecisionBits;
    return (shift + 1) * kWidth + ((value >> shift) - kWidth);
  }
  static std::uint64_t largest_in(std::size_t bucket) noexcept {
    if (bucket < kWidth) return bucket;
    std::uint64_t shift = bucket / kWidth - 1;
    return ((bucket % kWidth + kWidth + 1) << shift) - 1;
  }

  std::array<std::uint64_t, (64 - kPrecisionBits + 1) * kWidth> buckets_{};
  std::uint64_t count_ = 0;
  std::uint64_t largest_ = 0;
};

}  // namespace mq::bench
