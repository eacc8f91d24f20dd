// The end of a life: what the queues gave when they were drained, held against everything that was ever said.
#include <algorithm>

#include "sim/oracle.hpp"

namespace mq::sim {

void Oracle::drained(QueueIndex queue, std::string_view body, const amqp::Properties& properties) {
  const auto id = message_of(body);
  if (!id) return;
  const CopyKey key{*id, queue};
  if (!may_be_in(messages_[*id], queue)) violated(name_of(key) + ": it does not belong there");
  look_at_death(queue, *id, properties);
  Copy& copy = copies_[key];
  ++counts_.drained;
  if (copy.drained) violated(name_of(key) + " is there twice");
  if (copy.gone && !plan_.queues[queue].forgetful)
    violated(name_of(key) + " is still there, though it was acknowledged before a restart in good order");
  if (copy.given_away && copy.given_in == run_) violated(name_of(key) + " is still there, though it was taken without acknowledgement");
  if (plan_.queues[queue].forgetful) {
  } else if (copy.acked && copy.acked_in == run_ && copy.acked_by->sealed >= copy.acked_at)
    violated(name_of(key) + " is still there, though it was acknowledged");
  copy.drained = true;
}

bool Oracle::must_be_there(const Message& message, QueueIndex queue) const {
  const bool known = message.tx ? message.tx->state == Transaction::State::kCommitted : message.confirmed;
  if (!known || message.refused || message.rolled_back) return false;
  return (message.what.persistent && plan_.queues[queue].durable) || message.confirmed_in == run_;
}

bool Oracle::may_be_gone(const Message& message, const Copy& copy, QueueIndex queue) const {
  const QueuePlan& plan = plan_.queues[queue];
  if (copy.acked || copy.given_away || copy.drained || copy.dead || message.damaged) return true;
  const auto gives_away = [this](QueueIndex which) { return which < gives_away_.size() && gives_away_[which]; };
  if (gives_away(queue) || (plan.dead_letters_to && gives_away(*plan.dead_letters_to))) return true;
  if (plan.dead_letters_to) return false;
  if (copy.dropped || plan.limited || plan.delivery_limited || plan.may_expire || time_to_live(message, queue).has_value()) return true;
  return message.what.delay_ms && plan.refuses;
}

// Of the messages with one id at most one enters; it stands for all of them.
bool Oracle::another_stands_for(const Message& message, MessageId id, QueueIndex queue) const {
  if (!plan_.queues[queue].takes_each_id_once || message.what.id.empty()) return false;
  const auto same = by_id_.find({queue, message.what.id});
  return same != by_id_.end() && std::any_of(same->second.begin(), same->second.end(), [&](MessageId other) {
           const auto copy = copies_.find({other, queue});
           if (other == id) return false;
           return may_be_gone(messages_[other], copy == copies_.end() ? Copy() : copy->second, queue);
         });
}

void Oracle::judge_ids() {
  for (const auto& [key, messages] : by_id_) {
    const QueueIndex queue = key.first;
    if (!plan_.queues[queue].durable || plan_.persistent_percent < 100) continue;
    std::optional<MessageId> seen;
    for (MessageId id : messages) {
      const auto copy = copies_.find({id, queue});
      if (copy == copies_.end()) continue;
      const bool turned_away = plan_.queues[queue].refuses && plan_.queues[queue].limited;  // it may be dead without having been there
      if (copy->second.times == 0 && !copy->second.drained && (!copy->second.dead || turned_away)) continue;
      const Message& message = messages_[id];
      const bool kept = message.tx ? message.tx->state == Transaction::State::kCommitted : message.confirmed;
      if (!kept && !copy->second.drained) continue;  // a crash may have taken it, and its id
      if (seen) violated(name_of({id, queue}) + " has the id of message " + std::to_string(*seen) + ", and both entered");
      seen = id;
    }
  }
}

void Oracle::judge() {
  for (MessageId id = 0; id < messages_.size(); ++id) {
    const Message& message = messages_[id];
    for (QueueIndex queue : message.queues) {
      const auto copy = copies_.find({id, queue});
      if (must_be_there(message, queue) && !may_be_gone(message, copy == copies_.end() ? Copy() : copy->second, queue) &&
          !another_stands_for(message, id, queue))
        violated(name_of({id, queue}) + " is lost: it was " + (message.tx ? "committed" : "confirmed"));
    }
  }
  judge_ids();
  for (const auto& tx : transactions_) judge(*tx);
}

// Of a transaction that was never answered nothing may be there, or everything.
void Oracle::judge(const Transaction& tx) {
  std::string there, missing;
  for (MessageId id : tx.published) {
    const Message& message = messages_[id];
    for (QueueIndex queue : message.queues) {
      if (!message.what.persistent || !plan_.queues[queue].durable) continue;
      const auto found = copies_.find({id, queue});
      const bool seen = found != copies_.end() && (found->second.times > 0 || found->second.drained || found->second.dead);
      if (seen) there = name_of({id, queue});
      else if (!may_be_gone(message, found == copies_.end() ? Copy() : found->second, queue) && !another_stands_for(message, id, queue))
        missing = name_of({id, queue});
    }
  }
  if (!there.empty() && !missing.empty()) violated("half a transaction: " + there + " is there, and " + missing + " is not");
  if (!there.empty() && tx.state == Transaction::State::kRefused) violated(there + " is there, though its transaction was refused");
  if (there.empty()) return;
  for (CopyKey key : tx.acked)
    if (copies_[key].drained && !plan_.queues[key.queue].forgetful)
      violated("half a transaction: " + there + " is there, and so is " + name_of(key) + ", which it acknowledged");
}

}  // namespace mq::sim
