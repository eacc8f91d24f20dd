// Access methods (class 30): realms of AMQP 0-8 that a few old clients still ask for.
#pragma once

#include "mq/amqp/fields.hpp"

namespace mq::amqp {

struct AccessRequest {
  static constexpr MethodId kId{30, 10};
  static constexpr std::string_view kName = "access.request";
  ShortStr realm{};
  bool exclusive = false;
  bool passive = false;
  bool active = false;
  bool write = false;
  bool read = false;
  static constexpr auto kFields = std::make_tuple(field("realm", &AccessRequest::realm), field("exclusive", &AccessRequest::exclusive),
                                                  field("passive", &AccessRequest::passive), field("active", &AccessRequest::active),
                                                  field("write", &AccessRequest::write), field("read", &AccessRequest::read));
  bool operator==(const AccessRequest&) const = default;
};

struct AccessRequestOk {
  static constexpr MethodId kId{30, 11};
  static constexpr std::string_view kName = "access.request-ok";
  std::uint16_t ticket = 1;
  static constexpr auto kFields = std::make_tuple(field("ticket", &AccessRequestOk::ticket));
  bool operator==(const AccessRequestOk&) const = default;
};

}  // namespace mq::amqp
