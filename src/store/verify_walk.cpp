#include "store/verify_walk.hpp"

#include <algorithm>
#include <memory>
#include <utility>

#include "broker/message.hpp"
#include "store/delayed_codec.hpp"
#include "store/rocks_recovery.hpp"
#include "store/seen_codec.hpp"
#include "store/value_codec.hpp"

namespace mq::store {
namespace {

LostMessage lost_message(const LostRecord& record) {
  LostMessage lost;
  lost.not_before = record.not_before;
  lost.not_after = record.not_after;
  lost.raw = std::string(record.raw);
  if (!record.guess.message) return lost;
  lost.legible = true;
  lost.exchange = record.guess.message->exchange();
  lost.routing_key = record.guess.message->routing_key();
  lost.message_id = message_id_of(*record.guess.message);
  lost.body_bytes = record.guess.message->body_bytes();
  lost.enqueued_at = record.guess.enqueued_at;
  return lost;
}

std::string of_queue(QueueId queue) { return " of queue " + std::to_string(queue); }

}  // namespace

void Walk::run(const std::vector<std::string>& problems) {
  for (const std::string& problem : problems) find({.text = problem});
  each(Column::kMetadata, [this](std::string_view key, std::string_view stored, bool checked) { check_metadata(key, stored, checked); });
  each_of_page(Column::kIndex, [this](PageKey key, std::string_view value, bool checked) {
    PageIndex index;
    const bool whole = checked && decode_index(key.first, value, index);
    if (whole || checked) check_page(key, whole ? &index : nullptr, value);  // unchecked keys are worth nothing: the page tells its own
  });
  each_of_page(Column::kPages, [this](PageKey key, std::string_view, bool checked) {
    if (!indexed_.contains(key)) check_unindexed(key, checked);
  });
  each_of_page(Column::kMarks, [this](PageKey key, std::string_view value, bool checked) { check_marks(key, value, checked); });
  const std::uint64_t before = summary_.findings;
  each(Column::kQueueState, [this](std::string_view key, std::string_view value, bool checked) { check_state(key, value, checked); });
  states_lost_ = source_.incomplete() || summary_.findings > before + damaged_states_.size();
  keep_states();
  each(Column::kDelayed, [this](std::string_view key, std::string_view value, bool checked) { check_delayed(key, value, checked); });
  check_delayed_count();
  check_delayed_ids();
  each_of_page(Column::kSeen, [this](PageKey key, std::string_view value, bool checked) { check_seen(key, value, checked); });
  summary_.queues = queues_.size();
  summary_.numbers.logs = queues_;
}

void Walk::find(const VerifyFinding& finding) {
  ++summary_.findings;
  report_(finding);
}

void Walk::each(Column column, const Source::Visit& visit) {
  std::vector<std::string> problems;
  source_.each(column, visit, problems);
  for (std::string& problem : problems) find({.text = std::move(problem)});
}

void Walk::each_of_page(Column column, const std::function<void(PageKey, std::string_view, bool)>& visit) {
  each(column, [&](std::string_view raw, std::string_view value, bool checked) {
    if (const std::optional<PageKey> key = decode_page_key(raw)) visit(*key, value, checked);
    else if (checked && raw != "~") find({.text = std::string("column ") + column_name(column) + " holds a key that is none"});
  });
}

void Walk::check_metadata(std::string_view key, std::string_view stored, bool checked) {
  if (key == "~") return;  // see repair_files()
  const std::optional<std::string_view> value =
      checked || is_sealed_metadata(key, stored) ? decode_metadata(key, stored) : std::optional<std::string_view>();
  if (value) {
    ++summary_.metadata_records;
    summary_.metadata.emplace(key, *value);
    return;
  }
  damaged_metadata_.emplace(key, stored);
  find({.text = "a record of metadata is damaged", .metadata_key = std::string(key), .raw = std::string(stored)});
}

// --- pages ---

void Walk::check_page(PageKey key, const PageIndex* index, std::string_view damaged_index) {
  indexed_.insert(key);
  queues_.insert(key.queue);
  ++summary_.pages;
  Offset& behind = behind_[key.queue];
  behind = std::max(behind, index != nullptr ? index->last + 1 : key.first + 1);
  if (index == nullptr)
    find({.queue = key.queue,
          .page_first = key.first,
          .text = "the index of " + describe(key) + " is damaged",
          .raw = std::string(damaged_index)});

  const std::uint64_t expected = index != nullptr ? index->count : 0;
  std::string wrong;
  std::optional<std::string> bytes = source_.page(key, wrong);
  if (!bytes)
    return find({.queue = key.queue,
                 .page_first = key.first,
                 .text = describe(key) + (wrong.empty() ? " is missing" : " cannot be read: " + wrong),
                 .lost_messages = expected});
  PageExamination page = examine_page(key, *bytes);
  if (!page.known) {
    LostMessage all{.not_before = key.first, .not_after = index != nullptr ? index->last : 0, .raw = *bytes};
    return find({.queue = key.queue, .page_first = key.first, .text = page.wrong, .lost_messages = expected, .messages = {std::move(all)}});
  }
  behind = std::max(behind, key.first + page.count);
  if (!wrong.empty() || !page.wrong.empty()) {
    VerifyFinding finding{.queue = key.queue,
                          .page_first = key.first,
                          .text = page.wrong.empty() ? describe(key) + " is damaged: " + wrong : page.wrong,
                          .whole_messages = page.whole.size(),
                          .lost_messages = page.count - page.whole.size()};
    for (const LostRecord& record : page.lost) finding.messages.push_back(lost_message(record));
    if (!finding.messages.empty() && finding.messages.back().not_after == 0 && index != nullptr)
      finding.messages.back().not_after = index->last;
    find(finding);
  } else if (index != nullptr && summarize(page.whole, index->priority_level, index->transient) != *index) {
    find({.queue = key.queue, .page_first = key.first, .text = "the index of " + describe(key) + " does not agree with the page"});
  }
  summary_.messages += page.whole.size();
  for (const PageRecord& record : page.whole) summary_.body_bytes += record.message->body_bytes();
  std::vector<Mark> marks = marks_of(key, page);
  if (keep_ && !page.whole.empty()) keep_page(key, page, std::move(*bytes), std::move(marks));
}

void Walk::check_unindexed(PageKey key, bool checked) {
  std::string wrong;
  const std::optional<std::string> bytes = source_.page(key, wrong);
  if (!checked && (!bytes || !examine_page(key, *bytes).known)) return;  // not even its key is sure
  find({.queue = key.queue, .page_first = key.first, .text = describe(key) + " has no index"});
  check_page(key, nullptr, {});
}

std::vector<Mark> Walk::marks_of(PageKey key, const PageExamination& page) {
  std::vector<Mark> marks;
  std::string value;
  const rocksdb::Status found = source_.get(Column::kMarks, encode_key(key).view(), value);
  if (found.IsNotFound()) return marks;
  if (found.ok() && decode_marks(key.first, value, marks)) {
    summary_.marked_messages += marks.size();
    return marks;
  }
  const auto settled =
      static_cast<std::uint64_t>(std::count_if(marks.begin(), marks.end(), [](const Mark& mark) { return mark.value == Mark::kSettled; }));
  find({.queue = key.queue,
        .page_first = key.first,
        .text = "the marks of " + describe(key) + " are damaged",
        .come_again = page.whole.size() - std::min<std::uint64_t>(settled, page.whole.size()),
        .raw = value});
  return marks;
}

/// Records that are lost leave the page, so its first offset, and with it its key, may be another one.
void Walk::keep_page(PageKey key, const PageExamination& page, std::string bytes, std::vector<Mark> marks) {
  const bool as_it_is = page.wrong.empty();
  const std::vector<PageRecord>& records = page.whole;
  std::erase_if(marks, [&](const Mark& mark) {
    return !std::binary_search(records.begin(), records.end(), PageRecord{mark.offset, nullptr, 0, 0},
                               [](const PageRecord& a, const PageRecord& b) { return a.offset < b.offset; });
  });
  const auto settled = std::count_if(marks.begin(), marks.end(), [](const Mark& mark) { return mark.value == Mark::kSettled; });
  if (static_cast<std::size_t>(settled) == records.size()) return;
  EncodedPage kept = as_it_is ? EncodedPage{key.queue, index_of(key, page), std::move(bytes)}
                              : encode_page(key.queue, records, page.priority_level, false);
  const Offset first = kept.index.first;
  keep_(std::move(kept));
  if (!marks.empty()) keep_(WriteSet::AddMarks{key.queue, first, std::move(marks)});
}

// --- what stands beside pages ---

void Walk::check_marks(PageKey key, std::string_view value, bool checked) {
  if (indexed_.contains(key)) return;  // seen with the page
  if (!checked) return;                // nobody knows whose they are; the column was told of
  queues_.insert(key.queue);
  std::vector<Mark> marks;
  const bool whole = decode_marks(key.first, value, marks);
  find({.queue = key.queue,
        .page_first = key.first,
        .text = whole ? "there are marks of " + describe(key) + ", but not the page" : "the marks of " + describe(key) + " are damaged",
        .raw = std::string(value)});
}

void Walk::check_state(std::string_view raw, std::string_view value, bool checked) {
  const std::optional<QueueId> queue = decode_queue_key(raw);
  if (!queue && checked && raw != "~") find({.text = "column queue_state holds a key that is none"});
  if (!queue || !checked) return;
  queues_.insert(*queue);
  QueueState state;
  if (decode_state(value, state)) {
    states_[*queue] = state;
    return;
  }
  damaged_states_.insert(*queue);
  find({.queue = *queue, .text = "the state" + of_queue(*queue) + " is damaged", .raw = std::string(value)});
}

void Walk::keep_states() {
  for (QueueId queue : queues_) {
    const auto known = states_.find(queue);
    const Offset behind = behind_.contains(queue) ? behind_[queue] : 0;
    QueueState state;
    if (known != states_.end()) state = {std::max(known->second.next_offset, behind), known->second.delivered_below};
    else if (states_lost_ || damaged_states_.contains(queue)) state = {behind, behind};
    else continue;
    if (keep_) keep_(WriteSet::PutQueueState{queue, state});
  }
}

/// In key order a book's numbers come first, then its messages.
void Walk::check_delayed(std::string_view raw, std::string_view value, bool checked) {
  if (const std::optional<DelayedBook> book = decode_queue_key(raw)) {
    if (!checked) return;  // they are counted
    check_delayed_count();
    book_ = *book;
    summary_.numbers.books.insert(*book);
    expected_.emplace();
    if (decode_delayed_state(value, *expected_)) return;
    expected_.reset();
    return find({.text = "the numbers of the delayed messages of book " + std::to_string(*book) + " are damaged",
                 .book = *book,
                 .raw = std::string(value)});
  }
  std::optional<DelayedKey> key = decode_delayed_key(raw);
  if (!key) {
    if (checked && raw != "~") find({.text = "column delayed holds a key that is none"});
    return;
  }
  const DelayedBook book = *decode_queue_key(raw.substr(0, kBookKeyBytes));
  if (checked && book == book_) ++counted_;
  if (auto record = decode_delayed(*key, value)) {
    ++summary_.delayed_messages;
    summary_.numbers.books.insert(book);
    if (!message_id_of(*record->message).empty()) ++with_id_;
    if (keep_) keep_(WriteSet::PutDelayed{book, std::make_shared<const std::vector<DelayedRecord>>(1, std::move(*record))});
    return;
  }
  LostMessage lost{.not_before = key->sequence, .not_after = key->sequence, .due = key->due, .raw = std::string(value)};
  find({.text = describe(*key) + " in book " + std::to_string(book) + " is damaged",
        .lost_messages = 1,
        .messages = {std::move(lost)},
        .book = book});
}

void Walk::check_delayed_count() {
  if (expected_ && expected_->count != counted_)
    find({.text = "book " + std::to_string(book_) + " holds " + std::to_string(counted_) + " delayed messages, not the " +
                  std::to_string(expected_->count) + " it counts",
          .book = book_});
  expected_.reset();
  counted_ = 0;
}

void Walk::check_delayed_ids() {
  std::uint64_t ids = 0;
  each(Column::kDelayedIds,
       [&](std::string_view key, std::string_view, bool checked) { ids += checked && decode_delayed_id_key(key) ? 1 : 0; });
  if (ids < with_id_) find({.text = std::to_string(with_id_ - ids) + " delayed messages cannot be found by their message-id"});
}

void Walk::check_seen(PageKey key, std::string_view value, bool checked) {
  if (!checked) return;  // the column was told of
  summary_.numbers.windows.insert(key.queue);
  std::vector<SeenId> ids;
  if (!decode_seen(key.first, value, ids))
    return find({.queue = key.queue,
                 .text = "seen ids from " + std::to_string(key.first) + " on of window " + std::to_string(key.queue) + " are damaged",
                 .raw = std::string(value)});
  summary_.seen_ids += ids.size();
  if (keep_) keep_(WriteSet::PutSeen{key.queue, std::move(ids)});
}

}  // namespace mq::store
