#include "store/verify.hpp"

#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "broker/message.hpp"
#include "store/delayed_codec.hpp"
#include "store/keys.hpp"
#include "store/page_codec.hpp"
#include "store/rocks_columns.hpp"
#include "store/seen_codec.hpp"
#include "store/value_codec.hpp"

namespace mq::store {
namespace {

rocksdb::Slice slice(std::string_view view) { return {view.data(), view.size()}; }

class Verifier {
 public:
  Verifier(const Database& database, const std::function<void(const VerifyFinding&)>& report) : database_(database), report_(report) {}

  VerifySummary run() {
    each(Column::kMetadata, [this](std::string_view, std::string_view) { ++summary_.metadata_records; });
    each_of_page(Column::kIndex, [this](PageKey key, std::string_view value) { check_page(key, value); });
    each_of_page(Column::kPages, [this](PageKey key, std::string_view) {
      if (!indexed_.contains(key)) find({key.queue, key.first, describe(key) + " has no index"});
    });
    each_of_page(Column::kMarks, [this](PageKey key, std::string_view value) { check_marks(key, value); });
    each(Column::kQueueState, [this](std::string_view key, std::string_view value) { check_state(key, value); });
    each(Column::kDelayed, [this](std::string_view key, std::string_view value) { check_delayed(key, value); });
    check_delayed_count();
    each_of_page(Column::kSeen, [this](PageKey key, std::string_view value) { check_seen(key, value); });
    summary_.queues = queues_.size();
    return summary_;
  }

 private:
  void find(const VerifyFinding& finding) {
    ++summary_.findings;
    report_(finding);
  }

  template <class Visit>
  void each(Column column, Visit&& visit) {
    if (database_[column] == nullptr) return;  // an older directory
    rocksdb::ReadOptions read;
    read.fill_cache = false;
    read.verify_checksums = column != Column::kPages;  // of pages only the keys are wanted here; each was read by itself before
    std::unique_ptr<rocksdb::Iterator> at(database_.db().NewIterator(read, database_[column]));
    for (at->SeekToFirst(); at->Valid(); at->Next()) visit(at->key().ToStringView(), at->value().ToStringView());
    if (!at->status().ok())
      find({0, 0, std::string("column ") + column_name(column) + " cannot be read to its end: " + at->status().ToString()});
  }

  template <class Visit>
  void each_of_page(Column column, Visit&& visit) {
    each(column, [&](std::string_view raw, std::string_view value) {
      if (std::optional<PageKey> key = decode_page_key(raw)) visit(*key, value);
      else find({0, 0, std::string("column ") + column_name(column) + " holds a key that is none"});
    });
  }

  void check_page(PageKey key, std::string_view value) {
    indexed_.insert(key);
    queues_.insert(key.queue);
    ++summary_.pages;
    PageIndex index;
    bool index_whole = decode_index(key.first, value, index);
    if (!index_whole) find({key.queue, key.first, "the index of " + describe(key) + " is damaged"});

    std::vector<PageRecord> records;
    if (std::optional<std::string> wrong = read(key, records)) {
      std::uint64_t expected = index_whole ? index.count : records.size();
      find({key.queue, key.first, *wrong, records.size(), expected > records.size() ? expected - records.size() : 0});
    } else if (index_whole && summarize(records, index.priority_level, index.transient) != index) {
      find({key.queue, key.first, "the index of " + describe(key) + " does not agree with the page"});
    }
    summary_.messages += records.size();
    for (const PageRecord& record : records) summary_.body_bytes += record.message->body_bytes();
  }

  /// The records that can be read, and what is wrong if they are not all.
  std::optional<std::string> read(PageKey key, std::vector<PageRecord>& records) {
    rocksdb::ReadOptions options;
    options.fill_cache = false;
    rocksdb::PinnableSlice value;
    auto encoded = encode_key(key);
    rocksdb::Status found = database_.db().Get(options, database_[Column::kPages], slice(encoded.view()), &value);
    if (found.IsNotFound()) return describe(key) + " is missing";
    std::optional<std::string> wrong;
    if (found.IsCorruption()) {
      wrong = describe(key) + " is damaged: " + found.ToString();
      options.verify_checksums = false;
      value.Reset();
      found = database_.db().Get(options, database_[Column::kPages], slice(encoded.view()), &value);
    }
    if (!found.ok()) return wrong ? wrong : describe(key) + " cannot be read: " + found.ToString();
    StorageResult<std::vector<PageRecord>> decoded = decode_page(key, {value.data(), value.size()}, &records);
    if (!decoded) return decoded.error().text;
    records = std::move(*decoded);
    return wrong;
  }

  void check_marks(PageKey key, std::string_view value) {
    queues_.insert(key.queue);
    std::vector<Mark> marks;
    if (!decode_marks(0, value, marks)) find({key.queue, key.first, "the marks of " + describe(key) + " are damaged"});
    else if (!indexed_.contains(key)) find({key.queue, key.first, "there are marks of " + describe(key) + ", but not the page"});
    else summary_.marked_messages += marks.size();
  }

  void check_state(std::string_view raw, std::string_view value) {
    std::optional<QueueId> queue = decode_queue_key(raw);
    QueueState state;
    if (!queue) return find({0, 0, "column queue_state holds a key that is none"});
    queues_.insert(*queue);
    if (!decode_state(value, state)) find({*queue, 0, "the state of queue " + std::to_string(*queue) + " is damaged"});
  }

  /// In key order a book's numbers come first, then its messages.
  void check_delayed(std::string_view raw, std::string_view value) {
    if (std::optional<DelayedBook> book = decode_queue_key(raw)) {
      check_delayed_count();
      book_ = *book;
      expected_.emplace();
      if (decode_delayed_state(value, *expected_)) return;
      expected_.reset();
      return find({0, 0, "the numbers of the delayed messages of book " + std::to_string(*book) + " are damaged"});
    }
    std::optional<DelayedKey> key = decode_delayed_key(raw);
    if (!key) return find({0, 0, "column delayed holds a key that is none"});
    ++counted_;
    if (decode_delayed(*key, value)) ++summary_.delayed_messages;
    else find({0, 0, describe(*key) + " in book " + std::to_string(book_) + " is damaged", 0, 1});
  }

  void check_seen(PageKey key, std::string_view value) {
    std::vector<SeenId> ids;
    if (decode_seen(key.first, value, ids)) summary_.seen_ids += ids.size();
    else find({key.queue, 0, "seen ids from " + std::to_string(key.first) + " on of window " + std::to_string(key.queue) + " are damaged"});
  }

  void check_delayed_count() {
    if (expected_ && expected_->count != counted_)
      find({0, 0,
            "book " + std::to_string(book_) + " holds " + std::to_string(counted_) + " delayed messages, not the " +
                std::to_string(expected_->count) + " it counts"});
    expected_.reset();
    counted_ = 0;
  }

  const Database& database_;
  const std::function<void(const VerifyFinding&)>& report_;
  VerifySummary summary_;
  std::set<PageKey> indexed_;
  std::set<QueueId> queues_;
  DelayedBook book_ = 0;
  std::optional<DelayedState> expected_;  // of the book that is being read
  std::uint64_t counted_ = 0;
};

}  // namespace

StorageResult<VerifySummary> verify(const std::string& directory, const std::function<void(const VerifyFinding&)>& report) {
  RocksOptions options;
  options.directory = directory;
  StorageResult<Database> database = Database::open(options, Database::Mode::kReadOnly);
  if (!database) return database.error();
  return Verifier(*database, report).run();
}

}  // namespace mq::store
