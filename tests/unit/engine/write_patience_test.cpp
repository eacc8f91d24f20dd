#include "engine/write_patience.hpp"

#include <gtest/gtest.h>

namespace mq::engine {

constexpr Offset kEverything = WritePatience::kEverything;

TEST(WritePatienceTest, WritesAtOnceWhereNobodySettles) {
  WritePatience patience;
  EXPECT_EQ(patience.ripe_below(1000, 5, 5, 0.0), kEverything);
}

TEST(WritePatienceTest, WritesAtOnceWhereMoreWaitsThanIsSoonSettled) {
  WritePatience patience;
  EXPECT_EQ(patience.ripe_below(1000, 5, 1000, 10.0), kEverything);
}

TEST(WritePatienceTest, GivesNewMessagesTheirTime) {
  WritePatience patience;
  EXPECT_EQ(patience.ripe_below(1000, 5, 5, 100.0), 0u);
  EXPECT_EQ(patience.ripe_below(1001, 8, 8, 100.0), 0u);
  EXPECT_EQ(patience.ripe_below(patience.look_at(), 9, 9, 100.0), 5u);
  EXPECT_EQ(patience.ripe_below(patience.look_at(), 12, 3, 100.0), 9u);
}

TEST(WritePatienceTest, EndsWhenConsumersSlowDown) {
  WritePatience patience;
  EXPECT_EQ(patience.ripe_below(1000, 5, 5, 100.0), 0u);
  EXPECT_EQ(patience.ripe_below(1001, 8, 8, 0.5), kEverything);
}

}  // namespace mq::engine
