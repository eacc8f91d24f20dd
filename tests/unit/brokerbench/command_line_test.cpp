#include "apps/brokerbench/command_line.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "apps/brokerbench/presets.hpp"

namespace mq::bench {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Options options_of(const std::vector<std::string>& arguments) {
  CommandLine line = parse_command_line(arguments);
  EXPECT_TRUE(line.command) << line.text;
  return line.command ? line.command->scenarios.front() : Options();
}

std::string complaint_of(const std::vector<std::string>& arguments) {
  CommandLine line = parse_command_line(arguments);
  EXPECT_FALSE(line.command);
  EXPECT_EQ(line.exit_code, 2);
  return line.text;
}

TEST(CommandLine, RunsWithoutAWord) {
  EXPECT_EQ(options_of({"--size", "16"}).size.largest_bytes(), 16U);
  EXPECT_EQ(options_of({"run", "--size", "16"}).size.largest_bytes(), 16U);
  EXPECT_EQ(options_of({}).prefetch, 500);
}

TEST(CommandLine, CountLiftsTheTimeLimitUnlessItIsGiven) {
  EXPECT_EQ(options_of({"--count", "5"}).seconds, 0);
  EXPECT_EQ(options_of({"--count", "5", "--seconds", "2"}).seconds, 2);
}

TEST(CommandLine, TakesRatesStepByStep) { EXPECT_THAT(options_of({"--rate", "10,20.5"}).rates, ElementsAre(10, 20.5)); }

TEST(CommandLine, TakesRateZeroAsNone) { EXPECT_THAT(options_of({"--rate", "0"}).rates, IsEmpty()); }

TEST(CommandLine, TakesPrioritiesAsARange) {
  EXPECT_EQ(options_of({"--priority", "3-9"}).least_priority, 3);
  EXPECT_EQ(options_of({"--priority", "3-9"}).most_priority, 9);
  EXPECT_EQ(options_of({"--priority", "4"}).most_priority, 4);
  EXPECT_THAT(complaint_of({"--priority", "9-3"}), HasSubstr("expected a priority"));
}

TEST(CommandLine, TakesAnAddress) { EXPECT_EQ(options_of({"--uri", "amqp://h:1234/v"}).connect.port, 1234); }

TEST(CommandLine, LetsTheUserOverrideAPreset) {
  Options o = options_of({"--preset", "small-transient", "--size", "32", "--prefetch", "7"});
  EXPECT_EQ(o.preset, "small-transient");
  EXPECT_EQ(o.size.largest_bytes(), 32U);
  EXPECT_EQ(o.prefetch, 7);
}

TEST(CommandLine, LetsTheUsersRateReplaceThePresets) {
  EXPECT_THAT(options_of({"--preset", "rising-rate", "--rate", "7"}).rates, ElementsAre(7));
}

TEST(CommandLine, TellsAPresetsSentence) {
  EXPECT_EQ(options_of({"--preset", "small-transient"}).sentence(), find_preset("small-transient")->sentence);
  EXPECT_EQ(options_of({"--preset", "small-transient", "--title", "Mine"}).sentence(), "Mine");
}

TEST(CommandLine, NamesAllThreeFilesAtOnce) {
  Options o = options_of({"--save", "x", "--csv-file", "y"});
  EXPECT_EQ(o.json_file, "x.json");
  EXPECT_EQ(o.csv_file, "y");
  EXPECT_EQ(o.html_file, "x.html");
}

TEST(CommandLine, ShowsHelpOnStdout) {
  CommandLine line = parse_command_line({"--help"});
  EXPECT_FALSE(line.command);
  EXPECT_EQ(line.exit_code, 0);
  EXPECT_THAT(line.text, HasSubstr("--producers"));
}

TEST(CommandLine, ListsPresets) { EXPECT_EQ(parse_command_line({"presets"}).command->kind, Command::Kind::kPresets); }

struct Misuse {
  std::vector<std::string> arguments;
  const char* sentence;
};

TEST(CommandLine, RefusesWhatMakesNoSense) {
  const Misuse misuses[] = {
      {{"--producers", "0", "--consumers", "0"}, "nothing to do"},
      {{"--preset", "nope"}, "no preset 'nope'"},
      {{"--preset", "small-transient,large-messages"}, "one --preset"},
      {{"--nope"}, "--nope"},
      {{"--size", "big"}, "is no size"},
      {{"--confirm", "5", "--tx", "5"}, "exclude each other"},
      {{"--prefetch", "0", "--ack-each"}, "nothing to ack"},
      {{"--prefetch", "5", "--ack-every", "6"}, "must not exceed --prefetch"},
      {{"--work", "rpc", "--consumers", "0"}, "--work rpc needs"},
      {{"--work", "rpc", "--size", "4"}, "8 bytes"},
      {{"--work", "rpc", "--confirm", "5"}, "takes replies for an answer"},
      {{"--warmup", "1", "--count", "5"}, "--warmup leaves seconds out"},
      {{"--work", "walk"}, "expected load, rpc, churn or idle"},
      {{"--fill-first", "--seconds", "0"}, "--fill-first needs"},
      {{"--rate", "5,0"}, "above 0"},
      {{"--rate", "5,6", "--seconds", "0"}, "--step or --seconds"},
      {{"--queue-arg", "x"}, "name=value"},
      {{"--pid", "1", "--pid", "2"}, "one --pid for each broker"},
      {{"compare", "amqp://a"}, "two brokers"},
      {{"compare", "amqp://a", "http://b"}, "is no address"},
      {{"compare", "a", "b", "--pid", "1"}, "one --pid for each broker"},
  };
  for (const Misuse& misuse : misuses) EXPECT_THAT(complaint_of(misuse.arguments), HasSubstr(misuse.sentence));
}

TEST(CompareLine, NamesItsBrokers) {
  CommandLine line = parse_command_line({"compare", "mine=amqp://127.0.0.1:1", "amqp://127.0.0.1:2", "--rounds", "5"});
  ASSERT_TRUE(line.command) << line.text;
  EXPECT_EQ(line.command->kind, Command::Kind::kCompare);
  EXPECT_EQ(line.command->targets[0].name, "mine");
  EXPECT_EQ(line.command->targets[1].name, "127.0.0.1:2");
  EXPECT_EQ(line.command->rounds, 5);
}

TEST(CompareLine, TellsTheSameBrokerTwiceApart) {
  CommandLine line = parse_command_line({"compare", "amqp://h", "amqp://h"});
  ASSERT_TRUE(line.command) << line.text;
  EXPECT_EQ(line.command->targets[0].name, "h:5672 (A)");
  EXPECT_EQ(line.command->targets[1].name, "h:5672 (B)");
}

TEST(CompareLine, TakesSeveralPresetsOrAll) {
  CommandLine two = parse_command_line({"compare", "a", "b", "--preset", "large-messages,request-reply", "--seconds", "1"});
  ASSERT_TRUE(two.command) << two.text;
  ASSERT_EQ(two.command->scenarios.size(), 2U);
  EXPECT_EQ(two.command->scenarios[1].preset, "request-reply");
  EXPECT_EQ(two.command->scenarios[1].seconds, 1);
  CommandLine all = parse_command_line({"compare", "--preset", "all", "a", "b"});
  ASSERT_TRUE(all.command) << all.text;
  EXPECT_EQ(all.command->scenarios.size(), presets().size());
}

TEST(Presets, AreOptionsThatParse) {
  for (const Preset& preset : presets()) {
    CommandLine line = parse_command_line({"--preset", preset.name});
    EXPECT_TRUE(line.command) << preset.name << ": " << line.text;
  }
}

TEST(Presets, HaveNamesOfTheirOwnAndSentencesWithoutAnEnd) {
  for (const Preset& preset : presets()) {
    EXPECT_EQ(find_preset(preset.name), &preset);
    std::string_view sentence = preset.sentence;
    EXPECT_TRUE(sentence.front() >= 'A' && sentence.front() <= 'Z') << sentence;
    EXPECT_NE(sentence.back(), '.') << sentence;
  }
}

TEST(Presets, AreListedWithTheirOptions) {
  std::string text = presets_text();
  for (const Preset& preset : presets()) {
    EXPECT_THAT(text, HasSubstr(preset.name));
    EXPECT_THAT(text, HasSubstr(preset.sentence));
    EXPECT_THAT(text, HasSubstr(preset.options));
  }
}

}  // namespace
}  // namespace mq::bench
