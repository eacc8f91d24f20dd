// A store in memory whose disk can be full: it takes no messages then.
#pragma once

#include <algorithm>

#include "store/memory_store.hpp"
#include "support/storage_around.hpp"

namespace mq::test {

class FillableStore final : public StorageAround {
 public:
  bool full = false;

  StorageResult<> commit(std::span<WriteSet* const> sets) override {
    if (full && std::any_of(sets.begin(), sets.end(), [](const WriteSet* set) { return has_messages(*set); }))
      return StorageError{StorageError::Kind::kNoSpace, "the disk is full"};
    return StorageAround::commit(sets);
  }

 protected:
  [[nodiscard]] Storage& inner() const override { return memory_; }

 private:
  static bool has_messages(const WriteSet& set) {
    return std::any_of(set.operations.begin(), set.operations.end(), [](const WriteSet::Operation& operation) {
      return std::holds_alternative<EncodedPage>(operation) || std::holds_alternative<WriteSet::PutDelayed>(operation);
    });
  }

  mutable store::MemoryStore memory_;
};

}  // namespace mq::test
