// Reading a message's property `expiration`, with RabbitMQ's words for what is wrong with it.
#include <charconv>
#include <stdexcept>

#include "broker/queue/queue.hpp"
#include "broker/values.hpp"

namespace mq::broker {

boost::system::result<Millis, ExpirationFault> parse_expiration(std::string_view text) {
  constexpr std::int64_t kMaxExpirationMs = 315'360'000'000;  // ten years, RabbitMQ's bound
  std::int64_t value = 0;
  const char* end = text.data() + text.size();
  const char* digits = text.size() > 1 && text[0] == '+' && text[1] != '-' ? text.data() + 1 : text.data();
  auto [stopped, failure] = std::from_chars(digits, end, value);
  if (failure == std::errc::invalid_argument) return ExpirationFault{"no_integer"};
  if (stopped != end) return ExpirationFault{"{leftover_string," + string_text({stopped, static_cast<std::size_t>(end - stopped)}) + "}"};
  if (failure == std::errc::result_out_of_range)
    return ExpirationFault{(text[0] == '-' ? "{value_negative," : "{value_too_large,") + std::string(digits, end) + "}"};
  if (value < 0) return ExpirationFault{"{value_negative," + std::to_string(value) + "}"};
  if (value > kMaxExpirationMs) return ExpirationFault{"{value_too_large," + std::to_string(value) + "}"};
  return value;
}

void throw_exception_from_error(const ExpirationFault& fault, const boost::source_location&) { throw std::runtime_error(fault.text); }

}  // namespace mq::broker
