#include "engine/delayed_window.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <random>
#include <set>

namespace mq::engine {
namespace {

DelayedRecord record(UnixMillis due, std::uint64_t sequence) { return {{due, sequence}, broker::make_message("", "q", {}, "m"), 0}; }

/// A window beside the disk it speaks of.
class Book {
 public:
  explicit Book(DelayedWindow::Limits limits) : window(limits) {}

  DelayedWindow window;
  std::map<DelayedKey, DelayedRecord> disk;

  void put(const DelayedRecord& each) { disk.emplace(each.key, each); }
  void put_and_add(UnixMillis due, std::uint64_t sequence) {
    const DelayedRecord each = record(due, sequence);
    put(each);
    window.add(each);
  }
  [[nodiscard]] DelayedScan read(const DelayedWindow::Load& load) const {
    DelayedScan scan;
    auto at = disk.lower_bound(load.from);
    for (; at != disk.end() && scan.records.size() < load.max_messages; ++at) scan.records.push_back(at->second);
    scan.complete = at == disk.end();
    return scan;
  }
  /// Reads back whatever is wanted.
  void load(std::uint64_t safe_below = UINT64_MAX) {
    while (window.wants_load()) EXPECT_EQ(window.loaded(read(window.start_load(safe_below))).missing, 0u);
  }
  /// The due times of all that is due, in the order in which they come out; they are off the disk then.
  std::vector<UnixMillis> come_out(UnixMillis now = kNever - 1) {
    std::vector<UnixMillis> dues;
    for (load();; load()) {
      auto taken = window.take_due(now);
      if (!taken) return dues;
      dues.push_back(taken->key.due);
      disk.erase(taken->key);
      window.gone(taken->key);
    }
  }
};

constexpr DelayedWindow::Limits kFour{4, 1 << 20};
using Dues = std::vector<UnixMillis>;

}  // namespace

TEST(DelayedWindow, GivesOutWhatIsDueInOrder) {
  Book book(kFour);
  for (UnixMillis due : {30, 10, 20}) book.put_and_add(due, static_cast<std::uint64_t>(due));
  EXPECT_EQ(book.come_out(20), (Dues{10, 20}));
  EXPECT_EQ(book.window.next_due(), 30);
}

TEST(DelayedWindow, KeepsTheOrderOfArrivalAtTheSameTime) {
  Book book(kFour);
  for (std::uint64_t sequence : {0, 1, 2}) book.put_and_add(10, sequence);
  for (std::uint64_t sequence : {0, 1, 2}) EXPECT_EQ(book.window.take_due(10)->key.sequence, sequence);
}

TEST(DelayedWindow, KeepsOnlyTheNextOnesInMemory) {
  Book book(kFour);
  for (std::uint64_t n = 0; n < 100; ++n) book.put_and_add(static_cast<UnixMillis>(1000 - n), n);
  EXPECT_EQ(book.window.in_memory(), 4u);
  EXPECT_EQ(book.window.waiting(), 100u);
  EXPECT_EQ(book.window.next_due(), 901);
}

TEST(DelayedWindow, KeepsNoMoreBytesThanItMay) {
  Book book({100, 10'000});
  for (std::uint64_t n = 0; n < 50; ++n) {
    const DelayedRecord large{{static_cast<UnixMillis>(n), n}, broker::make_message("", "q", {}, std::string(3000, 'x')), 0};
    book.put(large);
    book.window.add(large);
  }
  EXPECT_LE(book.window.memory_bytes(), 10'000u);
  EXPECT_EQ(book.come_out().size(), 50u);
}

TEST(DelayedWindow, KeepsOneMessageThatIsLargerThanItsBound) {
  Book book({100, 1000});
  const DelayedRecord large{{1, 0}, broker::make_message("", "q", {}, std::string(3000, 'x')), 0};
  book.put(large);
  book.window.add(large);
  EXPECT_EQ(book.come_out(), (Dues{1}));
}

TEST(DelayedWindow, ReadsTheOthersBack) {
  Book book(kFour);
  for (std::uint64_t n = 0; n < 100; ++n) book.put_and_add(static_cast<UnixMillis>(n), n);
  EXPECT_EQ(book.come_out().size(), 100u);
  EXPECT_EQ(book.window.waiting(), 0u);
}

TEST(DelayedWindow, StartsFromDisk) {
  Book book(kFour);
  for (std::uint64_t n = 0; n < 10; ++n) book.put(record(static_cast<UnixMillis>(n), n));
  book.window.restore(10);
  EXPECT_EQ(book.window.next_due(), kNever);
  EXPECT_EQ(book.come_out().size(), 10u);
}

TEST(DelayedWindow, LeavesWhatCameDuringAReadToTheNextOne) {
  Book book(kFour);
  for (std::uint64_t n = 0; n < 10; ++n) book.put(record(static_cast<UnixMillis>(10 * n), n));
  book.window.restore(10);
  const auto load = book.window.start_load(10);
  const DelayedScan scan = book.read(load);
  book.put_and_add(15, 10);  // too late to be seen
  (void)book.window.loaded(scan);
  EXPECT_EQ(book.come_out(), (Dues{0, 10, 15, 20, 30, 40, 50, 60, 70, 80, 90}));
}

TEST(DelayedWindow, TakesNothingTwiceThatWasSeenBeforeItWasAdded) {
  Book book(kFour);
  book.put(record(10, 0));
  book.window.restore(1);
  book.put(record(20, 1));  // its writer has not been told yet
  (void)book.window.loaded(book.read(book.window.start_load(1)));
  book.window.add(record(20, 1));
  EXPECT_EQ(book.come_out(), (Dues{10, 20}));
}

TEST(DelayedWindow, DoesNotBringBackWhatIsLeaving) {
  Book book(kFour);
  for (std::uint64_t n = 0; n < 10; ++n) book.put(record(static_cast<UnixMillis>(n), n));
  book.window.restore(10);
  EXPECT_TRUE(book.window.take({2, 2}));  // still on disk
  EXPECT_EQ(book.come_out(), (Dues{0, 1, 3, 4, 5, 6, 7, 8, 9}));
}

TEST(DelayedWindow, DoesNotBringBackWhatLeftDuringTheRead) {
  Book book(kFour);
  for (std::uint64_t n = 0; n < 3; ++n) book.put(record(static_cast<UnixMillis>(n), n));
  book.window.restore(3);
  const DelayedScan scan = book.read(book.window.start_load(3));
  EXPECT_TRUE(book.window.take({1, 1}));
  book.disk.erase({1, 1});
  book.window.gone({1, 1});
  (void)book.window.loaded(scan);
  EXPECT_EQ(book.come_out(), (Dues{0, 2}));
}

TEST(DelayedWindow, LetsNobodyTakeWhatIsLeavingOrGone) {
  Book book(kFour);
  book.put_and_add(1, 0);
  EXPECT_TRUE(book.window.take_due(5));
  EXPECT_FALSE(book.window.take({1, 0}));
  book.window.gone({1, 0});
  EXPECT_FALSE(book.window.take({1, 0}));
}

TEST(DelayedWindow, ToldOfDamageHasItDroppedOnce) {
  Book book(kFour);
  book.window.restore(2);
  DelayedScan scan;
  scan.records.push_back(record(20, 1));
  scan.damaged.push_back({10, 0});
  scan.complete = true;
  (void)book.window.start_load(2);
  const auto losses = book.window.loaded(scan);
  EXPECT_EQ(losses.damaged, (std::vector<DelayedKey>{{10, 0}}));
  EXPECT_EQ(losses.missing, 0u);
  EXPECT_EQ(book.window.waiting(), 1u);
}

TEST(DelayedWindow, NoticesWhatIsMissingOnDisk) {
  Book book(kFour);
  book.window.restore(3);
  (void)book.window.start_load(3);
  DelayedScan scan;
  scan.records.push_back(record(20, 1));
  scan.complete = true;
  EXPECT_EQ(book.window.loaded(scan).missing, 2u);
  EXPECT_EQ(book.window.waiting(), 1u);
}

// Everything at once and in any order: what goes in comes out once, and never later than something due after it.
TEST(DelayedWindow, LosesAndDoublesNothingWhateverComesBetween) {
  for (std::uint32_t seed = 1; seed <= 200; ++seed) {
    std::mt19937 random(seed);
    auto below = [&](std::uint32_t bound) { return random() % bound; };
    Book book({1 + below(8), 1 << 20});
    std::uint64_t sequence = 0;
    UnixMillis now = 1000;
    std::deque<DelayedRecord> unwritten, written;  // on their way: not on disk; on disk but not added
    std::optional<DelayedWindow::Load> load;
    std::optional<DelayedScan> scan;
    std::vector<DelayedKey> leaving;
    std::set<DelayedKey> in, out;
    auto step = [&](std::uint32_t what) {
      if (what == 0) {
        in.insert(unwritten.emplace_back(record(now + 1 + below(50), sequence++)).key);
      } else if (what == 1 && !unwritten.empty()) {
        book.put(unwritten.front());
        written.push_back(unwritten.front());
        unwritten.pop_front();
      } else if (what == 2 && !written.empty()) {
        book.window.add(written.front());
        written.pop_front();
      } else if (what == 3 && book.window.wants_load()) {
        load = book.window.start_load(!written.empty()     ? written.front().key.sequence
                                      : !unwritten.empty() ? unwritten.front().key.sequence
                                                           : sequence);
      } else if (what == 4 && load && !scan) {
        scan = book.read(*load);
      } else if (what == 5 && scan) {
        ASSERT_EQ(book.window.loaded(*scan).missing, 0u) << seed;
        load.reset();
        scan.reset();
      } else if (what == 6) {
        if (auto taken = book.window.take_due(now)) {
          ASSERT_TRUE(out.insert(taken->key).second) << seed << ": " << taken->key.due << " came twice";
          leaving.push_back(taken->key);
        }
      } else if (what == 7 && !leaving.empty()) {
        book.disk.erase(leaving.back());
        book.window.gone(leaving.back());
        leaving.pop_back();
      } else if (what == 8) {
        now = std::max<UnixMillis>(1, now + static_cast<UnixMillis>(below(12)) - 3);  // the clock may be set back
      } else if (what == 9 && !book.disk.empty()) {
        auto any = std::next(book.disk.begin(), static_cast<std::ptrdiff_t>(below(static_cast<std::uint32_t>(book.disk.size()))));
        const bool on_its_way = std::any_of(written.begin(), written.end(), [&](const auto& each) { return each.key == any->first; });
        if (below(4) == 0 && !on_its_way && book.window.take(any->first)) {
          ASSERT_TRUE(out.insert(any->first).second) << seed;
          leaving.push_back(any->first);
        }
      }
    };
    for (int i = 0; i < 2000; ++i) step(below(10));
    now += 1000;
    for (int i = 0; i < 20'000 && out.size() < in.size(); ++i) step(1 + static_cast<std::uint32_t>(i) % 7);
    ASSERT_EQ(out.size(), in.size()) << seed;
  }
}

}  // namespace mq::engine
