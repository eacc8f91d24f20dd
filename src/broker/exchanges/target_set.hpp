// The targets behind one key, pattern or set of headers, each with the number of bindings that lead there. Most have one target: it
// lives inside, and only more of them take an allocation. Adding and removing take constant time however many there are.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <memory>
#include <vector>

#include "mq/base/check.hpp"
#include "mq/ports/exchange_type.hpp"

namespace mq::broker {

class TargetSet {
 public:
  /// One more binding leads to `target`.
  void add(TargetId target);
  /// One binding less; it must be there.
  void remove(TargetId target);
  [[nodiscard]] bool empty() const noexcept { return count_ == 0 && many_ == nullptr; }
  /// Appends each target once, in an order that depends on the history of changes.
  void append_to(std::vector<TargetId>& out) const {
    if (many_) out.insert(out.end(), many_->targets.begin(), many_->targets.end());
    else if (count_ > 0) out.push_back(only_);
  }

 private:
  struct Many {
    std::vector<TargetId> targets;
    std::vector<std::uint32_t> counts;                             // beside targets
    boost::unordered_flat_map<TargetId, std::uint32_t> positions;  // filled once a scan would be slow
    [[nodiscard]] std::size_t find(TargetId target) const noexcept;
    void append(TargetId target, std::uint32_t count);
    void erase(std::size_t position);
  };
  static constexpr std::size_t kScanned = 16;  // up to here a scan beats a map

  TargetId only_ = 0;        // while there is one target
  std::uint32_t count_ = 0;  // its bindings
  std::unique_ptr<Many> many_;
};

}  // namespace mq::broker
