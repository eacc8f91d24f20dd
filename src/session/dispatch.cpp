#include "session/dispatch.hpp"

#include <boost/unordered/unordered_flat_map.hpp>

#include "broker/names.hpp"
#include "session/methods/handlers.hpp"
#include "session/permissions.hpp"

namespace mq::session {
namespace {

using Handler = Result<> (*)(Session&, Channel&, std::string_view fields);

Error malformed(amqp::DecodeFault fault) {
  if (fault == amqp::DecodeFault::kBadUtf8) return fail(ReplyCode::kFrameError, "Malformed UTF-8 in shortstr");
  return fail(ReplyCode::kSyntaxError, "malformed method");
}

// The resources a method names.
template <amqp::Method M>
Result<Named> names_in(const Channel& channel, const M& method) {
  Named named;
  if constexpr (requires { method.exchange; }) named.exchange = broker::without_line_breaks(method.exchange);
  if constexpr (requires { method.source; }) named.exchange = broker::without_line_breaks(method.source);
  if constexpr (requires { method.destination; }) named.destination = broker::without_line_breaks(method.destination);
  if constexpr (requires { method.routing_key; }) named.routing_key = method.routing_key;
  if constexpr (requires { method.queue; }) {
    auto queue = queue_name(channel, method.queue);
    if (!queue) return queue.error();
    named.queue = std::move(*queue);
    if (method.queue.empty() && named.routing_key.empty()) named.routing_key = named.queue;  // as bindings have it
  }
  return named;
}

// Decodes a method's fields, sees that its user may do that, and hands them to its handler.
template <amqp::Method M, Result<> (*handle)(Session&, Channel&, const M&)>
Result<> call(Session& session, Channel& channel, std::string_view fields) {
  static constexpr std::optional<MethodRights> kRights = find_rights(M::kId);
  static_assert(kRights.has_value(), "a method needs a row in method_rights.hpp");
  amqp::DecodeFault fault = amqp::DecodeFault::kNone;
  const auto method = amqp::decode<M>(fields, &fault);
  if (!method) return malformed(fault);
  if constexpr (kRights->asked == Asked::kBefore) {
    const auto named = names_in(channel, *method);
    if (!named) return named.error();
    if (auto allowed = permit(session, *kRights, *named); !allowed) return allowed;
  }
  return handle(session, channel, *method);
}

template <amqp::Method M, Result<> (*handle)(Session&, Channel&, const M&)>
constexpr std::pair<std::uint32_t, Handler> row() {
  return {M::kId.key(), &call<M, handle>};
}

// Every method a client may send on a channel. channel.close-ok is dealt with before the table, because it ends the channel.
const boost::unordered_flat_map<std::uint32_t, Handler>& handlers() {
  using namespace methods;
  static const boost::unordered_flat_map<std::uint32_t, Handler> kHandlers = {
      row<amqp::ChannelOpen, channel_open>(),
      row<amqp::ChannelFlow, channel_flow>(),
      row<amqp::ChannelFlowOk, channel_flow_ok>(),
      row<amqp::ChannelClose, channel_close>(),
      row<amqp::AccessRequest, access_request>(),
      row<amqp::ExchangeDeclare, exchange_declare>(),
      row<amqp::ExchangeDelete, exchange_delete>(),
      row<amqp::ExchangeBind, exchange_bind>(),
      row<amqp::ExchangeUnbind, exchange_unbind>(),
      row<amqp::QueueDeclare, queue_declare>(),
      row<amqp::QueueBind, queue_bind>(),
      row<amqp::QueueUnbind, queue_unbind>(),
      row<amqp::QueuePurge, queue_purge>(),
      row<amqp::QueueDelete, queue_delete>(),
      row<amqp::BasicPublish, basic_publish>(),
      row<amqp::BasicQos, basic_qos>(),
      row<amqp::BasicConsume, basic_consume>(),
      row<amqp::BasicCancel, basic_cancel>(),
      row<amqp::BasicCancelOk, basic_cancel_ok>(),
      row<amqp::BasicGet, basic_get>(),
      row<amqp::BasicAck, basic_ack>(),
      row<amqp::BasicNack, basic_nack>(),
      row<amqp::BasicReject, basic_reject>(),
      row<amqp::BasicRecover, basic_recover>(),
      row<amqp::BasicRecoverAsync, basic_recover_async>(),
      row<amqp::ConfirmSelect, confirm_select>(),
      row<amqp::TxSelect, tx_select>(),
      row<amqp::TxCommit, tx_commit>(),
      row<amqp::TxRollback, tx_rollback>(),
  };
  return kHandlers;
}

// A publisher says the same again and again: where it does, octet for octet, what it said before still stands in the channel.
Result<> dispatch_publish(Session& session, Channel& channel, std::string_view fields) {
  PublishHead& head = channel.publish;
  if (!fields.empty() && fields == head.fields) {
    channel.expects = Channel::Expects::kContentHeader;
    return {};
  }
  head.fields.clear();
  auto done = call<amqp::BasicPublish, methods::basic_publish>(session, channel, fields);
  if (done) head.fields.assign(fields);
  return done;
}

Result<> dispatch_method(Session& session, Channel& channel, amqp::MethodId id, std::string_view fields) {
  if (id == amqp::BasicPublish::kId) return dispatch_publish(session, channel, fields);
  if (id == amqp::BasicAck::kId) return call<amqp::BasicAck, methods::basic_ack>(session, channel, fields);
  auto found = handlers().find(id.key());
  if (found != handlers().end()) return found->second(session, channel, fields);
  if (amqp::method_name(id).empty())
    return fail(ReplyCode::kNotImplemented, "unknown method " + std::to_string(id.class_id) + "." + std::to_string(id.method_id));
  return fail(ReplyCode::kCommandInvalid, "unimplemented method");
}

Result<> on_method(Session& session, Channel& channel, std::string_view payload, amqp::MethodId& id) {
  const auto read = amqp::read_method_id(payload);
  if (!read) return fail(ReplyCode::kSyntaxError, "method frame is too short");
  id = *read;
  if (channel.state == Channel::State::kFailed || channel.state == Channel::State::kClosing) {
    // Only the end of the channel counts; a close that crossed ours is answered.
    if (id == amqp::ChannelCloseOk::kId) session.channel_close_ok(channel.number);
    else if (id == amqp::ChannelClose::kId && channel.state == Channel::State::kFailed)
      session.send(channel.number, amqp::ChannelCloseOk{});
    return {};
  }
  if (channel.expects == Channel::Expects::kContentHeader)
    return fail(ReplyCode::kUnexpectedFrame, "expected content header for class 60, got non content header frame instead");
  if (channel.expects == Channel::Expects::kContentBody)
    return fail(ReplyCode::kUnexpectedFrame, "expected content body, got non content body frame instead");
  if (id == amqp::ChannelCloseOk::kId) return {};
  return dispatch_method(session, channel, id, amqp::method_fields(payload));
}

Result<> on_content_header(Session& session, Channel& channel, std::string_view payload) {
  if (channel.expects == Channel::Expects::kMethod)
    return fail(ReplyCode::kUnexpectedFrame, "expected method frame, got non method frame instead");
  if (channel.expects == Channel::Expects::kContentBody)
    return fail(ReplyCode::kUnexpectedFrame, "expected content body, got non content body frame instead");
  return methods::content_header(session, channel, payload);
}

Result<> on_content_body(Session& session, Channel& channel, std::string_view payload) {
  if (channel.expects == Channel::Expects::kMethod)
    return fail(ReplyCode::kUnexpectedFrame, "expected method frame, got non method frame instead");
  if (channel.expects == Channel::Expects::kContentHeader)
    return fail(ReplyCode::kUnexpectedFrame, "expected content header for class 60, got non content header frame instead");
  if (payload.size() > channel.builder.missing_bytes())
    return fail(ReplyCode::kFrameError, "content body frame exceeds remaining content size");
  channel.builder.append_body(payload);
  if (channel.builder.missing_bytes() > 0) return {};
  return methods::publish_complete(session, channel);
}

}  // namespace

std::vector<amqp::MethodId> channel_methods() {
  std::vector<amqp::MethodId> list;
  for (const auto& [key, handler] : handlers()) list.push_back({static_cast<std::uint16_t>(key >> 16), static_cast<std::uint16_t>(key)});
  return list;
}

void dispatch_channel(Session& session, Channel& channel, const amqp::Frame& frame) {
  // The channel may be gone after its handler ran: what is needed of it is kept here.
  const std::uint16_t number = channel.number;
  Result<> outcome;
  amqp::MethodId id;
  if (frame.type == amqp::FrameType::kMethod) {
    outcome = on_method(session, channel, frame.payload, id);
  } else {
    if (channel.state != Channel::State::kOpen) return;
    id = amqp::BasicPublish::kId;
    outcome = frame.type == amqp::FrameType::kHeader ? on_content_header(session, channel, frame.payload)
                                                     : on_content_body(session, channel, frame.payload);
  }
  if (outcome) return;
  if (Channel* still = session.find_channel(number)) session.fail_channel(*still, outcome.error(), id);
}

}  // namespace mq::session
