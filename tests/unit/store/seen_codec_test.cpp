#include "store/seen_codec.hpp"

#include <gtest/gtest.h>

#include <random>

#include "store/verify.hpp"
#include "unit/store/store_fixtures.hpp"

namespace mq::store {
namespace {

std::vector<SeenId> some_ids() {
  return {{7, {1, 2}, kNever}, {8, {3, 4}, 1'700'000'000'000}, {20, {~0ULL, 0}, 1'700'000'000'001}, {21, {5, 6}, kNever}, {22, {7, 8}, 1}};
}

TEST(SeenCodec, ReadsWhatItWrote) {
  std::vector<SeenId> read;
  ASSERT_TRUE(decode_seen(7, encode_seen(some_ids()), read));
  EXPECT_EQ(read, some_ids());
}

TEST(SeenCodec, RefusesARecordUnderAnothersKey) {
  std::vector<SeenId> read;
  EXPECT_FALSE(decode_seen(8, encode_seen(some_ids()), read));
}

TEST(SeenCodec, NoticesEveryChangedOctet) {
  const std::string whole = encode_seen(some_ids());
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x40);
    std::vector<SeenId> read;
    EXPECT_FALSE(decode_seen(7, damaged, read)) << "octet " << at;
  }
}

TEST(SeenCodec, RefusesEveryShorterRecord) {
  const std::string whole = encode_seen(some_ids());
  for (std::size_t size = 0; size < whole.size(); ++size) {
    std::vector<SeenId> read;
    EXPECT_FALSE(decode_seen(7, whole.substr(0, size), read)) << size << " octets";
  }
}

TEST(SeenCodec, ReadsRandomIdsBack) {
  std::mt19937_64 random(3);
  for (int round = 0; round < 200; ++round) {
    std::vector<SeenId> ids;
    std::uint64_t sequence = random() >> (random() % 60 + 1);
    const std::uint64_t first = sequence;
    for (std::uint64_t count = 1 + random() % 40; count > 0; --count) {
      const UnixMillis until = random() % 2 == 0 ? kNever : static_cast<UnixMillis>(1 + random() % 2'000'000'000'000);
      ids.push_back({sequence, {random(), random()}, until});
      sequence += 1 + random() % 300;
    }
    std::vector<SeenId> read;
    ASSERT_TRUE(decode_seen(first, encode_seen(ids), read));
    ASSERT_EQ(read, ids);
  }
}

TEST(SeenCodec, IsVerified) {
  test::TemporaryDirectory directory;
  ASSERT_TRUE(test::commit(*test::open(directory.path()), WriteSet::PutSeen{512, some_ids()}));
  const auto summary = verify(directory.path(), [](const VerifyFinding& finding) { ADD_FAILURE() << finding.text; });
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->seen_ids, 5u);
}

}  // namespace
}  // namespace mq::store
