// The store's values, octet by octet, as docs/storage-format.md describes them. A test that fails here means that directories written
// by released brokers read differently: raise the format number and write the step to it, or take the change back.
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "golden/amqp/hex.hpp"
#include "store/delayed_codec.hpp"
#include "store/keys.hpp"
#include "store/page_codec.hpp"
#include "store/seen_codec.hpp"
#include "store/upgrade.hpp"
#include "store/value_codec.hpp"
#include "unit/store/store_fixtures.hpp"

namespace mq::store {
namespace {

using namespace test;
using golden::from_hex;
using golden::squeezed;
using golden::to_hex;

/// Three messages: two under one routing key, the second of which expires; the third was enqueued earlier than the first.
std::vector<PageRecord> three_records() {
  std::vector<PageRecord> made = {record(5, "one", "a"), record(6, "", "a"), record(9, "three", "b")};
  made[1].deadline = made[1].enqueued_at + 60'000;
  made[2].enqueued_at -= 10;
  return made;
}

constexpr std::string_view kPage =
    // head: P, form 1, flags, level 2, 3 records, queue 258, first offset 5, base time, checksum
    "50 01 00 02 00000003 0000000000000102 0000000000000005 0000018bcfe56805 deb2a9f2"
    // offset 5: checksum, length, names given, offset +0, time +0, "exchange", "a", content header, "one"
    "b5c109e7 00000021 01 00 00 0865786368616e6765 0161 0f 003c00000000000000000003100002 6f6e65"
    // offset 6: same names, time +1, deadline 60,000 later, no body
    "8af43e3d 00000016 02 01 02 c0a907 0f 003c00000000000000000000100002"
    // offset 9: names given, time -6, "three"
    "445f3041 00000023 01 04 0b 0865786368616e6765 0162 0f 003c00000000000000000005100002 7468726565"
    // tail: the head again; sizes 41, 30, 43; one shared stretch: from record 0, two records, their names; length, checksum
    "50 01 00 02 00000003 0000000000000102 0000000000000005 0000018bcfe56805 deb2a9f2"
    "29 1e 2b 01 00 02 0865786368616e6765 0161 0000003d c0c65914";

TEST(StoreFormats, Page) { EXPECT_EQ(to_hex(encode_page(258, three_records(), 2, false).bytes), squeezed(kPage)); }

TEST(StoreFormats, PageIsRead) { EXPECT_TRUE(same_records(decode_page({258, 5}, from_hex(kPage), nullptr).value(), three_records())); }

TEST(StoreFormats, TransientPage) {
  EXPECT_EQ(to_hex(encode_page(1, records({1}), 0, true).bytes),
            squeezed("50 01 01 00 00000001 0000000000000001 0000000000000001 0000018bcfe56801 9d96bb48"
                     "49861a77 00000026 01 00 00 0865786368616e6765 036b6579 0f 003c00000000000000000006100002 626f64792031"
                     "50 01 01 00 00000001 0000000000000001 0000000000000001 0000018bcfe56801 9d96bb48"
                     "2e 00 0000002e 8c632b43"));
}

TEST(StoreFormats, Index) {
  PageIndex index{.first = 5, .last = 900, .count = 77, .body_bytes = 100'000, .first_enqueued_at = 1'700'000'000'005, .priority_level = 2};
  // format, flags, level, last - first, count, body bytes, first enqueued at, checksum
  EXPECT_EQ(to_hex(encode_index(index)), squeezed("01 00 02 ff06 4d a08d06 0000018bcfe56805 7d433858"));
}

TEST(StoreFormats, IndexWithDeadline) {
  PageIndex index{
      .first = 5, .last = 5, .count = 1, .earliest_deadline = 1'700'000'060'000, .first_enqueued_at = 1'700'000'000'005, .transient = true};
  EXPECT_EQ(to_hex(encode_index(index)), squeezed("01 03 00 00 01 00 0000018bcfe56805 0000018bcfe65260 fb4c8aed"));
}

TEST(StoreFormats, Marks) {
  std::vector<Mark> marks = {{10, Mark::kSettled}, {11, Mark::kSettled}, {12, Mark::kSettled}, {14, 3}, {15, 3}, {300, 1}};
  // format; at once three settled; one further on two returned three times; 284 further on one returned once; checksum
  EXPECT_EQ(to_hex(encode_marks(10, marks)), squeezed("01 00 05 01 02 03 9c02 00 01 63454086"));
}

TEST(StoreFormats, MarksOfMessagesThatWait) {
  std::vector<Mark> marks = {{10, 1, 1'700'000'000'000}, {11, 2, 1'700'000'005'000}, {14, 1}, {15, Mark::kSettled}};
  EXPECT_EQ(to_hex(encode_marks(10, marks)), squeezed("02 00 00 01 80a0abfef962 00 00 02 904e 02 00 01 8feeabfef962 00 01 e96d7835"));
}

TEST(StoreFormats, QueueState) { EXPECT_EQ(to_hex(encode_state({258, 5})), squeezed("01 0000000000000102 0000000000000005 c6404ce0")); }

TEST(StoreFormats, FormatNumber) { EXPECT_EQ(to_hex(encode_format(1)), squeezed("00000001 1638550f")); }

DelayedRecord delayed_record() {
  amqp::Properties properties;
  properties.message_id = "id";
  return {{1'700'000'060'000, 258}, broker::make_message("exchange", "a", properties, "one"), 1'700'000'000'005};
}

constexpr std::string_view kDelayed =
    // form; checksum, length, names and deadline given, sequence 258, accepted at, due 59,995 later, "exchange", "a", header, "one"
    "01 331e64af 0000002c 03 8202 8aa0abfef962 b6a907 0865786368616e6765 0161 11 003c0000000000000000000300800269 64 6f6e65";

TEST(StoreFormats, DelayedMessage) {
  std::string value;
  encode_delayed(delayed_record(), value);
  EXPECT_EQ(to_hex(value), squeezed(kDelayed));
}

TEST(StoreFormats, DelayedMessageIsRead) {
  const auto read = decode_delayed({1'700'000'060'000, 258}, from_hex(kDelayed));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->message->wire(), delayed_record().message->wire());
}

TEST(StoreFormats, NumbersOfADelayedBook) {
  // format, messages, octets of their bodies, next sequence, checksum
  EXPECT_EQ(to_hex(encode_delayed_state({2, 1000, 258})), squeezed("01 0000000000000002 00000000000003e8 0000000000000102 e7a221eb"));
}

TEST(StoreFormats, DelayedKeys) {
  EXPECT_EQ(to_hex(encode_delayed_key(512, {1'700'000'060'000, 258}).view()),
            squeezed("0000000000000200 0000018bcfe65260 0000000000000102"));
  EXPECT_EQ(to_hex(encode_delayed_id_key(512, "id", {1'700'000'060'000, 258}).view()),
            squeezed("0000000000000200 d2a44dfe8653ba83 0000018bcfe65260 0000000000000102"));
}

TEST(StoreFormats, SeenIds) {
  const std::vector<SeenId> ids = {{258, {0, 42}, kNever}, {261, {0, 43}, 1'700'000'000'000}};
  // format, first sequence; at once an id without end, its hash; two further on one until 1.7e12, its hash; checksum
  EXPECT_EQ(to_hex(encode_seen(ids)), squeezed("01 0000000000000102 00 00 0000000000000000000000000000002a"
                                               "02 80a0abfef962 0000000000000000000000000000002b 5199e57a"));
}

TEST(StoreFormats, Keys) {
  EXPECT_EQ(to_hex(encode_key(PageKey{258, 5}).view()), squeezed("0000000000000102 0000000000000005"));
  EXPECT_EQ(to_hex(encode_key(QueueId{258}).view()), squeezed("0000000000000102"));
}

}  // namespace
}  // namespace mq::store
