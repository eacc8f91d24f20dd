// Scanning and decoding agree; what decodes is written back octet for octet but for tags and booleans with more than one spelling.
#include "fuzz.hpp"
#include "mq/amqp/properties.hpp"

using namespace mq::amqp;

FUZZ_TARGET(input) {
  PropertiesView view;
  bool valid = scan_properties(input, view);
  std::optional<Properties> properties = decode_properties(input);
  FUZZ_CLAIM(properties.has_value() == valid);
  if (!valid) return;
  std::string first;
  encode_properties(*properties, first);
  FUZZ_CLAIM(first.size() == input.size());
  std::optional<Properties> again = decode_properties(first);
  FUZZ_CLAIM(again.has_value());
  std::string second;
  encode_properties(*again, second);
  FUZZ_CLAIM(first == second);
}
