#include "sim/oracle.hpp"

#include <algorithm>
#include <charconv>

namespace mq::sim {
namespace {

char fill_of(MessageId message) { return static_cast<char>('a' + message % 26); }

/// The newest death, if it tells of one.
const amqp::Table* first_death(const amqp::Properties& properties) {
  const amqp::Value* deaths = properties.headers ? properties.headers->find("x-death") : nullptr;
  if (deaths == nullptr || deaths->array() == nullptr || deaths->array()->empty()) return nullptr;
  return deaths->array()->front().table();
}

std::string text_in(const amqp::Table& table, std::string_view name) {
  const amqp::Value* value = table.find(name);
  return value != nullptr && value->string() != nullptr ? *value->string() : std::string();
}

}  // namespace

// --- publishing ---

MessageId Oracle::publishes(const LifePtr& by, Published what, std::uint64_t sequence) {
  Message& message = messages_.emplace_back();
  message.by = by;
  message.sequence = sequence;
  message.queues = plan_.route(what.exchange, what.key);
  message.what = std::move(what);
  message.tx = by->tx;
  message.disturbances = disturbances_;
  const MessageId id = messages_.size() - 1;
  for (QueueIndex queue : message.queues)
    if (plan_.queues[queue].takes_each_id_once && !message.what.id.empty()) by_id_[{queue, message.what.id}].push_back(id);
  if (message.tx) message.tx->published.push_back(id);
  else if (sequence != 0) by->unconfirmed.emplace(sequence, id);
  ++counts_.published;
  return id;
}

std::string Oracle::body_of(MessageId message) const {
  std::string body = std::to_string(message) + ":";
  if (body.size() < messages_[message].what.body_bytes) body.resize(messages_[message].what.body_bytes, fill_of(message));
  return body;
}

std::optional<MessageId> Oracle::message_of(std::string_view body) {
  MessageId message = 0;
  const auto [end, error] = std::from_chars(body.data(), body.data() + body.size(), message);
  if (error != std::errc() || end == body.data() + body.size() || *end != ':' || message >= messages_.size() || body != body_of(message)) {
    violated("a body that nobody published: '" + std::string(body.substr(0, 40)) + "' of " + std::to_string(body.size()) + " octets");
    return std::nullopt;
  }
  return message;
}

void Oracle::arrived(MessageId message) {
  messages_[message].arrived_at = now_();
  messages_[message].paced = pace_ ? paces_ : 0;
  if (!messages_[message].tx && !messages_[message].what.delay_ms) not_entered_.push_back(message);
}

void Oracle::paces(std::int64_t messages_per_s, std::int64_t bytes_per_s, std::size_t connections) {
  pace_.emplace();
  pace_->since = now_();
  pace_->messages_per_s = messages_per_s;
  pace_->bytes_per_s = bytes_per_s;
  pace_->connections = connections;
  ++paces_;
}

// Each connection may be ahead by its share, ten milliseconds' worth, and by the message that goes beyond it; and what nobody used for a
// tenth of a second is kept.
void Oracle::takes_in(Message& message) {
  if (std::exchange(message.taken_in, true) || !pace_ || message.paced != paces_) return;
  const std::uint64_t bytes = message.what.body_bytes;
  ++pace_->messages;
  pace_->bytes += bytes;
  pace_->largest_bytes = std::max(pace_->largest_bytes, bytes);
  const auto most = [&](std::int64_t per_s, std::uint64_t largest) {
    const auto in_time = static_cast<std::uint64_t>(per_s * (now_() - pace_->since + 100) / 1000);
    return in_time + pace_->connections * (static_cast<std::uint64_t>(std::max<std::int64_t>(per_s / 100, 1)) + largest);
  };
  const auto check = [&](std::int64_t per_s, std::uint64_t taken, std::uint64_t largest, const char* what) {
    if (per_s >= 0 && taken > most(per_s, largest))
      violated(std::to_string(taken) + what + " were taken in within " + std::to_string(now_() - pace_->since) + " ms, at a rate of " +
               std::to_string(per_s) + " a second");
  };
  check(pace_->messages_per_s, pace_->messages, 1, " messages");
  check(pace_->bytes_per_s, pace_->bytes, pace_->largest_bytes, " octets");
}

void Oracle::confirmed(ChannelLife& life, std::uint64_t sequence, bool multiple, bool refused) {
  const auto end = life.unconfirmed.upper_bound(sequence);
  auto begin = multiple ? life.unconfirmed.begin() : life.unconfirmed.find(sequence);
  if (begin == end || begin == life.unconfirmed.end())
    return violated("channel " + life.name + ": confirm " + std::to_string(sequence) + (multiple ? ", multiple," : "") +
                    " of nothing unconfirmed");
  for (auto at = begin; at != end; ++at) {
    if (at->second == kUnheeded) continue;
    Message& message = messages_[at->second];
    if (trace_) trace_("   > message " + std::to_string(at->second) + (refused ? " refused" : " confirmed"));
    if (message.arrived_at == kNever) violated("message " + std::to_string(at->second) + " is confirmed before it arrived");
    takes_in(message);
    (refused ? message.refused : message.confirmed) = true;
    message.confirmed_in = run_;
    ++counts_.confirmed;
    const bool may_refuse =
        std::any_of(message.queues.begin(), message.queues.end(), [&](QueueIndex queue) { return plan_.queues[queue].refuses; });
    if (message.what.mandatory && message.queues.empty() && !message.returned)
      violated("message " + std::to_string(at->second) + " is confirmed before it is returned");
    if (refused && !may_refuse) violated("message " + std::to_string(at->second) + " is refused, though no queue of it refuses anything");
  }
  life.unconfirmed.erase(begin, end);
}

void Oracle::returned(std::string_view body) {
  const auto id = message_of(body);
  if (!id) return;
  Message& message = messages_[*id];
  if (!message.what.mandatory || !message.queues.empty() || message.returned)
    violated("message " + std::to_string(*id) + " is returned, and should not be");
  message.returned = true;
}

// --- consuming ---

std::string Oracle::name_of(CopyKey key) const {
  return "message " + std::to_string(key.message) + " in queue '" + plan_.queues[key.queue].name + "'";
}

bool Oracle::may_be_in(const Message& message, QueueIndex queue) const {
  if (message.rolled_back) return false;
  const auto is_in = [&](QueueIndex which) {
    return std::find(message.queues.begin(), message.queues.end(), which) != message.queues.end();
  };
  const auto& source = plan_.queues[queue].dead_letters_of;
  return source ? is_in(*source) : is_in(queue);
}

std::optional<Millis> Oracle::time_to_live(const Message& message, QueueIndex queue) const {
  if (plan_.queues[queue].dead_letters_of) return std::nullopt;  // expirations are taken off on the way there
  const std::optional<Millis>& of_queue = plan_.queues[queue].ttl_ms;
  const std::optional<Millis>& own = message.what.expiration_ms;
  return of_queue && own ? std::min(*of_queue, *own) : of_queue ? of_queue : own;
}

void Oracle::suspect(std::initializer_list<std::pair<LifePtr, std::uint64_t>> channels, std::string text) {
  for (const auto& [life, index] : channels)
    if (life->dead || life->recovering) return;
  const auto suspicion = std::make_shared<ChannelLife::Suspicion>();
  suspicion->text = std::move(text);
  for (const auto& [life, index] : channels) {
    if (life->sealed >= index) continue;
    ++suspicion->open;
    life->suspicions.emplace_back(index, suspicion);
  }
  if (suspicion->open == 0) violated(suspicion->text);
}

void Oracle::look_at_death(QueueIndex queue, MessageId message, const amqp::Properties& properties) {
  const auto& source = plan_.queues[queue].dead_letters_of;
  if (!source) return;
  const amqp::Table* death = first_death(properties);
  if (death == nullptr || text_in(*death, "queue") != plan_.queues[*source].name)
    return violated(name_of({message, queue}) + " does not say that it died in '" + plan_.queues[*source].name + "'");
  const QueuePlan& from = plan_.queues[*source];
  const std::string reason = text_in(*death, "reason");
  const Message& dead = messages_[message];
  const Copy& copy = copies_[{message, *source}];
  const bool possible = reason == "rejected"         ? copy.dropped
                        : reason == "expired"        ? from.may_expire || time_to_live(dead, *source).has_value()
                        : reason == "maxlen"         ? from.limited
                        : reason == "delivery_limit" ? from.delivery_limited
                                                     : false;
  if (!possible) violated(name_of({message, *source}) + " died of '" + reason + "', which cannot be");
  if (!copies_[{message, *source}].dead) ++counts_.dead_lettered;
  copies_[{message, *source}].dead = true;
}

void Oracle::check_order(ChannelLife::Consumer& consumer, const Message& message, CopyKey key) {
  if (!plan_.queues[key.queue].in_order || message.what.delay_ms) return;
  std::uint64_t& latest = consumer.latest[message.by.get()];
  if (key.message + 1 <= latest)
    violated(name_of(key) + " comes for the first time after message " + std::to_string(latest - 1) + ", which was published after it");
  latest = key.message + 1;
}

std::optional<CopyKey> Oracle::delivered(const LifePtr& life, std::string_view consumer, QueueIndex queue, std::uint64_t tag,
                                         bool redelivered, bool no_ack, std::string_view body, const amqp::Properties& properties,
                                         UnixMillis given_after) {
  const auto id = message_of(body);
  if (!id) return std::nullopt;
  const CopyKey key{*id, queue};
  Message& message = messages_[*id];
  if (trace_)
    trace_("   > " + name_of(key) + " to " + life->name + " " + std::string(consumer) + " as " + std::to_string(tag) +
           (redelivered ? " again" : ""));
  if (message.arrived_at == kNever) violated(name_of(key) + " is delivered before it arrived");
  takes_in(message);
  if (!may_be_in(message, queue)) violated(name_of(key) + ": it does not belong there");
  if (message.what.delay_ms && now_() < message.arrived_at + *message.what.delay_ms)
    violated(name_of(key) + " is delivered before it is due");
  look_at_death(queue, *id, properties);
  Copy& copy = copies_[key];
  ++counts_.delivered;
  counts_.redelivered += redelivered ? 1 : 0;
  if (life->dead || life->recovering) {  // it was on its way when the broker took it back, and is nobody's
    ++copy.times;
    return key;
  }
  if (copy.given_away && copy.given_in == run_)
    suspect({{life, life->next_index}}, name_of(key) + " comes again, though it was taken without acknowledgement");
  const bool forgetful = plan_.queues[queue].forgetful;
  if (forgetful) {
  } else if (copy.holder && copy.holder != life)
    suspect({{copy.holder, copy.holder->next_index}, {life, life->next_index}},
            name_of(key) + " is delivered on " + life->name + " while " + copy.holder->name + " holds it");
  else if (copy.holder && !life->recovering) violated(name_of(key) + " is delivered again on " + life->name + ", which holds it");
  if (copy.acked && copy.acked_in == run_ && !forgetful)
    suspect({{copy.acked_by, copy.acked_at}, {life, life->next_index}},
            name_of(key) + " is delivered on " + life->name + " after " + copy.acked_by->name + " acknowledged it");
  if (copy.gone && !forgetful) violated(name_of(key) + " comes again, though it was acknowledged before a restart in good order");
  if (copy.times > 0 && !redelivered && !forgetful)
    suspect({{life, life->next_index}}, name_of(key) + " was delivered before, and does not say so");
  if (copy.times == 0 && redelivered && message.disturbances == disturbances_)
    unexplained_.emplace_back(disturbances_, name_of(key) + " says that it was delivered before, and was not");
  if (const auto ttl = time_to_live(message, queue); ttl && message.entered_by != kNever && given_after > message.entered_by + *ttl)
    violated(name_of(key) + " is delivered " + std::to_string(given_after - message.entered_by - *ttl) + " ms after it expired");
  ++copy.times;
  if (const auto known = life->consumers.find(consumer); known != life->consumers.end()) {
    if (!redelivered) check_order(known->second, message, key);
    if (const FilterPlan* filter = known->second.filter; filter != nullptr && !filter->wants(message.what.colour, message.what.size))
      violated(name_of(key) + " is delivered to " + std::string(consumer) + ", which does not want it");
    if (plan_.queues[queue].single_active) check_active(life, consumer, key);
    if (!no_ack && ++known->second.out > known->second.prefetch && known->second.prefetch != 0 && !forgetful)
      violated("consumer " + std::string(consumer) + " of channel " + life->name + " has " + std::to_string(known->second.out) +
               " messages out, with a prefetch of " + std::to_string(known->second.prefetch));
  }
  if (no_ack) {
    copy.given_away = true;
    copy.given_in = run_;
    return key;
  }
  if (plan_.queues[queue].grouped && !message.what.group.empty()) check_group(life, consumer, key, redelivered);
  copy.holder = life;
  if (!life->out.try_emplace(tag, ChannelLife::Out{key, std::string(consumer)}).second)
    violated("channel " + life->name + ": delivery tag " + std::to_string(tag) + " twice");
  return key;
}

// The single active consumer stays so until it leaves.
void Oracle::check_active(const LifePtr& life, std::string_view consumer, CopyKey key) {
  if (life->consumers.find(consumer)->second.leaves) return;  // it may have been on its way for long
  auto& [before, tag] = active_[key.queue];
  if (before && (before != life || tag != consumer)) {
    const auto known = before->consumers.find(tag);
    if (known != before->consumers.end() && !known->second.leaves)
      suspect({{before, before->next_index}, {life, life->next_index}},
              name_of(key) + " is delivered to " + std::string(consumer) + " while " + tag + " is the active consumer");
  }
  before = life;
  tag = consumer;
}

// One consumer at a time has messages of a group, and one publisher's come in order.
void Oracle::check_group(const LifePtr& life, std::string_view consumer, CopyKey key, bool redelivered) {
  const Message& message = messages_[key.message];
  for (auto at = copies_.begin(); at != copies_.end() && !plan_.queues[key.queue].forgetful; ++at) {
    const auto& [other, copy] = *at;
    if (other.queue != key.queue || !copy.holder || messages_[other.message].what.group != message.what.group) continue;
    if (copy.holder == life && copy.held_by == consumer) continue;
    suspect({{copy.holder, copy.holder->next_index}, {life, life->next_index}}, name_of(key) + " is delivered to " + life->name +
                                                                                    " while " + copy.holder->name + " has message " +
                                                                                    std::to_string(other.message) + " of the same group");
  }
  copies_[key].held_by = consumer;
  if (redelivered || message.what.delay_ms) return;
  std::uint64_t& latest = group_order_[{key.queue, message.what.group, message.by.get()}];
  if (key.message + 1 <= latest)
    violated(name_of(key) + " comes for the first time after message " + std::to_string(latest - 1) + " of its group");
  latest = key.message + 1;
}

void Oracle::release(ChannelLife& life, std::map<std::uint64_t, ChannelLife::Out>::iterator out) {
  if (const auto consumer = life.consumers.find(out->second.consumer); consumer != life.consumers.end()) --consumer->second.out;
  if (Copy& copy = copies_[out->second.copy]; copy.holder.get() == &life) copy.holder = nullptr;
}

void Oracle::settles(const LifePtr& life, std::uint64_t tag, bool multiple, Settling how, std::uint64_t index) {
  auto at = multiple ? life->out.begin() : life->out.find(tag);
  while (at != life->out.end() && at->first <= tag) {
    Copy& copy = copies_[at->second.copy];
    if (trace_)
      trace_("   < " + name_of(at->second.copy) + (how == Settling::kAck ? " acked" : how == Settling::kDrop ? " rejected" : " requeued"));
    if (how == Settling::kAck) {
      copy.acked = true;
      copy.acked_by = life;
      copy.acked_at = index;
      copy.acked_in = run_;
      ++counts_.acked;
    }
    if (how == Settling::kDrop) copy.dropped = true;
    release(*life, at);
    at = life->out.erase(at);
  }
  if (how != Settling::kAck) ++disturbances_;
}

void Oracle::recovers(ChannelLife& life) {
  if (life.dead) return;
  life.recovering = true;
  for (const auto& [index, suspicion] : life.suspicions) suspicion->dropped = true;
  life.suspicions.clear();
}

void Oracle::recovered(ChannelLife& life) {
  for (auto at = life.out.begin(); at != life.out.end(); ++at) release(life, at);
  life.out.clear();
  life.recovering = false;
  ++disturbances_;
}

// --- transactions ---

void Oracle::commit_arrives(const LifePtr& life, const std::shared_ptr<Transaction>& tx, const std::vector<std::uint64_t>& tags,
                            std::uint64_t index) {
  tx->state = Transaction::State::kAsked;
  for (std::uint64_t tag : tags)
    if (const auto out = life->out.find(tag); out != life->out.end()) tx->acked.push_back(out->second.copy);
  for (std::uint64_t tag : tags) settles(life, tag, false, Settling::kAck, index);
  for (MessageId message : tx->published) {
    messages_[message].arrived_at = now_();  // from here on time counts
    if (!messages_[message].what.delay_ms) not_entered_.push_back(message);
  }
  transactions_.push_back(tx);
}

void Oracle::committed(Transaction& tx) {
  tx.state = Transaction::State::kCommitted;
  for (MessageId message : tx.published) messages_[message].confirmed_in = run_;
  ++counts_.transactions;
}

void Oracle::rolled_back(ChannelLife& life) {
  life.tx->state = Transaction::State::kRolledBack;
  for (MessageId message : life.tx->published) messages_[message].rolled_back = true;
  life.tx = std::make_shared<Transaction>();
}

// --- channels ---

void Oracle::seals(ChannelLife& life, std::uint64_t index) {
  if (life.failed) return;
  life.sealed = std::max(life.sealed, index);
  std::erase_if(life.suspicions, [&](const auto& known) {
    if (known.first > index) return false;
    ChannelLife::Suspicion& suspicion = *known.second;
    if (--suspicion.open == 0 && !suspicion.dropped) violated(suspicion.text);
    return true;
  });
}

void Oracle::dies(ChannelLife& life) {
  if (life.dead) return;
  if (trace_) trace_("   > " + life.name + " ends");
  life.dead = true;
  life.recovering = false;
  for (const auto& [index, suspicion] : life.suspicions) suspicion->dropped = true;
  life.suspicions.clear();
  for (auto at = life.out.begin(); at != life.out.end(); ++at) release(life, at);
  life.out.clear();
  for (QueueIndex queue : life.takes_from) {
    gives_away_.resize(plan_.queues.size());
    gives_away_[queue] = true;
  }
  ++disturbances_;
}

// --- the whole ---

void Oracle::is_idle() {
  std::erase_if(not_entered_, [this](MessageId message) {
    if (messages_[message].by->unanswered != 0) return false;
    messages_[message].entered_by = std::min(messages_[message].entered_by, now_());
    return true;
  });
}

void Oracle::is_quiet() {
  for (const auto& [disturbances, text] : unexplained_)
    if (disturbances == disturbances_) violated(text);
  unexplained_.clear();
}

void Oracle::crashed() {
  pace_.reset();
  active_.clear();
  unexplained_.clear();
  ++run_;
  ++disturbances_;
  not_entered_.clear();
  for (auto& [key, copy] : copies_) copy.holder = nullptr;
}

void Oracle::damaged(std::string_view body) {
  const auto id = message_of(body);
  if (!id) return;
  if (trace_) trace_("   ! message " + std::to_string(*id) + " is damaged");
  ++counts_.damaged;
  messages_[*id].damaged = true;
}

void Oracle::restarted() {
  for (auto& [key, copy] : copies_)
    copy.gone = copy.gone || (copy.acked && copy.acked_in == run_ && copy.acked_by->sealed >= copy.acked_at);
  crashed();
}

}  // namespace mq::sim
