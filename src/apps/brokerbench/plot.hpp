// Plots as SVG text. Colours are classes c0, c1, ... and style variables, so that a page or plot_style() decides on them, for light
// and for dark.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace mq::bench {

struct Series {
  std::string name;
  int colour = 0;  ///< class c0 to c5
  std::vector<std::pair<double, double>> points;
  const char* dashes = "";  ///< lengths of strokes and gaps, so that a line shows those beneath it; empty = a whole line
};

/// A mark on an axis.
struct Tick {
  double at = 0;
  std::string text;
};

struct Plot {
  std::string title;
  std::string x_label;
  std::string y_label;  ///< with the unit
  bool is_log_y = false;
  std::vector<Tick> x_ticks;  ///< empty = round numbers
  std::vector<Series> series;
};

/// Lines over an x axis, with a legend. Values that a logarithm does not take are left out.
[[nodiscard]] std::string line_plot(const Plot& plot);

/// What a ratio means for the first of the two that are compared.
enum class Verdict : unsigned char { kGood, kBad, kEven };
/// As a class of plot_style(): good, bad, even.
[[nodiscard]] const char* class_of(Verdict verdict);

/// A ratio with its spread.
struct Bar {
  std::string label;
  double ratio = 1;
  double lowest = 1, highest = 1;
  Verdict verdict = Verdict::kGood;
  std::string text;  ///< beside the bar
};
struct BarGroup {
  std::string title;
  std::vector<Bar> bars;
};

/// Bars to the right and to the left of 1, on a logarithmic scale.
[[nodiscard]] std::string bar_plot(const std::string& title, const std::string& subtitle, const std::vector<BarGroup>& groups);

/// The plot as a file of its own: colours, font and background in it.
[[nodiscard]] std::string standalone(const std::string& svg);

/// The style that plots need; with the variables of both colour schemes.
[[nodiscard]] std::string plot_style();

/// Text as XML and HTML want it.
[[nodiscard]] std::string escape_xml(const std::string& text);

/// Some five round numbers from `low` to `high`.
[[nodiscard]] std::vector<Tick> round_ticks(double low, double high);
/// Powers of ten from below `low` to above `high`, with 2 and 5 between them when there are few. Both are above 0.
[[nodiscard]] std::vector<Tick> log_ticks(double low, double high);

}  // namespace mq::bench
