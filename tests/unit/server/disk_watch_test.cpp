#include "server/disk_watch.hpp"

#include <gtest/gtest.h>

namespace mq::server {
namespace {

using engine::StoreState;

constexpr std::uint64_t kMB = 1'000'000;
constexpr std::uint64_t kLimit = 50 * kMB;

/// A disk that is looked at when the watch wants to.
class DiskWatchTest : public ::testing::Test {
 protected:
  DiskWatch watch;
  DiskSight sight;
  DiskVerdict verdict;

  DiskVerdict& sees(std::uint64_t free_bytes, Millis after_ms = 1000) {
    sight.now += after_ms;
    sight.free_bytes = free_bytes;
    verdict = watch.look(sight, kLimit);
    sight.longest_commit_ms = 0;
    return verdict;
  }
};

}  // namespace

TEST_F(DiskWatchTest, BlocksBelowTheLimitAndNoLongerAboveIt) {
  EXPECT_FALSE(sees(kLimit).low);
  EXPECT_TRUE(sees(kLimit - 1).low);
  EXPECT_TRUE(sees(kLimit - 1).low);
  sees(kLimit, DiskWatch::kCalmMs);
  EXPECT_FALSE(verdict.low);
}

TEST_F(DiskWatchTest, LooksOnceASecondWhereNothingHappens) {
  for (int look = 0; look < 5; ++look) {
    sees(kLimit + 1);
    EXPECT_EQ(verdict.look_again_ms, 1000);
    EXPECT_FALSE(verdict.low);
  }
}

TEST_F(DiskWatchTest, WantsToBeToldOfBytesBeforeTheyReachTheLimit) {
  sees(kLimit + 40 * kMB);
  EXPECT_LE(verdict.look_at_bytes, 10 * kMB);
  sight.written_bytes = 7 * kMB;
  sees(kLimit + 20 * kMB);
  EXPECT_LE(verdict.look_at_bytes, 12 * kMB);
}

TEST_F(DiskWatchTest, WantsToBeToldOfSomeBytesWhereThereIsPlenty) {
  sees(1'000'000 * kMB);
  EXPECT_LE(verdict.look_at_bytes, 20 * kMB);
}

TEST_F(DiskWatchTest, LooksSoonerTheFasterSpaceVanishes) {
  sees(kLimit + 100 * kMB);
  sees(kLimit + 50 * kMB, 500);  // by another program
  EXPECT_LE(verdict.look_again_ms, 125);
  sees(kLimit + 10 * kMB, 100);
  EXPECT_LE(verdict.look_again_ms, 25);
  sees(kLimit + 10 * kMB);
  EXPECT_EQ(verdict.look_again_ms, 1000);
}

TEST_F(DiskWatchTest, BlocksEarlierWhereMuchIsWritten) {
  sees(kLimit + 200 * kMB);
  sight.written_bytes += 20 * kMB;
  EXPECT_FALSE(sees(kLimit + 160 * kMB).low);
  sight.written_bytes += 20 * kMB;
  EXPECT_TRUE(sees(kLimit + 19 * kMB).low) << "half a second at this pace, written twice, does not fit";
}

TEST_F(DiskWatchTest, KeepsNoMoreThanTheLimitFreeAboveIt) {
  sees(kLimit + 3000 * kMB);
  sight.written_bytes += 1000 * kMB;
  EXPECT_FALSE(sees(2 * kLimit).low);
  EXPECT_EQ(watch.headroom_bytes(), kLimit);
}

TEST_F(DiskWatchTest, KeepsThoseWhoWereStoppedEarlyForAWhile) {
  sees(kLimit + 200 * kMB);
  sight.written_bytes += 40 * kMB;
  EXPECT_TRUE(sees(kLimit + 30 * kMB).low);
  EXPECT_TRUE(sees(kLimit + 30 * kMB, DiskWatch::kCalmMs / 2).low);
  EXPECT_FALSE(sees(kLimit + 30 * kMB, DiskWatch::kCalmMs / 2).low);
}

TEST_F(DiskWatchTest, BlocksWhileTheStoreIsFullWhateverIsFree) {
  sight.trouble = StorageError{StorageError::Kind::kNoSpace, "a quota"};
  EXPECT_TRUE(sees(kLimit + 1000 * kMB).low);
  EXPECT_EQ(verdict.store, StoreState::kFull);
  EXPECT_EQ(verdict.store_text, "a quota");
  sight.trouble.reset();
  EXPECT_FALSE(sees(kLimit + 1000 * kMB).low);
  EXPECT_EQ(verdict.store, StoreState::kWell);
}

TEST_F(DiskWatchTest, BlocksWhileTheStoreIsFullWithoutALimitToo) {
  sight.trouble = StorageError{StorageError::Kind::kNoSpace, "full"};
  EXPECT_TRUE(watch.look(sight, 0).low);
  sight.trouble.reset();
  EXPECT_FALSE(watch.look(sight, 0).low);
}

TEST_F(DiskWatchTest, SaysThatAStoreIsFailingAndBlocksNobodyForIt) {
  sight.trouble = StorageError{StorageError::Kind::kIo, "broken"};
  EXPECT_FALSE(sees(kLimit + 1000 * kMB).low);
  EXPECT_EQ(verdict.store, StoreState::kFailing);
}

TEST_F(DiskWatchTest, CallsADiskSlowWhileACommitTakesLong) {
  sight.commit_under_way_ms = DiskWatch::kSlowMs - 1;
  EXPECT_EQ(sees(kLimit).store, StoreState::kWell);
  sight.commit_under_way_ms = DiskWatch::kSlowMs;
  EXPECT_EQ(sees(kLimit).store, StoreState::kSlow);
  EXPECT_EQ(verdict.store_text, "a commit has been under way for 1000 ms");
}

TEST_F(DiskWatchTest, CallsADiskWellAfterSomeTimeWithoutASlowCommit) {
  sight.longest_commit_ms = 1500;
  EXPECT_EQ(sees(kLimit).store, StoreState::kSlow);
  EXPECT_EQ(verdict.store_text, "a commit took 1500 ms");
  EXPECT_EQ(sees(kLimit, DiskWatch::kWellAfterMs - 1).store, StoreState::kSlow);
  EXPECT_EQ(sees(kLimit, 1).store, StoreState::kWell);
}

}  // namespace mq::server
