// Failed logins, counted within bounded memory: who guesses passwords gets slower and slower, and nobody else is locked out. Pure: told the
// time, not thread-safe.
//
// Three counts, each of which leaks away over the window:
//   - a user name from a network (an IPv4 address, or an IPv6 /64): beyond the limit that pair is refused, for 1 s, 2 s, 4 s, ... up to the
//     longest bar. A client with a wrong password locks out itself, not its neighbours behind the same address.
//   - a network, whatever the names: beyond four times the limit all of it is refused likewise.
//   - a user name, wherever from: beyond four times the limit logins under it are made to wait, 2 s at most, and not refused: many who
//     guess must not be able to lock out the one who knows. Names that do not exist are treated alike.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "mq/base/clock.hpp"

namespace mq::broker {

struct ThrottleLimits {
  std::uint32_t failures = 5;  ///< that cost nothing; 0 = nobody is slowed down
  Millis window_ms = 300'000;  ///< in which that many failures are forgotten again
  Millis longest_bar_ms = 60'000;
  bool operator==(const ThrottleLimits&) const = default;
};

/// Failures by a name; the level sinks by `limit` per window.
class FailureBook {
 public:
  explicit FailureBook(std::size_t capacity) : capacity_(capacity) {}

  /// How much longer `name` is barred; 0 = not.
  [[nodiscard]] Millis barred_ms(std::string_view name, Millis now) const;
  /// One more failure; returns how long the name is barred from now on, 0 while it is below the limit. When the book is full, whoever
  /// failed longest ago is forgotten.
  Millis failed(std::string_view name, const ThrottleLimits& limits, Millis first_bar_ms, Millis now);
  void forgive(std::string_view name);
  [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }

 private:
  struct Entry {
    double level = 0;
    Millis last = 0;
    Millis barred_until = 0;
  };
  void make_room(Millis window_ms, Millis now);

  const std::size_t capacity_;
  std::map<std::string, Entry, std::less<>> entries_;  // a tree: names are chosen by peers, who might choose ones that collide
};

class LoginThrottle {
 public:
  struct Verdict {
    bool refused = false;
    Millis wait_ms = 0;  ///< before the password is looked at
  };
  /// A bar that begins, for the log.
  struct Bar {
    bool whole_network = false;
    Millis ms = 0;
  };

  void set_limits(const ThrottleLimits& limits) { limits_ = limits; }
  [[nodiscard]] Verdict ask(std::string_view network, std::string_view user, Millis now) const;
  std::optional<Bar> failed(std::string_view network, std::string_view user, Millis now);
  void succeeded(std::string_view network, std::string_view user);

 private:
  ThrottleLimits limits_;
  FailureBook pairs_{8192}, networks_{8192}, users_{4096};
};

}  // namespace mq::broker
