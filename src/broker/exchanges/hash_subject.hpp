// What of a message an x-consistent-hash exchange looks at: its routing key, or the header or property its arguments name.
#pragma once

#include <cstdint>
#include <string>

#include "mq/ports/exchange_type.hpp"

namespace mq::broker {

struct HashProperty;

/// Says what is wrong with `hash-header` and `hash-property`, in the words of RabbitMQ's plugin.
[[nodiscard]] Result<> check_hash_arguments(const amqp::Table& exchange_arguments);

class HashSubject {
 public:
  /// The arguments have passed check_hash_arguments().
  explicit HashSubject(const amqp::Table& exchange_arguments);

  /// Messages without the header or property all have the same hash. An integer's does not depend on its width.
  [[nodiscard]] std::uint64_t hash(const RoutingInput& input) const noexcept;
  [[nodiscard]] bool is_routing_key() const noexcept { return !by_header_ && property_ == nullptr; }

 private:
  bool by_header_ = false;
  std::string header_;
  const HashProperty* property_ = nullptr;
};

}  // namespace mq::broker
