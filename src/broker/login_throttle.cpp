#include "broker/login_throttle.hpp"

#include <algorithm>
#include <cmath>

namespace mq::broker {
namespace {

constexpr std::uint32_t kManyTimes = 4;  // the limit of a pair, for a whole network or a name from anywhere
constexpr Millis kFirstBarMs = 1000, kFirstWaitMs = 250, kLongestWaitMs = 2000;
constexpr std::size_t kMaxNameBytes = 255;

std::string pair_of(std::string_view network, std::string_view user) {
  return std::string(network).append(1, ' ').append(user.substr(0, kMaxNameBytes));
}

}  // namespace

Millis FailureBook::barred_ms(std::string_view name, Millis now) const {
  const auto found = entries_.find(name);
  return found == entries_.end() ? 0 : std::max<Millis>(0, found->second.barred_until - now);
}

Millis FailureBook::failed(std::string_view name, const ThrottleLimits& limits, Millis first_bar_ms, Millis now) {
  auto found = entries_.find(name);
  if (found == entries_.end()) {
    make_room(limits.window_ms, now);
    found = entries_.emplace(name, Entry{0, now, 0}).first;
  }
  Entry& entry = found->second;
  const double leaked =
      static_cast<double>(now - entry.last) * limits.failures / static_cast<double>(std::max<Millis>(1, limits.window_ms));
  entry.level = std::max(0.0, entry.level - leaked) + 1;
  entry.last = now;
  const double beyond = entry.level - limits.failures;
  if (beyond <= 0) return 0;
  constexpr double kMaxDoublings = 30;
  const double bar = static_cast<double>(first_bar_ms) * std::exp2(std::min(kMaxDoublings, std::ceil(beyond) - 1));
  const Millis ms = std::min(limits.longest_bar_ms, static_cast<Millis>(bar));
  entry.barred_until = now + ms;
  return ms;
}

void FailureBook::forgive(std::string_view name) {
  if (const auto found = entries_.find(name); found != entries_.end()) entries_.erase(found);
}

void FailureBook::make_room(Millis window_ms, Millis now) {
  if (entries_.size() < capacity_) return;
  std::erase_if(entries_, [&](const auto& each) { return now - each.second.last > window_ms && each.second.barred_until <= now; });
  if (entries_.size() < capacity_) return;
  entries_.erase(std::min_element(entries_.begin(), entries_.end(),
                                  [](const auto& one, const auto& other) { return one.second.last < other.second.last; }));
}

LoginThrottle::Verdict LoginThrottle::ask(std::string_view network, std::string_view user, Millis now) const {
  if (limits_.failures == 0) return {};
  if (networks_.barred_ms(network, now) > 0 || pairs_.barred_ms(pair_of(network, user), now) > 0) return {true, 0};
  return {false, users_.barred_ms(user.substr(0, kMaxNameBytes), now)};
}

std::optional<LoginThrottle::Bar> LoginThrottle::failed(std::string_view network, std::string_view user, Millis now) {
  if (limits_.failures == 0) return std::nullopt;
  ThrottleLimits many = limits_;
  many.failures *= kManyTimes;
  ThrottleLimits waits = many;
  waits.longest_bar_ms = std::min(kLongestWaitMs, limits_.longest_bar_ms);
  (void)users_.failed(user.substr(0, kMaxNameBytes), waits, kFirstWaitMs, now);
  const Millis of_pair = pairs_.failed(pair_of(network, user), limits_, kFirstBarMs, now);
  const Millis of_network = networks_.failed(network, many, kFirstBarMs, now);
  if (of_network > 0) return Bar{true, of_network};
  if (of_pair > 0) return Bar{false, of_pair};
  return std::nullopt;
}

void LoginThrottle::succeeded(std::string_view network, std::string_view user) { pairs_.forgive(pair_of(network, user)); }

}  // namespace mq::broker
