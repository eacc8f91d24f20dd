#include "broker/exchanges/hash_ring.hpp"

#include <algorithm>
#include <bit>

#include "broker/stable_hash.hpp"
#include "mq/base/check.hpp"

namespace mq::broker {

namespace {

constexpr unsigned kPointBits = std::bit_width(HashRing::kPointsPerOwner) - 1;
constexpr unsigned kLotBits = std::bit_width(HashRing::kPassedBy) - 1;
static_assert(HashRing::kPointsPerOwner == 1ull << kPointBits && HashRing::kPassedBy == 1ull << kLotBits);

constexpr std::uint64_t kStep = 0x9E3779B97F4A7C15ull;
constexpr double kLap = 18446744073709551616.0;  // 2^64

// Points of a sector when it is divided, and how few are left on average when sectors are put together again.
constexpr std::size_t kFullSector = 64;
constexpr std::size_t kEmptySector = 8;

// One point in each equal stretch of the ring: they lie more evenly than anywhere at random.
std::uint64_t place_of(std::uint64_t identity, std::uint64_t point) noexcept {
  return (point << (64 - kPointBits)) | (mix_bits(identity + kStep * (point + 1)) >> kPointBits);
}

bool takes(std::uint64_t place, std::uint64_t lot) noexcept { return mix_bits(place ^ lot) >> (64 - kLotBits) == 0; }

}  // namespace

void HashRing::add(TargetId owner, std::uint64_t identity) {
  for (std::uint64_t point = 0; point < kPointsPerOwner; ++point) {
    const Point added{place_of(identity, point), owner};
    Sector& sector = sectors_[sector_of(added.place)];
    sector.insert(std::upper_bound(sector.begin(), sector.end(), added), added);
  }
  points_ += kPointsPerOwner;
  if (points_ > kFullSector * sectors_.size()) divide(sector_bits_ + 1);
}

void HashRing::remove(TargetId owner, std::uint64_t identity) {
  for (std::uint64_t point = 0; point < kPointsPerOwner; ++point) {
    const Point removed{place_of(identity, point), owner};
    Sector& sector = sectors_[sector_of(removed.place)];
    auto found = std::lower_bound(sector.begin(), sector.end(), removed);
    MQ_CHECK(found != sector.end() && found->place == removed.place && found->owner == owner);
    sector.erase(found);
  }
  points_ -= kPointsPerOwner;
  if (sector_bits_ > 0 && points_ < kEmptySector * sectors_.size()) divide(sector_bits_ - 1);
}

void HashRing::divide(unsigned sector_bits) {
  std::vector<Sector> before = std::move(sectors_);
  sector_bits_ = sector_bits;
  sectors_ = std::vector<Sector>(std::size_t{1} << sector_bits);
  for (const Sector& sector : before)
    for (const Point& point : sector) sectors_[sector_of(point.place)].push_back(point);
}

const HashRing::Point* HashRing::first_taker(std::uint64_t from, std::uint64_t to, std::uint64_t lot) const noexcept {
  const std::size_t last = sector_of(to);
  for (std::size_t number = sector_of(from); number <= last; ++number) {
    for (const Point& point : sectors_[number]) {
      if (point.place < from) continue;
      if (point.place > to) return nullptr;
      if (takes(point.place, lot)) return &point;
    }
  }
  return nullptr;
}

std::optional<HashRing::Hit> HashRing::find(std::uint64_t key, double limit) const noexcept {
  const std::uint64_t start = mix_bits(key);
  for (double laps = 0; laps <= limit; ++laps) {
    const std::uint64_t lot = mix_bits(key + kStep * (static_cast<std::uint64_t>(laps) + 1));
    const double rest = limit - laps;
    const std::uint64_t end = start + (rest >= 1 ? UINT64_MAX : static_cast<std::uint64_t>(rest * kLap));  // wraps round
    const Point* taker = first_taker(start, end >= start ? end : UINT64_MAX, lot);
    if (taker == nullptr && end < start) taker = first_taker(0, end, lot);
    if (taker != nullptr) return Hit{taker->owner, laps + static_cast<double>(taker->place - start) / kLap};
  }
  return std::nullopt;
}

}  // namespace mq::broker
