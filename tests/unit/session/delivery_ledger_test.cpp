#include "session/delivery_ledger.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

namespace mq::session {
namespace {

// Queues are only names here; the ledger never looks into them.
engine::QueueActor* queue() {
  static char place;
  return reinterpret_cast<engine::QueueActor*>(&place);
}

DeliveryLedger ledger_of(std::uint64_t deliveries) {
  DeliveryLedger ledger;
  for (std::uint64_t i = 0; i < deliveries; ++i) {
    const std::uint64_t tag = ledger.next_tag();
    ledger.add({.tag = tag, .queue = queue(), .position = 100 + tag});
  }
  return ledger;
}

std::vector<std::uint64_t> tags(const std::vector<Unsettled>& taken) {
  std::vector<std::uint64_t> all;
  for (const Unsettled& each : taken) all.push_back(each.tag);
  return all;
}

using Tags = std::vector<std::uint64_t>;

}  // namespace

TEST(DeliveryLedger, SettlesOne) {
  DeliveryLedger ledger = ledger_of(3);
  std::vector<Unsettled> taken;
  ASSERT_TRUE(ledger.settle(2, false, taken));
  EXPECT_EQ(tags(taken), Tags{2});
  EXPECT_EQ(taken.front().position, 102u);
  EXPECT_EQ(ledger.size(), 2u);
}

TEST(DeliveryLedger, SettlesAllUpToATagLowestFirst) {
  DeliveryLedger ledger = ledger_of(5);
  std::vector<Unsettled> taken;
  ASSERT_TRUE(ledger.settle(2, false, taken));
  ASSERT_TRUE(ledger.settle(4, true, taken));
  EXPECT_EQ(tags(taken), (Tags{2, 1, 3, 4}));
}

TEST(DeliveryLedger, SettlesEverythingWithZero) {
  DeliveryLedger ledger = ledger_of(3);
  std::vector<Unsettled> taken;
  ASSERT_TRUE(ledger.settle(0, true, taken));
  EXPECT_EQ(tags(taken), (Tags{1, 2, 3}));
  ASSERT_TRUE(ledger.settle(0, true, taken));
  EXPECT_EQ(taken.size(), 3u);
}

TEST(DeliveryLedger, KnowsNoTagTwice) {
  DeliveryLedger ledger = ledger_of(3);
  std::vector<Unsettled> taken;
  ASSERT_TRUE(ledger.settle(2, false, taken));
  for (bool multiple : {false, true}) {
    const auto again = ledger.settle(2, multiple, taken);
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().reply_text(), "PRECONDITION_FAILED - unknown delivery tag 2");
  }
  EXPECT_EQ(ledger.size(), 2u);
}

TEST(DeliveryLedger, KnowsNoTagThatNeedsNoAcknowledgement) {
  DeliveryLedger ledger = ledger_of(1);
  (void)ledger.next_tag();
  const std::uint64_t tag = ledger.next_tag();
  ledger.add({.tag = tag, .queue = queue(), .position = 0});
  std::vector<Unsettled> taken;
  EXPECT_FALSE(ledger.settle(2, false, taken));
  EXPECT_TRUE(ledger.settle(3, true, taken));
  EXPECT_EQ(tags(taken), (Tags{1, 3}));
}

TEST(DeliveryLedger, PutsBackWhatWasTaken) {
  DeliveryLedger ledger = ledger_of(4);
  std::vector<Unsettled> first, second, all;
  ASSERT_TRUE(ledger.settle(2, true, first));
  ASSERT_TRUE(ledger.settle(4, false, second));
  ledger.restore(second, {});
  ledger.restore(first, {});
  EXPECT_EQ(ledger.size(), 4u);
  ledger.take_all(all);
  EXPECT_EQ(tags(all), (Tags{1, 2, 3, 4}));
}

