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
  std::shared_ptr<Committer> committer = std::make_shared<Committer>(
      scheduler.make_blocking_strand("committer"), store, [this](const StorageError& error) { events.push_back("failed: " + error.text); });

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
  EXPECT_EQ(events, Lines{"failed: no space"});
  EXPECT_TRUE(store.commits.empty());
}

}  // namespace mq::engine
