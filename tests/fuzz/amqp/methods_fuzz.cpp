// Every method from any octets: the first octet chooses the method, the rest are its fields. What decodes, encodes to as many octets
// as measured, and decodes to the same method.
#include "fuzz.hpp"
#include "mq/amqp/methods.hpp"

using namespace mq::amqp;

namespace {
template <Method M>
void fuzz_method(std::string_view fields) {
  std::optional<M> method = decode<M>(fields);
  if (!method) return;
  std::string encoded;
  encode(*method, encoded);
  FUZZ_CLAIM(encoded.size() == fields.size() + 4);
  FUZZ_CLAIM(encoded.size() == encoded_size(*method));
  std::optional<M> again = decode<M>(method_fields(encoded));
  FUZZ_CLAIM(again.has_value());
  FUZZ_CLAIM(*again == *method);
  FUZZ_CLAIM(!to_string(*method).empty());
  FUZZ_CLAIM(describe_method(encoded) == to_string(*method));
}
}  // namespace

FUZZ_TARGET(input) {
  if (input.empty()) return;
  std::size_t chosen = static_cast<unsigned char>(input[0]) % AllMethods::kSize;
  std::size_t index = 0;
  for_each_method([&]<class M>(std::type_identity<M>) {
    if (index++ == chosen) fuzz_method<M>(input.substr(1));
  });
}
