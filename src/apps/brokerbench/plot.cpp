#include "apps/brokerbench/plot.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "apps/brokerbench/result.hpp"

namespace mq::bench {

namespace {

constexpr double kWidth = 760, kHeight = 300;
constexpr double kLeft = 68, kRight = 18, kTop = 58, kBottom = 44;
constexpr std::size_t kMostMarked = 150;  // points that say their value under the mouse

/// From values to pixels.
struct Axis {
  double low = 0, high = 1;
  double from_px = 0, to_px = 1;
  bool is_log = false;

  [[nodiscard]] double px(double value) const {
    double share = is_log ? std::log10(value / low) / std::log10(high / low) : (value - low) / (high - low);
    return from_px + share * (to_px - from_px);
  }
};

std::string short_number(double value) {
  double size = std::abs(value);
  if (size >= 1e6) return fmt::format("{:.4g}M", value / 1e6);
  if (size >= 1e4) return fmt::format("{:.4g}k", value / 1e3);
  return fmt::format("{:.4g}", value);
}

struct Range {
  double low = 0, high = 0;
  bool is_empty = true;

  void take(double value) {
    low = is_empty ? value : std::min(low, value);
    high = is_empty ? value : std::max(high, value);
    is_empty = false;
  }
};

Axis y_axis(const Plot& plot, std::vector<Tick>& ticks) {
  Range range;
  for (const Series& series : plot.series)
    for (const auto& [x, y] : series.points)
      if (!plot.is_log_y || y > 0) range.take(y);
  if (!plot.is_log_y) range.take(0);
  if (range.high <= range.low) range.high = range.low == 0 ? 1 : range.low * 2;
  ticks = plot.is_log_y ? log_ticks(range.low, range.high) : round_ticks(range.low, range.high);
  return {std::min(range.low, ticks.front().at), std::max(range.high, ticks.back().at), kHeight - kBottom, kTop, plot.is_log_y};
}

Axis x_axis(const Plot& plot, std::vector<Tick>& ticks) {
  Range range;
  for (const Series& series : plot.series)
    for (const auto& [x, y] : series.points) range.take(x);
  if (plot.x_ticks.empty()) range.take(0);
  if (range.high <= range.low) range.high = range.low + 1;
  ticks = plot.x_ticks.empty() ? round_ticks(range.low, range.high) : plot.x_ticks;
  std::erase_if(ticks, [&](const Tick& tick) { return tick.at < range.low || tick.at > range.high; });
  return {range.low, range.high, kLeft, kWidth - kRight, false};
}

void draw_grid(std::string& out, const Plot& plot, const Axis& x, const std::vector<Tick>& xs, const Axis& y, const std::vector<Tick>& ys) {
  for (const Tick& tick : ys) {
    double at = y.px(tick.at);
    out += fmt::format("<line class='grid' x1='{}' x2='{}' y1='{:.1f}' y2='{:.1f}'/>", kLeft, kWidth - kRight, at, at);
    out += fmt::format("<text class='tick' x='{}' y='{:.1f}' text-anchor='end'>{}</text>", kLeft - 8, at + 4, tick.text);
  }
  for (const Tick& tick : xs)
    out += fmt::format("<text class='tick' x='{:.1f}' y='{}' text-anchor='middle'>{}</text>", x.px(tick.at), kHeight - kBottom + 18,
                       escape_xml(tick.text));
  out += fmt::format("<line class='axis' x1='{}' x2='{}' y1='{}' y2='{}'/>", kLeft, kWidth - kRight, kHeight - kBottom, kHeight - kBottom);
  out +=
      fmt::format("<text class='label' x='{}' y='{}' text-anchor='end'>{}</text>", kWidth - kRight, kHeight - 8, escape_xml(plot.x_label));
  out += fmt::format("<text class='label' x='{}' y='{}'>{}</text>", 12, kTop - 12, escape_xml(plot.y_label));
}

void draw_legend(std::string& out, const Plot& plot) {
  double right = kWidth - kRight;
  for (auto series = plot.series.rbegin(); series != plot.series.rend(); ++series) {
    double width = 26 + 7.0 * static_cast<double>(series->name.size());
    right -= width;
    out += fmt::format("<line class='line c{}' x1='{:.1f}' x2='{:.1f}' y1='{}' y2='{}'/>", series->colour, right, right + 14, kTop - 16,
                       kTop - 16);
    out += fmt::format("<text class='tick' x='{:.1f}' y='{}'>{}</text>", right + 19, kTop - 12, escape_xml(series->name));
  }
}

void draw_series(std::string& out, const Plot& plot, const Series& series, const Axis& x, const Axis& y) {
  std::string path;
  std::string marks;
  for (const auto& [at, value] : series.points) {
    if (plot.is_log_y && value <= 0) continue;
    path += fmt::format("{}{:.1f} {:.1f}", path.empty() ? "M" : "L", x.px(at), y.px(value));
    if (series.points.size() <= kMostMarked)
      marks += fmt::format("<circle class='mark c{}' cx='{:.1f}' cy='{:.1f}' r='2.5'><title>{}: {} at {:.4g}</title></circle>",
                           series.colour, x.px(at), y.px(value), escape_xml(series.name), number_text(value), at);
  }
  if (!path.empty())
    out += fmt::format("<path class='line c{}' stroke-dasharray='{}' d='{}'/>", series.colour, series.dashes, path) + marks;
}

std::string open_svg(double width, double height, const std::string& title) {
  return fmt::format("<svg viewBox='0 0 {:g} {:g}' role='img' aria-label='{}'>", width, height, escape_xml(title));
}

}  // namespace

std::string escape_xml(const std::string& text) {
  std::string out;
  for (char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      case '\'': out += "&#39;"; break;
      default: out += c;
    }
  }
  return out;
}

