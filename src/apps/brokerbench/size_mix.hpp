// Sizes of message bodies: one size, or a mix of sizes and ranges with weights.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace mq::bench {

/// Sizes in bytes, and how often each comes.
class SizeMix {
 public:
  struct Part {
    std::uint64_t least_bytes = 0;
    std::uint64_t most_bytes = 0;  ///< sizes are spread evenly from least to most
    std::uint64_t weight = 1;
  };

  SizeMix() = default;
  explicit SizeMix(std::uint64_t bytes) : parts_{{bytes, bytes, 1}} {}

  /// Reads `100`, `4KiB`, `100-2000`, or a mix `16:70,1KiB:25,64KiB:5`: SIZE[-SIZE][:WEIGHT], commas between. Suffixes are KiB and
  /// MiB (k and m do too). Returns an empty text and sets `mix`, or a sentence that says what is wrong.
  [[nodiscard]] static std::string parse(std::string_view text, SizeMix& mix);

  /// The least number of messages that has every part in its due share, and each range well spread.
  [[nodiscard]] std::size_t period() const;
  /// `count` sizes in their due shares, shuffled; the same for the same seed.
  [[nodiscard]] std::vector<std::uint64_t> sequence(std::size_t count, std::uint64_t seed) const;
  [[nodiscard]] double mean_bytes() const;
  [[nodiscard]] std::uint64_t largest_bytes() const;
  [[nodiscard]] std::uint64_t smallest_bytes() const;
  /// For people: `100 B`, or `16 B (70 %), 1 KiB (25 %), 64 KiB (5 %)`.
  [[nodiscard]] std::string describe() const;

 private:
  [[nodiscard]] std::uint64_t total_weight() const;

  std::vector<Part> parts_{{100, 100, 1}};
};

/// `16 B`, `64 KiB`, `1.5 MiB`.
[[nodiscard]] std::string bytes_text(double bytes);

}  // namespace mq::bench
