#include "apps/brokerbench/compare.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>

namespace mq::bench {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

Result result_with(double consumed_per_s, std::uint64_t latency_ns) {
  Result r;
  r.sent = r.taken = 1000;
  r.take_s = r.send_s = 1000 / consumed_per_s;
  r.delivery.record(latency_ns);
  return r;
}

const ComparedFigure& figure_of(const ComparedScenario& scenario, const std::string& key) {
  static const ComparedFigure kNone;
  for (const ComparedFigure& figure : scenario.figures)
    if (figure.key == key) return figure;
  ADD_FAILURE() << "no figure " << key;
  return kNone;
}

Command command_of(int rounds) {
  Command command;
  command.kind = Command::Kind::kCompare;
  command.targets = {{"one", "amqp://h:1"}, {"two", "amqp://h:2"}};
  command.rounds = rounds;
  command.scenarios.resize(1);
  return command;
}

TEST(Spread, IsTheMiddleAndTheEnds) {
  Spread odd = spread_of({3, 1, 2});
  EXPECT_EQ(odd.median, 2);
  EXPECT_EQ(odd.lowest, 1);
  EXPECT_EQ(odd.highest, 3);
  EXPECT_EQ(spread_of({1, 2, 3, 10}).median, 2.5);
  EXPECT_EQ(spread_of({}).median, 0);
}

TEST(Relate, TakesRatiosRoundByRound) {
  // The machine was slow in the second round: the medians know, the ratios do not.
  ComparedScenario s = relate({result_with(200, 1000), result_with(20, 1000), result_with(210, 1000)},
                              {result_with(100, 1000), result_with(10, 1000), result_with(100, 1000)});
  const ComparedFigure& rate = figure_of(s, "consumed_per_s");
  EXPECT_NEAR(rate.ratio.median, 2, 1e-9);
  EXPECT_NEAR(rate.ratio.lowest, 2, 1e-9);
  EXPECT_NEAR(rate.ratio.highest, 2.1, 1e-9);
  EXPECT_EQ(rate.verdict(), Verdict::kGood);
}

TEST(Relate, KnowsThatLessLatencyIsBetter) {
  ComparedScenario s = relate({result_with(100, 1'000'000)}, {result_with(100, 4'000'000)});
  const ComparedFigure& p99 = figure_of(s, "delivery_p99_ms");
  EXPECT_NEAR(p99.ratio.median, 0.25, 0.01);
  EXPECT_EQ(p99.verdict(), Verdict::kGood);
}

TEST(Relate, CallsItEvenWhenRoundsDisagreeOrHardlyDiffer) {
  ComparedScenario disagree = relate({result_with(150, 1), result_with(80, 1)}, {result_with(100, 1), result_with(100, 1)});
  EXPECT_EQ(figure_of(disagree, "consumed_per_s").verdict(), Verdict::kEven);
  ComparedScenario close = relate({result_with(100.5, 1)}, {result_with(100, 1)});
  EXPECT_EQ(figure_of(close, "consumed_per_s").verdict(), Verdict::kEven);
  ComparedScenario behind = relate({result_with(50, 1)}, {result_with(100, 1)});
  EXPECT_EQ(figure_of(behind, "consumed_per_s").verdict(), Verdict::kBad);
}

TEST(Relate, LeavesFailedRoundsOut) {
  Result failed;
  failed.failure = "broken";
  ComparedScenario s = relate({result_with(200, 1), failed}, {result_with(100, 1), result_with(100, 1)});
  EXPECT_EQ(s.failures[0], "broken");
  EXPECT_FALSE(s.failures[1]);
  EXPECT_EQ(figure_of(s, "consumed_per_s").a.size(), 1U);
  EXPECT_TRUE(relate({failed}, {failed}).figures.empty());
}

TEST(Compare, AlternatesWhoIsFirst) {
  std::vector<std::uint16_t> ports;
  Comparison c = compare(command_of(3),
                         [&](const Options& options) {
                           ports.push_back(options.connect.port);
                           return result_with(100, 1);
                         },
                         {});
  EXPECT_THAT(ports, ElementsAre(1, 2, 2, 1, 1, 2));
  EXPECT_EQ(c.scenarios.size(), 1U);
  EXPECT_FALSE(c.has_failed());
}

TEST(Compare, GivesEachBrokerItsOwnProcess) {
  Command command = command_of(1);
  command.scenarios[0].broker_pids = {11, 22};
  std::vector<int> pids;
  static_cast<void>(compare(command,
                            [&](const Options& options) {
                              pids.push_back(options.broker_pid());
                              return result_with(100, 1);
                            },
                            {}));
  EXPECT_THAT(pids, ElementsAre(11, 22));
}

TEST(Compare, EndsWhenInterrupted) {
  int turns = 0;
  Comparison c = compare(command_of(5),
                         [&](const Options&) {
                           Result r = result_with(100, 1);
                           r.was_interrupted = ++turns == 3;
                           return r;
                         },
                         {});
  EXPECT_EQ(turns, 3);
  EXPECT_TRUE(c.was_interrupted);
  EXPECT_EQ(figure_of(c.scenarios[0], "consumed_per_s").a.size(), 1U);
}

class CompareReports : public ::testing::Test {
 protected:
  CompareReports() {
    c_.targets = {Target{"one", ""}, Target{"<two>", ""}};
    c_.brokers = {"brokerd 1", "Other 2"};
    c_.rounds = 1;
    c_.scenarios = {relate({result_with(200, 1'000'000)}, {result_with(100, 3'000'000)})};
    c_.scenarios[0].options.preset = "some-preset";
  }
  Comparison c_;
};

TEST_F(CompareReports, HoldTheRatiosAsJson) {
  boost::json::object json = boost::json::parse(compare_json(c_)).as_object();
  boost::json::object scenario = json["scenarios"].as_array()[0].as_object();
  EXPECT_EQ(scenario["preset"].as_string(), "some-preset");
  EXPECT_TRUE(scenario["errors"].as_array()[0].is_null());
  boost::json::object rate = scenario["figures"].as_array()[1].as_object();
  EXPECT_EQ(rate["key"].as_string(), "consumed_per_s");
  EXPECT_NEAR(rate["ratio"].as_object()["median"].to_number<double>(), 2, 1e-6);
}

TEST_F(CompareReports, AreATableInMarkdown) {
  std::string markdown = compare_markdown(c_);
  EXPECT_THAT(markdown, HasSubstr("| `some-preset` | consumed | 200 /s | 100 /s | **2** | 2 to 2 |"));
  EXPECT_THAT(markdown, HasSubstr("brokerd 1"));
}

TEST_F(CompareReports, AreAPageThatLoadsNothing) {
  std::string html = compare_html(c_);
  EXPECT_THAT(html, Not(HasSubstr("http")));
  EXPECT_THAT(html, HasSubstr("&lt;two&gt;"));
  EXPECT_THAT(html, Not(HasSubstr("<two>")));
}

TEST_F(CompareReports, AreAPicture) { EXPECT_THAT(compare_svg(c_), HasSubstr("some-preset")); }

TEST_F(CompareReports, AreReadInATerminal) { EXPECT_THAT(compare_text(c_), HasSubstr("2× (2 to 2)")); }

TEST_F(CompareReports, HaveARowForEachFigureAsCsv) {
  EXPECT_THAT(compare_csv(c_), HasSubstr("some-preset,consumed_per_s,/s,200,200,200,100,100,100,2,2,2\n"));
}

TEST_F(CompareReports, TellWhoFailed) {
  c_.scenarios[0].failures[1] = "refused";
  EXPECT_THAT(compare_text(c_), HasSubstr("<two>: refused"));
  EXPECT_THAT(compare_markdown(c_), HasSubstr("failed: <two>: refused"));
  EXPECT_TRUE(c_.has_failed());
}

}  // namespace
}  // namespace mq::bench
