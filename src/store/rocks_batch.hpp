// Turns write sets into RocksDB batches: one that goes to the log, and one for transient pages that need not.
#pragma once

#include <rocksdb/write_batch.h>

#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "mq/ports/storage.hpp"
#include "store/keys.hpp"
#include "store/rocks_columns.hpp"

namespace mq::store {

class BatchBuilder {
 public:
  /// `transient` are the pages written as transient and not dropped since, `delayed` the numbers of books written to; both kept true.
  BatchBuilder(const Database& database, std::set<PageKey>& transient, std::map<DelayedBook, DelayedState>& delayed,
               std::size_t expected_bytes)
      : database_(database), transient_(transient), delayed_(delayed), logged_(expected_bytes) {}

  /// Adds the operations of a set behind those already added.
  [[nodiscard]] rocksdb::Status add(const WriteSet& set);
  /// After the last set: what the sets together made of numbers that are written as a whole.
  [[nodiscard]] rocksdb::Status finish();

  [[nodiscard]] rocksdb::WriteBatch& logged() noexcept { return logged_; }
  [[nodiscard]] rocksdb::WriteBatch& unlogged() noexcept { return unlogged_; }
  [[nodiscard]] std::uint64_t dropped_pages() const noexcept { return dropped_pages_; }
  [[nodiscard]] std::uint64_t dropped_transient_pages() const noexcept { return dropped_transient_pages_; }
  [[nodiscard]] std::uint64_t dropped_delayed() const noexcept { return dropped_delayed_; }
  [[nodiscard]] bool dropped_range() const noexcept { return dropped_range_; }

 private:
  rocksdb::Status apply(const WriteSet::PutMetadata& put);
  rocksdb::Status apply(const WriteSet::DeleteMetadata& gone);
  rocksdb::Status apply(const EncodedPage& page);
  rocksdb::Status apply(const WriteSet::AddMarks& added);
  rocksdb::Status apply(const WriteSet::DropPage& drop);
  rocksdb::Status apply(const WriteSet::PutQueueState& put);
  rocksdb::Status apply(const WriteSet::DropQueue& drop);
  rocksdb::Status apply(const WriteSet::PutDelayed& put);
  rocksdb::Status apply(const WriteSet::DropDelayed& drop);
  rocksdb::Status apply(const WriteSet::DropDelayedBook& drop);
  rocksdb::Status apply(const WriteSet::PutSeen& put);
  rocksdb::Status apply(const WriteSet::DropSeen& drop);
  rocksdb::Status apply(const WriteSet::DropSeenWindow& drop);

  rocksdb::Status drop_transient(std::set<PageKey>::iterator page);
  /// The keys of `column` that belong to `queue`, or false if they are more than is sensible to drop one by one.
  bool list_keys(Column column, QueueId queue, std::vector<PageKey>& keys, rocksdb::Status& status) const;
  rocksdb::Status drop_one_by_one(const std::vector<PageKey>& pages, const std::vector<PageKey>& marks);
  rocksdb::Status drop_as_range(QueueId queue);
  /// The numbers of a book, read when it is written to for the first time.
  rocksdb::Status state_of(DelayedBook book, DelayedState*& state);

  const Database& database_;
  std::set<PageKey>& transient_;
  std::map<DelayedBook, DelayedState>& delayed_;
  rocksdb::WriteBatch logged_;
  rocksdb::WriteBatch unlogged_;
  std::set<QueueId> touched_queues_;  // pages or marks of theirs come or go in this batch; no look into the database shows that yet
  std::set<DelayedBook> touched_books_;
  std::string encoded_;  // of one delayed message, for its capacity
  std::uint64_t dropped_delayed_ = 0;
  std::uint64_t dropped_pages_ = 0;
  std::uint64_t dropped_transient_pages_ = 0;
  bool dropped_range_ = false;
};

}  // namespace mq::store
