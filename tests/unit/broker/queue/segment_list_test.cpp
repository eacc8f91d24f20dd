#include "broker/queue/segment_list.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace mq::broker {
namespace {

/// Segments of ten offsets each, beginning at 0, 100, 200, ...
std::vector<Segment*> fill(SegmentList& list, std::size_t count) {
  std::vector<Segment*> made;
  for (std::size_t i = 0; i < count; ++i) {
    Segment& segment = list.append(100 * i, 0);
    segment.span = 10;
    made.push_back(&segment);
  }
  return made;
}

}  // namespace

TEST(SegmentList, FindsTheSegmentOfEveryOffsetFromWhereverTheSearchBegins) {
  SegmentList list;
  const std::vector<Segment*> made = fill(list, 9);
  std::vector<Segment*> starts = made;
  starts.push_back(nullptr);
  for (Segment* near : starts)
    for (Offset offset = 0; offset < 900; ++offset) EXPECT_EQ(list.find(offset, near), offset % 100 < 10 ? made[offset / 100] : nullptr);
}

TEST(SegmentList, FindsNothingBehindItsEndOrInNothing) {
  SegmentList list;
  EXPECT_EQ(list.find(5, nullptr), nullptr);
  fill(list, 2);
  EXPECT_EQ(list.find(1000, nullptr), nullptr);
}

TEST(SegmentList, FindsTheOthersWhenSomeAreTakenOut) {
  SegmentList list;
  const std::vector<Segment*> made = fill(list, 7);
  for (std::size_t gone : {3, 0, 6, 4}) list.remove(made[gone]);
  for (std::size_t gone : {0, 3, 4, 6}) EXPECT_EQ(list.find(100 * gone + 1, nullptr), nullptr);
  for (std::size_t left : {1, 2, 5}) EXPECT_EQ(list.find(100 * left + 1, nullptr), made[left]);
}

TEST(SegmentList, KnowsInOrderWhichAreInMemory) {
  SegmentList list;
  const std::vector<Segment*> made = fill(list, 6);
  const auto resident = [&] {
    std::vector<Offset> firsts;
    for (Segment* each = list.last_resident(); each != nullptr; each = each->previous_resident) firsts.push_back(each->first / 100);
    return firsts;
  };
  for (std::size_t gone : {5, 0, 2, 3}) list.leave_memory(*made[gone]);
  EXPECT_EQ(resident(), (std::vector<Offset>{4, 1}));
  for (std::size_t back : {3, 0, 5}) list.enter_memory(*made[back]);
  EXPECT_EQ(resident(), (std::vector<Offset>{5, 4, 3, 1, 0}));
  list.remove(made[4]);
  list.remove(made[2]);
  list.append(600, 0);
  EXPECT_EQ(resident(), (std::vector<Offset>{6, 5, 3, 1, 0}));
}

TEST(SegmentList, KeepsItsOrderWhenAnEmptiedSegmentIsUsedAgain) {
  SegmentList list;
  const std::vector<Segment*> made = fill(list, 3);
  list.remove(made[0]);
  Segment& again = list.append(300, 0);
  again.span = 10;
  EXPECT_EQ(list.find(305, nullptr), &again);
  EXPECT_EQ(list.find(205, &again), made[2]);
}

}  // namespace mq::broker
