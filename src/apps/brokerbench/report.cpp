#include "apps/brokerbench/report.hpp"

#include <fmt/format.h>

#include "apps/brokerbench/uri.hpp"

namespace mq::bench {

namespace {

double milliseconds(std::uint64_t nanoseconds) { return static_cast<double>(nanoseconds) / 1e6; }

double rate(std::uint64_t count, double seconds) { return seconds > 0 ? static_cast<double>(count) / seconds : 0; }

std::string rate_line(const Result& r, const std::string& what, std::uint64_t count, double seconds) {
  std::string line = fmt::format("{:<11}{:>12} in {:>7.2f} s {:>10.0f}/s", what, count, seconds, rate(count, seconds));
  bool has_bodies = r.options.work == Work::kLoad || r.options.work == Work::kRpc;
  if (has_bodies) line += fmt::format(" {:>9.1f} MB/s", rate(count, seconds) * r.options.size.mean_bytes() / 1e6);
  return line + "\n";
}

std::string latency_line(const std::string& what, const Histogram& h) {
  if (h.count() == 0) return {};
  return fmt::format("{:<11}p50 {:.3f}  p95 {:.3f}  p99 {:.3f}  p99.9 {:.3f}  max {:.3f} ms\n", what, milliseconds(h.quantile(0.5)),
                     milliseconds(h.quantile(0.95)), milliseconds(h.quantile(0.99)), milliseconds(h.quantile(0.999)),
                     milliseconds(h.largest()));
}

std::string broker_line(const Result& r, const Words& words) {
  if (!r.before || !r.after) return {};
  std::uint64_t count = std::max<std::uint64_t>(1, std::max(r.sent, r.taken));
  return fmt::format("{:<11}{:.3f} us of CPU per {}, {} of memory\n", "broker",
                     (r.after->cpu_s - r.before->cpu_s) * 1e6 / static_cast<double>(count), words.thing,
                     bytes_text(static_cast<double>(r.after->rss_bytes)));
}

void write_latency(JsonWriter& out, const std::string& name, const Histogram& h) {
  out.key(name).open('{').member("count", h.count()).member("mean", h.mean() / 1e6);
  out.member("p50", milliseconds(h.quantile(0.5))).member("p95", milliseconds(h.quantile(0.95)));
  out.member("p99", milliseconds(h.quantile(0.99))).member("p999", milliseconds(h.quantile(0.999)));
  out.member("max", milliseconds(h.largest())).close('}');
}

void write_percentiles(JsonWriter& out, const std::string& name, const Percentiles& p) {
  out.key(name).open('{').member("p50", milliseconds(p.p50_ns)).member("p95", milliseconds(p.p95_ns));
  out.member("p99", milliseconds(p.p99_ns)).member("p999", milliseconds(p.p999_ns)).member("max", milliseconds(p.max_ns)).close('}');
}

void write_sample(JsonWriter& out, const Sample& s, const Words& words) {
  out.open('{').member("at_s", s.at_s).member("length_s", s.length_s).member(words.sent, s.sent);
  if (!words.settled.empty()) out.member(words.settled, s.settled);
  if (!words.taken.empty()) out.member(words.taken, s.taken);
  if (s.asked_per_s > 0) out.member("asked_per_s", s.asked_per_s);
  out.member("backlog", s.backlog);
  if (s.delivery.count != 0) write_percentiles(out, "delivery_ms", s.delivery);
  if (s.answer.count != 0) write_percentiles(out, key_of(words.answer) + "_ms", s.answer);
  if (s.cpu_cores) out.member("broker_cpu_cores", s.cpu_cores).member("broker_rss_bytes", s.rss_bytes);
  out.close('}');
}

void write_distribution(JsonWriter& out, const std::string& name, const Histogram& h) {
  out.key(name).open('[');
  for (const Histogram::Step& step : h.steps())
    out.raw(fmt::format("[{:.6f},{}]", static_cast<double>(step.nanoseconds) / 1e6, step.count));
  out.close(']');
}

void write_series(JsonWriter& out, const Result& r, const Words& words) {
  out.key("options").open('{');
  for (const auto& [name, value] : options_told(r.options)) out.member(name, value);
  out.close('}');
  out.key("series").open('[');
  for (const Sample& sample : r.samples) write_sample(out, sample, words);
  out.close(']');
  // Pairs of milliseconds and how many messages took no longer.
  if (r.delivery.count() != 0) write_distribution(out, "delivery_distribution", r.delivery);
  if (r.answer.count() != 0) write_distribution(out, key_of(words.answer) + "_distribution", r.answer);
}

}  // namespace

std::string report_text(const Result& r) {
  Words words = words_of(r.options);
  std::string out = r.options.sentence() + "\n";
  if (!r.broker.empty()) out += fmt::format("{} at {}\n", r.broker, address_text(r.options.connect));
  if (r.sent != 0 || r.options.producers != 0) out += rate_line(r, words.sent, r.sent, r.send_s);
  if (r.settled != 0) out += rate_line(r, words.settled, r.settled, r.settle_s);
  if (r.nacked != 0) out += fmt::format("{:<11}{:>12}\n", "refused", r.nacked);
  if (r.returned != 0) out += fmt::format("{:<11}{:>12}\n", "returned", r.returned);
  if (r.taken != 0 || (r.options.work == Work::kLoad && r.options.consumers != 0)) out += rate_line(r, words.taken, r.taken, r.take_s);
  out += latency_line("delivery", r.delivery);
  out += latency_line(words.answer, r.answer);
  out += broker_line(r, words);
  if (!r.options.rates.empty()) out += "latency counts from the moment a message was due\n";
  if (r.was_blocked) out += "the broker blocked publishers for a while\n";
  if (r.was_interrupted) out += "interrupted before its time\n";
  return out;
}

std::string key_of(std::string text) {
  for (char& c : text)
    if (c == ' ') c = '_';
  return text;
}

std::string report_json(const Result& r, bool series) {
  Words words = words_of(r.options);
  JsonWriter out(series);
  out.open('{').member("scenario", r.options.sentence());
  if (!r.options.preset.empty()) out.member("preset", r.options.preset);
  out.member("broker", r.broker).member("address", address_text(r.options.connect)).member("machine", r.machine);
  out.member("started_at", r.started_at);
  out.member(words.sent, r.sent);
  if (!words.settled.empty()) out.member(words.settled, r.settled);
  if (!words.taken.empty()) out.member(words.taken, r.taken);
  out.member("nacked", r.nacked).member("returned", r.returned);
  out.member(words.sent + "_per_s", rate(r.sent, r.send_s));
  if (!words.settled.empty()) out.member(words.settled + "_per_s", rate(r.settled, r.settle_s));
  if (!words.taken.empty()) out.member(words.taken + "_per_s", rate(r.taken, r.take_s));
  write_latency(out, "delivery_ms", r.delivery);
  write_latency(out, key_of(words.answer) + "_ms", r.answer);
  out.key("figures").open('{');
  for (const Figure& figure : figures())
    if (std::optional<double> value = figure.of(r)) out.member(key_of(in_words(figure.key, words)), *value);
  out.close('}');
  out.member("blocked", r.was_blocked).member("interrupted", r.was_interrupted).member("error", r.failure);
  if (series) write_series(out, r, words);
  return out.close('}').text() + "\n";
}

std::string report_csv(const Result& r) {
  Words words = words_of(r.options);
  std::string answer = key_of(words.answer);
  std::string out = fmt::format(
      "at_s,length_s,{}_per_s,{}_per_s,{}_per_s,asked_per_s,backlog,delivery_p50_ms,delivery_p95_ms,delivery_p99_ms,delivery_p999_ms,"
      "delivery_max_ms,{}_p50_ms,{}_p95_ms,{}_p99_ms,{}_p999_ms,{}_max_ms,broker_cpu_cores,broker_rss_bytes\n",
      words.sent, words.settled.empty() ? "settled" : words.settled, words.taken.empty() ? "taken" : words.taken, answer, answer, answer,
      answer, answer);
  auto maybe = [](const auto& value) { return value ? fmt::format("{:.6g}", static_cast<double>(*value)) : std::string(); };
  auto percentiles = [](const Percentiles& p) {
    if (p.count == 0) return std::string(",,,,");
    return fmt::format("{:.6f},{:.6f},{:.6f},{:.6f},{:.6f}", milliseconds(p.p50_ns), milliseconds(p.p95_ns), milliseconds(p.p99_ns),
                       milliseconds(p.p999_ns), milliseconds(p.max_ns));
  };
  for (const Sample& s : r.samples)
    out += fmt::format("{:.3f},{:.3f},{:.1f},{:.1f},{:.1f},{:.6g},{},{},{},{},{}\n", s.at_s, s.length_s, s.per_s(s.sent),
                       s.per_s(s.settled), s.per_s(s.taken), s.asked_per_s, s.backlog ? std::to_string(*s.backlog) : "",
                       percentiles(s.delivery), percentiles(s.answer), maybe(s.cpu_cores), s.rss_bytes ? std::to_string(*s.rss_bytes) : "");
  return out;
}

}  // namespace mq::bench
