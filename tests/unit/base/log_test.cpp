#include "base/log.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>

namespace mq {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;
using ::testing::Optional;

/// Logs to a file of its own and puts the log back afterwards.
class Log : public ::testing::Test {
 protected:
  Log() : folder_(std::filesystem::temp_directory_path() / ("brokerd-log-test-" + std::to_string(::getpid()))) {
    std::filesystem::create_directories(folder_);
  }
  ~Log() override {
    log::configure({});
    std::filesystem::remove_all(folder_);
  }

  void log_to_file(log::Level level, std::uint64_t rotate_bytes = 1 << 20) {
    log::configure({.level = level, .console = false, .file = file(), .rotate_bytes = rotate_bytes, .keep_files = 2});
  }
  [[nodiscard]] std::string file() const { return (folder_ / "brokerd.log").string(); }
  [[nodiscard]] std::string written() const {
    log::flush();
    std::ifstream in(file());
    return {std::istreambuf_iterator<char>(in), {}};
  }

  std::filesystem::path folder_;
};

TEST_F(Log, WritesTimeLevelAndText) {
  log_to_file(log::Level::kInfo);
  log::warn("queue '{}' holds {} messages", "q", 3);
  EXPECT_THAT(written(), MatchesRegex("[0-9-]+T[0-9:.]+[+-][0-9:]+ warn  queue 'q' holds 3 messages\n"));
}

TEST_F(Log, KeepsWhatIsBelowItsLevelOut) {
  log_to_file(log::Level::kWarn);
  log::info("quiet");
  EXPECT_THAT(written(), Not(HasSubstr("quiet")));
}

TEST_F(Log, TakesANewLevelWhileRunning) {
  log_to_file(log::Level::kWarn);
  log::set_level(log::Level::kDebug);
  log::debug("chatty");
  EXPECT_THAT(written(), HasSubstr("chatty"));
}

TEST_F(Log, KeepsAnEventOnOneLine) {
  log_to_file(log::Level::kInfo);
  log::info("user '{}'", "a\nb\x01");
  EXPECT_THAT(written(), HasSubstr("user 'a\\nb\\x01'\n"));
}

TEST_F(Log, RenamesAFileThatGrewTooLarge) {
  log_to_file(log::Level::kInfo, 200);
  for (int i = 0; i < 10; ++i) log::info("a line of some length, number {}", i);
  EXPECT_TRUE(std::filesystem::exists(folder_ / "brokerd.1.log"));
}

TEST_F(Log, SaysWhichFileCannotBeOpened) {
  std::ofstream(folder_ / "plain") << "not a folder";
  std::string beyond = (folder_ / "plain" / "x.log").string();
  try {
    log::configure({.console = false, .file = beyond});
    FAIL() << "opened a file below a file";
  } catch (const std::runtime_error& problem) {
    EXPECT_THAT(problem.what(), HasSubstr(beyond));
  }
}

TEST(LogLevel, IsKnownByItsName) { EXPECT_THAT(log::level_from_name("error"), Optional(log::Level::kError)); }

TEST(LogLevel, IsUnknownByAnyOtherName) { EXPECT_EQ(log::level_from_name("loud"), std::nullopt); }

TEST(LogEvery, LetsTheFirstEventThrough) {
  log::Every every(1000);
  EXPECT_THAT(every.pass(5), Optional(0u));
}

TEST(LogEvery, SwallowsEventsWithinTheInterval) {
  log::Every every(1000);
  (void)every.pass(0);
  EXPECT_EQ(every.pass(999), std::nullopt);
}

TEST(LogEvery, TellsHowManyWereSwallowed) {
  log::Every every(1000);
  (void)every.pass(0);
  (void)every.pass(1);
  (void)every.pass(2);
  EXPECT_THAT(every.pass(1000), Optional(2u));
}

}  // namespace
}  // namespace mq
