#include <fmt/format.h>

#include "apps/brokerbench/compare.hpp"
#include "apps/brokerbench/json.hpp"
#include "apps/brokerbench/page.hpp"
#include "apps/brokerbench/plot.hpp"
#include "apps/brokerbench/report.hpp"

namespace mq::bench {

namespace {

std::string ratio_text(const Spread& ratio) {
  return fmt::format("{}× ({} to {})", number_text(ratio.median), number_text(ratio.lowest), number_text(ratio.highest));
}

std::string with_version(const Comparison& c, std::size_t broker) {
  const std::string& version = c.brokers[broker];
  return version.empty() ? c.targets[broker].name : fmt::format("{} ({})", c.targets[broker].name, version);
}

std::string rounds_text(const Comparison& c) {
  return fmt::format("{} round{}, the brokers taking turns at being first", c.rounds, c.rounds == 1 ? "" : "s");
}

/// How long a turn is; scenarios that count messages may end before.
std::string turn_text(const Comparison& c) {
  if (c.scenarios.empty()) return {};
  const Options& o = c.scenarios.back().options;
  return fmt::format("{:g} s each turn, after {:g} s of warm-up", o.seconds, o.warmup_s);
}

std::string failure_text(const Comparison& c, const ComparedScenario& s, std::size_t broker) {
  return c.targets[broker].name + ": " + *s.failures[broker];
}

std::string title_of(const Comparison& c) { return c.targets[0].name + " and " + c.targets[1].name; }

void write_spread(JsonWriter& out, const std::string& name, const Spread& spread) {
  out.key(name).open('{').member("median", spread.median).member("lowest", spread.lowest).member("highest", spread.highest).close('}');
}

void write_rounds(JsonWriter& out, const std::string& name, const std::vector<double>& values) {
  out.key(name).open('[');
  for (double value : values) out.value(value);
  out.close(']');
}

void write_figure(JsonWriter& out, const ComparedFigure& figure) {
  out.open('{').member("key", figure.key).member("title", figure.title).member("unit", figure.unit);
  out.member("more_is_better", figure.more_is_better);
  write_spread(out, "a", figure.spread_a);
  write_spread(out, "b", figure.spread_b);
  write_spread(out, "ratio", figure.ratio);
  write_rounds(out, "a_rounds", figure.a);
  write_rounds(out, "b_rounds", figure.b);
  out.close('}');
}

/// `text` as one field of CSV.
std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\n") == std::string::npos) return text;
  std::string out = "\"";
  for (char c : text) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + "\"";
}

std::string html_table(const Comparison& c, const ComparedScenario& s) {
  std::string out = fmt::format("<h2>{}</h2>", escape_xml(s.options.sentence()));
  for (std::size_t broker : {0, 1})
    if (s.failures[broker]) out += "<p class='bad'>" + escape_xml(failure_text(c, s, broker)) + "</p>";
  out += fmt::format("<table><tr><th></th><th>{}</th><th>{}</th><th>ratio (spread)</th></tr>", escape_xml(c.targets[0].name),
                     escape_xml(c.targets[1].name));
  for (const ComparedFigure& f : s.figures)
    out += fmt::format("<tr><th>{}</th><td class='n'>{} {}</td><td class='n'>{} {}</td><td class='n {}'>{}</td></tr>", escape_xml(f.title),
                       number_text(f.spread_a.median), f.unit, number_text(f.spread_b.median), f.unit, class_of(f.verdict()),
                       ratio_text(f.ratio));
  return out + "</table>";
}

std::string ratio_plot(const Comparison& c) {
  std::vector<BarGroup> groups;
  for (const ComparedScenario& s : c.scenarios) {
    BarGroup group{s.options.preset.empty() ? "scenario" : s.options.preset, {}};
    for (const ComparedFigure& f : s.figures) {
      if (!f.is_headline) continue;
      group.bars.push_back({f.title + (f.unit == std::string("/s") ? " /s" : ""), f.ratio.median, f.ratio.lowest, f.ratio.highest,
                            f.verdict(), ratio_text(f.ratio)});
    }
    if (!group.bars.empty()) groups.push_back(std::move(group));
  }
  return bar_plot(
      fmt::format("{} divided by {}", c.targets[0].name, c.targets[1].name),
      fmt::format(
          "Green: {} does better; grey: no difference. Of rates more is better, of latency and CPU less. Lines: spread over {} rounds.",
          c.targets[0].name, c.rounds),
      groups);
}

}  // namespace

