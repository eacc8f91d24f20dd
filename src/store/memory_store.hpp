// Storage that lies in memory: for brokers that keep nothing, and for tests. Same rules as the one on disk, same encoded bytes.
#pragma once

#include <map>
#include <mutex>
#include <set>
#include <string>
#include <utility>

#include "mq/ports/storage.hpp"
#include "store/keys.hpp"

namespace mq::store {

/// Threads: any; a mutex guards everything. Writing a page that is there already is a broken invariant (the store on disk could not
/// tell), whatever else the port leaves to the caller is harmless.
class MemoryStore final : public Storage {
 public:
  [[nodiscard]] EncodedPage encode_page(QueueId queue, std::span<const PageRecord> records, std::uint8_t priority_level,
                                        bool transient) const override;
  [[nodiscard]] StorageResult<> commit(std::span<WriteSet* const> sets) override;
  [[nodiscard]] StorageResult<std::vector<PageRecord>> read_page(QueueId queue, Offset first,
                                                                 std::vector<PageRecord>* salvaged = nullptr) override;
  [[nodiscard]] StorageResult<std::vector<Mark>> read_marks(QueueId queue, Offset first) override;
  StorageResult<> scan_metadata(std::string_view prefix, const std::function<void(std::string_view, std::string_view)>& visit) override;
  [[nodiscard]] StorageResult<RecoveredQueue> recover_queue(QueueId queue) override;
  [[nodiscard]] StorageResult<std::vector<QueueId>> stored_queues() override;
  [[nodiscard]] StorageResult<DelayedScan> read_delayed(DelayedBook book, DelayedKey from, std::size_t max_records,
                                                        std::uint64_t max_bytes) override;
  [[nodiscard]] StorageResult<std::vector<DelayedRecord>> find_delayed(DelayedBook book, std::string_view message_id) override;
  [[nodiscard]] StorageResult<DelayedState> recover_delayed(DelayedBook book) override;
  [[nodiscard]] StorageResult<std::vector<DelayedBook>> stored_delayed_books() override;
  [[nodiscard]] StorageResult<RecoveredSeen> recover_seen(SeenWindow window) override;
  [[nodiscard]] StorageResult<std::vector<SeenWindow>> stored_seen_windows() override;
  [[nodiscard]] StorageResult<> sync() override { return {}; }
  [[nodiscard]] const std::string& location() const noexcept override { return location_; }

 private:
  struct Page {
    PageIndex index;
    std::string bytes;
  };

  struct Delayed {
    DelayedState state;
    std::map<DelayedKey, std::string> records;
    std::set<std::pair<std::string, DelayedKey>> ids;
  };

  void apply(const WriteSet::PutMetadata& put);
  void apply(const WriteSet::DeleteMetadata& gone);
  void apply(const EncodedPage& page);
  void apply(const WriteSet::AddMarks& added);
  void apply(const WriteSet::DropPage& drop);
  void apply(const WriteSet::PutQueueState& put);
  void apply(const WriteSet::DropQueue& drop);
  void apply(const WriteSet::PutDelayed& put);
  void apply(const WriteSet::DropDelayed& drop);
  void apply(const WriteSet::DropDelayedBook& drop);
  void apply(const WriteSet::PutSeen& put);
  void apply(const WriteSet::DropSeen& drop);
  void apply(const WriteSet::DropSeenWindow& drop);

  const std::string location_ = ":memory:";
  std::mutex mutex_;
  std::map<std::string, std::string, std::less<>> metadata_;
  std::map<PageKey, Page> pages_;
  std::map<PageKey, std::vector<Mark>> marks_;
  std::map<QueueId, QueueState> states_;
  std::map<DelayedBook, Delayed> delayed_;
  std::map<PageKey, std::string> seen_;
};

}  // namespace mq::store
