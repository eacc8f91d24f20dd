#include "mq/config.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <string>

#include "server/config_options.hpp"
#include "server/config_values.hpp"

namespace mq {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Optional;
using ::testing::SizeIs;

/// The Config a text gives; fails the test when it is not a good one.
Config loaded(const std::string& toml) {
  auto result = parse_config(toml, "test.toml");
  if (result) return *result;
  for (const ConfigError& error : result.error()) ADD_FAILURE() << error.to_string();
  return {};
}

/// What is said about a text that is not a good one.
std::string refused(const std::string& toml) {
  auto result = parse_config(toml, "test.toml");
  return result ? "nothing is wrong" : result.error().front().to_string();
}

std::string override_refused(std::string_view key, std::string_view text) {
  Config config;
  auto result = apply_override(config, key, text);
  return result ? "nothing is wrong" : result.error().front().text;
}

std::string file_text(const std::string& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST(ConfigFile, MayBeEmpty) { EXPECT_EQ(loaded(""), default_config()); }

TEST(ConfigFile, SetsANumber) { EXPECT_EQ(loaded("[amqp]\nport = 5673").amqp_port, 5673); }

TEST(ConfigFile, SetsAText) { EXPECT_EQ(loaded("[server]\ndata_dir = '/srv/mq'").data_dir, "/srv/mq"); }

TEST(ConfigFile, SetsABoolean) { EXPECT_FALSE(loaded("[log]\nconsole = false").log_console); }

TEST(ConfigFile, SetsAList) { EXPECT_THAT(loaded("[auth]\nloopback_users = ['a', 'b']").loopback_users, ElementsAre("a", "b")); }

TEST(ConfigFile, TakesASizeWithItsUnit) { EXPECT_EQ(loaded("[amqp]\nmax_message_size = '2MiB'").max_message_bytes, 2u << 20); }

TEST(ConfigFile, TakesASizeInBytes) { EXPECT_EQ(loaded("[amqp]\nframe_max = 8192").frame_max_bytes, 8192u); }

TEST(ConfigFile, TakesATimeWithItsUnit) { EXPECT_EQ(loaded("[amqp]\nhandshake_timeout = '2s'").handshake_timeout_ms, 2000u); }

TEST(ConfigFile, CountsAPlainTimeInMilliseconds) { EXPECT_EQ(loaded("[amqp]\nhandshake_timeout = 250").handshake_timeout_ms, 250u); }

TEST(ConfigFile, CountsAPlainHeartbeatInSeconds) { EXPECT_EQ(loaded("[amqp]\nheartbeat = 15").heartbeat_s, 15); }

TEST(ConfigFile, TakesAHeartbeatWithItsUnit) { EXPECT_EQ(loaded("[amqp]\nheartbeat = '2m'").heartbeat_s, 120); }

TEST(ConfigFile, TakesAWatermarkAsAShare) {
  EXPECT_EQ(loaded("[flow]\nmemory_watermark = 0.4").memory_watermark, (MemoryWatermark{.fraction = 0.4, .bytes = 0}));
}

TEST(ConfigFile, TakesAWatermarkInBytes) { EXPECT_EQ(loaded("[flow]\nmemory_watermark = '2GiB'").memory_watermark.bytes, 2ull << 30); }

TEST(ConfigFile, NamesThePlaceOfASyntaxError) { EXPECT_THAT(refused("[amqp]\nport = = 1"), HasSubstr("test.toml:2:8: ")); }

TEST(ConfigFile, NamesThePlaceOfABadValue) { EXPECT_THAT(refused("[amqp]\nport = 70000"), HasSubstr("test.toml:2:8: amqp.port must be")); }

TEST(ConfigFile, NamesTheNearestKeyForAnUnknownOne) {
  EXPECT_EQ(refused("[amqp]\nprot = 1"), "test.toml:2:1: unknown key 'amqp.prot'; the nearest known key is 'amqp.port'");
}

TEST(ConfigFile, FindsAKeyThatStandsInTheWrongSection) { EXPECT_THAT(refused("[server]\nheartbeat = 1"), HasSubstr("'amqp.heartbeat'")); }

TEST(ConfigFile, NamesTheNearestKeyForOneOutsideOfAllSections) {
  EXPECT_THAT(refused("loopback_users = []"), HasSubstr("'auth.loopback_users'"));
}

TEST(ConfigFile, RefusesAnUnknownSection) { EXPECT_THAT(refused("[ampq]\nport = 1"), HasSubstr("unknown section 'ampq'")); }

TEST(ConfigFile, RefusesATextForANumber) { EXPECT_THAT(refused("[amqp]\nport = '5672'"), HasSubstr("must be a whole number")); }

TEST(ConfigFile, RefusesANumberForAText) { EXPECT_THAT(refused("[log]\nfile = 7"), HasSubstr("must be a text")); }

TEST(ConfigFile, RefusesAListOfNumbersForTexts) {
  EXPECT_THAT(refused("[auth]\nloopback_users = [1]"), HasSubstr("auth.loopback_users cannot be"));
}

TEST(ConfigFile, RefusesASizeBelowItsBound) {
  EXPECT_THAT(refused("[amqp]\nframe_max = 100"), HasSubstr("must be between 4KiB and 64MiB, not 100B"));
}

TEST(ConfigFile, RefusesAHeartbeatOfHalfASecond) { EXPECT_THAT(refused("[amqp]\nheartbeat = '500ms'"), HasSubstr("whole seconds")); }

TEST(ConfigFile, RefusesAnUnknownLogLevel) { EXPECT_THAT(refused("[log]\nlevel = 'loud'"), HasSubstr("one of trace, debug, info")); }

TEST(ConfigFile, RefusesAWatermarkAboveOne) { EXPECT_THAT(refused("[flow]\nmemory_watermark = 1.5"), HasSubstr("share between 0 and 1")); }

TEST(ConfigFile, RefusesABindThatIsNoAddress) { EXPECT_THAT(refused("[amqp]\nbind = 'here'"), HasSubstr("amqp.bind must be an IPv4")); }

TEST(ConfigFile, TellsEverythingThatIsWrongInOrderOfPlace) {
  auto result = parse_config("[log]\nlevel = 1\n[amqp]\nport = -1\nx = 2", "test.toml");
  ASSERT_FALSE(result);
  std::vector<std::uint32_t> lines;
  for (const ConfigError& error : result.error()) lines.push_back(error.line);
  EXPECT_THAT(lines, ElementsAre(2, 4, 5));
}

TEST(ConfigFile, ThatIsMissingIsAnError) {
  auto result = load_config("/nonexistent/brokerd.toml");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().front().to_string(), "/nonexistent/brokerd.toml: cannot be read");
}

TEST(ConfigOverride, SetsANumber) {
  Config config;
  ASSERT_TRUE(apply_override(config, "amqp.port", "5673"));
  EXPECT_EQ(config.amqp_port, 5673);
}

TEST(ConfigOverride, SplitsAListAtCommas) {
  Config config;
  ASSERT_TRUE(apply_override(config, "auth.loopback_users", "guest, app"));
  EXPECT_THAT(config.loopback_users, ElementsAre("guest", "app"));
}

TEST(ConfigOverride, EmptiesAList) {
  Config config;
  ASSERT_TRUE(apply_override(config, "auth.loopback_users", ""));
  EXPECT_THAT(config.loopback_users, IsEmpty());
}

TEST(ConfigOverride, SetsAWatermarkAsAShare) {
  Config config;
  ASSERT_TRUE(apply_override(config, "flow.memory_watermark", "0.25"));
  EXPECT_EQ(config.memory_watermark.fraction, 0.25);
}

TEST(ConfigOverride, SetsAWatermarkInBytes) {
  Config config;
  ASSERT_TRUE(apply_override(config, "flow.memory_watermark", "64MiB"));
  EXPECT_EQ(config.memory_watermark.bytes, 64u << 20);
}

TEST(ConfigOverride, RefusesHalfABoolean) { EXPECT_EQ(override_refused("log.console", "maybe"), "log.console must be true or false"); }

TEST(ConfigOverride, RefusesAnUnknownKey) { EXPECT_THAT(override_refused("amqp.prt", "1"), HasSubstr("'amqp.port'")); }

TEST(ConfigOverride, LeavesTheConfigAloneWhenRefused) {
  Config config;
  (void)apply_override(config, "amqp.port", "70000");
  EXPECT_EQ(config, Config{});
}

TEST(ConfigSizes, KnowDecimalUnits) { EXPECT_THAT(server::parse_bytes("50 MB"), Optional(50'000'000)); }

TEST(ConfigSizes, ReadUnitsInAnyCase) { EXPECT_THAT(server::parse_bytes("1gib"), Optional(1ll << 30)); }

TEST(ConfigSizes, RefuseUnknownUnits) { EXPECT_EQ(server::parse_bytes("1 furlong"), std::nullopt); }

TEST(ConfigSizes, RefuseWhatOverflows) { EXPECT_EQ(server::parse_bytes("9000000TiB"), std::nullopt); }

TEST(ConfigTimes, TellMinutesFromMilliseconds) { EXPECT_THAT(server::parse_duration("2m", 1), Optional(120'000)); }

TEST(ConfigReload, TakesOverWhatCanChangeWhileRunning) {
  Config running, fresh;
  fresh.heartbeat_s = 10;
  reload_config(running, fresh);
  EXPECT_EQ(running.heartbeat_s, 10);
}

TEST(ConfigReload, KeepsWhatNeedsARestart) {
  Config running, fresh;
  fresh.amqp_port = 1;
  reload_config(running, fresh);
  EXPECT_EQ(running.amqp_port, 5672);
}

TEST(ConfigReload, TellsWhatNeedsARestart) {
  Config running, fresh;
  fresh.amqp_port = 1;
  auto changes = reload_config(running, fresh);
  ASSERT_THAT(changes, SizeIs(1));
  EXPECT_EQ(std::make_tuple(changes[0].key, changes[0].from, changes[0].to, changes[0].reloadable),
            std::make_tuple("amqp.port", "5672", "1", false));
}

TEST(ConfigReload, KeepsPasswordsToItself) {
  Config running, fresh;
  fresh.default_password = "hush";
  EXPECT_EQ(reload_config(running, fresh).front().to, "***");
}

TEST(ConfigOverride, TakesNoSecret) {
  Config config;
  const auto refused = apply_override(config, "auth.default_password", "hush");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().front().text,
            "auth.default_password would be seen by all who can list processes; use auth.default_password_file");
  EXPECT_EQ(config.default_password, "guest");
}

TEST(ConfigOptions, HaveAFileForEverySecret) {
  for (const auto& option : server::config_options()) {
    if (option.secret) {
      EXPECT_NE(server::find_option(std::string(option.key) + "_file"), nullptr) << option.key;
    }
  }
}

TEST(ConfigCheck, WantsTlsWhole) {
  Config config;
  config.tls_certificate = "c";
  EXPECT_FALSE(check_config(config));
  config.tls_key = "k";
  EXPECT_TRUE(check_config(config));
  config.tls_verify = "required";
  EXPECT_FALSE(check_config(config));
  config.tls_ca = "a";
  config.tls_only = true;
  EXPECT_TRUE(check_config(config));
  config.tls_certificate = config.tls_key = "";
  EXPECT_FALSE(check_config(config));
}

TEST(ConfigOptions, HaveKeysOfTheirOwn) {
  std::set<std::string_view> keys;
  for (const auto& option : server::config_options()) EXPECT_TRUE(keys.insert(option.key).second) << option.key;
}

TEST(ConfigOptions, BelongToASection) {
  std::set<std::string_view> sections;
  for (const auto& section : server::config_sections()) sections.insert(section.name);
  for (const auto& option : server::config_options())
    EXPECT_TRUE(sections.contains(option.key.substr(0, option.key.find('.')))) << option.key;
}

TEST(ConfigOptions, HaveDefaultsThatLoad) {
  for (const auto& option : server::config_options()) {
    std::string key(option.key);
    std::string line = key + " = " + server::value_as_toml(Config{}, option);
    EXPECT_TRUE(parse_config(line, "default")) << line;
  }
}

TEST(ConfigOptions, AgreeWithEachOtherByDefault) { EXPECT_TRUE(check_config(Config{})); }

TEST(ConfigDefaults, TakeTheStateDirectoryOfTheServiceManager) {
  ASSERT_EQ(::setenv("STATE_DIRECTORY", "/var/lib/brokerd:/other", 1), 0);
  std::string data_dir = default_config().data_dir;
  ::unsetenv("STATE_DIRECTORY");
  EXPECT_EQ(data_dir, "/var/lib/brokerd");
}

TEST(CommittedConfigFile, IsTheOneMadeFromTheTable) {
  EXPECT_EQ(file_text(BROKERD_SOURCE_DIR "/config/brokerd.toml"), config_file_text())
      << "write it anew: brokerd --print-default-config > config/brokerd.toml";
}

TEST(CommittedConfigFile, LoadsToTheDefaults) {
  auto result = load_config(BROKERD_SOURCE_DIR "/config/brokerd.toml");
  ASSERT_TRUE(result) << result.error().front().to_string();
  EXPECT_EQ(*result, default_config());
}

TEST(CommittedConfigFile, LoadsToTheDefaultsWhenEveryKeyIsSet) {
  std::string all_set = std::regex_replace(config_file_text(), std::regex("#([a-z_]+ = )"), "$1");
  EXPECT_EQ(loaded(all_set), Config{});
}

TEST(ConfigHelp, NamesEveryKey) {
  std::string help = config_help_text();
  for (const auto& option : server::config_options()) EXPECT_THAT(help, HasSubstr("  " + std::string(option.key) + " = "));
}

TEST(MemoryWatermark, IsAShareOfTheMachine) { EXPECT_EQ((MemoryWatermark{.fraction = 0.5, .bytes = 0}).limit_bytes(1000), 500u); }

TEST(MemoryWatermark, IsItsBytesWhenGiven) { EXPECT_EQ((MemoryWatermark{.fraction = 0.5, .bytes = 7}).limit_bytes(1000), 7u); }

}  // namespace
}  // namespace mq
