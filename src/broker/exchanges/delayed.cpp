#include "broker/exchanges/delayed.hpp"

#include <string>

#include "broker/exchanges/direct.hpp"
#include "broker/topology.hpp"

namespace mq::broker {
namespace {

const std::string* wanted_type(const amqp::Table& arguments) {
  const amqp::Value* type = arguments.find("x-delayed-type");
  return type == nullptr ? nullptr : type->string();
}

Error refused(std::string text) { return fail(ReplyCode::kPreconditionFailed, std::move(text)); }

}  // namespace

std::unique_ptr<BindingTable> make_delayed_bindings(const amqp::Table& exchange_arguments) {
  const std::string* wanted = wanted_type(exchange_arguments);
  const ExchangeType* type = wanted == nullptr || *wanted == kDelayedType ? nullptr : find_exchange_type(*wanted);
  return type == nullptr ? make_direct_bindings(exchange_arguments) : type->make_bindings(exchange_arguments);
}

Result<> validate_delayed_arguments(const amqp::Table& exchange_arguments) {
  const std::string* wanted = wanted_type(exchange_arguments);
  if (wanted == nullptr) return refused("Invalid argument, 'x-delayed-type' must be an existing exchange type");
  if (*wanted == kDelayedType) return refused("Invalid argument, 'x-delayed-message' can't be used for 'x-delayed-type'");
  const ExchangeType* type = find_exchange_type(*wanted);
  if (type == nullptr) return refused("unknown exchange type '" + *wanted + "'");
  return type->validate_arguments == nullptr ? Result<>{} : type->validate_arguments(exchange_arguments);
}

std::string_view routing_type(const ExchangeInfo& exchange) noexcept {
  const std::string* wanted = exchange.type == kDelayedType ? wanted_type(exchange.arguments) : nullptr;
  return wanted == nullptr ? std::string_view(exchange.type) : std::string_view(*wanted);
}

}  // namespace mq::broker
