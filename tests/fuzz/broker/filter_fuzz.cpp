// A text is refused or becomes a filter whose normal form is a filter of the same form that says the same. The input is a condition and,
// behind the first octet 0, the headers of a message.
#include "broker/filter.hpp"
#include "fuzz.hpp"

using namespace mq;
using namespace mq::broker;

FUZZ_TARGET(input) {
  const std::string condition(input.substr(0, input.find('\0')));
  const std::string_view encoded = condition.size() < input.size() ? input.substr(condition.size() + 1) : std::string_view();
  const auto filter = make_filter(condition);
  if (!filter) return;
  amqp::Properties properties;
  properties.headers = amqp::decode_table(encoded).value_or(amqp::Table{});
  const MessagePtr message = make_message("exchange", "key", properties, "");
  const bool matched = (*filter)->matches(*message);

  const auto normal = make_filter((*filter)->normal_form());
  if (!normal && (*filter)->normal_form().size() > kMaxFilterBytes) return;  // quotes and blanks can make it longer than it was
  FUZZ_CLAIM(normal.has_value());
  FUZZ_CLAIM((*normal)->same_as(**filter));
  FUZZ_CLAIM((*normal)->matches(*message) == matched);
  if (!properties.headers->empty()) static_cast<void>(make_filter(*properties.headers));
}
