#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "apps/brokerbench/plot.hpp"

namespace mq::bench {

namespace {

constexpr double kWidth = 920, kLeft = 260, kRight = 190;
constexpr double kTop = 84, kBottom = 16;
constexpr double kGroupPx = 30, kBarPx = 22, kGapPx = 10;

/// The scale goes as far from 1 as the farthest spread, the same way to both sides.
double reach_of(const std::vector<BarGroup>& groups) {
  double reach = 2;
  for (const BarGroup& group : groups)
    for (const Bar& bar : group.bars) reach = std::max({reach, bar.highest, bar.lowest > 0 ? 1 / bar.lowest : 1});
  return std::min(reach * 1.1, 1000.0);
}

double px(double ratio, double reach) {
  double share = std::clamp(std::log(std::max(ratio, 1e-9)) / std::log(reach), -1.0, 1.0);
  return kLeft + (kWidth - kLeft - kRight) * (share + 1) / 2;
}

void draw_bar(std::string& out, const Bar& bar, double y, double reach) {
  double one = px(1, reach);
  double at = px(bar.ratio, reach);
  double middle = y + kBarPx / 2;
  out += fmt::format("<text class='tick' x='{:.1f}' y='{:.1f}' text-anchor='end'>{}</text>", kLeft - 12, middle + 4, escape_xml(bar.label));
  out += fmt::format("<rect class='bar {}' x='{:.1f}' y='{:.1f}' width='{:.1f}' height='{}' rx='2'><title>{}</title></rect>",
                     class_of(bar.verdict), std::min(one, at), y + 3, std::max(1.0, std::abs(at - one)), kBarPx - 6, escape_xml(bar.text));
  out += fmt::format("<line class='spread' x1='{:.1f}' x2='{:.1f}' y1='{:.1f}' y2='{:.1f}'/>", px(bar.lowest, reach),
                     px(bar.highest, reach), middle, middle);
  out += fmt::format("<text x='{:.1f}' y='{:.1f}'>{}</text>", kWidth - kRight + 12, middle + 4, escape_xml(bar.text));
}

}  // namespace

const char* class_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::kGood: return "good";
    case Verdict::kBad: return "bad";
    case Verdict::kEven: return "even";
  }
  return "even";
}

std::string bar_plot(const std::string& title, const std::string& subtitle, const std::vector<BarGroup>& groups) {
  double reach = reach_of(groups);
  double height = kTop + kBottom;
  for (const BarGroup& group : groups) height += kGroupPx + kGapPx + kBarPx * static_cast<double>(group.bars.size());
  std::string out = fmt::format("<svg viewBox='0 0 {:g} {:g}' role='img' aria-label='{}'>", kWidth, height, escape_xml(title));
  out += fmt::format("<text class='title' x='16' y='26'>{}</text><text class='label' x='16' y='46'>{}</text>", escape_xml(title),
                     escape_xml(subtitle));
  for (double tick : {0.01, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 100.0}) {
    if (tick > reach || tick < 1 / reach) continue;
    double at = px(tick, reach);
    out += fmt::format("<line class='{}' x1='{:.1f}' x2='{:.1f}' y1='{}' y2='{:.1f}'/>", tick == 1 ? "axis" : "grid", at, at, kTop - 6,
                       height - kBottom);
    out += fmt::format("<text class='tick' x='{:.1f}' y='{}' text-anchor='middle'>{:g}×</text>", at, kTop - 12, tick);
  }
  double y = kTop;
  for (const BarGroup& group : groups) {
    out += fmt::format("<text x='16' y='{:.1f}' font-weight='600'>{}</text>", y + kGroupPx - 10, escape_xml(group.title));
    y += kGroupPx;
    for (const Bar& bar : group.bars) {
      draw_bar(out, bar, y, reach);
      y += kBarPx;
    }
    y += kGapPx;
  }
  return out + "</svg>";
}

}  // namespace mq::bench
