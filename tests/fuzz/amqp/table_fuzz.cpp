// A table body is valid exactly when it decodes; what decodes, encodes to a table that decodes to the same.
#include "fuzz.hpp"
#include "mq/amqp/table.hpp"

using namespace mq::amqp;

FUZZ_TARGET(input) {
  std::optional<Table> table = decode_table(input);
  FUZZ_CLAIM(table.has_value() == is_valid_table(input));
  TableView view(input);
  view.for_each([&](std::string_view name, const ValueView& value) {
    static_cast<void>(value.integer());
    static_cast<void>(value.decode());
    return view.find(name).has_value();
  });
  if (!table) return;
  std::string first;
  encode_table(*table, first);
  std::optional<Table> again = decode_table(std::string_view(first).substr(4));
  FUZZ_CLAIM(again.has_value());
  std::string second;
  encode_table(*again, second);
  FUZZ_CLAIM(first == second);  // bytes, not values: a NaN is not equal to itself
}
