#include "store/rocks_batch.hpp"

#include <algorithm>
#include <limits>
#include <memory>
#include <string>
#include <variant>

#include "mq/base/check.hpp"
#include "store/delayed_codec.hpp"
#include "store/seen_codec.hpp"
#include "store/value_codec.hpp"

namespace mq::store {
namespace {

// Up to here a queue's pages are dropped singly, which leaves nothing behind; a range leaves a note that all later reads consult
// until it is compacted, so ranges are for queues long enough to be worth it.
constexpr std::size_t kMaxSingleDrops = 1000;

rocksdb::Slice slice(std::string_view view) { return {view.data(), view.size()}; }

}  // namespace

rocksdb::Status BatchBuilder::add(const WriteSet& set) {
  for (const WriteSet::Operation& operation : set.operations) {
    rocksdb::Status status = std::visit([this](const auto& row) { return apply(row); }, operation);
    if (!status.ok()) return status;
  }
  return rocksdb::Status::OK();
}

rocksdb::Status BatchBuilder::apply(const WriteSet::PutMetadata& put) {
  return logged_.Put(database_[Column::kMetadata], put.key, encode_metadata(put.key, put.value));
}

rocksdb::Status BatchBuilder::apply(const WriteSet::DeleteMetadata& gone) { return logged_.Delete(database_[Column::kMetadata], gone.key); }

rocksdb::Status BatchBuilder::apply(const EncodedPage& page) {
  PageKey key{page.queue, page.index.first};
  auto encoded = encode_key(key);
  if (page.index.transient) {
    transient_.insert(key);
    return unlogged_.Put(database_[Column::kTransientPages], slice(encoded.view()), page.bytes);
  }
  touched_queues_.insert(page.queue);
  rocksdb::Status status = logged_.Put(database_[Column::kPages], slice(encoded.view()), page.bytes);
  return status.ok() ? logged_.Put(database_[Column::kIndex], slice(encoded.view()), encode_index(page.index)) : status;
}

rocksdb::Status BatchBuilder::apply(const WriteSet::AddMarks& added) {
  PageKey key{added.queue, added.page_first};
  if (added.marks.empty() || transient_.contains(key)) return rocksdb::Status::OK();
  touched_queues_.insert(added.queue);
  std::vector<Mark> marks = added.marks;
  for (Mark& mark : marks) {
    MQ_CHECK(mark.offset >= added.page_first);
    mark.offset -= added.page_first;  // the merge operator counts from the page's first offset
  }
  normalize_marks(marks);
  return logged_.Merge(database_[Column::kMarks], slice(encode_key(key).view()), encode_marks(0, marks));
}

rocksdb::Status BatchBuilder::apply(const WriteSet::DropPage& drop) {
  PageKey key{drop.queue, drop.page_first};
  if (auto transient = transient_.find(key); transient != transient_.end()) return drop_transient(transient);
  ++dropped_pages_;
  touched_queues_.insert(drop.queue);
  auto encoded = encode_key(key);
  rocksdb::Status status = logged_.SingleDelete(database_[Column::kPages], slice(encoded.view()));
  if (status.ok()) status = logged_.SingleDelete(database_[Column::kIndex], slice(encoded.view()));
  if (status.ok() && drop.had_marks) status = logged_.Delete(database_[Column::kMarks], slice(encoded.view()));
  return status;
}

rocksdb::Status BatchBuilder::drop_transient(std::set<PageKey>::iterator page) {
  ++dropped_transient_pages_;
  rocksdb::Status status = unlogged_.SingleDelete(database_[Column::kTransientPages], slice(encode_key(*page).view()));
  transient_.erase(page);
  return status;
}

rocksdb::Status BatchBuilder::apply(const WriteSet::PutQueueState& put) {
  return logged_.Put(database_[Column::kQueueState], slice(encode_key(put.queue).view()), encode_state(put.state));
}

rocksdb::Status BatchBuilder::apply(const WriteSet::DropQueue& drop) {
  rocksdb::Status status;
  for (auto page = transient_.lower_bound({drop.queue, 0}); status.ok() && page != transient_.end() && page->queue == drop.queue;) {
    auto next = std::next(page);
    status = drop_transient(page);
    page = next;
  }
  if (status.ok()) status = logged_.Delete(database_[Column::kQueueState], slice(encode_key(drop.queue).view()));
  if (!status.ok()) return status;

  std::vector<PageKey> pages;
  std::vector<PageKey> marks;
  bool few = !touched_queues_.contains(drop.queue) && list_keys(Column::kIndex, drop.queue, pages, status) &&
             list_keys(Column::kMarks, drop.queue, marks, status);
  if (!status.ok()) return status;
  return few ? drop_one_by_one(pages, marks) : drop_as_range(drop.queue);
}

rocksdb::Status BatchBuilder::state_of(DelayedBook book, DelayedState*& state) {
  auto [known, fresh] = delayed_.try_emplace(book);
  state = &known->second;
  touched_books_.insert(book);
  if (!fresh) return rocksdb::Status::OK();
  std::string value;
  rocksdb::Status found = database_.db().Get({}, database_[Column::kDelayed], slice(encode_key(QueueId{book}).view()), &value);
  // Damaged numbers were counted anew when the book was recovered, before anything is committed to it.
  if (found.ok() && !decode_delayed_state(value, known->second)) known->second = {};
  return found.IsNotFound() ? rocksdb::Status::OK() : found;
}

rocksdb::Status BatchBuilder::apply(const WriteSet::PutDelayed& put) {
  DelayedState* state = nullptr;
  rocksdb::Status status = state_of(put.book, state);
  for (auto record = put.records->begin(); status.ok() && record != put.records->end(); ++record) {
    encode_delayed(*record, encoded_);
    status = logged_.Put(database_[Column::kDelayed], slice(encode_delayed_key(put.book, record->key).view()), encoded_);
    if (const std::string_view id = message_id_of(*record->message); status.ok() && !id.empty())
      status = logged_.Put(database_[Column::kDelayedIds], slice(encode_delayed_id_key(put.book, id, record->key).view()), {});
    count_put(*state, *record);
  }
  return status;
}

rocksdb::Status BatchBuilder::apply(const WriteSet::DropDelayed& drop) {
  DelayedState* state = nullptr;
  rocksdb::Status status = state_of(drop.book, state);
  for (auto record = drop.records->begin(); status.ok() && record != drop.records->end(); ++record) {
    status = logged_.SingleDelete(database_[Column::kDelayed], slice(encode_delayed_key(drop.book, record->key).view()));
    const std::string_view id = record->message ? message_id_of(*record->message) : std::string_view();
    if (status.ok() && !id.empty())
      status = logged_.SingleDelete(database_[Column::kDelayedIds], slice(encode_delayed_id_key(drop.book, id, record->key).view()));
    count_dropped(*state, *record);
  }
  dropped_delayed_ += drop.records->size();
  return status;
}

rocksdb::Status BatchBuilder::apply(const WriteSet::DropDelayedBook& drop) {
  delayed_.erase(drop.book);
  touched_books_.erase(drop.book);
  const auto begin = encode_key(QueueId{drop.book});
  const std::string behind = key_behind(drop.book);
  rocksdb::Status status = logged_.DeleteRange(database_[Column::kDelayed], slice(begin.view()), behind);
  return status.ok() ? logged_.DeleteRange(database_[Column::kDelayedIds], slice(begin.view()), behind) : status;
}

rocksdb::Status BatchBuilder::apply(const WriteSet::PutSeen& put) {
  return logged_.Put(database_[Column::kSeen], slice(encode_key(PageKey{put.window, put.ids.front().sequence}).view()),
                     encode_seen(put.ids));
}

// Not SingleDelete: a window that was dropped and begins anew may use a key once more.
rocksdb::Status BatchBuilder::apply(const WriteSet::DropSeen& drop) {
  return logged_.Delete(database_[Column::kSeen], slice(encode_key(PageKey{drop.window, drop.first}).view()));
}

rocksdb::Status BatchBuilder::apply(const WriteSet::DropSeenWindow& drop) {
  const auto begin = encode_key(PageKey{drop.window, 0});
  const std::string behind = key_behind(drop.window);
  return logged_.DeleteRange(database_[Column::kSeen], slice(begin.view()), behind);
}

rocksdb::Status BatchBuilder::finish() {
  rocksdb::Status status;
  for (auto book = touched_books_.begin(); status.ok() && book != touched_books_.end(); ++book)
    status = logged_.Put(database_[Column::kDelayed], slice(encode_key(QueueId{*book}).view()), encode_delayed_state(delayed_[*book]));
  return status;
}

bool BatchBuilder::list_keys(Column column, QueueId queue, std::vector<PageKey>& keys, rocksdb::Status& status) const {
  std::string behind = key_behind(queue);
  rocksdb::Slice bound(behind);
  rocksdb::ReadOptions read;
  read.iterate_upper_bound = &bound;
  std::unique_ptr<rocksdb::Iterator> at(database_.db().NewIterator(read, database_[column]));
  for (at->Seek(slice(encode_key(PageKey{queue, 0}).view())); at->Valid(); at->Next()) {
    if (keys.size() == kMaxSingleDrops) return false;
    if (auto key = decode_page_key(at->key().ToStringView())) keys.push_back(*key);
  }
  status = at->status();
  return status.ok();
}

rocksdb::Status BatchBuilder::drop_one_by_one(const std::vector<PageKey>& pages, const std::vector<PageKey>& marks) {
  rocksdb::Status status;
  for (auto key = pages.begin(); status.ok() && key != pages.end(); ++key)
    status = apply(WriteSet::DropPage{key->queue, key->first, false});
  for (auto key = marks.begin(); status.ok() && key != marks.end(); ++key)
    status = logged_.Delete(database_[Column::kMarks], slice(encode_key(*key).view()));
  return status;
}

rocksdb::Status BatchBuilder::drop_as_range(QueueId queue) {
  dropped_range_ = true;
  auto begin = encode_key(PageKey{queue, 0});
  std::string behind = key_behind(queue);
  rocksdb::Status status;
  for (Column column : {Column::kPages, Column::kIndex, Column::kMarks})
    if (status.ok()) status = logged_.DeleteRange(database_[column], slice(begin.view()), behind);
  return status;
}

}  // namespace mq::store
