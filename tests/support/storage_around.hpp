// A Storage in front of another one: hands everything on. For those that want to do one thing otherwise.
#pragma once

#include "mq/ports/storage.hpp"

namespace mq::test {

class StorageAround : public Storage {
 public:
  EncodedPage encode_page(QueueId queue, std::span<const PageRecord> records, std::uint8_t level, bool transient) const override {
    return inner().encode_page(queue, records, level, transient);
  }
  StorageResult<> commit(std::span<WriteSet* const> sets) override { return inner().commit(sets); }
  StorageResult<std::vector<PageRecord>> read_page(QueueId queue, Offset first, std::vector<PageRecord>* salvaged = nullptr) override {
    return inner().read_page(queue, first, salvaged);
  }
  StorageResult<std::vector<Mark>> read_marks(QueueId queue, Offset first) override { return inner().read_marks(queue, first); }
  StorageResult<> scan_metadata(std::string_view prefix, const std::function<void(std::string_view, std::string_view)>& visit) override {
    return inner().scan_metadata(prefix, visit);
  }
  StorageResult<RecoveredQueue> recover_queue(QueueId queue) override { return inner().recover_queue(queue); }
  StorageResult<std::vector<QueueId>> stored_queues() override { return inner().stored_queues(); }
  StorageResult<DelayedScan> read_delayed(DelayedBook book, DelayedKey from, std::size_t max_records, std::uint64_t max_bytes) override {
    return inner().read_delayed(book, from, max_records, max_bytes);
  }
  StorageResult<std::vector<DelayedRecord>> find_delayed(DelayedBook book, std::string_view message_id) override {
    return inner().find_delayed(book, message_id);
  }
  StorageResult<DelayedState> recover_delayed(DelayedBook book) override { return inner().recover_delayed(book); }
  StorageResult<std::vector<DelayedBook>> stored_delayed_books() override { return inner().stored_delayed_books(); }
  StorageResult<RecoveredSeen> recover_seen(SeenWindow window) override { return inner().recover_seen(window); }
  StorageResult<std::vector<SeenWindow>> stored_seen_windows() override { return inner().stored_seen_windows(); }
  StorageResult<> sync() override { return inner().sync(); }
  const std::string& location() const noexcept override { return inner().location(); }

 protected:
  [[nodiscard]] virtual Storage& inner() const = 0;
};

}  // namespace mq::test
