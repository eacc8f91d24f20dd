// Random field tables and properties for round trips. Seeded by the test, so that a failure comes back on every run.
#pragma once

#include <cstdint>
#include <random>
#include <string>

#include "mq/amqp/properties.hpp"
#include "mq/amqp/table.hpp"

namespace mq::amqp::test {

class RandomValues {
 public:
  explicit RandomValues(std::uint64_t seed) : engine_(seed) {}

  /// Uniform in [0, bound).
  std::uint64_t below(std::uint64_t bound) { return std::uniform_int_distribution<std::uint64_t>(0, bound - 1)(engine_); }
  std::uint64_t bits() { return engine_(); }
  bool coin() { return (engine_() & 1) != 0; }

  /// Any octets.
  std::string octets(std::size_t at_most) {
    std::string text(below(at_most + 1), '\0');
    for (char& c : text) c = static_cast<char>(engine_());
    return text;
  }
  /// Valid UTF-8: letters with a few characters of two to four octets.
  std::string text(std::size_t at_most_characters) {
    static constexpr const char* kWide[] = {"\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x90\x87", "\xEF\xBF\xBD"};
    std::string text;
    for (std::uint64_t left = below(at_most_characters + 1); left > 0; --left) {
      if (below(8) == 0) text += kWide[below(4)];
      else text += static_cast<char>('a' + below(26));
    }
    return text;
  }

  Table table(int depth = 3) {
    Table table;
    for (std::uint64_t left = below(5); left > 0; --left) table.append(text(20), value(depth - 1));
    return table;
  }

  Value value(int depth) {
    switch (below(depth > 0 ? 17 : 15)) {
      case 0: return Void{};
      case 1: return coin();
      case 2: return static_cast<std::int8_t>(bits());
      case 3: return static_cast<std::uint8_t>(bits());
      case 4: return static_cast<std::int16_t>(bits());
      case 5: return static_cast<std::uint16_t>(bits());
      case 6: return static_cast<std::int32_t>(bits());
      case 7: return static_cast<std::uint32_t>(bits());
      case 8: return static_cast<std::int64_t>(bits());
      case 9: return static_cast<float>(below(1'000'000)) / 8.0F;
      case 10: return static_cast<double>(below(1'000'000'000)) / 1024.0;
      case 11: return Decimal{static_cast<std::uint8_t>(bits()), static_cast<std::uint32_t>(bits())};
      case 12: return octets(300);
      case 13: return Timestamp{bits()};
      case 14: return ByteArray{octets(300)};
      case 15: return table(depth);
      default: return array(depth);
    }
  }

  Array array(int depth) {
    Array array;
    for (std::uint64_t left = below(5); left > 0; --left) array.push_back(value(depth - 1));
    return array;
  }

  Properties properties() {
    Properties p;
    for (auto field : {&Properties::content_type, &Properties::content_encoding, &Properties::correlation_id, &Properties::reply_to,
                       &Properties::expiration, &Properties::message_id, &Properties::type, &Properties::user_id, &Properties::app_id,
                       &Properties::cluster_id})
      if (coin()) p.*field = text(60);
    if (coin()) p.headers = table();
    if (coin()) p.delivery_mode = static_cast<std::uint8_t>(bits());
    if (coin()) p.priority = static_cast<std::uint8_t>(bits());
    if (coin()) p.timestamp = bits();
    return p;
  }

 private:
  std::mt19937_64 engine_;
};

}  // namespace mq::amqp::test
