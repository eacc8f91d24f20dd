#include "engine/committer.hpp"

#include <gtest/gtest.h>

#include "recording_store.hpp"
#include "support/manual_scheduler.hpp"

namespace mq::engine {
namespace {

WriteSet puts(const std::string& key, bool needs_sync = false) {
  WriteSet set;
  set.operations.emplace_back(WriteSet::PutMetadata{key, "value"});
  set.needs_sync = needs_sync;
  return set;
}

class CommitterTest : public ::testing::Test {
 protected:
  mq::test::ManualScheduler scheduler;
  test::RecordingStore store;
  std::vector<std::string> events;  // what was told to those who asked
  std::shared_ptr<Committer> committer =
      std::make_shared<Committer>(scheduler.make_blocking_strand("committer"), scheduler, store,
                                  [this](const StorageError& error) { events.push_back("failed: " + error.text); });

  std::function<void()> tells(const std::string& event) {
    return [this, event] { events.push_back(event); };
  }
  using Lines = std::vector<std::string>;
};

}  // namespace

TEST_F(CommitterTest, CommitsWhatWaitsAsOne) {
  committer->submit(puts("a"), tells("a"));
  committer->submit(puts("b", true), tells("b"));
  committer->submit({puts("c"), puts("d")}, tells("cd"));
  scheduler.run_until_idle();
  EXPECT_EQ(store.commits, Lines{"a b! c d"});
  EXPECT_EQ(events, (Lines{"a", "b", "cd"}));
}

TEST_F(CommitterTest, GathersTheNextBatchMeanwhile) {
  committer->submit(puts("a"), [this] {
    committer->submit(puts("b"), tells("b"));
    committer->submit(puts("c"), tells("c"));
  });
  scheduler.run_until_idle();
  EXPECT_EQ(store.commits, (Lines{"a", "b c"}));
}

TEST_F(CommitterTest, TellsNobodyBeforeTheCommit) {
  committer->submit(puts("a"), [this] { events.push_back("commits by then: " + std::to_string(store.commits.size())); });
  EXPECT_TRUE(events.empty());
  scheduler.run_until_idle();
  EXPECT_EQ(events, Lines{"commits by then: 1"});
}

TEST_F(CommitterTest, WritesNothingForEmptySets) {
  committer->submit(WriteSet{}, tells("done"));
  scheduler.run_until_idle();
  EXPECT_TRUE(store.commits.empty());
  EXPECT_EQ(events, Lines{"done"});
}

TEST_F(CommitterTest, NeedsNobodyToTell) {
  committer->submit(puts("a"), nullptr);
  scheduler.run_until_idle();
  EXPECT_EQ(store.commits, Lines{"a"});
}

TEST_F(CommitterTest, ConfirmsNothingAfterAFailure) {
  store.fails = true;
  committer->submit(puts("a"), tells("a"));
  scheduler.run_until_idle();
  store.fails = false;
  committer->submit(puts("b"), tells("b"));
  committer->submit(WriteSet{}, tells("c"));
  scheduler.run_until_idle();
  EXPECT_EQ(events, Lines{"failed: the disk is broken"});
  EXPECT_TRUE(store.commits.empty());
}

// --- a full disk ---

TEST_F(CommitterTest, WaitsForSpaceAndTellsNobodyMeanwhile) {
  store.full = true;
  committer->submit(puts("a", true), tells("a"));
  scheduler.advance(10'000);
  EXPECT_TRUE(events.empty());
  store.full = false;
  scheduler.advance(1000);
  EXPECT_EQ(store.commits, Lines{"a!"});
  EXPECT_EQ(events, Lines{"a"});
}

TEST_F(CommitterTest, PutsWhatComesMeanwhileBehindWhatWaits) {
  store.full = true;
  committer->submit(puts("a"), tells("a"));
  scheduler.run_until_idle();
  committer->submit(puts("b"), tells("b"));
  committer->submit(WriteSet{}, tells("nothing"));
  scheduler.run_until_idle();
  store.full = false;
  committer->submit(puts("c"), tells("c"));
  scheduler.run_until_idle();
  EXPECT_TRUE(events.empty());
  scheduler.advance(1000);
  EXPECT_EQ(store.commits, Lines{"a b c"});
  EXPECT_EQ(events, (Lines{"a", "b", "nothing", "c"}));
}

TEST_F(CommitterTest, CommitsAtOnceAgainAfterAFullDisk) {
  store.full = true;
  committer->submit(puts("a"), tells("a"));
  scheduler.run_until_idle();
  store.full = false;
  scheduler.advance(1000);
  committer->submit(puts("b"), tells("b"));
  scheduler.run_until_idle();
  EXPECT_EQ(store.commits, (Lines{"a", "b"}));
}

TEST_F(CommitterTest, AsksAFullDiskOnceASecondInTheLongRun) {
  store.full = true;
  committer->submit(puts("a"), nullptr);
  scheduler.advance(10'000);
  const int soon = store.attempts;
  for (int key = 0; key < 100; ++key) committer->submit(puts("b"), nullptr);
  scheduler.advance(60'000);
  EXPECT_EQ(store.attempts - soon, 60);
}

TEST_F(CommitterTest, AsksAFullDiskAlsoWhenTheClockWasSetBack) {
  store.full = true;
  committer->submit(puts("a"), tells("a"));
  scheduler.run_until_idle();
  store.full = false;
  scheduler.set_clock(-3'600'000);
  scheduler.advance(1000);
  EXPECT_EQ(events, Lines{"a"});
}

TEST_F(CommitterTest, EndsWhenADiskThatWasFullFails) {
  store.full = true;
  committer->submit(puts("a"), tells("a"));
  scheduler.run_until_idle();
  store.fails = true;
  scheduler.advance(1000);
  EXPECT_EQ(events, Lines{"failed: the disk is broken"});
}

// --- for those who watch the disk ---

TEST_F(CommitterTest, TellsItsWatcherWhenTheDiskIsFullAndWhenItIsNoMore) {
  committer->set_watcher([this] { events.push_back(committer->gauges().waits_for_space ? "full" : "not full"); });
  committer->submit(puts("a"), nullptr);
  scheduler.run_until_idle();
  EXPECT_TRUE(events.empty());
  store.full = true;
  committer->submit(puts("b"), nullptr);
  scheduler.advance(5000);
  EXPECT_EQ(events, Lines{"full"});
  store.full = false;
  scheduler.advance(1000);
  EXPECT_EQ(events, (Lines{"full", "not full"}));
}

TEST_F(CommitterTest, TellsItsWatcherOnceWhenSoMuchWasWritten) {
  const auto page = [this](Offset offset) {
    WriteSet set;
    set.operations.emplace_back(store.encode_page(
        1, std::vector{PageRecord{offset, broker::make_message("x", "k", {}, std::string(1000, 'x')), 0, kNever}}, 0, false));
    return set;
  };
  committer->set_watcher([this] { events.push_back("look"); });
  committer->gauges().tell_at = 1500;
  committer->submit(page(1), nullptr);
  scheduler.run_until_idle();
  EXPECT_TRUE(events.empty());
  for (Offset offset = 2; offset < 9; ++offset) committer->submit(page(offset), nullptr), scheduler.run_until_idle();
  EXPECT_EQ(events, Lines{"look"});
  EXPECT_GE(committer->gauges().message_bytes, 8000u);
}

TEST_F(CommitterTest, CountsWhatWaitsForSpaceOnce) {
  store.full = true;
  WriteSet set;
  set.operations.emplace_back(
      store.encode_page(1, std::vector{PageRecord{1, broker::make_message("x", "k", {}, std::string(1000, 'x')), 0, kNever}}, 0, false));
  committer->submit(std::move(set), nullptr);
  scheduler.advance(5000);
  store.full = false;
  scheduler.advance(1000);
  EXPECT_LT(committer->gauges().message_bytes, 2000u);
}

}  // namespace mq::engine
