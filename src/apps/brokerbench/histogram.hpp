// Histograms of durations in nanoseconds, in the manner of HdrHistogram: buckets of equal width within each power of two, so that any
// percentile is known to two significant digits whatever the range, and recording is a shift and an increment.
//
// Our own because Debian 12 has no C or C++ HdrHistogram, and because of LiveHistogram: one thread records without a locked
// instruction while another reads, which is what makes a time series free of charge.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cmath>
#include <cstdint>
#include <vector>

namespace mq::bench {

/// Which durations share a bucket: those that differ by less than one part in 128.
struct Buckets {
  static constexpr unsigned kPrecisionBits = 7;
  static constexpr std::uint64_t kWidth = std::uint64_t{1} << kPrecisionBits;  // buckets per power of two
  static constexpr std::size_t kCount = (64 - kPrecisionBits + 1) * kWidth;

  static std::size_t of(std::uint64_t value) noexcept {
    if (value < kWidth) return value;
    unsigned shift = static_cast<unsigned>(std::bit_width(value)) - 1 - kPrecisionBits;
    return (shift + 1) * kWidth + ((value >> shift) - kWidth);
  }
  static std::uint64_t smallest_in(std::size_t bucket) noexcept {
    if (bucket < kWidth) return bucket;
    return (bucket % kWidth + kWidth) << (bucket / kWidth - 1);
  }
  static std::uint64_t largest_in(std::size_t bucket) noexcept {
    if (bucket < kWidth) return bucket;
    return ((bucket % kWidth + kWidth + 1) << (bucket / kWidth - 1)) - 1;
  }
  static double middle_of(std::size_t bucket) noexcept {
    return (static_cast<double>(smallest_in(bucket)) + static_cast<double>(largest_in(bucket))) / 2;
  }
};

/// A histogram for one thread.
class Histogram {
 public:
  void record(std::uint64_t nanoseconds) noexcept {
    ++buckets_[Buckets::of(nanoseconds)];
    ++count_;
    sum_ += static_cast<double>(nanoseconds);
    largest_ = std::max(largest_, nanoseconds);
  }

  void merge(const Histogram& other) noexcept {
    for (std::size_t i = 0; i < Buckets::kCount; ++i) buckets_[i] += other.buckets_[i];
    count_ += other.count_;
    sum_ += other.sum_;
    largest_ = std::max(largest_, other.largest_);
  }

  /// What was recorded here and not yet in `earlier`, a former state of this histogram. Its largest is known as a bucket is.
  [[nodiscard]] Histogram since(const Histogram& earlier) const noexcept {
    Histogram more;
    std::size_t last = 0;
    for (std::size_t i = 0; i < Buckets::kCount; ++i) {
      more.buckets_[i] = buckets_[i] - earlier.buckets_[i];
      if (more.buckets_[i] != 0) last = i;
    }
    more.count_ = count_ - earlier.count_;
    more.sum_ = sum_ - earlier.sum_;
    if (more.count_ != 0) more.largest_ = std::min(largest_, Buckets::largest_in(last));
    return more;
  }

  /// The duration that a share `quantile` (0..1) of all records does not exceed; 0 when there are none.
  [[nodiscard]] std::uint64_t quantile(double quantile) const noexcept {
    auto wanted = std::max<std::uint64_t>(1, static_cast<std::uint64_t>(std::ceil(quantile * static_cast<double>(count_))));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < Buckets::kCount; ++i) {
      seen += buckets_[i];
      if (seen >= wanted) return std::min(Buckets::largest_in(i), largest_);
    }
    return 0;
  }

  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
  [[nodiscard]] std::uint64_t largest() const noexcept { return largest_; }
  [[nodiscard]] double mean() const noexcept { return count_ == 0 ? 0 : sum_ / static_cast<double>(count_); }

  /// One step of the distribution: `count` records do not exceed `nanoseconds`.
  struct Step {
    std::uint64_t nanoseconds = 0;
    std::uint64_t count = 0;
  };
  /// The distribution, a step for each bucket that has records.
  [[nodiscard]] std::vector<Step> steps() const {
    std::vector<Step> steps;
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < Buckets::kCount; ++i) {
      if (buckets_[i] == 0) continue;
      seen += buckets_[i];
      steps.push_back({std::min(Buckets::largest_in(i), largest_), seen});
    }
    return steps;
  }

 private:
  friend class LiveHistogram;

  std::array<std::uint64_t, Buckets::kCount> buckets_{};
  std::uint64_t count_ = 0;
  double sum_ = 0;
  std::uint64_t largest_ = 0;
};

/// A histogram that one thread writes and others may read at any time. Means come from the middles of
/// buckets, so that a record is one increment.
class LiveHistogram {
 public:
  void record(std::uint64_t nanoseconds) noexcept {
    std::atomic<std::uint64_t>& bucket = buckets_[Buckets::of(nanoseconds)];
    bucket.store(bucket.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    if (nanoseconds > largest_.load(std::memory_order_relaxed)) largest_.store(nanoseconds, std::memory_order_relaxed);
  }

  /// Adds what was recorded so far to `total`.
  void add_to(Histogram& total) const noexcept {
    for (std::size_t i = 0; i < Buckets::kCount; ++i) {
      std::uint64_t records = buckets_[i].load(std::memory_order_relaxed);
      total.buckets_[i] += records;
      total.count_ += records;
      total.sum_ += static_cast<double>(records) * Buckets::middle_of(i);
    }
    total.largest_ = std::max(total.largest_, largest_.load(std::memory_order_relaxed));
  }

 private:
  std::array<std::atomic<std::uint64_t>, Buckets::kCount> buckets_{};
  std::atomic<std::uint64_t> largest_{0};
};

}  // namespace mq::bench
