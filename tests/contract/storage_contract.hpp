// What the suites for every Storage share: the ways to have a store, and words to use it.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "store/memory_store.hpp"
#include "unit/store/store_fixtures.hpp"

namespace mq::store::test {

using Kind = StorageError::Kind;

inline constexpr std::uint32_t kSettled = Mark::kSettled;

/// A way to have a store: where it lies, and whether it can be closed and opened again.
class Place {
 public:
  virtual ~Place() = default;
  [[nodiscard]] virtual std::unique_ptr<Storage> open() = 0;
  [[nodiscard]] virtual bool lasts() const = 0;
};

class MemoryPlace final : public Place {
 public:
  std::unique_ptr<Storage> open() override { return std::make_unique<MemoryStore>(); }
  [[nodiscard]] bool lasts() const override { return false; }
};

class RocksPlace final : public Place {
 public:
  std::unique_ptr<Storage> open() override { return test::open(directory_.path()); }
  [[nodiscard]] bool lasts() const override { return true; }

 private:
  TemporaryDirectory directory_;
};

struct Implementation {
  const char* name;
  std::unique_ptr<Place> (*make)();
};

class StorageContract : public ::testing::TestWithParam<Implementation> {
 protected:
  void SetUp() override {
    place_ = GetParam().make();
    store_ = place_->open();
  }

  /// Closes and opens again where that keeps the data; so what follows sees files instead of buffers.
  void settle_down() {
    if (!place_->lasts()) return;
    store_.reset();
    store_ = place_->open();
  }

  template <class... Operations>
  void commit(Operations... operations) {
    StorageResult<> committed = test::commit(*store_, std::move(operations)...);
    ASSERT_TRUE(committed) << committed.error().text;
  }

  std::vector<PageRecord> read(QueueId queue, Offset first) {
    StorageResult<std::vector<PageRecord>> records = store_->read_page(queue, first);
    if (!records) ADD_FAILURE() << records.error().text;
    return records ? *records : std::vector<PageRecord>();
  }
  [[nodiscard]] bool has_page(QueueId queue, Offset first) {
    StorageResult<std::vector<PageRecord>> records = store_->read_page(queue, first);
    if (!records) {
      EXPECT_EQ(records.error().kind, Kind::kNotFound) << records.error().text;
    }
    return records.has_value();
  }
  RecoveredQueue recover(QueueId queue) {
    StorageResult<RecoveredQueue> recovered = store_->recover_queue(queue);
    if (!recovered) ADD_FAILURE() << recovered.error().text;
    return recovered ? *recovered : RecoveredQueue();
  }
  std::vector<Mark> marks(QueueId queue) {
    RecoveredQueue recovered = recover(queue);
    return recovered.pages.empty() ? std::vector<Mark>() : recovered.pages.front().marks;
  }
  std::vector<Mark> marks_of(QueueId queue, Offset first) {
    StorageResult<std::vector<Mark>> marks = store_->read_marks(queue, first);
    if (!marks) ADD_FAILURE() << marks.error().text;
    return marks ? *marks : std::vector<Mark>();
  }
  std::vector<QueueId> queues() {
    StorageResult<std::vector<QueueId>> stored = store_->stored_queues();
    if (!stored) ADD_FAILURE() << stored.error().text;
    return stored ? *stored : std::vector<QueueId>();
  }
  std::vector<std::pair<std::string, std::string>> metadata(std::string_view prefix) {
    std::vector<std::pair<std::string, std::string>> found;
    EXPECT_TRUE(store_->scan_metadata(prefix, [&](std::string_view key, std::string_view value) { found.emplace_back(key, value); }));
    return found;
  }

  std::unique_ptr<Place> place_;
  std::unique_ptr<Storage> store_;
};

/// What is said of single messages of a page (storage_marks_contract_test.cpp).
class MarksContract : public StorageContract {};

}  // namespace mq::store::test
