// A ring of 2^64 places on which every owner has the same number of points. A key starts at a place of its own and walks on; each point
// it meets takes it by a lot that only this key and this point decide. So an owner that comes takes keys away and moves no others, one
// that goes leaves its keys to those that come next, and neither order nor number of the others matters.
//
// One point in kPassedBy takes a key. Walking past most of them evens out that some points are far from the one before and others near:
// with kPointsPerOwner points an owner's share differs by about 1 / sqrt(2 * kPassedBy * kPointsPerOwner), 0.8 %, from the rest.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "mq/ports/exchange_type.hpp"

namespace mq::broker {

class HashRing {
 public:
  static constexpr std::uint64_t kPointsPerOwner = 128;
  static constexpr std::uint64_t kPassedBy = 64;

  HashRing() : sectors_(1) {}

  /// `identity` decides where its points lie; the owner must not be there.
  void add(TargetId owner, std::uint64_t identity);
  /// Takes away what add() with the same two has put there.
  void remove(TargetId owner, std::uint64_t identity);
  [[nodiscard]] bool empty() const noexcept { return points_ == 0; }

  struct Hit {
    TargetId owner = 0;
    double laps = 0;  ///< how far the key walked
  };
  /// Who takes the key; nullopt when it would have to walk further than `limit` laps. Not for an empty ring.
  [[nodiscard]] std::optional<Hit> find(std::uint64_t key, double limit) const noexcept;

 private:
  struct Point {
    std::uint64_t place = 0;
    TargetId owner = 0;
    bool operator<(const Point& other) const noexcept { return place != other.place ? place < other.place : owner < other.owner; }
  };
  using Sector = std::vector<Point>;

  [[nodiscard]] std::size_t sector_of(std::uint64_t place) const noexcept { return sector_bits_ == 0 ? 0 : place >> (64 - sector_bits_); }
  [[nodiscard]] const Point* first_taker(std::uint64_t from, std::uint64_t to, std::uint64_t lot) const noexcept;
  void divide(unsigned sector_bits);

  std::vector<Sector> sectors_;  // of equal length, in order; each in order of its points
  unsigned sector_bits_ = 0;
  std::size_t points_ = 0;
};

}  // namespace mq::broker
