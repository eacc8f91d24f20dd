// Basic methods (class 60). Four of them carry content: a header frame and body frames follow.
#pragma once

#include "mq/amqp/fields.hpp"

namespace mq::amqp {

struct BasicQos {
  static constexpr MethodId kId{60, 10};
  static constexpr std::string_view kName = "basic.qos";
  std::uint32_t prefetch_size = 0;
  std::uint16_t prefetch_count = 0;
  bool global = false;
  static constexpr auto kFields = std::make_tuple(field("prefetch-size", &BasicQos::prefetch_size),
                                                  field("prefetch-count", &BasicQos::prefetch_count), field("global", &BasicQos::global));
  bool operator==(const BasicQos&) const = default;
};

struct BasicQosOk {
  static constexpr MethodId kId{60, 11};
  static constexpr std::string_view kName = "basic.qos-ok";
  static constexpr auto kFields = std::make_tuple();
  bool operator==(const BasicQosOk&) const = default;
};

struct BasicConsume {
  static constexpr MethodId kId{60, 20};
  static constexpr std::string_view kName = "basic.consume";
  std::uint16_t ticket = 0;
  ShortStr queue{};
  ShortStr consumer_tag{};
  bool no_local = false;
  bool no_ack = false;
  bool exclusive = false;
  bool nowait = false;
  EncodedTable arguments{};
  static constexpr auto kFields = std::make_tuple(
      field("ticket", &BasicConsume::ticket), field("queue", &BasicConsume::queue), field("consumer-tag", &BasicConsume::consumer_tag),
      field("no-local", &BasicConsume::no_local), field("no-ack", &BasicConsume::no_ack), field("exclusive", &BasicConsume::exclusive),
      field("nowait", &BasicConsume::nowait), field("arguments", &BasicConsume::arguments));
  bool operator==(const BasicConsume&) const = default;
};

struct BasicConsumeOk {
  static constexpr MethodId kId{60, 21};
  static constexpr std::string_view kName = "basic.consume-ok";
  ShortStr consumer_tag{};
  static constexpr auto kFields = std::make_tuple(field("consumer-tag", &BasicConsumeOk::consumer_tag));
  bool operator==(const BasicConsumeOk&) const = default;
};

/// Either side: the server cancels a consumer whose queue is gone.
struct BasicCancel {
  static constexpr MethodId kId{60, 30};
  static constexpr std::string_view kName = "basic.cancel";
  ShortStr consumer_tag{};
  bool nowait = false;
  static constexpr auto kFields = std::make_tuple(field("consumer-tag", &BasicCancel::consumer_tag), field("nowait", &BasicCancel::nowait));
  bool operator==(const BasicCancel&) const = default;
};

struct BasicCancelOk {
  static constexpr MethodId kId{60, 31};
  static constexpr std::string_view kName = "basic.cancel-ok";
  ShortStr consumer_tag{};
  static constexpr auto kFields = std::make_tuple(field("consumer-tag", &BasicCancelOk::consumer_tag));
  bool operator==(const BasicCancelOk&) const = default;
};

struct BasicPublish {
  static constexpr MethodId kId{60, 40};
  static constexpr std::string_view kName = "basic.publish";
  static constexpr bool kCarriesContent = true;
  std::uint16_t ticket = 0;
  ShortStr exchange{};
  ShortStr routing_key{};
  bool mandatory = false;
  bool immediate = false;
  static constexpr auto kFields = std::make_tuple(
      field("ticket", &BasicPublish::ticket), field("exchange", &BasicPublish::exchange), field("routing-key", &BasicPublish::routing_key),
      field("mandatory", &BasicPublish::mandatory), field("immediate", &BasicPublish::immediate));
  bool operator==(const BasicPublish&) const = default;
};

struct BasicReturn {
  static constexpr MethodId kId{60, 50};
  static constexpr std::string_view kName = "basic.return";
  static constexpr bool kCarriesContent = true;
  std::uint16_t reply_code = 0;
  ShortStr reply_text{};
  ShortStr exchange{};
  ShortStr routing_key{};
  static constexpr auto kFields =
      std::make_tuple(field("reply-code", &BasicReturn::reply_code), field("reply-text", &BasicReturn::reply_text),
                      field("exchange", &BasicReturn::exchange), field("routing-key", &BasicReturn::routing_key));
  bool operator==(const BasicReturn&) const = default;
};

struct BasicDeliver {
  static constexpr MethodId kId{60, 60};
  static constexpr std::string_view kName = "basic.deliver";
  static constexpr bool kCarriesContent = true;
  ShortStr consumer_tag{};
  std::uint64_t delivery_tag = 0;
  bool redelivered = false;
  ShortStr exchange{};
  ShortStr routing_key{};
  static constexpr auto kFields =
      std::make_tuple(field("consumer-tag", &BasicDeliver::consumer_tag), field("delivery-tag", &BasicDeliver::delivery_tag),
                      field("redelivered", &BasicDeliver::redelivered), field("exchange", &BasicDeliver::exchange),
                      field("routing-key", &BasicDeliver::routing_key));
  bool operator==(const BasicDeliver&) const = default;
};

struct BasicGet {
  static constexpr MethodId kId{60, 70};
  static constexpr std::string_view kName = "basic.get";
  std::uint16_t ticket = 0;
  ShortStr queue{};
  bool no_ack = false;
  static constexpr auto kFields =
      std::make_tuple(field("ticket", &BasicGet::ticket), field("queue", &BasicGet::queue), field("no-ack", &BasicGet::no_ack));
  bool operator==(const BasicGet&) const = default;
};

struct BasicGetOk {
  static constexpr MethodId kId{60, 71};
  static constexpr std::string_view kName = "basic.get-ok";
  static constexpr bool kCarriesContent = true;
  std::uint64_t delivery_tag = 0;
  bool redelivered = false;
  ShortStr exchange{};
  ShortStr routing_key{};
  std::uint32_t message_count = 0;
  static constexpr auto kFields =
      std::make_tuple(field("delivery-tag", &BasicGetOk::delivery_tag), field("redelivered", &BasicGetOk::redelivered),
                      field("exchange", &BasicGetOk::exchange), field("routing-key", &BasicGetOk::routing_key),
                      field("message-count", &BasicGetOk::message_count));
  bool operator==(const BasicGetOk&) const = default;
};

struct BasicGetEmpty {
  static constexpr MethodId kId{60, 72};
  static constexpr std::string_view kName = "basic.get-empty";
  ShortStr cluster_id{};
  static constexpr auto kFields = std::make_tuple(field("cluster-id", &BasicGetEmpty::cluster_id));
  bool operator==(const BasicGetEmpty&) const = default;
};

/// Either side: the server acknowledges publishes in confirm mode.
struct BasicAck {
  static constexpr MethodId kId{60, 80};
  static constexpr std::string_view kName = "basic.ack";
  std::uint64_t delivery_tag = 0;
  bool multiple = false;
  static constexpr auto kFields = std::make_tuple(field("delivery-tag", &BasicAck::delivery_tag), field("multiple", &BasicAck::multiple));
  bool operator==(const BasicAck&) const = default;
};

struct BasicReject {
  static constexpr MethodId kId{60, 90};
  static constexpr std::string_view kName = "basic.reject";
  std::uint64_t delivery_tag = 0;
  bool requeue = false;
  static constexpr auto kFields =
      std::make_tuple(field("delivery-tag", &BasicReject::delivery_tag), field("requeue", &BasicReject::requeue));
  bool operator==(const BasicReject&) const = default;
};

struct BasicRecoverAsync {
  static constexpr MethodId kId{60, 100};
  static constexpr std::string_view kName = "basic.recover-async";
  bool requeue = false;
  static constexpr auto kFields = std::make_tuple(field("requeue", &BasicRecoverAsync::requeue));
  bool operator==(const BasicRecoverAsync&) const = default;
};

struct BasicRecover {
  static constexpr MethodId kId{60, 110};
  static constexpr std::string_view kName = "basic.recover";
  bool requeue = false;
  static constexpr auto kFields = std::make_tuple(field("requeue", &BasicRecover::requeue));
  bool operator==(const BasicRecover&) const = default;
};

struct BasicRecoverOk {
  static constexpr MethodId kId{60, 111};
  static constexpr std::string_view kName = "basic.recover-ok";
  static constexpr auto kFields = std::make_tuple();
  bool operator==(const BasicRecoverOk&) const = default;
};

/// Either side (RabbitMQ extension).
struct BasicNack {
  static constexpr MethodId kId{60, 120};
  static constexpr std::string_view kName = "basic.nack";
  std::uint64_t delivery_tag = 0;
  bool multiple = false;
  bool requeue = false;
  static constexpr auto kFields = std::make_tuple(field("delivery-tag", &BasicNack::delivery_tag), field("multiple", &BasicNack::multiple),
                                                  field("requeue", &BasicNack::requeue));
  bool operator==(const BasicNack&) const = default;
};

}  // namespace mq::amqp
