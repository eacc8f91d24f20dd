#include "sim/faulty_disk.hpp"

#include <gtest/gtest.h>

#include "broker/message.hpp"

namespace mq::sim {
namespace {

StorageResult<> puts(FaultyDisk& disk, const std::string& key, bool synced) {
  WriteSet set;
  set.operations.emplace_back(WriteSet::PutMetadata{key, "value"});
  set.needs_sync = synced;
  WriteSet* sets[] = {&set};
  return disk.commit(sets);
}

std::string keys_of(FaultyDisk& disk) {
  std::string keys;
  (void)disk.scan_metadata("", [&](std::string_view key, std::string_view) { keys += key; });
  return keys;
}

// What may be left of three writes of which the first was synced.
std::string left_by(std::uint64_t seed) {
  FaultyDisk disk;
  (void)puts(disk, "a", true);
  (void)puts(disk, "b", false);
  (void)puts(disk, "c", false);
  EXPECT_EQ(keys_of(disk), "abc");
  Random random(seed);
  disk.lose_power(random);
  return keys_of(disk);
}

}  // namespace

TEST(FaultyDisk, KeepsWhatWasSyncedAndLosesTheRestFromItsEnd) {
  std::set<std::string> left;
  for (std::uint64_t seed = 1; seed <= 50; ++seed) left.insert(left_by(seed));
  EXPECT_EQ(left, (std::set<std::string>{"a", "ab", "abc"}));
}

TEST(FaultyDisk, KeepsWhatWasWrittenBeforeASync) {
  FaultyDisk disk;
  (void)puts(disk, "a", false);
  (void)puts(disk, "b", true);
  Random random(1);
  disk.lose_power(random);
  EXPECT_EQ(keys_of(disk), "ab");
}

TEST(FaultyDisk, KeepsEverythingInGoodOrder) {
  FaultyDisk disk;
  (void)puts(disk, "a", false);
  disk.restart();
  EXPECT_EQ(keys_of(disk), "a");
}

TEST(FaultyDisk, FailsOneCommitBeforeItIsWritten) {
  FaultyDisk disk;
  disk.fail_next_commit(FaultyDisk::Failure::kBeforeWriting);
  EXPECT_FALSE(puts(disk, "a", true));
  disk.restart();
  EXPECT_EQ(keys_of(disk), "");
  EXPECT_TRUE(puts(disk, "b", true));
}

TEST(FaultyDisk, MayHaveWrittenWhatItDidNotSync) {
  FaultyDisk disk;
  disk.fail_next_commit(FaultyDisk::Failure::kBeforeSyncing);
  EXPECT_FALSE(puts(disk, "a", true));
  EXPECT_EQ(keys_of(disk), "");
  disk.restart();
  EXPECT_EQ(keys_of(disk), "a");
}

TEST(FaultyDisk, TakesNoMessagesWhileItIsFullButLetsSomeGo) {
  FaultyDisk disk;
  WriteSet page;
  page.operations.emplace_back(
      disk.encode_page(1, std::vector{PageRecord{5, broker::make_message("x", "k", {}, "body"), 0, kNever}}, 0, false));
  page.needs_sync = true;
  WriteSet* sets[] = {&page};
  disk.set_full(true);
  const auto refused = disk.commit(sets);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, StorageError::Kind::kNoSpace);
  EXPECT_TRUE(disk.stored_queues()->empty());
  EXPECT_TRUE(puts(disk, "a", true));
  disk.set_full(false);
  EXPECT_TRUE(disk.commit(sets));
  EXPECT_TRUE(disk.read_page(1, 5, nullptr));
}

TEST(FaultyDisk, ReadsAgainAfterItFailedTo) {
  FaultyDisk disk;
  disk.fail_reads(1);
  EXPECT_FALSE(disk.read_marks(1, 0));
  EXPECT_TRUE(disk.read_marks(1, 0));
}

}  // namespace mq::sim
