#include "store/page_codec.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>

#include "store/checksum.hpp"
#include "unit/store/store_fixtures.hpp"

namespace mq::store {
namespace {

using namespace test;

constexpr QueueId kQueue = 7;

std::vector<PageRecord> decoded(const EncodedPage& page) {
  StorageResult<std::vector<PageRecord>> records = decode_page({page.queue, page.index.first}, page.bytes, nullptr);
  if (!records) ADD_FAILURE() << records.error().text;
  return records ? *records : std::vector<PageRecord>();
}

/// The page's records after `damage`, as a reader would salvage them; fails the test when the damage is not noticed.
template <class Damage>
std::vector<PageRecord> salvaged_after(const EncodedPage& page, Damage&& damage) {
  std::string bytes = page.bytes;
  damage(bytes);
  std::vector<PageRecord> salvaged;
  StorageResult<std::vector<PageRecord>> records = decode_page({page.queue, page.index.first}, bytes, &salvaged);
  EXPECT_FALSE(records);
  if (!records) {
    EXPECT_EQ(records.error().kind, StorageError::Kind::kCorrupt) << records.error().text;
  }
  return salvaged;
}

std::vector<PageRecord> salvaged_after_flip(const EncodedPage& page, std::size_t at, char mask = 0x10) {
  return salvaged_after(page, [&](std::string& bytes) { bytes[at] = static_cast<char>(bytes[at] ^ mask); });
}

/// Records of several runs of names, some of one record only, with gaps, deadlines and empty bodies.
std::vector<PageRecord> mixed_records() {
  std::vector<PageRecord> made;
  made.push_back(record(10, "one", "a"));
  made.push_back(record(11, "two", "a"));
  made.push_back(record(14, "", "b"));
  made.push_back(record(20, "four", "c"));
  made.push_back(record(21, std::string(300, 'x'), "c"));
  made.push_back(record(1'000'000, "six", "c"));
  made[1].deadline = 1'700'000'900'000;
  made[4].deadline = 0;  // long past
  return made;
}

TEST(PageCodec, GivesBackWhatItTook) {
  auto wanted = mixed_records();
  EXPECT_TRUE(same_records(decoded(page(kQueue, wanted)), wanted));
}

TEST(PageCodec, TakesASingleRecord) {
  auto wanted = records({42});
  EXPECT_TRUE(same_records(decoded(page(kQueue, wanted)), wanted));
}

TEST(PageCodec, KeepsGapsBetweenOffsets) {
  auto wanted = records({3, 5, 1000, 1ULL << 40});
  EXPECT_EQ(offsets_of(decoded(page(kQueue, wanted))), offsets_of(wanted));
}

TEST(PageCodec, TakesTheLargestOffsets) {
  auto wanted = records({0xFFFFFFFFFFFFFFFEULL, 0xFFFFFFFFFFFFFFFFULL});
  EXPECT_TRUE(same_records(decoded(page(kQueue, wanted)), wanted));
}

TEST(PageCodec, TakesTimesThatRunBackwards) {
  auto wanted = records({1, 2, 3});
  wanted[0].enqueued_at = 5000;
  wanted[1].enqueued_at = -7;
  wanted[2].enqueued_at = std::numeric_limits<UnixMillis>::min();
  EXPECT_TRUE(same_records(decoded(page(kQueue, wanted)), wanted));
}

TEST(PageCodec, KeepsPropertiesAsTheyWere) {
  amqp::Properties properties;
  properties.headers = amqp::Table{{"x-a", amqp::Value("b")}};
  properties.priority = 9;
  properties.expiration = "60000";
  std::vector<PageRecord> wanted = {{1, broker::make_message("", "queue", properties, "body"), 1, kNever}};
  EXPECT_EQ(decoded(page(kQueue, wanted)).at(0).message->properties().priority, 9);
}

TEST(PageCodec, TakesEmptyNamesAndBodies) {
  std::vector<PageRecord> wanted = {{1, message("", "", ""), 1, kNever}, {2, message("", "", ""), 1, kNever}};
  EXPECT_TRUE(same_records(decoded(page(kQueue, wanted)), wanted));
}

TEST(PageCodec, TakesNamesOfFullLength) {
  std::string longest(255, 'n');
  std::vector<PageRecord> wanted = {{1, message("x", longest, longest), 1, kNever}, {2, message("y", longest, longest), 1, kNever}};
  EXPECT_TRUE(same_records(decoded(page(kQueue, wanted)), wanted));
}

TEST(PageCodec, StoresSharedNamesTwiceAtMost) {
  std::vector<PageRecord> many;
  for (Offset offset = 1; offset <= 100; ++offset) many.push_back(record(offset, "b", std::string(200, 'k')));
  EXPECT_LT(page(kQueue, many).bytes.size(), 100U * 40 + 2 * 220);
}

TEST(PageCodec, SumsUpThePage) {
  auto made = mixed_records();
  PageIndex index = encode_page(kQueue, made, 3, true).index;
  PageIndex wanted{.first = 10,
                   .last = 1'000'000,
                   .count = 6,
                   .body_bytes = 3 + 3 + 4 + 300 + 3,
                   .earliest_deadline = 0,
                   .first_enqueued_at = made[0].enqueued_at,
                   .priority_level = 3,
                   .transient = true};
  EXPECT_EQ(index, wanted);
}

TEST(PageCodec, LosesOnlyTheDamagedRecord) {
  EncodedPage made = page(kQueue, records_from(100, 20));
  std::size_t in_body = made.bytes.find("body 107") + 2;
  auto left = records_from(100, 20);
  left.erase(left.begin() + 7);
  EXPECT_TRUE(same_records(salvaged_after_flip(made, in_body), left));
}

TEST(PageCodec, LosesOnlyTheRecordWhoseLengthIsDamaged) {
  EncodedPage made = page(kQueue, records_from(100, 20));
  std::size_t in_length = 36 + 4 + 2;  // the first record's length, a high octet
  auto left = records_from(101, 19);
  EXPECT_TRUE(same_records(salvaged_after_flip(made, in_length), left));
}

TEST(PageCodec, LosesNothingWhenTheHeadIsDamaged) {
  auto wanted = mixed_records();
  EncodedPage made = page(kQueue, wanted);
  for (std::size_t at = 0; at < 36; ++at) EXPECT_TRUE(same_records(salvaged_after_flip(made, at), wanted)) << "octet " << at;
}

TEST(PageCodec, LosesNothingWhenTheTailIsCutOff) {
  auto wanted = mixed_records();
  EncodedPage made = page(kQueue, wanted);
  EXPECT_TRUE(same_records(salvaged_after(made, [](std::string& bytes) { bytes.resize(bytes.size() - 1); }), wanted));
}

TEST(PageCodec, LosesNothingWhenSomethingFollows) {
  auto wanted = mixed_records();
  EncodedPage made = page(kQueue, wanted);
  EXPECT_TRUE(same_records(salvaged_after(made, [](std::string& bytes) { bytes += "more"; }), wanted));
}

TEST(PageCodec, LosesAtMostOneRecordToAnySingleFlip) {
  auto wanted = mixed_records();
  EncodedPage made = page(kQueue, wanted);
  for (std::size_t at = 0; at < made.bytes.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      auto salvaged = salvaged_after_flip(made, at, static_cast<char>(1 << bit));
      ASSERT_GE(salvaged.size() + 1, wanted.size()) << "octet " << at << " bit " << bit;
      for (const PageRecord& each : salvaged) {
        bool known = std::any_of(wanted.begin(), wanted.end(), [&](const PageRecord& one) { return same(each, one); });
        ASSERT_TRUE(known) << "octet " << at << " bit " << bit << " made up a record";
      }
    }
  }
}

TEST(PageCodec, SalvagesTheWholeRecordsOfATruncatedPage) {
  auto wanted = mixed_records();
  EncodedPage made = page(kQueue, wanted);
  for (std::size_t size = 0; size < made.bytes.size(); ++size) {
    auto salvaged = salvaged_after(made, [&](std::string& bytes) { bytes.resize(size); });
    ASSERT_LE(salvaged.size(), wanted.size());
    ASSERT_TRUE(same_records(salvaged, {wanted.begin(), wanted.begin() + static_cast<std::ptrdiff_t>(salvaged.size())}))
        << "cut to " << size;
  }
}

TEST(PageCodec, SurvivesAnyBytes) {
  std::mt19937_64 chance(20240229);
  EncodedPage made = page(kQueue, mixed_records());
  for (int round = 0; round < 20'000; ++round) {
    (void)salvaged_after(made, [&](std::string& bytes) {
      bytes.resize(chance() % (bytes.size() + 1));
      if (bytes.empty()) return;
      for (std::uint64_t i = chance() % 8 + 1; i != 0; --i) bytes[chance() % bytes.size()] = static_cast<char>(chance());
      bytes.resize(bytes.size() - 1);  // whatever the changes were, the page is not whole
    });
  }
}

TEST(PageCodec, RefusesThePageOfAnotherKey) {
  EncodedPage made = page(kQueue, records({1, 2}));
  StorageResult<std::vector<PageRecord>> records = decode_page({kQueue + 1, 1}, made.bytes, nullptr);
  ASSERT_FALSE(records);
  EXPECT_EQ(records.error().kind, StorageError::Kind::kCorrupt);
}

TEST(PageCodec, SaysHowMuchIsLeft) {
  EncodedPage made = page(kQueue, records({1, 2, 3}));
  made.bytes[made.bytes.find("body 2")] = 'B';
  StorageResult<std::vector<PageRecord>> records = decode_page({kQueue, 1}, made.bytes, nullptr);
  ASSERT_FALSE(records);
  EXPECT_EQ(records.error().text, "page 1 of queue 7 is damaged: 2 of 3 messages are whole");
}

TEST(PageCodec, NamesALaterForm) {
  EncodedPage made = page(kQueue, records({1}));
  made.bytes[1] = 2;
  store_big_endian(made.bytes.data() + 32, checksum(std::string_view(made.bytes).substr(0, 32)));
  StorageResult<std::vector<PageRecord>> records = decode_page({kQueue, 1}, made.bytes, nullptr);
  ASSERT_FALSE(records);
  EXPECT_EQ(records.error().kind, StorageError::Kind::kVersion);
}

TEST(PageCodecDeathTest, RefusesRecordsOutOfOrder) { EXPECT_DEATH((void)page(kQueue, records({2, 1})), "broken invariant"); }

TEST(PageCodecDeathTest, RefusesAnEmptyPage) { EXPECT_DEATH((void)page(kQueue, {}), "broken invariant"); }

}  // namespace
}  // namespace mq::store
