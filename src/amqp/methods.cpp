#include "mq/amqp/methods.hpp"

namespace mq::amqp {

std::string_view method_name(MethodId id) noexcept {
  std::string_view name;
  visit_method(id, [&]<class M>(std::type_identity<M>) { name = M::kName; });
  return name;
}

std::string describe_method(std::string_view payload) {
  std::optional<MethodId> id = read_method_id(payload);
  if (!id) return "a method payload of " + std::to_string(payload.size()) + " octets";
  std::string text;
  bool known = visit_method(*id, [&]<class M>(std::type_identity<M>) {
    std::optional<M> method = decode<M>(method_fields(payload));
    text = method ? to_string(*method) : std::string(M::kName) + " with malformed fields";
  });
  if (!known) text = "unknown method " + std::to_string(id->class_id) + "." + std::to_string(id->method_id);
  return text;
}

}  // namespace mq::amqp
