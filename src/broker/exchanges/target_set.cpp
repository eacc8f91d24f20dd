#include "broker/exchanges/target_set.hpp"

#include <algorithm>

namespace mq::broker {

std::size_t TargetSet::Many::find(TargetId target) const noexcept {
  if (targets.size() > kScanned) {
    auto found = positions.find(target);
    return found == positions.end() ? targets.size() : found->second;
  }
  return static_cast<std::size_t>(std::find(targets.begin(), targets.end(), target) - targets.begin());
}

void TargetSet::Many::append(TargetId target, std::uint32_t count) {
  targets.push_back(target);
  counts.push_back(count);
  if (targets.size() == kScanned + 1) {
    for (std::uint32_t i = 0; i < targets.size(); ++i) positions.emplace(targets[i], i);
  } else if (targets.size() > kScanned) {
    positions.emplace(target, static_cast<std::uint32_t>(targets.size() - 1));
  }
}

void TargetSet::Many::erase(std::size_t position) {
  if (targets.size() > kScanned) {
    positions.erase(targets[position]);
    if (position + 1 < targets.size()) positions[targets.back()] = static_cast<std::uint32_t>(position);
  }
  targets[position] = targets.back();
  counts[position] = counts.back();
  targets.pop_back();
  counts.pop_back();
  if (targets.size() == kScanned) positions = {};
}

void TargetSet::add(TargetId target) {
  if (!many_) {
    if (count_ == 0 || only_ == target) {
      only_ = target;
      ++count_;
      return;
    }
    many_ = std::make_unique<Many>();
    many_->append(only_, count_);
    count_ = 0;
  }
  std::size_t position = many_->find(target);
  if (position < many_->targets.size()) ++many_->counts[position];
  else many_->append(target, 1);
}

void TargetSet::remove(TargetId target) {
  if (!many_) {
    MQ_CHECK(count_ > 0 && only_ == target);
    --count_;
    return;
  }
  std::size_t position = many_->find(target);
  MQ_CHECK(position < many_->targets.size());
  if (--many_->counts[position] > 0) return;
  many_->erase(position);
  if (many_->targets.size() > 1) return;
  only_ = many_->targets.front();
  count_ = many_->counts.front();
  many_.reset();
}

}  // namespace mq::broker
