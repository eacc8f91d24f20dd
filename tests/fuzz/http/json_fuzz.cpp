// JSON as bodies bring it: what parses becomes a value the broker can keep, or not; what it keeps can be told as JSON again, stored, and
// printed in an error text.
#include "http/json.hpp"

#include "broker/json_term.hpp"
#include "broker/parameters.hpp"
#include "fuzz.hpp"
#include "http/base64.hpp"
#include "mq/amqp/utf8.hpp"

using namespace mq;

FUZZ_TARGET(input) {
  if (const auto bytes = http::decode_base64(input)) FUZZ_CLAIM(http::decode_base64(http::encode_base64(*bytes)) == *bytes);
  FUZZ_CLAIM(http::decode_base64(http::encode_base64(input)) == input);
  const auto text = http::to_json_string(input);
  FUZZ_CLAIM(amqp::is_valid_utf8(std::string_view(text.data(), text.size())));

  const auto parsed = http::parse_json(input);
  if (!parsed) return;
  FUZZ_CLAIM(http::parse_json(http::to_text(*parsed)).has_value());
  const auto value = http::to_amqp(*parsed);
  if (!value) return;
  FUZZ_CLAIM(!broker::json_term(*value).empty());
  const auto told = http::to_json(*value);
  FUZZ_CLAIM(http::parse_json(http::to_text(told)).has_value());
  std::string stored;
  amqp::encode_table(amqp::Table{{"value", *value}}, stored);
  const auto kept = amqp::decode_table(std::string_view(stored).substr(4));
  FUZZ_CLAIM(kept && kept->find("value") != nullptr);
  FUZZ_CLAIM(http::to_text(http::to_json(*kept->find("value"))) == http::to_text(told));
  for (const std::string_view component : {broker::kVHostLimitsComponent, broker::kVHostSettingsComponent})
    static_cast<void>(broker::validate_parameter({std::string(component), "limits", *value}));
  broker::UserLimits limits;
  static_cast<void>(broker::set_user_limits(limits, *value));
}
