// How a queue gives out messages where not everybody may have every message (Selector): what nobody may have now who has room is passed
// over into a lot, and brought back when that changes. No message is looked at twice for nothing: a lot is called when one of it may go.
#include <utility>

#include "broker/queue/filter_selector.hpp"
#include "broker/queue/group_selector.hpp"
#include "broker/queue/queue.hpp"

namespace mq::broker {
namespace {

constexpr std::size_t kMaxPassedOverPerTurn = 10'000;

}  // namespace

void Queue::select_by(std::unique_ptr<Selector> selector, FilterSelector* filters) {
  if (!selection_) selection_ = std::make_unique<Selection>();
  selection_->lots.gather();
  selection_->calls.clear();
  selection_->selector = std::move(selector);
  selection_->filters = filters;
  consumers_.tell_wants(filters != nullptr);
}

// What was passed over is looked at again by the new rules; without any, by filters of which there are none.
void Queue::set_groups() {
  const bool grouped = settings_.group_by.what != GroupBy::What::kNothing;
  if (!grouped && !selection_) return;
  if (selection_ && selection_->filters != nullptr && !selection_->filters->unused()) return;  // when the last of them is gone
  if (grouped) {
    auto groups = std::make_unique<GroupSelector>(settings_.group_by, /*looks_again=*/selection_ != nullptr);
    tell_absent(*groups);
    return select_by(std::move(groups), nullptr);
  }
  auto filters = std::make_unique<FilterSelector>(/*looks_again=*/true);
  FilterSelector* const named = filters.get();
  select_by(std::move(filters), named);
}

void Queue::tell_absent(Selector& selector) {
  for (MessageLog* log : used_)
    log->for_each_absent([&](Offset offset, const Entry& entry) {
      if (entry.state == EntryState::kWaiting) selector.waits(position_in(*log, offset), *entry.message);
      else selector.given(selector.key_of(*entry.message), entry.consumer);
    });
}

Result<> Queue::check_filter(const Filter& filter) const {
  const auto refuse = [](const char* why) {
    return fail(ReplyCode::kPreconditionFailed, std::string("invalid arg 'x-filter' for consumer: ") + why);
  };
  if (settings_.group_by.what != GroupBy::What::kNothing) return refuse("the queue gives its messages out in groups");
  if (selection_ && !selection_->filters->has_place_for(filter)) return refuse("too many different filters in use on the queue");
  return {};
}

std::uint8_t Queue::join_filter(const std::shared_ptr<const Filter>& filter) {
  if (!selection_) {
    auto filters = std::make_unique<FilterSelector>();
    FilterSelector* const named = filters.get();
    select_by(std::move(filters), named);
  }
  return selection_->filters->join(filter, selection_->lots);
}

void Queue::leave_filter(std::uint8_t want) { selection_->filters->leave(want); }

void Queue::end_selection_when_unused() {
  if (selection_->filters == nullptr || !selection_->filters->unused()) return;
  if (settings_.group_by.what != GroupBy::What::kNothing) return set_groups();
  if (!selection_->lots.empty()) return;
  selection_.reset();
  consumers_.tell_wants(false);
}

void Queue::left_consumer(const Entry& entry) { selection_->selector->settled(*entry.message); }

void Queue::hear(const MessageLog& log, const WaitReport& report) {
  for (Offset offset : report.ended) selection_->selector->wait_ended(position_in(log, offset));
  for (Offset offset : report.began)
    if (const Entry* entry = log_at(position_in(log, offset)).find(offset))
      selection_->selector->waits(position_in(log, offset), *entry->message);
}

bool Queue::bring_back() {
  bool changed = false;
  std::vector<LotKey> later;
  for (LotKey key : std::exchange(selection_->calls, {})) {
    if (!selection_->lots.has(key)) continue;
    const Position first = selection_->lots.front(key);
    const MessageLog::Unparked unparked = log_at(first).unpark(offset_of(first));
    changed = changed || unparked != MessageLog::Unparked::kReadBack;
    if (unparked != MessageLog::Unparked::kReadBack) selection_->lots.pop_front(key);
    if (unparked != MessageLog::Unparked::kDone) later.push_back(key);
  }
  selection_->calls = std::move(later);
  return changed;
}

template <class Call>
Queue::Candidate Queue::next_selected(Call&& call) {
  Candidate found;
  do {
    found = first_in_order();
    call(found.log != nullptr ? std::optional(position_in(*found.log, found.offset)) : std::nullopt);
  } while (bring_back());
  // What was called may be on its way from the disk.
  if (selection_->selector->calls_come_first() && !selection_->calls.empty()) found = {};
  return found;
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
    const auto [log, offset, entry] =
        next_selected([&](std::optional<Position> next) { selector.call(selection_->lots, consumers_, next, selection_->calls); });
    if (entry == nullptr) return;
    if (entry->deadline < now || (entry->redelivered && entry->deadline == now)) {
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
    const MessagePtr message = entry->message;
    if (!give(*consumer, *log, offset, *entry, effects)) {
      consumers_.refused(*consumer);
      continue;
    }
    if (consumer->spec_.no_ack) selector.left(*message);
    else selector.given(key, consumer->slot_);
    consumers_.served(*consumer);
  }
}

Queue::Candidate Queue::first_in_order() {
  for (MessageLog* log : used_) {
    if (log->totals().ready == 0) continue;
    Candidate found{log, 0, nullptr};
    switch (log->head(found.offset, found.entry)) {
      case MessageLog::Next::kReady: return found;
      case MessageLog::Next::kBlocked: return found;
      case MessageLog::Next::kNone: break;  // all of it is passed over
    }
  }
  return {};
}

Queue::GetStatus Queue::get_selected(bool no_ack, UnixMillis now, Delivery& out) {
  Selector& selector = *selection_->selector;
  for (std::size_t passed_over = 0; passed_over < kMaxPassedOverPerTurn; ++passed_over) {
    const auto [log, offset, entry] =
        next_selected([&](std::optional<Position> next) { selector.call_for_get(selection_->lots, next, selection_->calls); });
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
    get_pace_.took_one(now);
    if (no_ack) {
      selector.left(*out.message);
      log->settle(offset);
    } else {
      selector.given(key, kNoConsumer);
    }
    return GetStatus::kMessage;
  }
  selection_->more = true;
  return GetStatus::kLater;
}

}  // namespace mq::broker