std::vector<Tick> round_ticks(double low, double high) {
  constexpr double kWanted = 5;
  double rough = std::max((high - low) / kWanted, 1e-12);
  double power = std::pow(10, std::floor(std::log10(rough)));
  double step = power * (rough / power <= 1 ? 1 : rough / power <= 2 ? 2 : rough / power <= 5 ? 5 : 10);
  std::vector<Tick> ticks;
  auto first = static_cast<long>(std::ceil(low / step));
  auto last = static_cast<long>(std::ceil(high / step - 1e-9));
  for (long i = first; i <= last; ++i) ticks.push_back({static_cast<double>(i) * step, short_number(static_cast<double>(i) * step)});
  return ticks;
}

std::vector<Tick> log_ticks(double low, double high) {
  int first = static_cast<int>(std::floor(std::log10(low)));
  int last = static_cast<int>(std::ceil(std::log10(high)));
  if (first == last) ++last;
  std::vector<Tick> ticks;
  for (int power = first; power <= last; ++power)
    for (double digit : {1.0, 2.0, 5.0}) {
      double at = digit * std::pow(10, power);
      if (digit != 1 && (last - first > 2 || power == last)) continue;
      ticks.push_back({at, short_number(at)});
    }
  while (ticks.size() > 2 && ticks[1].at <= low) ticks.erase(ticks.begin());
  while (ticks.size() > 2 && ticks[ticks.size() - 2].at >= high) ticks.pop_back();
  return ticks;
}

std::string line_plot(const Plot& plot) {
  std::vector<Tick> xs;
  std::vector<Tick> ys;
  Axis y = y_axis(plot, ys);
  Axis x = x_axis(plot, xs);
  std::string out = open_svg(kWidth, kHeight, plot.title);
  out += fmt::format("<text class='title' x='12' y='20'>{}</text>", escape_xml(plot.title));
  draw_grid(out, plot, x, xs, y, ys);
  for (const Series& series : plot.series) draw_series(out, plot, series, x, y);
  draw_legend(out, plot);
  return out + "</svg>";
}

std::string plot_style() {
  return R"css(
:root,svg{--ink:#1d2430;--soft:#5b6675;--faint:#e3e7ec;--paper:#fff;--card:#fff;--ground:#f5f6f8;
--c0:#1f6feb;--c1:#d9730d;--c2:#1a8f5a;--c3:#b8336a;--c4:#7a4fd0;--c5:#5b6675;--good:#1a8f5a;--bad:#c9372c}
@media (prefers-color-scheme:dark){:root,svg{--ink:#e6eaf0;--soft:#9aa6b5;--faint:#2c343f;--paper:#12161c;--card:#1a2029;--ground:#12161c;
--c0:#6cb0ff;--c1:#ffab5e;--c2:#4fd08f;--c3:#ff7eb0;--c4:#b79bff;--c5:#9aa6b5;--good:#4fd08f;--bad:#ff8077}}
svg{display:block;width:100%;height:auto;font-family:system-ui,-apple-system,"Segoe UI","DejaVu Sans",sans-serif}
svg text{fill:var(--ink);font-size:12px}
svg .title{font-size:15px;font-weight:600}
svg .tick,svg .label{fill:var(--soft)}
svg .grid{stroke:var(--faint);stroke-width:1}
svg .axis{stroke:var(--soft);stroke-width:1}
svg .line{fill:none;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}
svg .line.c0{stroke:var(--c0)}svg .line.c1{stroke:var(--c1)}svg .line.c2{stroke:var(--c2)}
svg .line.c3{stroke:var(--c3)}svg .line.c4{stroke:var(--c4)}svg .line.c5{stroke:var(--c5)}
svg .mark.c0{fill:var(--c0)}svg .mark.c1{fill:var(--c1)}svg .mark.c2{fill:var(--c2)}
svg .mark.c3{fill:var(--c3)}svg .mark.c4{fill:var(--c4)}svg .mark.c5{fill:var(--c5)}
svg .bar.good{fill:var(--good)}svg .bar.bad{fill:var(--bad)}svg .bar.even{fill:var(--c5)}svg .bar{opacity:.85}
svg .spread{stroke:var(--ink);stroke-width:1.5}
svg .paper{fill:var(--paper)}
)css";
}

std::string standalone(const std::string& svg) {
  std::size_t open_end = svg.find('>');
  std::string head = svg.substr(0, open_end);
  std::size_t box = head.find("viewBox='0 0 ") + 13;
  std::string size = head.substr(box, head.find('\'', box) - box);
  std::string width = size.substr(0, size.find(' '));
  std::string height = size.substr(size.find(' ') + 1);
  return head + " xmlns='http://www.w3.org/2000/svg' width='" + width + "' height='" + height + "'><style>" + plot_style() +
         "</style><rect class='paper' width='100%' height='100%'/>" + svg.substr(open_end + 1) + "\n";
}

}  // namespace mq::bench
