// confirm.select (class 85).
#include "session/methods/handlers.hpp"

namespace mq::session::methods {

Outcome confirm_select(Session& session, Channel& channel, const amqp::ConfirmSelect& method) {
  if (channel.transactional) return fail(ReplyCode::kPreconditionFailed, "cannot switch from tx to confirm mode");
  channel.confirm = true;
  if (!method.nowait) session.send(channel.number, amqp::ConfirmSelectOk{});
  return {};
}

}  // namespace mq::session::methods
