#include "apps/brokerbench/size_mix.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <numeric>
#include <optional>
#include <random>

namespace mq::bench {

namespace {

constexpr std::uint64_t kLargestBody = std::uint64_t{512} << 20;  // what brokers take
constexpr std::uint64_t kLargestWeight = 1000;
constexpr std::size_t kSizesOfARange = 64;
constexpr std::size_t kLongestPeriod = 4096;

struct Suffix {
  std::string_view text;
  std::uint64_t factor;
};
constexpr Suffix kSuffixes[] = {{"", 1},       {"B", 1},       {"k", 1024},    {"K", 1024},
                                {"KiB", 1024}, {"m", 1 << 20}, {"M", 1 << 20}, {"MiB", 1 << 20}};

std::optional<std::uint64_t> whole_number(std::string_view text, std::string_view& rest) {
  std::uint64_t number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return std::nullopt;
  rest = text.substr(static_cast<std::size_t>(end - text.data()));
  return number;
}

std::optional<std::uint64_t> size_of(std::string_view text) {
  std::string_view rest;
  std::optional<std::uint64_t> number = whole_number(text, rest);
  if (!number || *number > kLargestBody) return std::nullopt;
  for (const Suffix& suffix : kSuffixes)
    if (rest == suffix.text) return *number * suffix.factor <= kLargestBody ? std::optional(*number * suffix.factor) : std::nullopt;
  return std::nullopt;
}

std::optional<SizeMix::Part> part_of(std::string_view text) {
  SizeMix::Part part;
  if (std::size_t colon = text.find(':'); colon != std::string_view::npos) {
    std::string_view rest;
    std::optional<std::uint64_t> weight = whole_number(text.substr(colon + 1), rest);
    if (!weight || !rest.empty() || *weight == 0 || *weight > kLargestWeight) return std::nullopt;
    part.weight = *weight;
    text = text.substr(0, colon);
  }
  std::size_t dash = text.find('-');
  std::optional<std::uint64_t> least = size_of(text.substr(0, dash));
  std::optional<std::uint64_t> most = dash == std::string_view::npos ? least : size_of(text.substr(dash + 1));
  if (!least || !most || *least > *most) return std::nullopt;
  part.least_bytes = *least;
  part.most_bytes = *most;
  return part;
}

}  // namespace

std::string SizeMix::parse(std::string_view text, SizeMix& mix) {
  std::vector<Part> parts;
  for (std::size_t begin = 0; begin <= text.size();) {
    std::size_t end = std::min(text.find(',', begin), text.size());
    std::string_view piece = text.substr(begin, end - begin);
    std::optional<Part> part = part_of(piece);
    if (!part)
      return fmt::format("'{}' is no size: expected SIZE[-SIZE][:WEIGHT] such as 100, 4KiB, 100-2000 or 16:70,64KiB:5, up to 512MiB",
                         piece);
    parts.push_back(*part);
    begin = end + 1;
  }
  mix.parts_ = std::move(parts);
  return {};
}

std::uint64_t SizeMix::total_weight() const {
  return std::accumulate(parts_.begin(), parts_.end(), std::uint64_t{0}, [](std::uint64_t sum, const Part& p) { return sum + p.weight; });
}

std::size_t SizeMix::period() const {
  std::uint64_t divisor = 0;
  bool has_range = false;
  for (const Part& part : parts_) {
    divisor = std::gcd(divisor, part.weight);
    has_range |= part.least_bytes != part.most_bytes;
  }
  divisor = std::max<std::uint64_t>(divisor, 1);
  std::size_t period = std::min<std::size_t>(total_weight() / divisor, kLongestPeriod);
  if (has_range && period < kSizesOfARange) period *= (kSizesOfARange + period - 1) / period;
  return period;
}

std::vector<std::uint64_t> SizeMix::sequence(std::size_t count, std::uint64_t seed) const {
  std::vector<std::uint64_t> sizes;
  sizes.reserve(count);
  std::uint64_t total = total_weight();
  std::uint64_t weight_so_far = 0;
  for (const Part& part : parts_) {
    weight_so_far += part.weight;
    std::size_t until = (count * weight_so_far + total / 2) / total;  // rounding the sums, not the shares: they add up to `count`
    std::size_t own = until - sizes.size();
    for (std::size_t i = 0; i < own; ++i)
      sizes.push_back(part.least_bytes + (own == 1 ? 0 : (part.most_bytes - part.least_bytes) * i / (own - 1)));
  }
  if (parts_.size() > 1 || parts_[0].least_bytes != parts_[0].most_bytes) std::shuffle(sizes.begin(), sizes.end(), std::mt19937_64(seed));
  return sizes;
}

double SizeMix::mean_bytes() const {
  double sum = 0;
  for (const Part& part : parts_) sum += static_cast<double>((part.least_bytes + part.most_bytes) * part.weight) / 2;
  return sum / static_cast<double>(total_weight());
}

std::uint64_t SizeMix::largest_bytes() const { return std::ranges::max_element(parts_, {}, &Part::most_bytes)->most_bytes; }

std::uint64_t SizeMix::smallest_bytes() const { return std::ranges::min_element(parts_, {}, &Part::least_bytes)->least_bytes; }

std::string SizeMix::describe() const {
  std::string text;
  for (const Part& part : parts_) {
    if (!text.empty()) text += ", ";
    text += bytes_text(static_cast<double>(part.least_bytes));
    if (part.most_bytes != part.least_bytes) text += " to " + bytes_text(static_cast<double>(part.most_bytes));
    if (parts_.size() > 1)
      text += fmt::format(" ({:.3g} %)", 100.0 * static_cast<double>(part.weight) / static_cast<double>(total_weight()));
  }
  return text;
}

std::string bytes_text(double bytes) {
  constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  std::size_t unit = 0;
  for (; bytes >= 1024 && unit + 1 < std::size(kUnits); ++unit) bytes /= 1024;
  return fmt::format("{:.4g} {}", bytes, kUnits[unit]);
}

}  // namespace mq::bench
