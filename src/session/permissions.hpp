// Which right a method needs on which resource (docs/semantics.md, "Permissions"), asked of broker::Access.
#pragma once

#include <string_view>

#include "broker/access.hpp"
#include "mq/base/result.hpp"

namespace mq::session {

class Session;

/// 403 `write access to exchange 'x' in vhost '/' refused for user 'u'` when the session's user lacks the right.
[[nodiscard]] Result<> permit_exchange(Session& session, broker::Right right, std::string_view name);
[[nodiscard]] Result<> permit_queue(Session& session, broker::Right right, std::string_view name);
/// queue.declare with passive=true: any right will do.
[[nodiscard]] Result<> permit_queue_any(Session& session, std::string_view name);
/// Topic permissions; asked for each routing key of publishes to topic exchanges and of bindings from them.
[[nodiscard]] Result<> permit_topic(Session& session, broker::Right right, std::string_view exchange, std::string_view routing_key);

}  // namespace mq::session
