#include "base/log.hpp"

#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <vector>

namespace mq::log {
namespace {

constexpr const char* kPattern = "%Y-%m-%dT%H:%M:%S.%e%z %v";  // the level is part of the text: spdlog says "warning"
constexpr std::array<std::string_view, 6> kLevelNames{"trace", "debug", "info", "warn", "error", "off"};

using Logger = std::shared_ptr<spdlog::logger>;

spdlog::level::level_enum to_spdlog(Level level) noexcept {
  switch (level) {
    case Level::kTrace: return spdlog::level::trace;
    case Level::kDebug: return spdlog::level::debug;
    case Level::kInfo: return spdlog::level::info;
    case Level::kWarn: return spdlog::level::warn;
    case Level::kError: return spdlog::level::err;
    case Level::kOff: return spdlog::level::off;
  }
  return spdlog::level::info;
}

Logger make_logger(const Settings& settings) {
  std::vector<spdlog::sink_ptr> sinks;
  if (settings.console) sinks.push_back(std::make_shared<spdlog::sinks::stderr_sink_mt>());
  if (!settings.file.empty()) {
    sinks.push_back(std::make_shared<spdlog::sinks::rotating_file_sink_mt>(settings.file, settings.rotate_bytes, settings.keep_files));
  }
  auto logger = std::make_shared<spdlog::logger>("brokerd", sinks.begin(), sinks.end());
  logger->set_pattern(kPattern);
  logger->set_level(spdlog::level::trace);  // the level is checked before, in one place
  logger->flush_on(spdlog::level::info);    // lines of a process that dies must not be lost; trace and debug may be
  return logger;
}

struct State {
  std::mutex mutex;  // guards `logger` only; its sinks have locks of their own
  Logger logger = make_logger(Settings{});
  std::atomic<Level> level{Level::kInfo};
};

/// Never destroyed, so that threads that outlive main() may still log.
State& state() {
  static State* const the_state = new State;
  return *the_state;
}

Logger current_logger() {
  State& log = state();
  std::lock_guard lock(log.mutex);
  return log.logger;
}

bool is_control(char c) noexcept { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }

std::string escape_controls(std::string_view text) {
  std::string escaped;
  escaped.reserve(text.size() + 8);
  for (char c : text) {
    if (c == '\n') escaped += "\\n";
    else if (c == '\t') escaped += "\\t";
    else if (is_control(c)) escaped += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    else escaped += c;
  }
  return escaped;
}

}  // namespace

std::optional<Level> level_from_name(std::string_view name) noexcept {
  for (std::size_t i = 0; i < kLevelNames.size(); ++i) {
    if (kLevelNames[i] == name) return static_cast<Level>(i);
  }
  return std::nullopt;
}

std::string_view level_name(Level level) noexcept { return kLevelNames[static_cast<std::size_t>(level)]; }

void configure(const Settings& settings) {
  Logger logger;
  try {
    logger = make_logger(settings);
  } catch (const std::exception& problem) {
    throw std::runtime_error(fmt::format("cannot log to '{}': {}", settings.file, problem.what()));
  }
  State& log = state();
  {
    std::lock_guard lock(log.mutex);
    log.logger.swap(logger);
  }
  set_level(settings.level);
}

void set_level(Level level) noexcept { state().level.store(level, std::memory_order_relaxed); }

bool enabled(Level level) noexcept { return level != Level::kOff && level >= state().level.load(std::memory_order_relaxed); }

void write(Level level, std::string_view text) {
  if (!enabled(level)) return;
  bool clean = std::none_of(text.begin(), text.end(), is_control);
  current_logger()->log(to_spdlog(level), "{:<5} {}", level_name(level), clean ? text : std::string_view(escape_controls(text)));
}

void flush() { current_logger()->flush(); }

std::optional<std::uint64_t> Every::pass(Millis now) noexcept {
  Millis last = last_.load(std::memory_order_relaxed);
  bool due = last == kNeverYet || now - last >= interval_;
  if (due && last_.compare_exchange_strong(last, now, std::memory_order_relaxed)) return swallowed_.exchange(0, std::memory_order_relaxed);
  swallowed_.fetch_add(1, std::memory_order_relaxed);
  return std::nullopt;
}

std::optional<std::uint64_t> Every::pass() noexcept {
  auto now = std::chrono::steady_clock::now().time_since_epoch();
  return pass(std::chrono::duration_cast<std::chrono::milliseconds>(now).count());
}

}  // namespace mq::log
