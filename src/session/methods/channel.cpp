// channel.* (class 20) and the legacy access.request (class 30).
#include "session/methods/handlers.hpp"

namespace mq::session::methods {

Outcome channel_open(Session&, Channel&, const amqp::ChannelOpen&) { return fail(ReplyCode::kChannelError, "second 'channel.open' seen"); }

Outcome channel_flow(Session& session, Channel& channel, const amqp::ChannelFlow& method) {
  if (!method.active) return fail(ReplyCode::kNotImplemented, "active=false");
  session.send(channel.number, amqp::ChannelFlowOk{true});
  return {};
}

Outcome channel_flow_ok(Session&, Channel&, const amqp::ChannelFlowOk&) { return {}; }

Outcome channel_close(Session& session, Channel& channel, const amqp::ChannelClose&) {
  session.close_channel(channel);
  return {};
}

Outcome access_request(Session& session, Channel& channel, const amqp::AccessRequest&) {
  session.send(channel.number, amqp::AccessRequestOk{1});
  return {};
}

}  // namespace mq::session::methods
