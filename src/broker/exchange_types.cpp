// The table of exchange types: a new type is a row here, a file in exchanges/, and its tests.
#include "broker/exchanges/delayed.hpp"
#include "broker/exchanges/direct.hpp"
#include "broker/exchanges/fanout.hpp"
#include "broker/exchanges/headers.hpp"
#include "broker/exchanges/topic.hpp"
#include "mq/ports/exchange_type.hpp"

namespace mq::broker {

const std::vector<ExchangeType>& exchange_types() {
  // clang-format off
  static const std::vector<ExchangeType> kTypes = {
      // name      bindings               check of the exchange's arguments
      {"direct",  make_direct_bindings,  nullptr},
      {"fanout",  make_fanout_bindings,  nullptr},
      {"headers", make_headers_bindings, nullptr},
      {"topic",   make_topic_bindings,   nullptr},
      {kDelayedType, make_delayed_bindings, validate_delayed_arguments},
  };
  // clang-format on
  return kTypes;
}

const ExchangeType* find_exchange_type(std::string_view name) noexcept {
  for (const ExchangeType& type : exchange_types())
    if (type.name == name) return &type;
  return nullptr;
}

}  // namespace mq::broker
