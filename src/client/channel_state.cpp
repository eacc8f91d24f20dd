#include "client/channel_state.hpp"

namespace mq::client {

using amqp::FrameType;

Outcome<> ChannelState::take(const amqp::Frame& frame, std::string& answer) {
  switch (frame.type) {
    case FrameType::kMethod: return take_method(frame.payload, answer);
    case FrameType::kHeader: return take_header(frame.payload);
    case FrameType::kBody: return take_body(frame.payload);
    case FrameType::kHeartbeat: break;
  }
  return failed(FailureKind::kProtocol, "the broker sent a heartbeat on a channel");
}

template <amqp::Method M>
Outcome<> ChannelState::hand_over(std::string_view fields) {
  std::optional<M> method = amqp::decode<M>(fields);
  if (!method) return failed(FailureKind::kProtocol, "the broker sent a malformed " + std::string(M::kName));
  on(*method);
  return {};
}

Outcome<> ChannelState::take_method(std::string_view payload, std::string& answer) {
  if (content_of_ != ContentOf::kNothing) return failed(FailureKind::kProtocol, "the broker sent a method where content was due");
  std::optional<amqp::MethodId> id = amqp::read_method_id(payload);
  if (!id) return failed(FailureKind::kProtocol, "the broker sent a method without its ids");
  std::string_view fields = amqp::method_fields(payload);
  switch (id->key()) {
    case amqp::BasicDeliver::kId.key(): return hand_over<amqp::BasicDeliver>(fields);
    case amqp::BasicGetOk::kId.key(): return hand_over<amqp::BasicGetOk>(fields);
    case amqp::BasicReturn::kId.key(): return hand_over<amqp::BasicReturn>(fields);
    case amqp::BasicAck::kId.key(): return hand_over<amqp::BasicAck>(fields);
    case amqp::BasicNack::kId.key(): return hand_over<amqp::BasicNack>(fields);
    case amqp::BasicCancel::kId.key():
      if (auto cancel = amqp::decode<amqp::BasicCancel>(fields)) cancelled.emplace_back(cancel->consumer_tag);
      return {};
    case amqp::ChannelFlow::kId.key():
      if (auto flow = amqp::decode<amqp::ChannelFlow>(fields))
        amqp::append_method_frame(answer, number, amqp::ChannelFlowOk{.active = flow->active});
      return {};
    case amqp::ChannelClose::kId.key():
      if (auto close = amqp::decode<amqp::ChannelClose>(fields))
        failure = Failure{FailureKind::kChannelClosed, close->reply_code, std::string(close->reply_text)};
      is_open = false;
      amqp::append_method_frame(answer, number, amqp::ChannelCloseOk{});
      return {};
    default: reply.emplace(payload); return {};
  }
}

void ChannelState::on(const amqp::BasicDeliver& deliver) {
  incoming_ = Delivery{std::string(deliver.consumer_tag), deliver.delivery_tag, deliver.redelivered, 0, {}};
  expect_content(ContentOf::kDeliver, deliver.exchange, deliver.routing_key);
}

void ChannelState::on(const amqp::BasicGetOk& get_ok) {
  incoming_ = Delivery{{}, get_ok.delivery_tag, get_ok.redelivered, get_ok.message_count, {}};
  expect_content(ContentOf::kGetOk, get_ok.exchange, get_ok.routing_key);
}

void ChannelState::on(const amqp::BasicReturn& returned_message) {
  incoming_ = Delivery{};
  incoming_return_ = Returned{returned_message.reply_code, std::string(returned_message.reply_text), {}};
  expect_content(ContentOf::kReturn, returned_message.exchange, returned_message.routing_key);
}

void ChannelState::on(const amqp::BasicAck& ack) { confirms.acked += window.settle(ack.delivery_tag, ack.multiple); }

void ChannelState::on(const amqp::BasicNack& nack) { confirms.nacked += window.settle(nack.delivery_tag, nack.multiple); }

void ChannelState::expect_content(ContentOf kind, std::string_view exchange, std::string_view routing_key) {
  content_of_ = kind;
  has_header_ = false;
  incoming_.message.exchange = exchange;
  incoming_.message.routing_key = routing_key;
}

Outcome<> ChannelState::take_header(std::string_view payload) {
  std::optional<amqp::ContentHeader> header = amqp::read_content_header(payload);
  if (content_of_ == ContentOf::kNothing || has_header_ || !header)
    return failed(FailureKind::kProtocol, "the broker sent a content header that was not due or malformed");
  std::optional<amqp::Properties> properties = amqp::decode_properties(header->encoded_properties);
  if (!properties) return failed(FailureKind::kProtocol, "the broker sent malformed properties");
  has_header_ = true;
  missing_bytes_ = header->body_bytes;
  incoming_.message.properties = std::move(*properties);
  if (missing_bytes_ == 0) finish_content();
  return {};
}

Outcome<> ChannelState::take_body(std::string_view payload) {
  if (content_of_ == ContentOf::kNothing || !has_header_ || payload.size() > missing_bytes_)
    return failed(FailureKind::kProtocol, "the broker sent a content body that was not due or too long");
  incoming_.message.body.append(payload);
  missing_bytes_ -= payload.size();
  if (missing_bytes_ == 0) finish_content();
  return {};
}

void ChannelState::finish_content() {
  switch (std::exchange(content_of_, ContentOf::kNothing)) {
    case ContentOf::kDeliver: deliveries.push_back(std::move(incoming_)); break;
    case ContentOf::kGetOk: got = std::move(incoming_); break;
    case ContentOf::kReturn:
      incoming_return_.message = std::move(incoming_.message);
      returned.push_back(std::move(incoming_return_));
      break;
    case ContentOf::kNothing: break;
  }
}

}  // namespace mq::client
