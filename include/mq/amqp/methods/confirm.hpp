// Confirm methods (class 85, RabbitMQ extension): the server acknowledges each publish on the channel.
#pragma once

#include "mq/amqp/fields.hpp"

namespace mq::amqp {

struct ConfirmSelect {
  static constexpr MethodId kId{85, 10};
  static constexpr std::string_view kName = "confirm.select";
  bool nowait = false;
  static constexpr auto kFields = std::make_tuple(field("nowait", &ConfirmSelect::nowait));
  bool operator==(const ConfirmSelect&) const = default;
};

struct ConfirmSelectOk {
  static constexpr MethodId kId{85, 11};
  static constexpr std::string_view kName = "confirm.select-ok";
  static constexpr auto kFields = std::make_tuple();
  bool operator==(const ConfirmSelectOk&) const = default;
};

}  // namespace mq::amqp
