// Writes JSON text, value after value. Our own because Boost.JSON spells every number with an exponent (4.2E-1), and these files are
// read by people too.
#pragma once

#include <fmt/format.h>

#include <cmath>
#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace mq::bench {

/// `text` between quotes, escaped.
[[nodiscard]] inline std::string json_string(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') (out += '\\') += c;
    else if (static_cast<unsigned char>(c) < 0x20) out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    else out += c;
  }
  return out += '"';
}

/// Keeps the commas right; the caller opens and closes in pairs. Objects: key(), then a value. Arrays: values.
class JsonWriter {
 public:
  /// With `indent` each key of the outermost object, and each element of its arrays, begins a line.
  explicit JsonWriter(bool indent = false) : indent_(indent) {}

  JsonWriter& open(char bracket) {
    separate();
    out_ += bracket;
    ++depth_;
    is_first_ = true;
    return *this;
  }
  JsonWriter& close(char bracket) {
    --depth_;
    if (indent_ && depth_ == 0) out_ += '\n';
    out_ += bracket;
    is_first_ = false;
    return *this;
  }
  JsonWriter& key(std::string_view name) {
    separate();
    out_ += json_string(name) + (indent_ ? ": " : ":");
    has_key_ = true;
    return *this;
  }
  JsonWriter& value(std::string_view text) { return raw(json_string(text)); }
  JsonWriter& value(const char* text) { return value(std::string_view(text)); }
  JsonWriter& value(bool truth) { return raw(truth ? "true" : "false"); }
  template <std::integral Int>
  JsonWriter& value(Int number) {
    return raw(fmt::format("{}", number));
  }
  JsonWriter& value(double number) { return raw(std::isfinite(number) ? fmt::format("{:.10g}", std::round(number * 1e6) / 1e6) : "null"); }
  template <class T>
  JsonWriter& value(const std::optional<T>& maybe) {
    return maybe ? value(*maybe) : raw("null");
  }
  template <class T>
  JsonWriter& member(std::string_view name, const T& of) {
    return key(name).value(of);
  }
  JsonWriter& raw(std::string_view text) {
    separate();
    out_ += text;
    return *this;
  }

  [[nodiscard]] const std::string& text() const noexcept { return out_; }

 private:
  void separate() {
    if (has_key_) {
      has_key_ = false;
      is_first_ = false;
      return;
    }
    if (!is_first_) out_ += ',';
    if (indent_ && depth_ != 0 && depth_ <= 2) out_ += depth_ == 1 ? "\n  " : "\n    ";
    is_first_ = false;
  }

  std::string out_;
  bool indent_;
  int depth_ = 0;
  bool is_first_ = true;
  bool has_key_ = false;
};

}  // namespace mq::bench
