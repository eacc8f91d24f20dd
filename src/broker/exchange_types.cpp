// The table of exchange types: a new type is a row here, a file in exchanges/, and its tests.
#include "broker/exchanges/consistent_hash.hpp"
#include "broker/exchanges/deduplicating.hpp"
#include "broker/exchanges/delayed.hpp"
#include "broker/exchanges/direct.hpp"
#include "broker/exchanges/fanout.hpp"
#include "broker/exchanges/headers.hpp"
#include "broker/exchanges/modulus_hash.hpp"
#include "broker/exchanges/random.hpp"
#include "broker/exchanges/recent_history.hpp"
#include "broker/exchanges/topic.hpp"
#include "mq/ports/exchange_type.hpp"

namespace mq::broker {

const std::vector<ExchangeType>& exchange_types() {
  // clang-format off
  static const std::vector<ExchangeType> kTypes = {
      // name                bindings                       check of the exchange's arguments  messages kept for later bindings
      {"direct",            make_direct_bindings,          nullptr,                           nullptr},
      {"fanout",            make_fanout_bindings,          nullptr,                           nullptr},
      {"headers",           make_headers_bindings,         nullptr,                           nullptr},
      {"topic",             make_topic_bindings,           nullptr,                           nullptr},
      {"x-consistent-hash", make_consistent_hash_bindings, check_hash_arguments,              nullptr},
      {"x-local-random",    make_local_random_bindings,    nullptr,                           nullptr},
      {"x-modulus-hash",    make_modulus_hash_bindings,    nullptr,                           nullptr},
      {"x-random",          make_random_bindings,          nullptr,                           nullptr},
      {"x-recent-history",  make_recent_history_bindings,  check_history_arguments,           history_length},
      {kDeduplicationType,   make_fanout_bindings,          check_deduplication_type,          nullptr},  // ids: engine/deduplicator
      {kDelayedType,         make_delayed_bindings,         validate_delayed_arguments,        nullptr},  // as its inner type
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
