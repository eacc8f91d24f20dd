// A method payload as it comes: class id, method id, fields. What decodes, encodes to as many octets as measured and decodes to the same
// method; how it is printed never fails, whether it decodes or not.
#include "fuzz.hpp"
#include "mq/amqp/methods.hpp"

using namespace mq::amqp;

namespace {
template <Method M>
void fuzz_method(std::string_view fields) {
  DecodeFault fault = DecodeFault::kNone;
  std::optional<M> method = decode<M>(fields, &fault);
  FUZZ_CLAIM(method.has_value() == (fault == DecodeFault::kNone));
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
  std::string frame;
  append_method_frame(frame, 1, *method);
  FrameParse parse = FrameParser::next(frame, kNoFrameMax);
  FUZZ_CLAIM(parse.status == FrameParse::Status::kFrame && parse.frame.payload == encoded);
}
}  // namespace

FUZZ_TARGET(input) {
  FUZZ_CLAIM(!describe_method(input).empty());
  const std::optional<MethodId> id = read_method_id(input);
  if (!id) return;
  const bool known = visit_method(*id, [&]<class M>(std::type_identity<M>) { fuzz_method<M>(method_fields(input)); });
  FUZZ_CLAIM(known == !method_name(*id).empty());
}
