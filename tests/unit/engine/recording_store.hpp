// A store in memory that notes each commit, and fails when told to.
#pragma once

#include <string>
#include <vector>

#include "broker/message.hpp"
#include "store/memory_store.hpp"
#include "support/storage_around.hpp"

namespace mq::engine::test {

class RecordingStore final : public mq::test::StorageAround {
 public:
  std::vector<std::string> commits;  ///< one line each: the keys put, a `!` behind those whose set asked for a sync
  bool fails = false;
  bool full = false;
  int attempts = 0;         ///< commits, the refused ones too
  bool reads_fail = false;  ///< of pages

  StorageResult<> commit(std::span<WriteSet* const> sets) override {
    ++attempts;
    if (fails) return StorageError{StorageError::Kind::kIo, "the disk is broken"};
    if (full) return StorageError{StorageError::Kind::kNoSpace, "the disk is full"};
    std::string& line = commits.emplace_back();
    for (const WriteSet* set : sets)
      for (const WriteSet::Operation& operation : set->operations)
        if (const auto* put = std::get_if<WriteSet::PutMetadata>(&operation))
          line += (line.empty() ? "" : " ") + put->key + (set->needs_sync ? "!" : "");
    return StorageAround::commit(sets);
  }
  StorageResult<std::vector<PageRecord>> read_page(QueueId queue, Offset first, std::vector<PageRecord>* salvaged = nullptr) override {
    if (reads_fail) return StorageError{StorageError::Kind::kIo, "the disk is tired"};
    return StorageAround::read_page(queue, first, salvaged);
  }

 protected:
  [[nodiscard]] Storage& inner() const override { return memory_; }

 private:
  mutable store::MemoryStore memory_;
};

}  // namespace mq::engine::test
