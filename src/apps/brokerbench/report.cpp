#include "apps/brokerbench/report.hpp"

#include <fmt/format.h>

namespace mq::bench {

namespace {

double per_second(std::uint64_t count, double seconds) { return seconds > 0 ? static_cast<double>(count) / seconds : 0; }

double milliseconds(std::uint64_t nanoseconds) { return static_cast<double>(nanoseconds) / 1e6; }

double megabytes_per_second(const Options& options, std::uint64_t count, double seconds) {
  return per_second(count * options.size_bytes, seconds) / 1e6;
}

std::string rate_line(const Options& options, const char* what, std::uint64_t count, double seconds) {
  return fmt::format("{:<10}{:>12} in {:>7.2f} s {:>10.0f}/s {:>9.1f} MB/s\n", what, count, seconds, per_second(count, seconds),
                     megabytes_per_second(options, count, seconds));
}

std::string latency_line(const char* what, const Histogram& h) {
  if (h.count() == 0) return {};
  return fmt::format("{:<10}p50 {:.3f}  p95 {:.3f}  p99 {:.3f}  p99.9 {:.3f}  max {:.3f} ms\n", what, milliseconds(h.quantile(0.5)),
                     milliseconds(h.quantile(0.95)), milliseconds(h.quantile(0.99)), milliseconds(h.quantile(0.999)),
                     milliseconds(h.largest()));
}

std::string latency_json(const Histogram& h) {
  return fmt::format(R"({{"count":{},"p50":{:.4f},"p95":{:.4f},"p99":{:.4f},"p999":{:.4f},"max":{:.4f}}})", h.count(),
                     milliseconds(h.quantile(0.5)), milliseconds(h.quantile(0.95)), milliseconds(h.quantile(0.99)),
                     milliseconds(h.quantile(0.999)), milliseconds(h.largest()));
}

std::string json_string(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') (out += '\\') += c;
    else if (static_cast<unsigned char>(c) < 0x20) out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    else out += c;
  }
  return out += '"';
}

}  // namespace

std::string report_text(const Options& options, const Summary& s) {
  std::string out;
  if (options.producers != 0) out += rate_line(options, "published", s.published, s.publish_seconds);
  if (options.confirm_window != 0) out += rate_line(options, "confirmed", s.confirmed, s.confirm_seconds);
  if (s.nacked != 0) out += fmt::format("{:<10}{:>12}\n", "refused", s.nacked);
  if (options.consumers != 0) out += rate_line(options, "consumed", s.consumed, s.consume_seconds);
  out += latency_line("delivery", s.delivery);
  out += latency_line("confirm", s.confirm);
  if (s.was_blocked) out += "the broker blocked publishers for a while\n";
  return out;
}

std::string report_json(const Options&, const Summary& s) {
  return fmt::format(R"({{"published":{},"consumed":{},"confirmed":{},"nacked":{},)"
                     R"("published_per_s":{:.0f},"consumed_per_s":{:.0f},"confirmed_per_s":{:.0f},)"
                     R"("delivery_ms":{},"confirm_ms":{},"blocked":{},"error":{}}})"
                     "\n",
                     s.published, s.consumed, s.confirmed, s.nacked, per_second(s.published, s.publish_seconds),
                     per_second(s.consumed, s.consume_seconds), per_second(s.confirmed, s.confirm_seconds), latency_json(s.delivery),
                     latency_json(s.confirm), s.was_blocked, s.failure ? json_string(*s.failure) : "null");
}

}  // namespace mq::bench
