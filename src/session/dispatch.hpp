// From frames to method handlers: the table of methods, content assembly, and the one place where a handler's Error becomes
// channel.close or connection.close.
#pragma once

#include <string_view>
#include <vector>

#include "session/session.hpp"

namespace mq::session {

/// A frame of an open channel: method, content header or body.
void dispatch_channel(Session& session, Channel& channel, const amqp::Frame& frame);
/// A method on channel 0.
void dispatch_connection(Session& session, std::string_view payload);
/// A method on channel 0 while the connection is being closed: only close and close-ok count.
void dispatch_closing(Session& session, std::string_view payload);
/// Those that have a handler, on channels and on channel 0; for tests.
[[nodiscard]] std::vector<amqp::MethodId> channel_methods();
[[nodiscard]] std::vector<amqp::MethodId> connection_methods();
/// The first thing the server says.
void send_connection_start(Session& session);

}  // namespace mq::session
