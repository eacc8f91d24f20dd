#include <fmt/format.h>

#include <cmath>

#include "apps/brokerbench/page.hpp"
#include "apps/brokerbench/plot.hpp"
#include "apps/brokerbench/report.hpp"
#include "apps/brokerbench/uri.hpp"

namespace mq::bench {

namespace {

double milliseconds(std::uint64_t nanoseconds) { return static_cast<double>(nanoseconds) / 1e6; }

/// A line through all samples; samples of which `value` knows nothing are left out.
template <class Value>
void add_series(Plot& plot, const Result& r, const std::string& name, int colour, Value&& value, const char* dashes = "") {
  Series series{name, colour, {}, dashes};
  for (const Sample& sample : r.samples)
    if (std::optional<double> y = value(sample)) series.points.emplace_back(sample.at_s, *y);
  if (!series.points.empty()) plot.series.push_back(std::move(series));
}

Plot throughput(const Result& r, const Words& words) {
  Plot plot{.title = "Throughput over time", .x_label = "seconds", .y_label = words.thing + "s/s"};
  add_series(plot, r, words.sent, 0, [](const Sample& s) { return std::optional(s.per_s(s.sent)); });
  if (r.settled != 0)
    add_series(
        plot, r, words.settled, 2, [](const Sample& s) { return std::optional(s.per_s(s.settled)); }, "14 8");
  if (r.taken != 0)
    add_series(
        plot, r, words.taken, 1, [](const Sample& s) { return std::optional(s.per_s(s.taken)); }, "5 8");
  if (r.options.rates.size() > 1) add_series(plot, r, "asked for", 5, [](const Sample& s) { return std::optional(s.asked_per_s); });
  return plot;
}

Plot latency(const Result& r, const std::string& of, Percentiles Sample::*which) {
  Plot plot{.title = of + " latency over time", .x_label = "seconds", .y_label = "ms", .is_log_y = true};
  plot.title.front() = static_cast<char>(std::toupper(static_cast<unsigned char>(plot.title.front())));
  struct Line {
    const char* name;
    int colour;
    std::uint64_t Percentiles::*ns;
  };
  constexpr Line kLines[] = {{"p50", 0, &Percentiles::p50_ns},
                             {"p95", 2, &Percentiles::p95_ns},
                             {"p99", 1, &Percentiles::p99_ns},
                             {"p99.9", 4, &Percentiles::p999_ns},
                             {"max", 3, &Percentiles::max_ns}};
  for (const Line& line : kLines)
    add_series(plot, r, line.name, line.colour, [&](const Sample& s) {
      const Percentiles& p = s.*which;
      return p.count == 0 ? std::nullopt : std::optional(milliseconds(p.*line.ns));
    });
  return plot;
}

/// Percentiles on an axis where each further nine takes as much room as the one before.
Series distribution(const std::string& name, int colour, const Histogram& h) {
  Series series{name, colour, {}};
  auto count = static_cast<double>(h.count());
  for (const Histogram::Step& step : h.steps()) {
    double above = std::max(count - static_cast<double>(step.count), 0.5);  // the last record has half a message above it
    double at = std::log10(count / above);
    double y = milliseconds(step.nanoseconds);
    if (series.points.empty()) series.points.emplace_back(0, y);
    series.points.emplace_back(at, y);
  }
  return series;
}

Plot percentiles(const Result& r, const Words& words) {
  Plot plot{.title = "Latency by percentile", .x_label = "share of messages that took no longer", .y_label = "ms", .is_log_y = true};
  plot.x_ticks = {{std::log10(2), "50 %"}, {1, "90 %"},     {2, "99 %"},      {3, "99.9 %"},
                  {4, "99.99 %"},          {5, "99.999 %"}, {6, "99.9999 %"}, {7, "99.99999 %"}};
  if (words.thing != "message") plot.x_label = "share that took no longer";
  if (r.delivery.count() != 0) plot.series.push_back(distribution("delivery", 0, r.delivery));
  if (r.answer.count() != 0) plot.series.push_back(distribution(words.answer, 1, r.answer));
  return plot;
}

Plot backlog(const Result& r) {
  Plot plot{.title = "Backlog: published and not consumed yet", .x_label = "seconds", .y_label = "messages"};
  add_series(plot, r, "backlog", 4,
             [](const Sample& s) { return s.backlog ? std::optional(static_cast<double>(*s.backlog)) : std::nullopt; });
  return plot;
}

Plot broker_cpu(const Result& r) {
  Plot plot{.title = "CPU of the broker", .x_label = "seconds", .y_label = "cores"};
  add_series(plot, r, "CPU", 3, [](const Sample& s) { return s.cpu_cores; });
  return plot;
}

Plot broker_memory(const Result& r) {
  Plot plot{.title = "Memory of the broker", .x_label = "seconds", .y_label = "MiB resident"};
  add_series(plot, r, "memory", 2,
             [](const Sample& s) { return s.rss_bytes ? std::optional(static_cast<double>(*s.rss_bytes) / (1 << 20)) : std::nullopt; });
  return plot;
}

std::string tiles(const Result& r, const Words& words) {
  std::string out = "<div class='tiles'>";
  for (const Figure& figure : figures())
    if (std::optional<double> value = figure.is_chief ? figure.of(r) : std::nullopt)
      out += fmt::format("<div class='tile'><b>{} <small>{}</small></b><span>{}</span></div>", number_text(*value), figure.unit,
                         escape_xml(in_words(figure.title, words)));
  return out + "</div>\n";
}

std::string figure_table(const Result& r, const Words& words) {
  std::vector<std::pair<std::string, std::string>> rows{{words.sent + " in all", number_text(static_cast<double>(r.sent))}};
  if (r.settled != 0) rows.emplace_back(words.settled + " in all", number_text(static_cast<double>(r.settled)));
  if (r.taken != 0) rows.emplace_back(words.taken + " in all", number_text(static_cast<double>(r.taken)));
  if (r.nacked != 0) rows.emplace_back("refused (nack)", number_text(static_cast<double>(r.nacked)));
  if (r.returned != 0) rows.emplace_back("returned", number_text(static_cast<double>(r.returned)));
  for (const Figure& figure : figures())
    if (std::optional<double> value = figure.of(r))
      rows.emplace_back(in_words(figure.title, words), number_text(*value) + " " + figure.unit);
  return name_table("Figures", rows);
}

std::string notes(const Result& r) {
  std::string out;
  if (r.failure) out += "<section class='card failure'><b class='bad'>" + escape_xml(*r.failure) + "</b></section>\n";
  if (r.was_interrupted) out += "<section class='card failure'>The run was interrupted before its time.</section>\n";
  if (r.was_blocked) out += "<section class='card failure'>The broker blocked publishers for a while.</section>\n";
  return out;
}

}  // namespace

std::string report_html(const Result& r) {
  Words words = words_of(r.options);
  std::string about =
      fmt::format("{}{}{} · {} · {}", r.broker, r.broker.empty() ? "" : " at ", address_text(r.options.connect), r.machine, r.started_at);
  std::string body = "<h1>" + escape_xml(r.options.sentence()) + "</h1><p class='about'>" + escape_xml(about) + "</p>\n";
  body += notes(r) + tiles(r, words) + "<div class='cards'>\n";
  std::vector<Plot> plots{throughput(r, words),
                          latency(r, "delivery", &Sample::delivery),
                          latency(r, words.answer, &Sample::answer),
                          percentiles(r, words),
                          backlog(r),
                          broker_cpu(r),
                          broker_memory(r)};
  for (const Plot& plot : plots)
    if (!plot.series.empty()) body += card(line_plot(plot));
  body += card(figure_table(r, words)) + card(name_table("What was asked for", options_told(r.options))) + "</div>\n";
  if (!r.options.rates.empty())
    body += "<p class='about'>Latency counts from the moment a message was due by the rate, whether or not it could leave then.</p>";
  return page(r.options.sentence() + " - brokerbench", body);
}

}  // namespace mq::bench
