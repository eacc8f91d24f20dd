#include "store/rocks_recovery.hpp"

#include <rocksdb/write_batch.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "broker/message.hpp"
#include "store/rocks_errors.hpp"
#include "store/value_codec.hpp"

namespace mq::store {
namespace {

using What = RecoveryDamage::What;

rocksdb::Slice slice(std::string_view view) { return {view.data(), view.size()}; }

class QueueRecovery {
 public:
  QueueRecovery(const Database& database, QueueId queue, const std::function<void(const RecoveryDamage&)>& report)
      : database_(database), queue_(queue), report_(report), end_(key_behind(queue)), behind_(end_) {}

  StorageResult<RecoveredQueue> run() {
    bool state_whole = true;
    rocksdb::Status read = read_state(state_whole);
    if (read.ok()) read = read_index();
    if (read.ok()) read = read_marks();
    if (!read.ok()) return storage_error(read, "reading what is stored of queue " + std::to_string(queue_));
    if (!state_whole) make_state();
    found_.state.next_offset = std::max(found_.state.next_offset, behind_unreadable_);
    if (healed_.Count() != 0) read = database_.db().Write({}, &healed_);
    if (!read.ok()) return storage_error(read, "putting right what is stored of queue " + std::to_string(queue_));
    return std::move(found_);
  }

 private:
  rocksdb::Status read_state(bool& whole) {
    std::string value;
    rocksdb::Status found = database_.db().Get({}, database_[Column::kQueueState], slice(encode_key(queue_).view()), &value);
    whole = !found.ok() || decode_state(value, found_.state);
    return found.IsNotFound() ? rocksdb::Status::OK() : found;
  }

  template <class Visit>
  rocksdb::Status each(Column column, Visit&& visit) {
    rocksdb::ReadOptions read;
    read.iterate_upper_bound = &behind_;
    std::unique_ptr<rocksdb::Iterator> at(database_.db().NewIterator(read, database_[column]));
    for (at->Seek(slice(encode_key(PageKey{queue_, 0}).view())); at->Valid(); at->Next())
      if (const std::optional<PageKey> key = decode_page_key(at->key().ToStringView())) visit(*key, at->value().ToStringView());
    return at->status();
  }

  rocksdb::Status read_index() {
    return each(Column::kIndex, [this](PageKey key, std::string_view value) {
      RecoveredPage page;
      if (!decode_index(key.first, value, page.index) && !make_index(key, page.index)) return;
      found_.pages.push_back(std::move(page));
    });
  }

  /// All that the index says stands in the page too.
  bool make_index(PageKey key, PageIndex& index) {
    rocksdb::PinnableSlice value;
    PageExamination page;
    if (read_even_damaged(database_, Column::kPages, encode_key(key).view(), value).ok())
      page = examine_page(key, {value.data(), value.size()});
    if (page.whole.empty()) {
      behind_unreadable_ = key.first + std::max<Offset>(page.count, 1);  // so that no page is put where this one lies
      tell(What::kPage, key.first, page.count);
      return false;
    }
    index = index_of(key, page);
    tell(What::kIndex, key.first, index.count);
    return true;
  }

  /// Pages and marks both come in order of key, so one walk matches them.
  rocksdb::Status read_marks() {
    auto page = found_.pages.begin();
    return each(Column::kMarks, [this, &page](PageKey key, std::string_view value) {
      while (page != found_.pages.end() && page->index.first < key.first) ++page;
      if (page == found_.pages.end() || page->index.first != key.first || decode_marks(key.first, value, page->marks)) return;
      tell(What::kMarks, key.first, page->index.count);
      const auto encoded = encode_key(key);
      std::vector<Mark> sure = page->marks;
      for (Mark& mark : sure) mark.offset -= key.first;
      (void)(sure.empty() ? healed_.Delete(database_[Column::kMarks], slice(encoded.view()))
                          : healed_.Put(database_[Column::kMarks], slice(encoded.view()), encode_marks(0, sure)));
    });
  }

  void make_state() {
    Offset behind = behind_unreadable_;
    for (const RecoveredPage& page : found_.pages) behind = std::max(behind, page.index.last + 1);
    found_.state = {behind, behind};
    tell(What::kState, 0, 0);
    (void)healed_.Put(database_[Column::kQueueState], slice(encode_key(queue_).view()), encode_state(found_.state));
  }

  void tell(What what, Offset page_first, std::uint64_t messages) {
    if (report_) report_({what, queue_, page_first, messages});
  }

  const Database& database_;
  const QueueId queue_;
  const std::function<void(const RecoveryDamage&)>& report_;
  const std::string end_;
  const rocksdb::Slice behind_;
  Offset behind_unreadable_ = 0;
  RecoveredQueue found_;
  rocksdb::WriteBatch healed_;
};

}  // namespace

StorageResult<RecoveredQueue> recover_queue(const Database& database, QueueId queue,
                                            const std::function<void(const RecoveryDamage&)>& report) {
  return QueueRecovery(database, queue, report).run();
}

rocksdb::Status read_even_damaged(const Database& database, Column column, std::string_view key, rocksdb::PinnableSlice& value) {
  rocksdb::ReadOptions read;
  read.fill_cache = false;
  rocksdb::Status found = database.db().Get(read, database[column], slice(key), &value);
  if (!only_a_blob_is_damaged(found)) return found;
  read.verify_checksums = false;
  value.Reset();
  return database.db().Get(read, database[column], slice(key), &value);
}

PageIndex index_of(PageKey key, const PageExamination& page) {
  PageIndex index = summarize(page.whole, page.priority_level, page.transient);
  index.first = key.first;  // whatever became of the first record
  return index;
}

}  // namespace mq::store
