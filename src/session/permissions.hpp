// Whether the session's user has the rights a method needs: what the table says (method_rights.hpp), and what the table leaves to
// functions. Errors are 403 `write access to exchange 'x' in vhost '/' refused for user 'u'`.
#pragma once

#include <string>
#include <string_view>

#include "broker/topology.hpp"
#include "session/method_rights.hpp"

namespace mq::session {

class Session;
struct Channel;

/// The resources a method names.
struct Named {
  std::string queue, exchange, destination, routing_key;
};

/// The queue a method names; an empty name means the last one declared on the channel (404 `no previously declared queue`).
[[nodiscard]] Result<std::string> queue_name(const Channel& channel, std::string_view given);

/// What a row needs of what a method names. Names of direct replies are no resources: nothing is asked for them.
[[nodiscard]] Result<> permit(Session& session, const MethodRights& row, const Named& named);

/// configure on the queue. Where it is new and has a dead letter exchange: read on it and write on that too. Passively: any right on it.
[[nodiscard]] Result<> permit_queue_declare(Session& session, const broker::QueueInfo& wanted, bool passive);
/// configure on the exchange. Where it is new and has an alternate: read on it and write on that too. Passively: nothing.
[[nodiscard]] Result<> permit_exchange_declare(Session& session, const broker::ExchangeInfo& wanted, bool passive);
/// write on the exchange, which must be there and not be internal (404, 403), and on the key of a topic exchange.
[[nodiscard]] Result<> permit_publish(Session& session, std::string_view exchange, std::string_view routing_key);
/// Topic permissions, for each further key of a publish.
[[nodiscard]] Result<> permit_topic(Session& session, broker::Right right, std::string_view exchange, std::string_view routing_key);

}  // namespace mq::session
