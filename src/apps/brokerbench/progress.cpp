#include "apps/brokerbench/progress.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace mq::bench {

namespace {

constexpr std::size_t kSparkWidth = 40;
constexpr const char* kBold = "\x1b[1m";
constexpr const char* kPlain = "\x1b[0m";

std::string ms_text(std::uint64_t ns) { return number_text(static_cast<double>(ns) / 1e6); }

std::string latency_text(const std::string& of, const Percentiles& p) {
  return fmt::format("{:<11}p50 {:>8}  p99 {:>8}  max {:>8} ms", of, ms_text(p.p50_ns), ms_text(p.p99_ns), ms_text(p.max_ns));
}

}  // namespace

std::string sparkline(const std::vector<double>& values, std::size_t width) {
  constexpr const char* kBlocks[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  std::size_t begin = values.size() > width ? values.size() - width : 0;
  double highest = values.empty() ? 0 : *std::max_element(values.begin() + static_cast<std::ptrdiff_t>(begin), values.end());
  std::string out;
  for (std::size_t i = begin; i < values.size(); ++i)
    out += kBlocks[highest <= 0 ? 0 : std::min<std::size_t>(7, static_cast<std::size_t>(values[i] / highest * 7.999))];
  return out;
}

std::string cut_to(const std::string& text, std::size_t columns) {
  std::size_t seen = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    bool begins = (static_cast<unsigned char>(text[i]) & 0xC0) != 0x80;  // not the middle of a character
    if (begins && seen++ == columns) return text.substr(0, i);
  }
  return text;
}

std::string ProgressDisplay::line(const Sample& s) const {
  std::string out = fmt::format("{:6.1f} s  {} {:>10.0f}/s", s.at_s, words_.sent, s.per_s(s.sent));
  if (!words_.taken.empty()) out += fmt::format("  {} {:>10.0f}/s", words_.taken, s.per_s(s.taken));
  const Percentiles& latency = s.delivery.count != 0 ? s.delivery : s.answer;
  if (latency.count != 0) out += fmt::format("  p50 {:>8}  p99 {:>8} ms", ms_text(latency.p50_ns), ms_text(latency.p99_ns));
  if (s.backlog) out += fmt::format("  backlog {}", *s.backlog);
  return out;
}

std::vector<std::string> ProgressDisplay::panel(const Sample& s) const {
  std::vector<std::string> lines;
  std::string until = options_.seconds > 0 ? fmt::format(" of {:g}", options_.seconds) : "";
  lines.push_back(fmt::format("{:.0f}{} s  {}", s.at_s, until, options_.sentence()));
  lines.push_back(fmt::format("{:<11}{:>10}/s  {}", words_.sent, number_text(s.per_s(s.sent)), sparkline(sent_, kSparkWidth)));
  if (!words_.taken.empty())
    lines.push_back(fmt::format("{:<11}{:>10}/s  {}", words_.taken, number_text(s.per_s(s.taken)), sparkline(taken_, kSparkWidth)));
  if (s.delivery.count != 0) lines.push_back(latency_text("delivery", s.delivery));
  if (s.answer.count != 0) lines.push_back(latency_text(words_.answer, s.answer));
  if (s.backlog) lines.push_back(fmt::format("{:<11}{:>10}", "backlog", number_text(static_cast<double>(*s.backlog))));
  if (s.cpu_cores && s.rss_bytes)
    lines.push_back(fmt::format("{:<11}{:>10.2f} cores  {}", "broker", *s.cpu_cores, bytes_text(static_cast<double>(*s.rss_bytes))));
  return lines;
}

std::string ProgressDisplay::show(const Sample& s) {
  sent_.push_back(s.per_s(s.sent));
  taken_.push_back(s.per_s(s.taken));
  if (columns_ == 0) return line(s) + "\n";
  std::string out = shown_lines_ == 0 ? "" : fmt::format("\x1b[{}A\x1b[J", shown_lines_);  // up, and clear what is below
  std::vector<std::string> lines = panel(s);
  for (const std::string& text : lines) {  // a line that wrapped would push the panel down each time
    std::string shown = cut_to(text, columns_);
    out += (&text == &lines.front() ? kBold + shown + kPlain : shown) + "\n";
  }
  shown_lines_ = lines.size();
  return out;
}

}  // namespace mq::bench
