// A filter and messages for it.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "broker/filter.hpp"
#include "broker/message.hpp"

namespace mq::broker::test {

inline MessagePtr message_with(const amqp::Table& headers) {
  amqp::Properties properties;
  if (!headers.empty()) properties.headers = headers;
  return make_message("amq.topic", "order.eu", properties, "body");
}

inline std::shared_ptr<const Filter> filter_of(const amqp::Value& value) {
  auto made = make_filter(value);
  return made ? *made : throw std::runtime_error(made.error().text);
}

/// Does a message with these headers match?
inline bool matches(const amqp::Value& filter, const amqp::Table& headers = {}) {
  return filter_of(filter)->matches(*message_with(headers));
}

inline std::string normal_form(const amqp::Value& filter) { return filter_of(filter)->normal_form(); }

/// What is wrong with it, behind `invalid arg 'x-filter' for consumer: `; nothing when it is fine.
inline std::string mistake(const amqp::Value& filter) {
  constexpr std::string_view kBeginning = "invalid arg 'x-filter' for consumer: ";
  auto made = make_filter(filter);
  if (made) return "";
  if (made.error().code != ReplyCode::kPreconditionFailed || !made.error().text.starts_with(kBeginning)) return "?? " + made.error().text;
  return made.error().text.substr(kBeginning.size());
}

}  // namespace mq::broker::test
