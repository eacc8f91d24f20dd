// The log: one line per event, `2026-01-31T12:00:00.123+01:00 info  text`, to the console (stderr) and to a file that rotates.
//
// Any thread may log at any time; before configure() lines of level info and above go to the console. What is logged may hold names a
// peer chose: control characters are written escaped, so that one event stays one line. Formats are checked when compiled.
#pragma once

#include <fmt/format.h>

#include <atomic>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "mq/base/clock.hpp"

namespace mq::log {

enum class Level : std::uint8_t { kTrace, kDebug, kInfo, kWarn, kError, kOff };

/// The level called `trace`, `debug`, `info`, `warn`, `error` or `off`; nullopt for other names.
[[nodiscard]] std::optional<Level> level_from_name(std::string_view name) noexcept;
[[nodiscard]] std::string_view level_name(Level level) noexcept;

struct Settings {
  Level level = Level::kInfo;
  bool console = true;
  std::string file;                          ///< empty = no file
  std::uint64_t rotate_bytes = 64ULL << 20;  ///< a file that grew to this is renamed to `name.1.ext`, that to `name.2.ext`, ...
  std::uint32_t keep_files = 5;              ///< renamed files kept
};

/// Replaces where the log goes. Throws std::runtime_error when the file cannot be opened; the log is then as before.
void configure(const Settings& settings);
void set_level(Level level) noexcept;
[[nodiscard]] bool enabled(Level level) noexcept;
/// Writes `text` as one line if the level is enabled.
void write(Level level, std::string_view text);
/// Hands everything written so far to the operating system.
void flush();

template <class... Args>
void trace(fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(Level::kTrace)) write(Level::kTrace, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void debug(fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(Level::kDebug)) write(Level::kDebug, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void info(fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(Level::kInfo)) write(Level::kInfo, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void warn(fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(Level::kWarn)) write(Level::kWarn, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void error(fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(Level::kError)) write(Level::kError, fmt::format(format, std::forward<Args>(args)...));
}

/// Lets one event through per interval, so that a peer cannot fill the log. Any thread.
///
///     static log::Every every(1000);
///     if (auto skipped = every.pass(now)) log::warn("bad frame from {} ({} alike skipped)", peer, *skipped);
class Every {
 public:
  explicit Every(Millis interval) noexcept : interval_(interval) {}

  /// The number of events swallowed since the last one let through, or nullopt if this one is swallowed too. `now` is a counter of
  /// milliseconds that never steps back.
  [[nodiscard]] std::optional<std::uint64_t> pass(Millis now) noexcept;
  /// The same by the machine's own steady clock.
  [[nodiscard]] std::optional<std::uint64_t> pass() noexcept;

 private:
  static constexpr Millis kNeverYet = std::numeric_limits<Millis>::min();

  const Millis interval_;
  std::atomic<Millis> last_{kNeverYet};
  std::atomic<std::uint64_t> swallowed_{0};
};

}  // namespace mq::log
