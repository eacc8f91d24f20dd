// A store on a disk that is full, as far as it can see: what it refuses, what it still takes, and what it does for space.
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <limits>
#include <thread>

#include "store/memory_store.hpp"
#include "store/rocks_store.hpp"
#include "store_fixtures.hpp"

namespace mq::store {
namespace {

using namespace test;
using Kind = StorageError::Kind;
namespace fs = std::filesystem;

constexpr std::uint64_t kPlenty = std::numeric_limits<std::uint64_t>::max();

class FullDiskTest : public ::testing::Test {
 protected:
  FullDiskTest() {
    options.directory = directory.path();
    options.free_bytes = [this] { return free_bytes; };
    store = open();
  }
  [[nodiscard]] std::unique_ptr<Storage> open() { return std::move(open_rocks_store(options).value()); }
  [[nodiscard]] std::optional<StorageError> trouble() { return disk_care_of(*store)->trouble(); }
  /// The set is refused twice; then there is space, and it is taken.
  void refuse_then_take(WriteSet& set) {
    WriteSet* sets[] = {&set};
    free_bytes = 100'000;
    for (int attempt = 0; attempt < 2; ++attempt) {
      const auto refused = store->commit(sets);
      ASSERT_FALSE(refused);
      EXPECT_EQ(refused.error().kind, Kind::kNoSpace) << refused.error().text;
    }
    EXPECT_EQ(trouble().value_or(StorageError{}).kind, Kind::kNoSpace);
    free_bytes = kPlenty;
    ASSERT_TRUE(store->commit(sets));
    EXPECT_FALSE(trouble());
  }

  TemporaryDirectory directory;
  RocksOptions options;
  std::uint64_t free_bytes = kPlenty;
  std::unique_ptr<Storage> store;
};

}  // namespace

TEST_F(FullDiskTest, RefusesMessagesThatDoNotFitAndTakesTheSameOnesLater) {
  WriteSet set = set_of(page(1, records({1, 2})), WriteSet::PutMetadata{"with it", "x"});
  refuse_then_take(set);
  store.reset();
  store = open();
  const auto read = store->read_page(1, 1, nullptr);
  ASSERT_TRUE(read);
  EXPECT_TRUE(same_records(*read, records({1, 2})));
}

TEST_F(FullDiskTest, HasNothingOfWhatItRefused) {
  free_bytes = 100'000;
  EXPECT_FALSE(commit(*store, page(1, records({1})), WriteSet::PutMetadata{"with it", "x"}));
  EXPECT_EQ(store->read_page(1, 1, nullptr).error().kind, Kind::kNotFound);
  store.reset();
  free_bytes = kPlenty;
  store = open();
  EXPECT_TRUE(store->stored_queues()->empty());
  EXPECT_TRUE(store->scan_metadata("with it", [](std::string_view, std::string_view) { ADD_FAILURE(); }));
}

TEST_F(FullDiskTest, CountsDelayedMessagesOnceThatItRefusedBefore) {
  constexpr DelayedBook kBook = 512;
  const auto delayed = std::make_shared<const std::vector<DelayedRecord>>(
      std::vector{DelayedRecord{{1000, 1}, broker::make_message("exchange", "key", {}, "body"), 1}});
  WriteSet set = set_of(WriteSet::PutDelayed{kBook, delayed});
  refuse_then_take(set);
  store.reset();
  store = open();
  EXPECT_EQ(store->recover_delayed(kBook)->count, 1u);
  EXPECT_EQ(store->recover_delayed(kBook)->body_bytes, 4u);
}

TEST_F(FullDiskTest, KnowsTransientPagesOnlyOnceTheyAreThere) {
  WriteSet spilled = set_of(page(1, records({1}), true));
  refuse_then_take(spilled);
  ASSERT_TRUE(store->read_page(1, 1, nullptr));
  ASSERT_TRUE(commit(*store, WriteSet::DropPage{1, 1, false}));
  EXPECT_FALSE(store->read_page(1, 1, nullptr));
}

TEST_F(FullDiskTest, LetsMessagesGoWhileItIsFull) {
  ASSERT_TRUE(commit(*store, page(1, records({1}))));
  free_bytes = 0;
  EXPECT_TRUE(commit(*store, WriteSet::DropPage{1, 1, false}));
  EXPECT_FALSE(store->read_page(1, 1, nullptr));
}

TEST_F(FullDiskTest, GivesUpItsBallastBeforeItRefusesAnything) {
  const std::string ballast = directory.path() + "/ballast";
  ASSERT_TRUE(fs::exists(ballast));
  store.reset();
  options.free_bytes = [ballast] { return fs::exists(ballast) ? std::uint64_t{0} : std::uint64_t{4} << 20; };
  store = open();
  EXPECT_TRUE(commit(*store, page(1, records({1}))));
  EXPECT_FALSE(fs::exists(ballast));
}

TEST_F(FullDiskTest, DoesNotBeginToOpenWhereItsLogDoesNotFit) {
  ASSERT_TRUE(commit(*store, page(1, {record(1, std::string(3'000'000, 'x'))})));
  store.reset();
  free_bytes = 2'000'000;
  const auto opened = open_rocks_store(options);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, Kind::kNoSpace) << opened.error().text;
  free_bytes = kPlenty;
  store = open();
  EXPECT_TRUE(store->read_page(1, 1, nullptr));
}

