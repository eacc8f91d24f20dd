// Field values as rules compare, hash and print them: two tables as they come. Values that are the same have the same hash, whichever way
// they are asked; a canonical body is one, is well formed, and does not depend on the order of what has different names.
#include "broker/values.hpp"

#include "broker/json_term.hpp"
#include "fuzz.hpp"
#include "support/input.hpp"

using namespace mq;
using namespace mq::amqp;
using namespace mq::broker;

namespace {

void compare(const ValueView& a, const ValueView& b) {
  const bool same = same_value(a, b);
  FUZZ_CLAIM(same == same_value(b, a));
  if (same) FUZZ_CLAIM(hash_value(a) == hash_value(b));
  const auto one = a.decode(), other = b.decode();
  if (one && other) FUZZ_CLAIM(same_value(*one, *other) == same);
}

void print(const Value& value) {
  FUZZ_CLAIM(!json_term(value).empty());
  static_cast<void>(value_text(value));
  FUZZ_CLAIM(!term_text(value).empty() && !value.type_name().empty());
  static_cast<void>(check_same_argument("x-argument", "queue 'q' in vhost '/'", &value, nullptr));
}

}  // namespace

FUZZ_TARGET(bytes) {
  fuzz::Input input(bytes);
  const std::string_view first = input.bytes(input.u16());
  const TableView a(first), b(input.rest());
  std::size_t compared = 0;
  a.for_each([&](std::string_view, const ValueView& one) {
    b.for_each([&](std::string_view, const ValueView& other) {
      compare(one, other);
      return ++compared < 1000;
    });
    return compared < 1000;
  });
  const auto table = decode_table(first);
  if (!table) return;
  for (const auto& [name, value] : table->entries()) print(value);
  static_cast<void>(json_term_list(*table));
  const std::string body = canonical_body(*table);
  const auto again = decode_table(body);
  FUZZ_CLAIM(again.has_value());
  FUZZ_CLAIM(canonical_body(*again) == body);
  FUZZ_CLAIM(table->size() != 2 || table->entries()[0].first == table->entries()[1].first ||
             canonical_body(Table{table->entries()[1], table->entries()[0]}) == body);
}