std::string compare_text(const Comparison& c) {
  std::string out = fmt::format("A = {}\nB = {}\n{}\n{}\n", with_version(c, 0), with_version(c, 1), c.machine, rounds_text(c));
  for (const ComparedScenario& s : c.scenarios) {
    out += "\n" + s.options.sentence() + "\n";
    for (std::size_t broker : {0, 1})
      if (s.failures[broker]) out += "  " + failure_text(c, s, broker) + "\n";
    if (!s.figures.empty()) out += fmt::format("  {:<30}{:>16}{:>16}       A / B (spread)\n", "", "A", "B");
    for (const ComparedFigure& f : s.figures)
      out += fmt::format("  {:<30}{:>16}{:>16}       {}\n", f.title, number_text(f.spread_a.median) + " " + f.unit,
                         number_text(f.spread_b.median) + " " + f.unit, ratio_text(f.ratio));
  }
  if (c.was_interrupted) out += "\ninterrupted before its time\n";
  return out;
}

std::string compare_json(const Comparison& c) {
  JsonWriter out(true);
  out.open('{').member("machine", c.machine).member("started_at", c.started_at).member("rounds", c.rounds);
  out.key("brokers").open('[');
  for (std::size_t broker : {0, 1}) out.open('{').member("name", c.targets[broker].name).member("version", c.brokers[broker]).close('}');
  out.close(']').member("interrupted", c.was_interrupted).key("scenarios").open('[');
  for (const ComparedScenario& s : c.scenarios) {
    out.open('{').member("preset", s.options.preset).member("scenario", s.options.sentence());
    out.key("errors").open('[').value(s.failures[0]).value(s.failures[1]).close(']').key("figures").open('[');
    for (const ComparedFigure& figure : s.figures) write_figure(out, figure);
    out.close(']').close('}');
  }
  return out.close(']').close('}').text() + "\n";
}

std::string compare_csv(const Comparison& c) {
  std::string out =
      "scenario,figure,unit,a_median,a_lowest,a_highest,b_median,b_lowest,b_highest,ratio_median,ratio_lowest,ratio_highest\n";
  for (const ComparedScenario& s : c.scenarios)
    for (const ComparedFigure& f : s.figures) {
      out += csv_field(s.options.preset.empty() ? s.options.sentence() : s.options.preset) + "," + f.key + "," + f.unit;
      for (const Spread& spread : {f.spread_a, f.spread_b, f.ratio})
        out += fmt::format(",{:.8g},{:.8g},{:.8g}", spread.median, spread.lowest, spread.highest);
      out += "\n";
    }
  return out;
}

std::string compare_markdown(const Comparison& c) {
  std::string out = fmt::format("# {}\n\n", title_of(c));
  out += fmt::format("- {}\n- {}\n- machine: {}; brokers and load share it\n- {}; {}\n- {}\n\n", with_version(c, 0), with_version(c, 1),
                     c.machine, rounds_text(c), turn_text(c), c.started_at);
  out += fmt::format("Medians of all rounds. The ratio is {} divided by {}, round by round: its median, and the lowest and highest.\n\n",
                     c.targets[0].name, c.targets[1].name);
  out += fmt::format("| scenario | figure | {} | {} | ratio | spread |\n|---|---|--:|--:|--:|---|\n", c.targets[0].name, c.targets[1].name);
  for (const ComparedScenario& s : c.scenarios) {
    std::string name = s.options.preset.empty() ? "" : "`" + s.options.preset + "`";
    for (std::size_t broker : {0, 1})
      if (s.failures[broker]) out += fmt::format("| {} | failed: {} | | | | |\n", name, failure_text(c, s, broker));
    for (const ComparedFigure& f : s.figures) {
      if (!f.is_headline) continue;
      out += fmt::format("| {} | {} | {} {} | {} {} | **{}** | {} to {} |\n", name, f.title, number_text(f.spread_a.median), f.unit,
                         number_text(f.spread_b.median), f.unit, number_text(f.ratio.median), number_text(f.ratio.lowest),
                         number_text(f.ratio.highest));
      name.clear();
    }
  }
  out += "\nThe scenarios:\n\n";
  for (const ComparedScenario& s : c.scenarios)
    out += fmt::format("- {}{}\n", s.options.preset.empty() ? "" : "`" + s.options.preset + "`: ", s.options.sentence());
  return out;
}

std::string compare_html(const Comparison& c) {
  std::string body =
      fmt::format("<h1>{}</h1><p class='about'>{} · {} · {} · {} · {}</p>\n", escape_xml(title_of(c)), escape_xml(with_version(c, 0)),
                  escape_xml(with_version(c, 1)), escape_xml(c.machine), rounds_text(c), c.started_at);
  body += card(ratio_plot(c)) + "<p></p><div class='cards'>\n";
  for (const ComparedScenario& s : c.scenarios) body += card(html_table(c, s));
  return page(title_of(c) + " - brokerbench", body + "</div>\n");
}

std::string compare_svg(const Comparison& c) { return standalone(ratio_plot(c)); }

}  // namespace mq::bench
