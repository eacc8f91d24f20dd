#include "apps/brokerbench/report.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/src.hpp>

#include "apps/brokerbench/plot.hpp"
#include "apps/brokerbench/presets.hpp"
#include "apps/brokerbench/progress.hpp"

namespace mq::bench {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

Result small_result() {
  Result r;
  r.options.title = "A <test> of \"reports\"";
  r.options.confirm_window = 10;
  r.broker = "brokerd 1.0";
  r.sent = 2000;
  r.settled = 2000;
  r.taken = 1990;
  r.send_s = r.settle_s = r.take_s = 2;
  for (std::uint64_t i = 1; i <= 1990; ++i) r.delivery.record(i * 1000);
  for (std::uint64_t i = 1; i <= 2000; ++i) r.answer.record(i * 2000);
  for (int i = 1; i <= 4; ++i) {
    Sample s{.at_s = i * 0.5, .length_s = 0.5, .sent = 500, .settled = 500, .taken = 497, .backlog = 10};
    s.delivery = percentiles_of(r.delivery);
    s.answer = percentiles_of(r.answer);
    r.samples.push_back(s);
  }
  r.before = ProcessUse{1.0, 1 << 20};
  r.after = ProcessUse{1.5, 3 << 20};
  return r;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

TEST(JsonReport, HoldsTheNumbers) {
  boost::json::object json = boost::json::parse(report_json(small_result(), false)).as_object();
  EXPECT_EQ(json["published"].as_int64(), 2000);
  EXPECT_EQ(json["consumed"].as_int64(), 1990);
  EXPECT_EQ(json["published_per_s"].to_number<double>(), 1000);
  EXPECT_NEAR(json["delivery_ms"].as_object()["p50"].to_number<double>(), 1.0, 0.02);
  EXPECT_NEAR(json["figures"].as_object()["confirm_p99_ms"].to_number<double>(), 3.96, 0.05);
  EXPECT_NEAR(json["figures"].as_object()["broker_cpu_us"].to_number<double>(), 250, 0.01);
  EXPECT_TRUE(json["error"].is_null());
  EXPECT_EQ(json["scenario"].as_string(), "A <test> of \"reports\"");
}

TEST(JsonReport, IsOneLineUnlessItHoldsTheSeries) {
  EXPECT_EQ(lines_of(report_json(small_result(), false)).size(), 1U);
  boost::json::object json = boost::json::parse(report_json(small_result(), true)).as_object();
  EXPECT_EQ(json["series"].as_array().size(), 4U);
  EXPECT_EQ(json["series"].as_array()[3].as_object()["backlog"].as_int64(), 10);
  EXPECT_EQ(json["delivery_distribution"].as_array().back().as_array()[1].as_int64(), 1990);
}

TEST(JsonReport, TellsAFailure) {
  Result r = small_result();
  r.failure = "no \"luck\"\n";
  EXPECT_EQ(boost::json::parse(report_json(r, true)).as_object()["error"].as_string(), "no \"luck\"\n");
}

TEST(JsonReport, UsesTheWordsOfItsWork) {
  Result r = small_result();
  r.options.confirm_window = 0;
  r.options.tx_publishes = 5;
  EXPECT_THAT(report_json(r, false), HasSubstr("\"committed\":2000"));
  r.options.work = Work::kRpc;
  EXPECT_THAT(report_json(r, false), HasSubstr("\"round_trip_ms\""));
}

TEST(CsvReport, HasARowForEachSampleAndAllRowsTheSameColumns) {
  std::vector<std::string> lines = lines_of(report_csv(small_result()));
  ASSERT_EQ(lines.size(), 5U);
  for (const std::string& line : lines) EXPECT_EQ(std::ranges::count(line, ','), std::ranges::count(lines[0], ',')) << line;
  EXPECT_THAT(lines[1], StartsWith("0.500,0.500,1000.0,1000.0,994.0,0,10,"));
}

TEST(CsvReport, KeepsItsColumnsWhereThereIsNothingToTell) {
  Result r;
  r.samples = {Sample{.at_s = 1, .length_s = 1}};
  std::vector<std::string> lines = lines_of(report_csv(r));
  EXPECT_EQ(std::ranges::count(lines[1], ','), std::ranges::count(lines[0], ','));
}

TEST(HtmlReport, LoadsNothingFromAnywhere) {
  std::string html = report_html(small_result());
  for (const char* sign : {"http://", "https://", "src=", "href=", "@import", "url("}) EXPECT_THAT(html, Not(HasSubstr(sign)));
}

TEST(HtmlReport, PlotsThroughputLatencyAndPercentiles) {
  std::string html = report_html(small_result());
  EXPECT_THAT(html, HasSubstr("Throughput over time"));
  EXPECT_THAT(html, HasSubstr("Delivery latency over time"));
  EXPECT_THAT(html, HasSubstr("Confirm latency over time"));
  EXPECT_THAT(html, HasSubstr("Latency by percentile"));
  EXPECT_THAT(html, HasSubstr("Backlog"));
}

TEST(HtmlReport, EscapesWhatItIsGiven) {
  std::string html = report_html(small_result());
  EXPECT_THAT(html, HasSubstr("A &lt;test&gt; of &quot;reports&quot;"));
  EXPECT_THAT(html, Not(HasSubstr("<test>")));
}

TEST(HtmlReport, HoldsNoNumberThatIsNone) {
  Result empty;
  empty.samples = {Sample{}};
  for (const Result& r : {small_result(), empty}) {
    std::string html = report_html(r);
    EXPECT_THAT(html, Not(HasSubstr("nan")));
    EXPECT_THAT(html, Not(HasSubstr("inf'")));
  }
}

TEST(TextReport, TellsSentenceRatesAndLatencies) {
  std::string text = report_text(small_result());
  EXPECT_THAT(text, StartsWith("A <test> of \"reports\"\n"));
  EXPECT_THAT(text, HasSubstr("published"));
  EXPECT_THAT(text, HasSubstr("1000/s"));
  EXPECT_THAT(text, HasSubstr("confirm    p50"));
}

TEST(Numbers, AreReadable) {
  EXPECT_EQ(number_text(0), "0");
  EXPECT_EQ(number_text(0.01234), "0.0123");
  EXPECT_EQ(number_text(12.34), "12.3");
  EXPECT_EQ(number_text(999), "999");
  EXPECT_EQ(number_text(1234567), "1,234,567");
  EXPECT_EQ(number_text(123456), "123,456");
}

TEST(Sparkline, ShowsTheLastValuesBesideTheHighest) {
  EXPECT_EQ(sparkline({0, 4, 8}, 10), "▁▄█");
  EXPECT_EQ(sparkline({9, 0, 4, 8}, 3), "▁▄█");
  EXPECT_EQ(sparkline({0, 0}, 5), "▁▁");
  EXPECT_EQ(sparkline({}, 5), "");
}

TEST(Progress, IsALineWithoutATerminal) {
  Result r = small_result();
  ProgressDisplay display(r.options, 0);
  std::string text = display.show(r.samples[0]);
  EXPECT_EQ(std::ranges::count(text, '\n'), 1);
  EXPECT_THAT(text, HasSubstr("backlog 10"));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
}

TEST(Progress, TakesItsOwnPlaceOnATerminal) {
  Result r = small_result();
  ProgressDisplay display(r.options, 80);
  std::string first = display.show(r.samples[0]);
  EXPECT_THAT(first, Not(HasSubstr("\x1b[J")));
  auto lines = std::ranges::count(first, '\n');
  EXPECT_THAT(display.show(r.samples[1]), StartsWith("\x1b[" + std::to_string(lines) + "A\x1b[J"));
}

TEST(Progress, NeverWraps) {
  EXPECT_EQ(cut_to("▁▄█ and so on", 4), "▁▄█ ");
  EXPECT_EQ(cut_to("▁▄█", 3), "▁▄█");
  EXPECT_EQ(cut_to("", 3), "");
}

TEST(Ticks, AreRoundNumbersAroundTheRange) {
  std::vector<Tick> ticks = round_ticks(0, 9.3);
  EXPECT_EQ(ticks.front().text, "0");
  EXPECT_EQ(ticks.back().text, "10");
  EXPECT_EQ(ticks[1].text, "2");
}

TEST(Ticks, ArePowersOfTenOnALogarithmicScale) {
  std::vector<Tick> ticks = log_ticks(0.03, 400);
  EXPECT_EQ(ticks.front().text, "0.01");
  EXPECT_EQ(ticks.back().text, "1000");
  EXPECT_EQ(ticks.size(), 6U);
}

TEST(StandalonePlot, IsAFileOfItsOwn) {
  std::string svg = standalone(line_plot({.title = "T", .x_label = "x", .y_label = "y", .series = {{"s", 0, {{0, 1}, {1, 2}}}}}));
  EXPECT_THAT(svg, StartsWith("<svg "));
  EXPECT_THAT(svg, HasSubstr("xmlns="));
  EXPECT_THAT(svg, HasSubstr("<style>"));
}

}  // namespace
}  // namespace mq::bench
