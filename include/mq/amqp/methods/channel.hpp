// Channel methods (class 20).
#pragma once

#include "mq/amqp/fields.hpp"

namespace mq::amqp {

struct ChannelOpen {
  static constexpr MethodId kId{20, 10};
  static constexpr std::string_view kName = "channel.open";
  ShortStr out_of_band{};
  static constexpr auto kFields = std::make_tuple(field("out-of-band", &ChannelOpen::out_of_band));
  bool operator==(const ChannelOpen&) const = default;
};

/// `channel_id` is a longstr and empty.
struct ChannelOpenOk {
  static constexpr MethodId kId{20, 11};
  static constexpr std::string_view kName = "channel.open-ok";
  LongStr channel_id{};
  static constexpr auto kFields = std::make_tuple(field("channel-id", &ChannelOpenOk::channel_id));
  bool operator==(const ChannelOpenOk&) const = default;
};

struct ChannelFlow {
  static constexpr MethodId kId{20, 20};
  static constexpr std::string_view kName = "channel.flow";
  bool active = false;
  static constexpr auto kFields = std::make_tuple(field("active", &ChannelFlow::active));
  bool operator==(const ChannelFlow&) const = default;
};

struct ChannelFlowOk {
  static constexpr MethodId kId{20, 21};
  static constexpr std::string_view kName = "channel.flow-ok";
  bool active = false;
  static constexpr auto kFields = std::make_tuple(field("active", &ChannelFlowOk::active));
  bool operator==(const ChannelFlowOk&) const = default;
};

/// Either side. The ids name the method at fault, 0 when none.
struct ChannelClose {
  static constexpr MethodId kId{20, 40};
  static constexpr std::string_view kName = "channel.close";
  std::uint16_t reply_code = 0;
  ShortStr reply_text{};
  std::uint16_t class_id = 0;
  std::uint16_t method_id = 0;
  static constexpr auto kFields =
      std::make_tuple(field("reply-code", &ChannelClose::reply_code), field("reply-text", &ChannelClose::reply_text),
                      field("class-id", &ChannelClose::class_id), field("method-id", &ChannelClose::method_id));
  bool operator==(const ChannelClose&) const = default;
};

struct ChannelCloseOk {
  static constexpr MethodId kId{20, 41};
  static constexpr std::string_view kName = "channel.close-ok";
  static constexpr auto kFields = std::make_tuple();
  bool operator==(const ChannelCloseOk&) const = default;
};

}  // namespace mq::amqp
