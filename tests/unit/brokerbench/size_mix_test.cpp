#include "apps/brokerbench/size_mix.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace mq::bench {
namespace {

using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

SizeMix mix_of(std::string_view text) {
  SizeMix mix;
  EXPECT_THAT(SizeMix::parse(text, mix), IsEmpty()) << text;
  return mix;
}

TEST(SizeMix, IsOneSize) {
  EXPECT_THAT(mix_of("100").sequence(5, 1), Each(100U));
  EXPECT_EQ(mix_of("100").period(), 1U);
}

TEST(SizeMix, KnowsSuffixes) {
  EXPECT_EQ(mix_of("4KiB").largest_bytes(), 4096U);
  EXPECT_EQ(mix_of("64k").largest_bytes(), 65536U);
  EXPECT_EQ(mix_of("2MiB").largest_bytes(), std::uint64_t{2} << 20);
}

TEST(SizeMix, GivesEachPartItsShare) {
  std::vector<std::uint64_t> sizes = mix_of("16:70,1KiB:25,64KiB:5").sequence(200, 7);
  EXPECT_EQ(sizes.size(), 200U);
  EXPECT_EQ(std::ranges::count(sizes, 16U), 140);
  EXPECT_EQ(std::ranges::count(sizes, 1024U), 50);
  EXPECT_EQ(std::ranges::count(sizes, 65536U), 10);
}

TEST(SizeMix, NeedsAsManyMessagesAsItsSharesTake) { EXPECT_EQ(mix_of("16:70,1KiB:25,64KiB:5").period(), 20U); }

TEST(SizeMix, ShufflesTheSameForTheSameSeed) {
  SizeMix mix = mix_of("16:1,1KiB:1");
  EXPECT_EQ(mix.sequence(100, 3), mix.sequence(100, 3));
  EXPECT_NE(mix.sequence(100, 3), mix.sequence(100, 4));
}

TEST(SizeMix, SpreadsARangeFromEndToEnd) {
  SizeMix mix = mix_of("100-2000");
  std::vector<std::uint64_t> sizes = mix.sequence(mix.period(), 1);
  EXPECT_EQ(std::ranges::min(sizes), 100U);
  EXPECT_EQ(std::ranges::max(sizes), 2000U);
  EXPECT_DOUBLE_EQ(mix.mean_bytes(), 1050);
}

TEST(SizeMix, KnowsItsMean) { EXPECT_DOUBLE_EQ(mix_of("100:3,500:1").mean_bytes(), 200); }

TEST(SizeMix, DescribesItself) {
  EXPECT_EQ(mix_of("64KiB").describe(), "64 KiB");
  EXPECT_EQ(mix_of("16:3,1KiB-2KiB:1").describe(), "16 B (75 %), 1 KiB to 2 KiB (25 %)");
}

TEST(SizeMix, RefusesWhatIsNoSize) {
  for (const char* text : {"", "abc", "10:", "10:0", "1:1001", "20-10", "-5", "10,,20", "10:5x", "513MiB", "99999999999999999999"}) {
    SizeMix mix;
    EXPECT_THAT(SizeMix::parse(text, mix), HasSubstr("is no size")) << text;
  }
}

}  // namespace
}  // namespace mq::bench
