// Queue methods (class 50). `ticket` is a leftover of AMQP 0-8 and means nothing.
#pragma once

#include "mq/amqp/fields.hpp"

namespace mq::amqp {

struct QueueDeclare {
  static constexpr MethodId kId{50, 10};
  static constexpr std::string_view kName = "queue.declare";
  std::uint16_t ticket = 0;
  ShortStr queue{};
  bool passive = false;
  bool durable = false;
  bool exclusive = false;
  bool auto_delete = false;
  bool nowait = false;
  EncodedTable arguments{};
  static constexpr auto kFields =
      std::make_tuple(field("ticket", &QueueDeclare::ticket), field("queue", &QueueDeclare::queue),
                      field("passive", &QueueDeclare::passive), field("durable", &QueueDeclare::durable),
                      field("exclusive", &QueueDeclare::exclusive), field("auto-delete", &QueueDeclare::auto_delete),
                      field("nowait", &QueueDeclare::nowait), field("arguments", &QueueDeclare::arguments));
  bool operator==(const QueueDeclare&) const = default;
};

struct QueueDeclareOk {
  static constexpr MethodId kId{50, 11};
  static constexpr std::string_view kName = "queue.declare-ok";
  ShortStr queue{};
  std::uint32_t message_count = 0;
  std::uint32_t consumer_count = 0;
  static constexpr auto kFields =
      std::make_tuple(field("queue", &QueueDeclareOk::queue), field("message-count", &QueueDeclareOk::message_count),
                      field("consumer-count", &QueueDeclareOk::consumer_count));
  bool operator==(const QueueDeclareOk&) const = default;
};

struct QueueBind {
  static constexpr MethodId kId{50, 20};
  static constexpr std::string_view kName = "queue.bind";
  std::uint16_t ticket = 0;
  ShortStr queue{};
  ShortStr exchange{};
  ShortStr routing_key{};
  bool nowait = false;
  EncodedTable arguments{};
  static constexpr auto kFields = std::make_tuple(field("ticket", &QueueBind::ticket), field("queue", &QueueBind::queue),
                                                  field("exchange", &QueueBind::exchange), field("routing-key", &QueueBind::routing_key),
                                                  field("nowait", &QueueBind::nowait), field("arguments", &QueueBind::arguments));
  bool operator==(const QueueBind&) const = default;
};

struct QueueBindOk {
  static constexpr MethodId kId{50, 21};
  static constexpr std::string_view kName = "queue.bind-ok";
  static constexpr auto kFields = std::make_tuple();
  bool operator==(const QueueBindOk&) const = default;
};

struct QueuePurge {
  static constexpr MethodId kId{50, 30};
  static constexpr std::string_view kName = "queue.purge";
  std::uint16_t ticket = 0;
  ShortStr queue{};
  bool nowait = false;
  static constexpr auto kFields =
      std::make_tuple(field("ticket", &QueuePurge::ticket), field("queue", &QueuePurge::queue), field("nowait", &QueuePurge::nowait));
  bool operator==(const QueuePurge&) const = default;
};

struct QueuePurgeOk {
  static constexpr MethodId kId{50, 31};
  static constexpr std::string_view kName = "queue.purge-ok";
  std::uint32_t message_count = 0;
  static constexpr auto kFields = std::make_tuple(field("message-count", &QueuePurgeOk::message_count));
  bool operator==(const QueuePurgeOk&) const = default;
};

struct QueueDelete {
  static constexpr MethodId kId{50, 40};
  static constexpr std::string_view kName = "queue.delete";
  std::uint16_t ticket = 0;
  ShortStr queue{};
  bool if_unused = false;
  bool if_empty = false;
  bool nowait = false;
  static constexpr auto kFields = std::make_tuple(field("ticket", &QueueDelete::ticket), field("queue", &QueueDelete::queue),
                                                  field("if-unused", &QueueDelete::if_unused), field("if-empty", &QueueDelete::if_empty),
                                                  field("nowait", &QueueDelete::nowait));
  bool operator==(const QueueDelete&) const = default;
};

struct QueueDeleteOk {
  static constexpr MethodId kId{50, 41};
  static constexpr std::string_view kName = "queue.delete-ok";
  std::uint32_t message_count = 0;
  static constexpr auto kFields = std::make_tuple(field("message-count", &QueueDeleteOk::message_count));
  bool operator==(const QueueDeleteOk&) const = default;
};

/// Always answered: it has no nowait.
struct QueueUnbind {
  static constexpr MethodId kId{50, 50};
  static constexpr std::string_view kName = "queue.unbind";
  std::uint16_t ticket = 0;
  ShortStr queue{};
  ShortStr exchange{};
  ShortStr routing_key{};
  EncodedTable arguments{};
  static constexpr auto kFields =
      std::make_tuple(field("ticket", &QueueUnbind::ticket), field("queue", &QueueUnbind::queue), field("exchange", &QueueUnbind::exchange),
                      field("routing-key", &QueueUnbind::routing_key), field("arguments", &QueueUnbind::arguments));
  bool operator==(const QueueUnbind&) const = default;
};

struct QueueUnbindOk {
  static constexpr MethodId kId{50, 51};
  static constexpr std::string_view kName = "queue.unbind-ok";
  static constexpr auto kFields = std::make_tuple();
  bool operator==(const QueueUnbindOk&) const = default;
};

}  // namespace mq::amqp
