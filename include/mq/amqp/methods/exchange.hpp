// Exchange methods (class 40). `ticket` is a leftover of AMQP 0-8 and means nothing.
#pragma once

#include "mq/amqp/fields.hpp"

namespace mq::amqp {

struct ExchangeDeclare {
  static constexpr MethodId kId{40, 10};
  static constexpr std::string_view kName = "exchange.declare";
  std::uint16_t ticket = 0;
  ShortStr exchange{};
  ShortStr type{};
  bool passive = false;
  bool durable = false;
  bool auto_delete = false;
  bool internal = false;
  bool nowait = false;
  EncodedTable arguments{};
  static constexpr auto kFields = std::make_tuple(
      field("ticket", &ExchangeDeclare::ticket), field("exchange", &ExchangeDeclare::exchange), field("type", &ExchangeDeclare::type),
      field("passive", &ExchangeDeclare::passive), field("durable", &ExchangeDeclare::durable),
      field("auto-delete", &ExchangeDeclare::auto_delete), field("internal", &ExchangeDeclare::internal),
      field("nowait", &ExchangeDeclare::nowait), field("arguments", &ExchangeDeclare::arguments));
  bool operator==(const ExchangeDeclare&) const = default;
};

struct ExchangeDeclareOk {
  static constexpr MethodId kId{40, 11};
  static constexpr std::string_view kName = "exchange.declare-ok";
  static constexpr auto kFields = std::make_tuple();
  bool operator==(const ExchangeDeclareOk&) const = default;
};

struct ExchangeDelete {
  static constexpr MethodId kId{40, 20};
  static constexpr std::string_view kName = "exchange.delete";
  std::uint16_t ticket = 0;
  ShortStr exchange{};
  bool if_unused = false;
  bool nowait = false;
  static constexpr auto kFields = std::make_tuple(field("ticket", &ExchangeDelete::ticket), field("exchange", &ExchangeDelete::exchange),
                                                  field("if-unused", &ExchangeDelete::if_unused), field("nowait", &ExchangeDelete::nowait));
  bool operator==(const ExchangeDelete&) const = default;
};

struct ExchangeDeleteOk {
  static constexpr MethodId kId{40, 21};
  static constexpr std::string_view kName = "exchange.delete-ok";
  static constexpr auto kFields = std::make_tuple();
  bool operator==(const ExchangeDeleteOk&) const = default;
};

/// Messages flow from `source` to `destination` (RabbitMQ extension).
struct ExchangeBind {
  static constexpr MethodId kId{40, 30};
  static constexpr std::string_view kName = "exchange.bind";
  std::uint16_t ticket = 0;
  ShortStr destination{};
  ShortStr source{};
  ShortStr routing_key{};
  bool nowait = false;
  EncodedTable arguments{};
  static constexpr auto kFields = std::make_tuple(field("ticket", &ExchangeBind::ticket), field("destination", &ExchangeBind::destination),
                                                  field("source", &ExchangeBind::source), field("routing-key", &ExchangeBind::routing_key),
                                                  field("nowait", &ExchangeBind::nowait), field("arguments", &ExchangeBind::arguments));
  bool operator==(const ExchangeBind&) const = default;
};

struct ExchangeBindOk {
  static constexpr MethodId kId{40, 31};
  static constexpr std::string_view kName = "exchange.bind-ok";
  static constexpr auto kFields = std::make_tuple();
  bool operator==(const ExchangeBindOk&) const = default;
};

struct ExchangeUnbind {
  static constexpr MethodId kId{40, 40};
  static constexpr std::string_view kName = "exchange.unbind";
  std::uint16_t ticket = 0;
  ShortStr destination{};
  ShortStr source{};
  ShortStr routing_key{};
  bool nowait = false;
  EncodedTable arguments{};
  static constexpr auto kFields =
      std::make_tuple(field("ticket", &ExchangeUnbind::ticket), field("destination", &ExchangeUnbind::destination),
                      field("source", &ExchangeUnbind::source), field("routing-key", &ExchangeUnbind::routing_key),
                      field("nowait", &ExchangeUnbind::nowait), field("arguments", &ExchangeUnbind::arguments));
  bool operator==(const ExchangeUnbind&) const = default;
};

/// 51, not 41: so it is in RabbitMQ and its clients.
struct ExchangeUnbindOk {
  static constexpr MethodId kId{40, 51};
  static constexpr std::string_view kName = "exchange.unbind-ok";
  static constexpr auto kFields = std::make_tuple();
  bool operator==(const ExchangeUnbindOk&) const = default;
};

}  // namespace mq::amqp
