// One suite for every Storage: what the port promises, asked of each implementation.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <thread>

#include "storage_contract.hpp"

namespace mq::store {
namespace {

using namespace test;

constexpr QueueId kLastQueue = 0xFFFFFFFFFFFFFFFFULL;

template <class P>
std::unique_ptr<Place> make() {
  return std::make_unique<P>();
}
constexpr Implementation kMemory{"Memory", make<MemoryPlace>};
constexpr Implementation kRocks{"Rocks", make<RocksPlace>};
const auto name_of = [](const auto& each) { return std::string(each.param.name); };

INSTANTIATE_TEST_SUITE_P(Storage, StorageContract, ::testing::Values(kMemory, kRocks), name_of);
INSTANTIATE_TEST_SUITE_P(Storage, MarksContract, ::testing::Values(kMemory, kRocks), name_of);

/// What holds of stores that can be closed and opened again.
class LastingStorageContract : public StorageContract {};
INSTANTIATE_TEST_SUITE_P(Storage, LastingStorageContract, ::testing::Values(kRocks), name_of);

using Metadata = std::vector<std::pair<std::string, std::string>>;

TEST_P(StorageContract, StartsEmpty) {
  EXPECT_TRUE(queues().empty());
  EXPECT_TRUE(metadata("").empty());
}

TEST_P(StorageContract, GivesMetadataInOrderOfKey) {
  commit(WriteSet::PutMetadata{"b", "2"}, WriteSet::PutMetadata{"a", "1"}, WriteSet::PutMetadata{"c", ""});
  EXPECT_EQ(metadata(""), (Metadata{{"a", "1"}, {"b", "2"}, {"c", ""}}));
}

TEST_P(StorageContract, ReplacesMetadata) {
  commit(WriteSet::PutMetadata{"a", "1"});
  commit(WriteSet::PutMetadata{"a", "2"});
  EXPECT_EQ(metadata("a"), (Metadata{{"a", "2"}}));
}

TEST_P(StorageContract, DeletesMetadata) {
  commit(WriteSet::PutMetadata{"a", "1"}, WriteSet::PutMetadata{"b", "2"});
  commit(WriteSet::DeleteMetadata{"a"}, WriteSet::DeleteMetadata{"never there"});
  EXPECT_EQ(metadata(""), (Metadata{{"b", "2"}}));
}

TEST_P(StorageContract, ScansOnlyWhatStartsWithThePrefix) {
  commit(WriteSet::PutMetadata{"q/a", "1"}, WriteSet::PutMetadata{"q/b", "2"}, WriteSet::PutMetadata{"q0", "3"},
         WriteSet::PutMetadata{"p/z", "4"}, WriteSet::PutMetadata{"q", "5"});
  EXPECT_EQ(metadata("q/"), (Metadata{{"q/a", "1"}, {"q/b", "2"}}));
}

TEST_P(StorageContract, ScansPrefixesOfAllOnes) {
  std::string ones(3, '\xFF');
  commit(WriteSet::PutMetadata{ones + "a", "1"}, WriteSet::PutMetadata{ones, "2"}, WriteSet::PutMetadata{"a", "3"});
  EXPECT_EQ(metadata(ones), (Metadata{{ones, "2"}, {ones + "a", "1"}}));
}

TEST_P(StorageContract, TakesAnyBytesAsMetadata) {
  std::string key("a\0b\xFF", 4);
  std::string value("\0\0", 2);
  commit(WriteSet::PutMetadata{key, value});
  EXPECT_EQ(metadata("a"), (Metadata{{key, value}}));
}

TEST_P(StorageContract, LetsAVisitorUseTheStore) {
  commit(WriteSet::PutMetadata{"a", "1"}, WriteSet::PutQueueState{1, {2, 3}});
  Offset next = 0;
  (void)store_->scan_metadata("", [&](std::string_view, std::string_view) { next = recover(1).state.next_offset; });
  EXPECT_EQ(next, 2U);
}

TEST_P(StorageContract, ReadsBackAPage) {
  auto wanted = records_from(1, 100);
  commit(store_->encode_page(1, wanted, 0, false));
  EXPECT_TRUE(same_records(read(1, 1), wanted));
  settle_down();
  EXPECT_TRUE(same_records(read(1, 1), wanted));
}

TEST_P(StorageContract, FindsNoPageThatIsNotThere) {
  commit(page(1, records({5})));
  EXPECT_FALSE(has_page(1, 4));
  EXPECT_FALSE(has_page(1, 6));
  EXPECT_FALSE(has_page(2, 5));
}

TEST_P(StorageContract, KeepsBigBodies) {
  std::string body(16U << 20, 'x');
  for (std::size_t i = 0; i < body.size(); i += 4099) body[i] = static_cast<char>(i);
  std::vector<PageRecord> wanted = {record(1, body), record(2, "after it")};
  commit(page(1, wanted));
  EXPECT_TRUE(same_records(read(1, 1), wanted));
  settle_down();
  EXPECT_TRUE(same_records(read(1, 1), wanted));
}

TEST_P(StorageContract, KeepsEmptyBodies) {
  std::vector<PageRecord> wanted = {record(1, ""), record(2, "")};
  commit(page(1, wanted));
  EXPECT_TRUE(same_records(read(1, 1), wanted));
}

TEST_P(StorageContract, RecoversPagesInOrder) {
  EncodedPage first = store_->encode_page(9, records({1, 2, 5}), 0, false);
  EncodedPage second = store_->encode_page(9, records({300, 301}), 4, false);
  commit(second);
  commit(first);
  settle_down();
  RecoveredQueue recovered = recover(9);
  ASSERT_EQ(recovered.pages.size(), 2U);
  EXPECT_EQ(recovered.pages[0].index, first.index);
  EXPECT_EQ(recovered.pages[1].index, second.index);
}

TEST_P(StorageContract, RecoversNothingOfAQueueItNeverSaw) {
  commit(page(1, records({1})), page(3, records({1})));
  RecoveredQueue recovered = recover(2);
  EXPECT_TRUE(recovered.pages.empty());
  EXPECT_EQ(recovered.state, QueueState());
}

TEST_P(StorageContract, KeepsQueueState) {
  commit(WriteSet::PutQueueState{1, {10, 4}});
  commit(WriteSet::PutQueueState{1, {20, 15}});
  settle_down();
  EXPECT_EQ(recover(1).state, (QueueState{20, 15}));
}

TEST_P(StorageContract, DropsAPageThatIsStillInABuffer) {
  commit(page(1, records({1, 2})), page(1, records({3})));
  commit(WriteSet::DropPage{1, 1, false});
  EXPECT_FALSE(has_page(1, 1));
  EXPECT_TRUE(has_page(1, 3));
  settle_down();
  EXPECT_FALSE(has_page(1, 1));
  EXPECT_EQ(recover(1).pages.size(), 1U);
}

TEST_P(StorageContract, DropsAPageThatIsInAFile) {
  commit(page(1, records({1, 2})), page(1, records({3})));
  settle_down();
  commit(WriteSet::DropPage{1, 1, false});
  settle_down();
  EXPECT_FALSE(has_page(1, 1));
  EXPECT_EQ(recover(1).pages.size(), 1U);
}

TEST_P(StorageContract, DropsAPageWithItsMarks) {
  commit(page(1, records({1, 2})));
  commit(WriteSet::AddMarks{1, 1, {{1, kSettled}}});
  settle_down();
  commit(WriteSet::AddMarks{1, 1, {{2, kSettled}}}, WriteSet::DropPage{1, 1, true});
  settle_down();
  EXPECT_TRUE(queues().empty());
}

TEST_P(StorageContract, DropsAPageWithinTheCommitThatWroteIt) {
  commit(page(1, records({1, 2})), WriteSet::DropPage{1, 1, false});
  EXPECT_FALSE(has_page(1, 1));
  EXPECT_TRUE(queues().empty());
}

TEST_P(StorageContract, ReplacesAPageByDroppingItFirst) {
  commit(page(1, records({1, 2, 3})));
  settle_down();
  commit(WriteSet::DropPage{1, 1, false}, page(1, records({1, 3})));
  settle_down();
  EXPECT_EQ(offsets_of(read(1, 1)), (std::vector<Offset>{1, 3}));
  commit(WriteSet::DropPage{1, 1, false});
  settle_down();
  EXPECT_FALSE(has_page(1, 1));
}

TEST_P(StorageContract, AppliesSeveralSetsInTheirOrder) {
  WriteSet first = set_of(WriteSet::PutMetadata{"a", "first"}, WriteSet::PutQueueState{1, {1, 0}});
  WriteSet second = set_of(WriteSet::PutMetadata{"a", "second"}, page(1, records({1})));
  WriteSet third = set_of(WriteSet::DropPage{1, 1, false}, WriteSet::PutQueueState{1, {2, 0}});
  std::array<WriteSet*, 3> sets = {&first, &second, &third};
  ASSERT_TRUE(store_->commit(sets));
  settle_down();
  EXPECT_EQ(metadata("a"), (Metadata{{"a", "second"}}));
  EXPECT_EQ(recover(1).state.next_offset, 2U);
  EXPECT_FALSE(has_page(1, 1));
}

TEST_P(StorageContract, TakesAnEmptyCommit) {
  WriteSet empty;
  empty.needs_sync = true;
  std::array<WriteSet*, 1> sets = {&empty};
  EXPECT_TRUE(store_->commit(sets));
  EXPECT_TRUE(store_->commit({}));
}

TEST_P(StorageContract, SyncsOnDemand) {
  WriteSet lazy = set_of(WriteSet::PutMetadata{"a", "1"});
  lazy.needs_sync = false;
  std::array<WriteSet*, 1> sets = {&lazy};
  ASSERT_TRUE(store_->commit(sets));
  EXPECT_TRUE(store_->sync());
}

TEST_P(StorageContract, DropsAQueueAndLeavesItsNeighbours) {
  for (QueueId queue : {QueueId{6}, QueueId{7}, QueueId{8}, QueueId{0xFF}, QueueId{0x100}})
    commit(page(queue, records({1, 2})), page(queue, records({0xFFFFFFFFFFFFFFFFULL})), WriteSet::AddMarks{queue, 1, {{1, 1}}},
           WriteSet::PutQueueState{queue, {3, 3}});
  settle_down();
  commit(WriteSet::DropQueue{7}, WriteSet::DropQueue{0xFF});
  settle_down();
  EXPECT_EQ(queues(), (std::vector<QueueId>{6, 8, 0x100}));
  EXPECT_FALSE(has_page(7, 1));
  for (QueueId queue : {QueueId{6}, QueueId{8}, QueueId{0x100}}) {
    RecoveredQueue recovered = recover(queue);
    ASSERT_EQ(recovered.pages.size(), 2U);
    EXPECT_EQ(recovered.pages[0].marks, (std::vector<Mark>{{1, 1}}));
    EXPECT_TRUE(has_page(queue, 0xFFFFFFFFFFFFFFFFULL));
  }
}

TEST_P(StorageContract, DropsTheFirstAndTheLastQueueThereCanBe) {
  for (QueueId queue : {QueueId{0}, QueueId{1}, kLastQueue - 1, kLastQueue})
    commit(page(queue, records({0, 0xFFFFFFFFFFFFFFFFULL})), WriteSet::PutQueueState{queue, {1, 1}});
  commit(WriteSet::DropQueue{0}, WriteSet::DropQueue{kLastQueue});
  settle_down();
  EXPECT_EQ(queues(), (std::vector<QueueId>{1, kLastQueue - 1}));
  EXPECT_FALSE(has_page(kLastQueue, 0));
  EXPECT_TRUE(has_page(kLastQueue - 1, 0));
}

TEST_P(StorageContract, DropsAQueueWithinTheCommitThatWroteIt) {
  commit(page(7, records({1})), WriteSet::AddMarks{7, 1, {{1, 1}}}, WriteSet::PutQueueState{7, {2, 2}}, page(8, records({1})),
         WriteSet::DropQueue{7});
  settle_down();
  EXPECT_EQ(queues(), (std::vector<QueueId>{8}));
  EXPECT_FALSE(has_page(7, 1));
}

TEST_P(StorageContract, DropsAQueueSomeOfWhosePagesWereDropped) {
  for (Offset first = 1; first <= 10; ++first) commit(page(7, records({first})));
  settle_down();
  commit(WriteSet::DropPage{7, 1, false});
  commit(WriteSet::DropPage{7, 2, false}, WriteSet::DropQueue{7});
  settle_down();
  EXPECT_TRUE(queues().empty());
  for (Offset first = 1; first <= 10; ++first) EXPECT_FALSE(has_page(7, first));
}

TEST_P(StorageContract, DropsAQueueOfThousandsOfPages) {
  WriteSet many;
  for (QueueId queue : {QueueId{1}, QueueId{2}, QueueId{3}})
    for (Offset first = 1; first <= 3000; ++first) many.operations.emplace_back(page(queue, records({first})));
  std::array<WriteSet*, 1> sets = {&many};
  ASSERT_TRUE(store_->commit(sets));
  settle_down();
  commit(WriteSet::DropPage{2, 1500, false});
  commit(WriteSet::DropQueue{2});
  settle_down();
  EXPECT_EQ(queues(), (std::vector<QueueId>{1, 3}));
  EXPECT_FALSE(has_page(2, 1));
  EXPECT_EQ(recover(1).pages.size(), 3000U);
  EXPECT_EQ(recover(3).pages.size(), 3000U);
}

TEST_P(StorageContract, DropsAQueueItNeverSaw) {
  commit(WriteSet::DropQueue{77});
  EXPECT_TRUE(queues().empty());
}

TEST_P(StorageContract, NamesQueuesThatHaveAnything) {
  commit(page(1, records({1})), WriteSet::PutQueueState{5, {1, 1}}, WriteSet::AddMarks{3, 1, {{1, 1}}});
  EXPECT_EQ(queues(), (std::vector<QueueId>{1, 3, 5}));
}

TEST_P(StorageContract, ReadsTransientPagesWhileItRuns) {
  auto wanted = records_from(1, 50);
  commit(page(1, wanted, /*transient=*/true));
  EXPECT_TRUE(same_records(read(1, 1), wanted));
}

TEST_P(StorageContract, DropsTransientPages) {
  commit(page(1, records({1}), true), page(1, records({2}), true));
  commit(WriteSet::DropPage{1, 1, false});
  EXPECT_FALSE(has_page(1, 1));
  EXPECT_TRUE(has_page(1, 2));
}

TEST_P(StorageContract, DropsTransientPagesWithTheirQueue) {
  commit(page(1, records({1}), true), page(2, records({1}), true), page(1, records({2})));
  commit(WriteSet::DropQueue{1});
  EXPECT_FALSE(has_page(1, 1));
  EXPECT_FALSE(has_page(1, 2));
  EXPECT_TRUE(has_page(2, 1));
}

TEST_P(StorageContract, RecoversNoTransientPage) {
  commit(page(1, records({1}), true), page(1, records({2})), page(2, records({1}), true), WriteSet::AddMarks{2, 1, {{1, 1}}});
  RecoveredQueue recovered = recover(1);
  ASSERT_EQ(recovered.pages.size(), 1U);
  EXPECT_EQ(recovered.pages[0].index.first, 2U);
  EXPECT_EQ(queues(), (std::vector<QueueId>{1}));
}

TEST_P(LastingStorageContract, ForgetsTransientPagesWhenItIsOpenedAgain) {
  commit(page(1, records({1}), true), page(1, records({2})));
  settle_down();
  EXPECT_FALSE(has_page(1, 1));
  EXPECT_TRUE(has_page(1, 2));
}

TEST_P(StorageContract, ReportsADamagedPageAndSalvagesTheRest) {
  EncodedPage made = page(1, records({1, 2, 3}));
  made.bytes[made.bytes.find("body 2")] = 'B';
  commit(made);
  settle_down();
  std::vector<PageRecord> salvaged;
  StorageResult<std::vector<PageRecord>> got = store_->read_page(1, 1, &salvaged);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().kind, Kind::kCorrupt);
  EXPECT_EQ(offsets_of(salvaged), (std::vector<Offset>{1, 3}));
}

TEST_P(StorageContract, ReadsPagesWhileItCommitsOthers) {
  auto wanted = records_from(1, 100);
  commit(page(1, wanted));
  std::atomic<bool> done{false};
  int good = 0;
  int bad = 0;
  std::thread reader([&] {
    do {
      StorageResult<std::vector<PageRecord>> got = store_->read_page(1, 1);
      ++(got && same_records(*got, wanted) ? good : bad);
    } while (!done);
  });
  for (Offset first = 1; first <= 50; ++first) {
    commit(page(2, records({first})), WriteSet::AddMarks{1, 1, {{first, kSettled}}});
    commit(WriteSet::DropPage{2, first, false});
  }
  done = true;
  reader.join();
  EXPECT_GT(good, 0);
  EXPECT_EQ(bad, 0);
}

TEST_P(StorageContract, HoldsAThousandQueues) {
  for (QueueId queue = 1; queue <= 1000; ++queue) {
    WriteSet set = set_of(page(queue, records({1, 2})), WriteSet::PutQueueState{queue, {3, 0}});
    set.needs_sync = false;
    std::array<WriteSet*, 1> sets = {&set};
    ASSERT_TRUE(store_->commit(sets));
  }
  settle_down();
  EXPECT_EQ(queues().size(), 1000U);
  EXPECT_EQ(recover(500).pages.size(), 1U);
}

}  // namespace
}  // namespace mq::store
