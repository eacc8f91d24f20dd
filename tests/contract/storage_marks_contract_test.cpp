// One suite for every Storage: the marks of pages.
#include <algorithm>
#include <random>

#include "storage_contract.hpp"

namespace mq::store {
namespace {

using namespace test;

TEST_P(MarksContract, KeepsMarksInOrderOfOffset) {
  commit(page(1, records_from(10, 10)));
  commit(WriteSet::AddMarks{1, 10, {{15, kSettled}, {11, 2}}});
  commit(WriteSet::AddMarks{1, 10, {{12, 1}}});
  settle_down();
  EXPECT_EQ(marks(1), (std::vector<Mark>{{11, 2}, {12, 1}, {15, kSettled}}));
}

TEST_P(MarksContract, KeepsUntilWhenMarkedMessagesWait) {
  commit(page(1, records_from(10, 10)));
  commit(WriteSet::AddMarks{1, 10, {{11, 1, 5000}, {12, 1, 6000}}});
  commit(WriteSet::AddMarks{1, 10, {{11, 2, 7000}, {12, kSettled}}});
  settle_down();
  EXPECT_EQ(marks(1), (std::vector<Mark>{{11, 2, 7000}, {12, kSettled}}));
}

TEST_P(MarksContract, ReadsTheMarksOfOnePage) {
  commit(page(1, records({1, 2})), page(1, records({3, 4})), WriteSet::AddMarks{1, 1, {{2, 1}}});
  commit(WriteSet::AddMarks{1, 3, {{4, kSettled}}});
  EXPECT_EQ(marks_of(1, 3), (std::vector<Mark>{{4, kSettled}}));
}

TEST_P(MarksContract, ReadsNoMarksOfAPageThatHasNone) {
  commit(page(1, records({1, 2})));
  EXPECT_TRUE(marks_of(1, 1).empty());
}

TEST_P(MarksContract, KeepsMarksOfEachPageApart) {
  commit(page(1, records({1, 2})), page(1, records({3, 4})), WriteSet::AddMarks{1, 3, {{4, kSettled}}});
  RecoveredQueue recovered = recover(1);
  EXPECT_TRUE(recovered.pages.at(0).marks.empty());
  EXPECT_EQ(recovered.pages.at(1).marks, (std::vector<Mark>{{4, kSettled}}));
}

TEST_P(MarksContract, MergesMarksTheSameInAnyOrder) {
  std::vector<Mark> all;
  for (Offset offset = 1; offset <= 30; ++offset) {
    all.push_back({offset, static_cast<std::uint32_t>(offset % 4)});
    all.push_back({offset, static_cast<std::uint32_t>(offset % 3 + 1)});
    if (offset % 5 == 0) all.push_back({offset, kSettled});
  }
  std::vector<Mark> wanted;
  for (Offset offset = 1; offset <= 30; ++offset) {
    auto a = static_cast<std::uint32_t>(offset % 4);
    auto b = static_cast<std::uint32_t>(offset % 3 + 1);
    wanted.push_back({offset, offset % 5 == 0 ? kSettled : std::max(a, b)});
  }
  std::mt19937 chance(3);
  for (QueueId queue = 1; queue <= 20; ++queue) {
    std::shuffle(all.begin(), all.end(), chance);
    commit(page(queue, records_from(1, 30)));
    for (std::size_t begin = 0; begin < all.size();) {
      std::size_t end = std::min(all.size(), begin + 1 + chance() % 7);
      commit(
          WriteSet::AddMarks{queue, 1, {all.begin() + static_cast<std::ptrdiff_t>(begin), all.begin() + static_cast<std::ptrdiff_t>(end)}});
      begin = end;
    }
    if (queue % 5 == 0) settle_down();
    ASSERT_EQ(marks(queue), wanted) << "order " << queue;
  }
}

}  // namespace
}  // namespace mq::store
