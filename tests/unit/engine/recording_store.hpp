// A store in memory that notes each commit, and fails when told to.
#pragma once

#include <string>
#include <vector>

#include "broker/message.hpp"
#include "store/memory_store.hpp"

namespace mq::engine::test {

class RecordingStore final : public Storage {
 public:
  std::vector<std::string> commits;  ///< one line each: the keys put, a `!` behind those whose set asked for a sync
  bool fails = false;

  EncodedPage encode_page(QueueId queue, std::span<const PageRecord> records, std::uint8_t level, bool transient) const override {
    return memory_.encode_page(queue, records, level, transient);
  }
  StorageResult<> commit(std::span<WriteSet* const> sets) override {
    if (fails) return StorageError{StorageError::Kind::kNoSpace, "no space"};
    std::string& line = commits.emplace_back();
    for (const WriteSet* set : sets)
      for (const WriteSet::Operation& operation : set->operations)
        if (const auto* put = std::get_if<WriteSet::PutMetadata>(&operation))
          line += (line.empty() ? "" : " ") + put->key + (set->needs_sync ? "!" : "");
    return memory_.commit(sets);
  }
  StorageResult<std::vector<PageRecord>> read_page(QueueId queue, Offset first, std::vector<PageRecord>* salvaged = nullptr) override {
    return memory_.read_page(queue, first, salvaged);
  }
  StorageResult<std::vector<Mark>> read_marks(QueueId queue, Offset first) override { return memory_.read_marks(queue, first); }
  StorageResult<> scan_metadata(std::string_view prefix, const std::function<void(std::string_view, std::string_view)>& visit) override {
    return memory_.scan_metadata(prefix, visit);
  }
  StorageResult<RecoveredQueue> recover_queue(QueueId queue) override { return memory_.recover_queue(queue); }
  StorageResult<std::vector<QueueId>> stored_queues() override { return memory_.stored_queues(); }
  StorageResult<DelayedScan> read_delayed(DelayedBook book, DelayedKey from, std::size_t max_records, std::uint64_t max_bytes) override {
    return memory_.read_delayed(book, from, max_records, max_bytes);
  }
  StorageResult<std::vector<DelayedRecord>> find_delayed(DelayedBook book, std::string_view message_id) override {
    return memory_.find_delayed(book, message_id);
  }
  StorageResult<DelayedState> recover_delayed(DelayedBook book) override { return memory_.recover_delayed(book); }
  StorageResult<std::vector<DelayedBook>> stored_delayed_books() override { return memory_.stored_delayed_books(); }
  StorageResult<RecoveredSeen> recover_seen(SeenWindow window) override { return memory_.recover_seen(window); }
  StorageResult<std::vector<SeenWindow>> stored_seen_windows() override { return memory_.stored_seen_windows(); }
  StorageResult<> sync() override { return memory_.sync(); }
  const std::string& location() const noexcept override { return memory_.location(); }

 private:
  store::MemoryStore memory_;
};

}  // namespace mq::engine::test
