// How a queue gives out messages where not everybody may have every message (Selector): what nobody may have now who has room is passed
// over into a lot, and brought back when that changes. No message is looked at twice for nothing: a lot is called when one of it may go.
#include "broker/queue/queue.hpp"

namespace mq::broker {
namespace {

constexpr std::size_t kMaxPassedOverPerTurn = 10'000;

}  // namespace

void Queue::begin_selection(std::unique_ptr<Selector> selector) {
  selection_ = std::make_unique<Selection>();
  selection_->selector = std::move(selector);
}

void Queue::left_consumer(const Entry& entry) { selection_->selector->settled(selection_->selector->key_of(*entry.message)); }

void Queue::hear(const MessageLog& log, const WaitReport& report) {
  for (Offset offset : report.ended) selection_->selector->wait_ended(position_in(log, offset));
  for (Offset offset : report.began)
    if (const Entry* entry = log_at(position_in(log, offset)).find(offset))
      selection_->selector->waits(position_in(log, offset), selection_->selector->key_of(*entry->message));
}

void Queue::bring_back() {
  std::vector<LotKey> later;
  for (LotKey key : std::exchange(selection_->calls, {})) {
    while (selection_->lots.has(key)) {
      const Position first = selection_->lots.front(key);
      const MessageLog::Unparked unparked = log_at(first).unpark(offset_of(first));
      if (unparked == MessageLog::Unparked::kReadBack) {
        later.push_back(key);
        break;
      }
      selection_->lots.pop_front(key);
      if (unparked == MessageLog::Unparked::kDone) break;
    }
  }
  selection_->calls = std::move(later);
}

// Messages of one kind keep their order: while older ones are passed over, so is this one.
bool Queue::stands_behind(LotKey key, Position position) {
  return selection_->lots.has(key) && Lots::Later{}(position, selection_->lots.front(key));
}

void Queue::park(MessageLog& log, Offset offset, LotKey key) {
  log.park(offset);
  selection_->lots.add(key, position_in(log, offset));
}

void Queue::pump_selected(UnixMillis now, Effects& effects) {
  Selector& selector = *selection_->selector;
  std::size_t passed_over = 0;
  while (consumers_.next() != nullptr) {
    selector.take_calls(selection_->lots, consumers_, selection_->calls);
    bring_back();
    Offset offset = 0;
    Entry* entry = nullptr;
    MessageLog* log = first_in_order(offset, entry);
    if (log == nullptr || entry == nullptr) return;
    if (entry->deadline < now) {
      bury(*log, offset, DeathReason::kExpired, effects);
      continue;
    }
    const LotKey key = selector.key_of(*entry->message);
    Consumer* consumer = stands_behind(key, position_in(*log, offset)) ? nullptr : selector.choose(key, consumers_);
    if (consumer == nullptr) {
      park(*log, offset, key);
      if (++passed_over < kMaxPassedOverPerTurn) continue;
      selection_->more = true;
      return;
    }
    if (!log->covers(offset, *entry)) return;
    if (!give(*consumer, *log, offset, *entry, effects)) {
      consumers_.refused(*consumer);
      continue;
    }
    if (!consumer->spec_.no_ack) selector.given(key, consumer->slot_);
    consumers_.served(*consumer);
  }
}

MessageLog* Queue::first_in_order(Offset& offset, Entry*& entry) {
  entry = nullptr;
  for (MessageLog* log : used_) {
    if (log->totals().ready == 0) continue;
    switch (log->head(offset, entry)) {
      case MessageLog::Next::kReady: return log;
      case MessageLog::Next::kBlocked: entry = nullptr; return log;
      case MessageLog::Next::kNone: break;  // all of it is passed over
    }
  }
  return nullptr;
}

Queue::GetStatus Queue::get_selected(bool no_ack, UnixMillis now, Delivery& out) {
  Selector& selector = *selection_->selector;
  for (std::size_t passed_over = 0; passed_over < kMaxPassedOverPerTurn; ++passed_over) {
    selector.calls_for_get(selection_->lots, selection_->calls);
    selector.take_calls(selection_->lots, consumers_, selection_->calls);
    bring_back();
    Offset offset = 0;
    Entry* entry = nullptr;
    MessageLog* log = first_in_order(offset, entry);
    if (log == nullptr) return selection_->calls.empty() ? GetStatus::kEmpty : GetStatus::kLater;
    if (entry == nullptr || entry->deadline < now) return GetStatus::kLater;
    const LotKey key = selector.key_of(*entry->message);
    if (stands_behind(key, position_in(*log, offset)) || !selector.open_to_get(key)) {
      park(*log, offset, key);
      continue;
    }
    if (!log->covers(offset, *entry)) return GetStatus::kLater;
    out = {entry->message, position_in(*log, offset), told_returns(*entry), entry->redelivered, false};
    log->take(offset, kNoConsumer);
    if (no_ack) log->settle(offset);
    else selector.given(key, kNoConsumer);
    return GetStatus::kMessage;
  }
  selection_->more = true;
  return GetStatus::kLater;
}

}  // namespace mq::broker
