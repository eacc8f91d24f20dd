#include "broker/exchanges/hash_subject.hpp"

#include "broker/stable_hash.hpp"

namespace mq::broker {

struct HashProperty {
  std::string_view name;
  amqp::PropertyFlag flag;
  std::uint64_t (*hash)(const amqp::PropertiesView& properties);
};

namespace {

constexpr std::string_view kHeader = "hash-header";
constexpr std::string_view kProperty = "hash-property";
constexpr std::uint64_t kAbsent = 0x6E6F6E65;  // what a message without the header or property comes to

constexpr HashProperty kProperties[] = {
    {"correlation_id", amqp::kCorrelationId, [](const amqp::PropertiesView& properties) { return stable_hash(properties.correlation_id); }},
    {"message_id", amqp::kMessageId, [](const amqp::PropertiesView& properties) { return stable_hash(properties.message_id); }},
    {"timestamp", amqp::kTimestamp, [](const amqp::PropertiesView& properties) { return mix_bits(properties.timestamp); }},
};

const HashProperty* find_property(std::string_view name) noexcept {
  for (const HashProperty& property : kProperties)
    if (property.name == name) return &property;
  return nullptr;
}

std::uint64_t hash_of(const amqp::ValueView& value) noexcept {
  if (auto integer = value.integer()) return mix_bits(static_cast<std::uint64_t>(*integer));
  return stable_hash(value.bytes, static_cast<unsigned char>(value.tag));
}

}  // namespace

Result<> check_hash_arguments(const amqp::Table& exchange_arguments) {
  const amqp::Value* header = exchange_arguments.find(kHeader);
  const amqp::Value* property = exchange_arguments.find(kProperty);
  for (auto [name, value] : {std::pair(kHeader, header), std::pair(kProperty, property)})
    if (value != nullptr && value->string() == nullptr)
      return fail(ReplyCode::kPreconditionFailed,
                  "invalid type '" + std::string(value->type_name()) + "' for arg '" + std::string(name) + "'");
  if (header != nullptr && property != nullptr)
    return fail(ReplyCode::kPreconditionFailed, "hash-header and hash-property are mutually exclusive");
  if (property != nullptr && find_property(*property->string()) == nullptr)
    return fail(ReplyCode::kPreconditionFailed, "Unsupported property: " + *property->string());
  return {};
}

HashSubject::HashSubject(const amqp::Table& exchange_arguments) {
  if (const amqp::Value* header = exchange_arguments.find(kHeader); header != nullptr && header->string() != nullptr) {
    by_header_ = true;
    header_ = *header->string();
  } else if (const amqp::Value* property = exchange_arguments.find(kProperty); property != nullptr && property->string() != nullptr) {
    property_ = find_property(*property->string());
  }
}

std::uint64_t HashSubject::hash(const RoutingInput& input) const noexcept {
  if (by_header_) {
    const auto value = input.headers.find(header_);
    return value ? hash_of(*value) : kAbsent;
  }
  if (property_ != nullptr)
    return input.properties != nullptr && input.properties->has(property_->flag) ? property_->hash(*input.properties) : kAbsent;
  return stable_hash(input.routing_key);
}

}  // namespace mq::broker
