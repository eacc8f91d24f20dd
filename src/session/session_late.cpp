// Deliveries that are not settled in time (consumer timeout): the session finds them, each channel's ledger knows when, and the option
// `late_ack` says what becomes of message, consumer and channel.
#include <algorithm>

#include "base/log.hpp"
#include "session/session.hpp"

namespace mq::session {

Session::DueTime Session::due_after(Millis timeout_ms) {
  if (timeout_ms <= 0 || timeout_ms > DeliveryLedger::kLongest) return {};
  const Millis at = broker_.scheduler().monotonic_now() + timeout_ms;
  tick_at(at);
  return {late_clock(at), true};
}

void Session::look_for_late(Millis now) {
  if (state_ != State::kRunning || close_sent_) return;
  const std::uint32_t clock = late_clock(now);
  std::vector<std::uint32_t> late;  // by key: dealing with one may end others
  for (const auto& [number, channel] : channels_)
    if (channel->state == Channel::State::kOpen && channel->ledger.has_late(clock)) late.push_back(channel->key);
  for (std::uint32_t key : late)
    if (Channel* channel = find_channel_by_key(key); channel != nullptr && channel->state == Channel::State::kOpen)
      deal_with_late(*channel, clock);
  for (const auto& [number, channel] : channels_)
    if (const auto next = channel->ledger.next_late(); next && channel->state == Channel::State::kOpen)
      tick_at(std::max(now + 1, now + static_cast<std::int32_t>(*next - clock)));
  if (!late.empty()) flush_staged();
}

Error Session::too_late(const Channel& channel) const {
  return fail(ReplyCode::kPreconditionFailed, "delivery acknowledgement on channel " + std::to_string(channel.number) +
                                                  " timed out. Timeout value used: " + std::to_string(channel.last_ack_timeout_ms) +
                                                  " ms. This timeout value can be configured, see consumers doc guide to learn more");
}

void Session::deal_with_late(Channel& channel, std::uint32_t now) {
  std::vector<Unsettled> late;
  channel.ledger.take_late(now, late);
  if (late.empty()) return;
  const bool by_get = std::any_of(late.begin(), late.end(), [](const Unsettled& each) { return each.consumer == 0; });
  if (options_->late_ack == LateAck::kCancel && !by_get && wants_cancel_notice_) return cancel_late(channel, late);
  settle(channel, late, broker::Settlement::kFailed);
  if (options_->late_ack != LateAck::kRequeue) return fail_channel(channel, too_late(channel), {});
  Consumer* consumer = find_consumer(late.front().consumer);
  if (consumer != nullptr && std::exchange(consumer->told_late, true)) return;
  log::warn("{}: channel {}: {} deliveries were not acknowledged in time and go back to their queue{}", peer_.name, channel.number,
            late.size(), consumer != nullptr ? " (reported once for consumer '" + consumer->tag + "')" : "");
}

// The messages go back when the consumer is gone, so that it does not get them again.
void Session::cancel_late(Channel& channel, std::vector<Unsettled>& late) {
  std::stable_sort(late.begin(), late.end(), [](const Unsettled& a, const Unsettled& b) { return a.consumer < b.consumer; });
  for (auto first = late.begin(); first != late.end();) {
    const auto behind = std::find_if(first, late.end(), [&](const Unsettled& each) { return each.consumer != first->consumer; });
    std::vector<Unsettled> deliveries(first, behind);
    Consumer* consumer = find_consumer(first->consumer);
    first = behind;
    if (consumer == nullptr || consumer->cancelling) {
      settle(channel, deliveries, broker::Settlement::kFailed);
      continue;
    }
    log::warn("{}: channel {}: consumer '{}' did not acknowledge in time and is cancelled", peer_.name, channel.number, consumer->tag);
    send(channel.number, amqp::BasicCancel{consumer->tag, true});
    cancel_consumer(*consumer, false, [key = channel.key, deliveries = std::move(deliveries)](Session& session) {
      if (Channel* gone_from = session.find_channel_by_key(key)) session.settle(*gone_from, deliveries, broker::Settlement::kFailed);
    });
  }
}

}  // namespace mq::session