TEST(DeliveryLedger, DoesWhatAPlainMapWouldDo) {
  for (std::uint32_t seed = 1; seed <= 200; ++seed) {
    std::mt19937 random(seed);
    DeliveryLedger ledger;
    std::map<std::uint64_t, std::uint64_t> model;  // tag -> position
    std::vector<std::vector<Unsettled>> undone;
    for (int step = 0; step < 200; ++step) {
      const auto action = random() % 10;
      if (action < 5) {
        const std::uint64_t tag = ledger.next_tag();
        if (random() % 4 == 0) continue;  // one that needs no acknowledgement
        ledger.add({.tag = tag, .queue = queue(), .position = tag * 7});
        model[tag] = tag * 7;
      } else if (action < 9) {
        const std::uint64_t tag = random() % 60;
        const bool multiple = random() % 2 == 0;
        std::vector<Unsettled> taken;
        const bool known = static_cast<bool>(ledger.settle(tag, multiple, taken));
        ASSERT_EQ(known, model.contains(tag) || (tag == 0 && multiple)) << "seed " << seed;
        Tags expected;
        if (known)
          for (const auto& [each, position] : model)
            if (each == tag || (multiple && (each <= tag || tag == 0))) expected.push_back(each);
        ASSERT_EQ(tags(taken), expected) << "seed " << seed;
        for (std::uint64_t each : expected) model.erase(each);
        if (!taken.empty()) undone.push_back(std::move(taken));
      } else {
        for (auto taken = undone.rbegin(); taken != undone.rend(); ++taken) {
          for (const Unsettled& each : *taken) model[each.tag] = each.position;
          ledger.restore(*taken, {});
        }
        undone.clear();
      }
      ASSERT_EQ(ledger.size(), model.size()) << "seed " << seed;
    }
  }
}

namespace {

DeliveryLedger ledger_late_at(const std::vector<std::uint32_t>& moments) {
  DeliveryLedger ledger;
  for (std::uint32_t at : moments) ledger.add({.tag = ledger.next_tag(), .queue = queue(), .late_at = at, .timed = true});
  return ledger;
}

Tags late(DeliveryLedger& ledger, std::uint32_t now) {
  std::vector<Unsettled> taken;
  ledger.take_late(now, taken);
  return tags(taken);
}

}  // namespace

TEST(LateDeliveries, AreTakenWhenTheirTimeHasCome) {
  DeliveryLedger ledger = ledger_late_at({100, 50, 200});
  EXPECT_FALSE(ledger.has_late(49));
  EXPECT_TRUE(ledger.has_late(50));
  EXPECT_EQ(late(ledger, 100), (Tags{1, 2}));
  EXPECT_EQ(ledger.next_late(), 200u);
  EXPECT_EQ(ledger.size(), 1u);
}

TEST(LateDeliveries, AreNotThoseThatWereSettled) {
  DeliveryLedger ledger = ledger_late_at({100, 100});
  std::vector<Unsettled> taken;
  ASSERT_TRUE(ledger.settle(1, false, taken));
  EXPECT_EQ(late(ledger, 100), Tags{2});
  EXPECT_EQ(ledger.next_late(), std::nullopt);
}

TEST(LateDeliveries, AreNoneWhereNothingIsTimed) {
  DeliveryLedger ledger = ledger_of(3);
  EXPECT_FALSE(ledger.has_late(UINT32_MAX));
  EXPECT_EQ(late(ledger, UINT32_MAX), Tags{});
}

TEST(LateDeliveries, AreFoundWhenTheClockWraps) {
  DeliveryLedger ledger = ledger_late_at({UINT32_MAX - 5, 10});
  EXPECT_EQ(late(ledger, 3), Tags{1});
  EXPECT_EQ(late(ledger, 10), Tags{2});
}

TEST(LateDeliveries, MayBeSettledOnceMoreByTheClient) {
  DeliveryLedger ledger = ledger_late_at({100});
  late(ledger, 100);
  std::vector<Unsettled> taken;
  EXPECT_TRUE(ledger.settle(1, false, taken));
  EXPECT_TRUE(taken.empty());
  EXPECT_FALSE(ledger.settle(1, false, taken));
}

TEST(LateDeliveries, LetAMultipleSettleWhatIsBeforeThem) {
  DeliveryLedger ledger = ledger_late_at({500, 100, 500});
  EXPECT_EQ(late(ledger, 100), Tags{2});
  std::vector<Unsettled> taken;
  ASSERT_TRUE(ledger.settle(2, true, taken));
  EXPECT_EQ(tags(taken), Tags{1});
  EXPECT_EQ(ledger.size(), 1u);
}

TEST(LateDeliveries, AreTimedAgainAfterARollback) {
  DeliveryLedger ledger = ledger_late_at({100});
  std::vector<Unsettled> taken;
  ASSERT_TRUE(ledger.settle(1, false, taken));
  EXPECT_EQ(late(ledger, 50), Tags{});
  ledger.restore(taken, {});
  EXPECT_EQ(ledger.next_late(), 100u);
}

}  // namespace mq::session
