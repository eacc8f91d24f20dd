#include "apps/brokerbench/result.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace mq::bench {

namespace {

std::optional<double> per_second(std::uint64_t count, double seconds) {
  return count != 0 && seconds > 0 ? std::optional(static_cast<double>(count) / seconds) : std::nullopt;
}

std::optional<double> ms_of(const Histogram& histogram, double quantile) {
  return histogram.count() != 0 ? std::optional(static_cast<double>(histogram.quantile(quantile)) / 1e6) : std::nullopt;
}

std::optional<double> megabytes(const Result& r) {
  std::uint64_t count = r.taken != 0 ? r.taken : r.sent;
  std::optional<double> rate = per_second(count, r.taken != 0 ? r.take_s : r.send_s);
  bool has_bodies = r.options.work == Work::kLoad || r.options.work == Work::kRpc;
  return rate && has_bodies ? std::optional(*rate * r.options.size.mean_bytes() / 1e6) : std::nullopt;
}

std::optional<double> cpu_us(const Result& r) {
  std::uint64_t count = std::max(r.sent, r.taken);
  if (!r.before || !r.after || count == 0) return std::nullopt;
  return (r.after->cpu_s - r.before->cpu_s) * 1e6 / static_cast<double>(count);
}

/// The highest of this run; the kernel's own mark is of the process's whole life.
std::optional<double> peak_mib(const Result& r) {
  if (!r.after) return std::nullopt;
  std::uint64_t peak = r.after->rss_bytes;
  for (const Sample& sample : r.samples) peak = std::max(peak, sample.rss_bytes.value_or(0));
  return static_cast<double>(peak) / (1 << 20);
}

std::optional<double> kib_per_connection(const Result& r) {
  if (r.options.work != Work::kIdle || !r.before || !r.after || r.sent == 0) return std::nullopt;
  // A broker that has worked before may have room left for them: then there is nothing to see.
  if (r.after->rss_bytes <= r.before->rss_bytes) return std::nullopt;
  return static_cast<double>(r.after->rss_bytes - r.before->rss_bytes) / 1024 / static_cast<double>(r.sent);
}

constexpr Figure kFigures[] = {
    {"{sent}_per_s", "{sent}", "/s", true, true, [](const Result& r) { return per_second(r.sent, r.send_s); }},
    {"{settled}_per_s", "{settled}", "/s", true, true, [](const Result& r) { return per_second(r.settled, r.settle_s); }},
    {"{taken}_per_s", "{taken}", "/s", true, true, [](const Result& r) { return per_second(r.taken, r.take_s); }},
    {"megabytes_per_s", "bodies", "MB/s", true, false, megabytes},
    {"delivery_p50_ms", "delivery p50", "ms", false, false, [](const Result& r) { return ms_of(r.delivery, 0.5); }},
    {"delivery_p99_ms", "delivery p99", "ms", false, true, [](const Result& r) { return ms_of(r.delivery, 0.99); }},
    {"delivery_p999_ms", "delivery p99.9", "ms", false, false, [](const Result& r) { return ms_of(r.delivery, 0.999); }},
    {"delivery_max_ms", "delivery max", "ms", false, false, [](const Result& r) { return ms_of(r.delivery, 1); }},
    {"{answer}_p50_ms", "{answer} p50", "ms", false, false, [](const Result& r) { return ms_of(r.answer, 0.5); }},
    {"{answer}_p99_ms", "{answer} p99", "ms", false, true, [](const Result& r) { return ms_of(r.answer, 0.99); }},
    {"{answer}_p999_ms", "{answer} p99.9", "ms", false, false, [](const Result& r) { return ms_of(r.answer, 0.999); }},
    {"{answer}_max_ms", "{answer} max", "ms", false, false, [](const Result& r) { return ms_of(r.answer, 1); }},
    {"broker_cpu_us", "broker CPU per {thing}", "us", false, true, cpu_us},
    {"broker_peak_mib", "broker memory, peak", "MiB", false, false, peak_mib},
    {"broker_kib_per_connection", "broker memory per connection", "KiB", false, true, kib_per_connection},
};

}  // namespace

Percentiles percentiles_of(const Histogram& h) {
  return {h.count(), h.quantile(0.5), h.quantile(0.95), h.quantile(0.99), h.quantile(0.999), h.largest()};
}

Words words_of(const Options& options) {
  const WorkNames& names = names_of(options.work);
  bool has_tx = options.work == Work::kLoad && options.tx_publishes != 0;
  bool is_about_messages = options.work == Work::kLoad || options.work == Work::kRpc;
  return {names.sent, has_tx ? "committed" : names.settled, names.taken, has_tx ? "commit" : names.answering,
          is_about_messages ? "message" : "connection"};
}

std::span<const Figure> figures() { return kFigures; }

std::string in_words(const char* text, const Words& words) {
  std::string out = text;
  const std::pair<const char*, const std::string*> places[] = {{"{sent}", &words.sent},
                                                               {"{settled}", &words.settled},
                                                               {"{taken}", &words.taken},
                                                               {"{answer}", &words.answer},
                                                               {"{thing}", &words.thing}};
  for (const auto& [place, word] : places)
    if (std::size_t at = out.find(place); at != std::string::npos) out.replace(at, std::string_view(place).size(), *word);
  return out;
}

std::string number_text(double value) {
  double size = std::abs(value);
  if (size < 1000)
    return size >= 100 ? fmt::format("{:.0f}", value) : size >= 10 ? fmt::format("{:.1f}", value) : fmt::format("{:.3g}", value);
  std::string digits = fmt::format("{:.0f}", value);
  for (std::size_t at = digits.size() - 3; at > (value < 0 ? 1 : 0); at -= 3) {
    digits.insert(at, ",");
    if (at <= 3) break;
  }
  return digits;
}

}  // namespace mq::bench
