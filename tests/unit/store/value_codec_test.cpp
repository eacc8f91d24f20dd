#include "store/value_codec.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "store/keys.hpp"
#include "store/upgrade.hpp"
#include "store/varint.hpp"

namespace mq::store {
namespace {

constexpr std::uint32_t kSettled = Mark::kSettled;

std::vector<Mark> round_trip(Offset first, const std::vector<Mark>& marks) {
  std::vector<Mark> back;
  EXPECT_TRUE(decode_marks(first, encode_marks(first, marks), back));
  return back;
}

/// Calls `accepts` with every single-bit change and every truncation of `value`; none may be accepted.
template <class Accepts>
void expect_damage_noticed(const std::string& value, Accepts&& accepts) {
  for (std::size_t at = 0; at < value.size(); ++at) {
    EXPECT_FALSE(accepts(value.substr(0, at))) << "cut to " << at;
    for (int bit = 0; bit < 8; ++bit) {
      std::string changed = value;
      changed[at] = static_cast<char>(changed[at] ^ (1 << bit));
      EXPECT_FALSE(accepts(changed)) << "octet " << at << " bit " << bit;
    }
  }
}

TEST(IndexCodec, GivesBackWhatItTook) {
  PageIndex wanted{.first = 5,
                   .last = 900,
                   .count = 77,
                   .body_bytes = 1ULL << 33,
                   .earliest_deadline = 1'700'000'000'000,
                   .first_enqueued_at = 1'600'000'000'000,
                   .priority_level = 255,
                   .transient = true};
  PageIndex got;
  ASSERT_TRUE(decode_index(5, encode_index(wanted), got));
  EXPECT_EQ(got, wanted);
}

TEST(IndexCodec, KeepsNeverAsNever) {
  PageIndex got;
  ASSERT_TRUE(decode_index(1, encode_index({.first = 1, .last = 1, .count = 1}), got));
  EXPECT_EQ(got.earliest_deadline, kNever);
}

TEST(IndexCodec, NoticesDamage) {
  PageIndex got;
  expect_damage_noticed(encode_index({.first = 5, .last = 900, .count = 77, .earliest_deadline = 4}),
                        [&](const std::string& value) { return decode_index(5, value, got); });
}

TEST(StateCodec, GivesBackWhatItTook) {
  QueueState wanted{1ULL << 63, 12345};
  QueueState got;
  ASSERT_TRUE(decode_state(encode_state(wanted), got));
  EXPECT_EQ(got, wanted);
}

TEST(StateCodec, NoticesDamage) {
  QueueState got;
  expect_damage_noticed(encode_state({77, 12}), [&](const std::string& value) { return decode_state(value, got); });
}

TEST(MarksCodec, GivesBackWhatItTook) {
  std::vector<Mark> wanted = {{10, kSettled}, {11, kSettled}, {12, 3}, {13, 3}, {14, 4}, {20, kSettled}, {1000, 0}};
  EXPECT_EQ(round_trip(10, wanted), wanted);
}

TEST(MarksCodec, TakesNone) { EXPECT_TRUE(round_trip(10, {}).empty()); }

TEST(MarksCodec, TakesTheLastOffsetThereIs) {
  std::vector<Mark> wanted = {{0xFFFFFFFFFFFFFFFFULL, kSettled}};
  EXPECT_EQ(round_trip(0xFFFFFFFFFFFFFFF0ULL, wanted), wanted);
}

TEST(MarksCodec, KeepsWhatMessagesWaitFor) {
  std::vector<Mark> wanted = {{10, 1, 1000}, {11, 1, 1000}, {12, 1, 1001}, {13, 2, 999}, {14, 3}, {20, kSettled}, {21, 4, kNever}};
  std::vector<Mark> found;
  ASSERT_TRUE(decode_marks(10, encode_marks(10, wanted), found));
  EXPECT_EQ(found, wanted);
}

TEST(MarksCodec, OfEqualCountsTheLongerWaitWins) {
  std::vector<Mark> marks = {{1, 2, 500}, {1, 2, 900}, {1, 1, 5000}, {2, kSettled}, {2, 7, 100}};
  normalize_marks(marks);
  EXPECT_EQ(marks, (std::vector<Mark>{{1, 2, 900}, {2, kSettled}}));
}

TEST(MarksCodec, TakesAThousandSettledInRowInFewBytes) {
  std::vector<Mark> marks;
  for (Offset offset = 100; offset < 1100; ++offset) marks.push_back({offset, kSettled});
  EXPECT_LE(encode_marks(100, marks).size(), 8U);
}

TEST(MarksCodec, NoticesDamage) {
  std::vector<Mark> got;
  expect_damage_noticed(encode_marks(1, {{1, kSettled}, {5, 2}, {6, 2}}),
                        [&](const std::string& value) { return decode_marks(1, value, got); });
}

TEST(MarksMerging, LetsSettledWinOverAnyCount) {
  std::vector<Mark> marks = {{1, 9}, {1, kSettled}, {1, 12}};
  normalize_marks(marks);
  EXPECT_EQ(marks, (std::vector<Mark>{{1, kSettled}}));
}

TEST(MarksMerging, LetsTheHigherCountWin) {
  std::vector<Mark> marks = {{1, 2}, {1, 5}, {1, 3}};
  normalize_marks(marks);
  EXPECT_EQ(marks, (std::vector<Mark>{{1, 5}}));
}

TEST(MarksMerging, DoesNotDependOnTheOrder) {
  std::vector<Mark> marks;
  for (Offset offset = 0; offset < 40; ++offset)
    for (std::uint32_t value : {1U, 2U, kSettled})
      if (value != kSettled || offset % 3 == 0) marks.push_back({offset, value});
  std::vector<Mark> wanted = marks;
  normalize_marks(wanted);
  std::mt19937 chance(7);
  for (int round = 0; round < 50; ++round) {
    std::shuffle(marks.begin(), marks.end(), chance);
    std::vector<Mark> merged = marks;
    normalize_marks(merged);
    ASSERT_EQ(merged, wanted) << "round " << round;
  }
}

TEST(StoreKeys, SortByQueueThenByOffset) {
  std::vector<PageKey> keys = {{0, 0}, {0, 1}, {0, 255}, {0, 256}, {1, 0}, {255, 9}, {256, 0}, {0xFFFFFFFFFFFFFFFFULL, 0}};
  for (std::size_t i = 1; i < keys.size(); ++i) EXPECT_LT(encode_key(keys[i - 1]).view(), encode_key(keys[i]).view());
}

TEST(StoreKeys, GiveBackWhatTheyTook) {
  PageKey wanted{0x0102030405060708ULL, 0xFFFEFDFCFBFAF9F8ULL};
  EXPECT_EQ(decode_page_key(encode_key(wanted).view()), wanted);
}

TEST(StoreKeys, AreRefusedAtAnyOtherLength) { EXPECT_EQ(decode_page_key("fifteen letters"), std::nullopt); }

TEST(StoreKeys, EndBehindTheLastPageOfTheLastQueue) {
  EXPECT_GT(key_behind(0xFFFFFFFFFFFFFFFFULL), encode_key(PageKey{0xFFFFFFFFFFFFFFFFULL, 0xFFFFFFFFFFFFFFFFULL}).view());
}

TEST(StoreKeys, EndAQueueWhereTheNextStarts) { EXPECT_EQ(key_behind(0xFF), encode_key(QueueId{0x100}).view()); }

TEST(StoreKeys, EndAPrefixBehindAllThatStartWithIt) { EXPECT_EQ(key_behind_prefix("ab\xFF\xFF"), "ac"); }

TEST(StoreKeys, KnowPrefixesThatNothingFollows) { EXPECT_EQ(key_behind_prefix("\xFF\xFF"), ""); }

TEST(Varint, GivesBackTheEdges) {
  for (std::uint64_t value : {0ULL, 127ULL, 128ULL, 16383ULL, 16384ULL, 0xFFFFFFFFULL, 0x7FFFFFFFFFFFFFFFULL, 0xFFFFFFFFFFFFFFFFULL}) {
    std::string bytes;
    append_varint(bytes, value);
    EXPECT_EQ(bytes.size(), varint_bytes(value));
    ByteReader in(bytes);
    EXPECT_EQ(read_varint(in), value);
    EXPECT_TRUE(in.empty() && !in.failed());
  }
}

TEST(Varint, RefusesMoreThan64Bits) {
  std::string bytes(9, '\xFF');
  bytes += '\x02';
  ByteReader in(bytes);
  (void)read_varint(in);
  EXPECT_TRUE(in.failed());
}

TEST(FormatCheck, TakesANewDirectory) { EXPECT_TRUE(check_format(std::nullopt, false, "/d").value()); }

TEST(FormatCheck, TakesItsOwnNumber) { EXPECT_FALSE(check_format(encode_format(kFormatNumber), true, "/d").value()); }

TEST(FormatCheck, RefusesANewerNumber) {
  StorageResult<bool> checked = check_format(encode_format(kFormatNumber + 1), true, "/d");
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().kind, StorageError::Kind::kVersion);
  EXPECT_EQ(checked.error().text, "/d has format 2, this brokerd reads format 1: it was written by a newer one");
}

TEST(FormatCheck, RefusesDataOfSomebodyElse) {
  EXPECT_EQ(check_format(std::nullopt, true, "/d").error().kind, StorageError::Kind::kVersion);
}

TEST(FormatCheck, NoticesDamage) { EXPECT_EQ(check_format("damaged", true, "/d").error().kind, StorageError::Kind::kCorrupt); }

}  // namespace
}  // namespace mq::store