TEST_F(FullDiskTest, GivesBackTheSpaceOfFewDroppedPagesWhenSpaceIsShort) {
  for (Offset first = 1; first <= 100; ++first) ASSERT_TRUE(commit(*store, page(1, {record(first, std::string(50'000, 'x'))})));
  WriteSet drops;
  for (Offset first = 1; first <= 100; ++first) drops.operations.emplace_back(WriteSet::DropPage{1, first, false});
  WriteSet* sets[] = {&drops};
  ASSERT_TRUE(store->commit(sets));
  // Of the log files those that were allocated ahead count with what is in them.
  const auto bytes = [this] {
    std::uintmax_t sum = 0;
    for (const auto& entry : fs::directory_iterator(directory.path())) {
      std::error_code gone;
      const std::uintmax_t size = entry.path().filename() == "ballast" ? 0 : entry.file_size(gone);
      if (!gone) sum += size;
    }
    return sum;
  };
  EXPECT_GT(bytes(), 5'000'000u);
  disk_care_of(*store)->save_space();
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (bytes() > 1'000'000u && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
  EXPECT_LT(bytes(), 1'000'000u);
}

TEST_F(FullDiskTest, WritesWhatGathersInMemoryToFilesWhenMemoryIsShort) {
  const auto blob_bytes = [this] {
    std::uintmax_t sum = 0;
    for (const auto& entry : fs::directory_iterator(directory.path()))
      if (std::error_code gone; entry.path().extension() == ".blob") sum += entry.file_size(gone);
    return sum;
  };
  for (Offset first = 1; first <= 10; ++first) ASSERT_TRUE(commit(*store, page(1, {record(first, std::string(1'000'000, 'x'))})));
  ASSERT_EQ(blob_bytes(), 0u);
  disk_care_of(*store)->save_memory();
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (blob_bytes() < 10'000'000u && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
  EXPECT_GT(blob_bytes(), 10'000'000u);
  EXPECT_TRUE(store->read_page(1, 1, nullptr));
}

TEST(DiskCare, IsThatOfAStoreOnDisk) {
  TemporaryDirectory directory;
  auto on_disk = open(directory.path());
  MemoryStore in_memory;
  EXPECT_NE(disk_care_of(*on_disk), nullptr);
  EXPECT_EQ(disk_care_of(in_memory), nullptr);
}

}  // namespace mq::store
