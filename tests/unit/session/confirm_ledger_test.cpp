#include "session/confirm_ledger.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace mq::session {
namespace {

using Due = ConfirmLedger::Due;

// `+3` an ack, `+3*` one with multiple, `-3` a nack.
std::string due(ConfirmLedger& ledger) {
  std::vector<Due> all;
  ledger.take_due(all);
  std::string text;
  for (const Due& each : all)
    text += (text.empty() ? "" : " ") + std::string(each.refused ? "-" : "+") + std::to_string(each.sequence) + (each.multiple ? "*" : "");
  return text;
}

}  // namespace

TEST(ConfirmLedger, CountsFromOne) {
  ConfirmLedger ledger;
  EXPECT_EQ(ledger.add(1), 1u);
  EXPECT_EQ(ledger.add(1), 2u);
}

TEST(ConfirmLedger, OwesNothingWhileQueuesAreSilent) {
  ConfirmLedger ledger;
  ledger.add(1);
  EXPECT_EQ(due(ledger), "");
  EXPECT_EQ(ledger.waiting(), 1u);
}

TEST(ConfirmLedger, AcksAtOnceWhatWentToNoQueue) {
  ConfirmLedger ledger;
  ledger.add(0);
  EXPECT_EQ(due(ledger), "+1");
}

TEST(ConfirmLedger, WaitsForEveryQueue) {
  ConfirmLedger ledger;
  ledger.add(2);
  ledger.answered(1, false);
  EXPECT_EQ(due(ledger), "");
  ledger.answered(1, false);
  EXPECT_EQ(due(ledger), "+1");
}

TEST(ConfirmLedger, FoldsWhatIsDueInARow) {
  ConfirmLedger ledger;
  for (int i = 0; i < 3; ++i) ledger.add(1);
  for (std::uint64_t sequence : {2, 1, 3}) ledger.answered(sequence, false);
  EXPECT_EQ(due(ledger), "+3*");
}

TEST(ConfirmLedger, AcksOneByOneWhatIsAheadOfTheOldest) {
  ConfirmLedger ledger;
  for (int i = 0; i < 4; ++i) ledger.add(1);
  ledger.answered(3, false);
  ledger.answered(4, false);
  EXPECT_EQ(due(ledger), "+3 +4");
  ledger.answered(1, false);
  EXPECT_EQ(due(ledger), "+1");
  ledger.answered(2, false);
  EXPECT_EQ(due(ledger), "+2");
}

TEST(ConfirmLedger, NacksWhatAnyQueueRefused) {
  ConfirmLedger ledger;
  ledger.add(2);
  ledger.answered(1, true);
  ledger.answered(1, false);
  EXPECT_EQ(due(ledger), "-1");
}

TEST(ConfirmLedger, NacksBeforeItFolds) {
  ConfirmLedger ledger;
  for (int i = 0; i < 3; ++i) ledger.add(1);
  ledger.answered(1, false);
  ledger.answered(2, true);
  ledger.answered(3, false);
  EXPECT_EQ(due(ledger), "-2 +3*");
}

TEST(ConfirmLedger, IgnoresAnswersItDidNotAskFor) {
  ConfirmLedger ledger;
  ledger.add(1);
  for (std::uint64_t sequence : {0, 2, 100}) ledger.answered(sequence, false);
  EXPECT_EQ(due(ledger), "");
}

// Whatever the order of answers: each publish is acked or nacked exactly once, a nack only when a queue refused it, and a folded ack
// covers nothing that still waits.
TEST(ConfirmLedger, AnswersEachPublishExactlyOnceInAnyOrder) {
  for (std::uint32_t seed = 1; seed <= 200; ++seed) {
    std::mt19937 random(seed);
    ConfirmLedger ledger;
    std::vector<std::uint64_t> open;              // one entry per answer to come
    std::map<std::uint64_t, std::uint32_t> left;  // answers to come
    std::map<std::uint64_t, bool> refused, told;
    auto take = [&] {
      std::vector<Due> all;
      ledger.take_due(all);
      for (const Due& each : all) {
        for (std::uint64_t sequence = each.multiple ? 1 : each.sequence; sequence <= each.sequence; ++sequence) {
          if (each.multiple && told[sequence]) continue;
          ASSERT_EQ(left[sequence], 0u) << "seed " << seed;
          ASSERT_EQ(refused[sequence], each.refused) << "seed " << seed;
          ASSERT_FALSE(std::exchange(told[sequence], true)) << "seed " << seed;
        }
      }
    };
    std::uint64_t published = 0;
    for (int step = 0; step < 300; ++step) {
      if (random() % 2 == 0 && published < 80) {
        const std::uint32_t queues = random() % 4;
        const std::uint64_t sequence = ledger.add(queues);
        ASSERT_EQ(sequence, ++published);
        left[sequence] = queues;
        open.insert(open.end(), queues, sequence);
      } else if (!open.empty()) {
        const std::size_t chosen = random() % open.size();
        const std::uint64_t sequence = open[chosen];
        open.erase(open.begin() + static_cast<std::ptrdiff_t>(chosen));
        const bool refuses = random() % 8 == 0;
        --left[sequence];
        refused[sequence] = refused[sequence] || refuses;
        ledger.answered(sequence, refuses);
      }
      if (random() % 3 == 0) take();
    }
    for (std::uint64_t sequence : open) {
      --left[sequence];
      ledger.answered(sequence, false);
    }
    take();
    for (std::uint64_t sequence = 1; sequence <= published; ++sequence)
      ASSERT_TRUE(told[sequence]) << "seed " << seed << ", publish " << sequence;
    ASSERT_EQ(ledger.waiting(), 0u);
  }
}

}  // namespace mq::session
