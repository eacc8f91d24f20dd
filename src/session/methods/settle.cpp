// basic.ack, basic.nack, basic.reject, basic.recover.
#include "session/methods/handlers.hpp"

namespace mq::session::methods {
namespace {

Outcome settle(Session& session, Channel& channel, std::uint64_t tag, bool multiple, broker::Settlement how) {
  thread_local std::vector<Unsettled> taken;
  taken.clear();
  std::vector<std::uint64_t> late;
  if (auto known = channel.ledger.settle(tag, multiple, taken, channel.transactional ? &late : nullptr); !known) return known;
  if (!channel.transactional) {
    session.settle(channel, taken, how);
    return {};
  }
  channel.tx_bytes += sizeof(TxSettle) + taken.size() * sizeof(Unsettled) + late.size() * sizeof(std::uint64_t);
  channel.tx_settles.push_back({taken, how, std::move(late)});
  return check_transaction(session, channel);
}

void recover(Session& session, Channel& channel) {
  std::vector<Unsettled> all;
  channel.ledger.take_all(all);
  session.settle(channel, all, broker::Settlement::kRequeue);
}

}  // namespace

Outcome basic_ack(Session& session, Channel& channel, const amqp::BasicAck& method) {
  return settle(session, channel, method.delivery_tag, method.multiple, broker::Settlement::kAck);
}

Outcome basic_nack(Session& session, Channel& channel, const amqp::BasicNack& method) {
  return settle(session, channel, method.delivery_tag, method.multiple,
                method.requeue ? broker::Settlement::kRequeue : broker::Settlement::kReject);
}

Outcome basic_reject(Session& session, Channel& channel, const amqp::BasicReject& method) {
  return settle(session, channel, method.delivery_tag, false, method.requeue ? broker::Settlement::kFailed : broker::Settlement::kReject);
}

Outcome basic_recover(Session& session, Channel& channel, const amqp::BasicRecover& method) {
  if (!method.requeue) return fail(ReplyCode::kNotImplemented, "requeue=false");
  recover(session, channel);
  session.send(channel.number, amqp::BasicRecoverOk{});
  return {};
}

Outcome basic_recover_async(Session& session, Channel& channel, const amqp::BasicRecoverAsync& method) {
  if (!method.requeue) return fail(ReplyCode::kNotImplemented, "requeue=false");
  recover(session, channel);
  return {};
}

}  // namespace mq::session::methods
