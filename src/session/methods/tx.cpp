// tx.* (class 90). A commit is one joint commit over every queue touched: publishes and acknowledgements become true in one synced write.
#include "broker/delay.hpp"
#include "session/methods/direct_reply.hpp"
#include "session/methods/handlers.hpp"
#include "session/methods/publish.hpp"

namespace mq::session::methods {
namespace {

Error not_transactional() { return fail(ReplyCode::kPreconditionFailed, "channel is not transactional"); }

// A queue would not take its part, so there was no commit: what was settled with it goes back, the channel goes.
void refuse_commit(Session& session, Channel& channel, const std::vector<TxSettle>& settles, const Error& error) {
  for (const TxSettle& settle : settles) session.settle(channel, settle.deliveries, broker::Settlement::kFailed);
  if (channel.state == Channel::State::kOpen) session.fail_channel(channel, error, amqp::TxCommit::kId);
}

}  // namespace

Outcome check_transaction(const Session& session, const Channel& channel) {
  const std::uint64_t most = session.options().transaction_bytes;
  if (most == 0 || channel.tx_bytes <= most) return {};
  return fail(ReplyCode::kPreconditionFailed, "transaction is larger than the limit of " + std::to_string(most) + " bytes");
}

Outcome tx_select(Session& session, Channel& channel, const amqp::TxSelect&) {
  if (channel.confirm) return fail(ReplyCode::kPreconditionFailed, "cannot switch from confirm to tx mode");
  channel.transactional = true;
  session.send(channel.number, amqp::TxSelectOk{});
  return {};
}

Outcome tx_commit(Session& session, Channel& channel, const amqp::TxCommit&) {
  if (!channel.transactional) return not_transactional();
  auto joint = std::make_shared<engine::JointCommit>();
  std::vector<engine::UniquePublish> to_be_new;
  for (TxPublish& publish : channel.tx_publishes) {
    auto routed = route_message(session, publish.message);
    if (!routed) return routed.error();
    if (is_to_be_new(*routed, publish.mandatory)) {
      to_be_new.push_back(as_unique(*routed, 0));
      continue;
    }
    if (waits(*routed, publish.mandatory)) {
      joint->delayed.messages = session.vhost()->delayed();
      joint->delayed.publishes.push_back({broker::make_delayed(routed->message), *routed->due, 0});
      continue;
    }
    const bool replied = is_reply(*routed->message) && send_reply(session, routed->message);
    if (routed->queues->empty() && !replied && publish.mandatory) return_unroutable(session, channel, routed->message);
    for (const auto& queue : *routed->queues) {
      joint->part_of(queue).publishes.push_back(routed->message);
      if (queue->holds_publishers()) session.note_held(*queue);
    }
  }
  std::vector<TxSettle> settles = std::move(channel.tx_settles);
  channel.clear_transaction();
  for (const TxSettle& settle : settles)
    if (settle.how == broker::Settlement::kAck)
      for (const Unsettled& delivery : settle.deliveries)
        joint->part_of(session.queues().find(delivery.queue)).acks.push_back(delivery.position);

  channel.waiting = true;
  auto reply = session.ask([key = channel.key, settles = std::move(settles)](Session& asker, Result<engine::Answer>& answer) {
    Channel* asked_on = asker.find_channel_by_key(key);
    if (asked_on == nullptr) return;
    if (!answer) return refuse_commit(asker, *asked_on, settles, answer.error());
    // Also when the client is gone by now: it is committed, and what was rejected has to go somewhere.
    for (const TxSettle& settle : settles) {
      if (settle.how == broker::Settlement::kAck) asker.settled_elsewhere(*asked_on, settle.deliveries);
      else asker.settle(*asked_on, settle.deliveries, settle.how);
    }
    if (asked_on->state != Channel::State::kOpen) return;
    asker.send(asked_on->number, amqp::TxCommitOk{});
    asker.resume(*asked_on);
  });
  if (joint->empty() && to_be_new.empty()) {
    reply.send(engine::Answer{engine::Done{}});
    return {};
  }
  joint->asks_first = true;
  joint->done = [reply = std::move(reply), of = joint.get()] {
    if (of->refused) reply.send(fail(ReplyCode::kPreconditionFailed, "partial tx completion"));
    else reply.send(engine::Answer{engine::Done{}});
  };
  if (to_be_new.empty()) engine::start_joint_commit(joint);
  else session.vhost()->deduplicator()->put(engine::UniqueTransaction{std::move(joint), std::move(to_be_new)});
  return {};
}

Outcome tx_rollback(Session& session, Channel& channel, const amqp::TxRollback&) {
  if (!channel.transactional) return not_transactional();
  // The acknowledgements never happened: latest first, so that each finds its place.
  for (auto settle = channel.tx_settles.rbegin(); settle != channel.tx_settles.rend(); ++settle)
    channel.ledger.restore(std::move(settle->deliveries), settle->late);
  channel.clear_transaction();
  session.send(channel.number, amqp::TxRollbackOk{});
  return {};
}

}  // namespace mq::session::methods
