#include "apps/brokerbench/deck.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "mq/amqp/methods.hpp"
#include "mq/amqp/properties.hpp"

namespace mq::bench {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

constexpr std::uint32_t kFrameMax = 131072;

/// A message as the broker would see it.
struct Seen {
  std::string key;
  std::uint64_t body_bytes = 0;
  std::uint64_t stamp = 0;
  std::optional<amqp::Properties> properties;
};

std::vector<Seen> decode(std::string_view bytes) {
  std::vector<Seen> seen;
  for (amqp::FrameParse parse; !bytes.empty(); bytes.remove_prefix(parse.consumed)) {
    parse = amqp::FrameParser::next(bytes, kFrameMax);
    if (parse.status != amqp::FrameParse::Status::kFrame) break;
    const amqp::Frame& frame = parse.frame;
    if (frame.type == amqp::FrameType::kMethod) {
      seen.push_back({std::string(amqp::decode<amqp::BasicPublish>(amqp::method_fields(frame.payload))->routing_key)});
    } else if (frame.type == amqp::FrameType::kHeader) {
      std::optional<amqp::ContentHeader> header = amqp::read_content_header(frame.payload);
      seen.back().body_bytes = header->body_bytes;
      seen.back().properties = amqp::decode_properties(header->encoded_properties);
    } else if (seen.back().stamp == 0 && frame.payload.size() >= 8) {
      std::memcpy(&seen.back().stamp, frame.payload.data(), 8);
    }
  }
  return seen;
}

/// Everything a deck of messages that differ has, once.
std::vector<Seen> whole(Deck& deck) {
  std::vector<Seen> all;
  while (all.size() < deck.size()) {
    std::vector<Seen> some = decode(deck.next(deck.size() - all.size(), [](std::size_t) { return 7; }).bytes);
    all.insert(all.end(), some.begin(), some.end());
  }
  return all;
}

Options options_with(const char* size) {
  Options options;
  EXPECT_TRUE(SizeMix::parse(size, options.size).empty());
  return options;
}

TEST(Deck, StampsEachMessageOfABatch) {
  Options options = options_with("16");
  Deck deck(options, 0, kFrameMax);
  Deck::Batch batch = deck.next(3, [](std::size_t i) { return 100 + i; });
  std::vector<Seen> seen = decode(batch.bytes);
  ASSERT_EQ(batch.messages, 3U);
  ASSERT_EQ(seen.size(), 3U);
  EXPECT_EQ(seen[0].stamp, 100U);
  EXPECT_EQ(seen[2].stamp, 102U);
  EXPECT_EQ(seen[2].key, "brokerbench.0");
}

TEST(Deck, NeverGivesMoreThanABurstAtOnce) {
  Options options = options_with("1000");
  Deck deck(options, 0, kFrameMax);
  EXPECT_LE(deck.next(1'000'000, [](std::size_t) { return 0; }).bytes.size(), kBurstBytes);
}

TEST(Deck, FillsEveryBurstWhenMessagesAreAlike) {
  for (const char* size : {"0", "16", "100", "1000", "20000"}) {
    Options options = options_with(size);
    Deck deck(options, 0, kFrameMax);
    std::uint64_t burst = deck.burst_messages();
    for (int i = 0; i < 3; ++i) EXPECT_EQ(deck.next(burst, [](std::size_t) { return 0; }).messages, burst) << size;
    EXPECT_EQ(deck.next(burst / 2 + 1, [](std::size_t) { return 0; }).messages, burst / 2 + 1);
    EXPECT_EQ(deck.next(burst, [](std::size_t) { return 0; }).messages, burst) << size;
  }
}

TEST(Deck, GivesAMessageLargerThanABurstByItself) {
  Options options = options_with("1MiB");
  Deck deck(options, 0, kFrameMax);
  Deck::Batch batch = deck.next(10, [](std::size_t) { return 9; });
  EXPECT_EQ(batch.messages, 1U);
  EXPECT_EQ(decode(batch.bytes)[0].body_bytes, 1048576U);
  EXPECT_EQ(decode(batch.bytes)[0].stamp, 9U);
}

TEST(Deck, LeavesShortBodiesUnstamped) {
  Options options = options_with("4");
  Deck deck(options, 0, kFrameMax);
  EXPECT_EQ(decode(deck.next(1, [](std::size_t) { return 5; }).bytes)[0].stamp, 0U);
}

TEST(Deck, HoldsAMixInItsShares) {
  Options options = options_with("16:3,1KiB:1");
  Deck deck(options, 0, kFrameMax);
  std::map<std::uint64_t, std::size_t> sizes;
  for (const Seen& seen : whole(deck)) ++sizes[seen.body_bytes];
  EXPECT_THAT(sizes, ElementsAre(Pair(16, deck.size() * 3 / 4), Pair(1024, deck.size() / 4)));
}

TEST(Deck, TakesKeysInTurns) {
  Options options = options_with("100");
  options.exchange = "x";
  options.key = "a.{n}.b";
  options.keys = 3;
  Deck deck(options, 0, kFrameMax);
  std::vector<Seen> seen = decode(deck.next(4, [](std::size_t) { return 0; }).bytes);
  EXPECT_EQ(seen[0].key, "a.0.b");
  EXPECT_EQ(seen[2].key, "a.2.b");
  EXPECT_EQ(seen[3].key, "a.0.b");
}

TEST(Deck, SharesQueuesOutAmongProducers) {
  Options options = options_with("100");
  options.queues = 5;
  options.producers = 2;
  EXPECT_THAT(options.routing_keys(0), ElementsAre("brokerbench.0", "brokerbench.2", "brokerbench.4"));
  EXPECT_THAT(options.routing_keys(1), ElementsAre("brokerbench.1", "brokerbench.3"));
  options.producers = 7;
  EXPECT_THAT(options.routing_keys(6), ElementsAre("brokerbench.1"));
}

TEST(Deck, SharesBindingsOutAmongQueues) {
  Options options;
  options.exchange = "x";
  options.binding = "k.{n}.#";
  options.bindings = 5;
  options.queues = 2;
  EXPECT_THAT(options.binding_keys(0), ElementsAre("k.0.#", "k.2.#", "k.4.#"));
  EXPECT_THAT(options.binding_keys(1), ElementsAre("k.1.#", "k.3.#"));
}

TEST(Deck, HasEveryPriorityInEqualShares) {
  Options options = options_with("100");
  options.least_priority = 1;
  options.most_priority = 3;
  Deck deck(options, 0, kFrameMax);
  std::map<int, std::size_t> priorities;
  for (const Seen& seen : whole(deck)) ++priorities[seen.properties->priority.value()];
  EXPECT_THAT(priorities, UnorderedElementsAre(Pair(1, deck.size() / 3), Pair(2, deck.size() / 3), Pair(3, deck.size() / 3)));
}

TEST(Deck, CarriesThePropertiesThatAreAskedFor) {
  Options options = options_with("100");
  options.ttl_ms = 1500;
  options.persistent = true;
  options.headers = {"colour=red", "count=3"};
  Deck deck(options, 0, kFrameMax, "answers");
  amqp::Properties properties = decode(deck.next(1, [](std::size_t) { return 0; }).bytes)[0].properties.value();
  EXPECT_EQ(properties.expiration, "1500");
  EXPECT_EQ(properties.delivery_mode, 2);
  EXPECT_EQ(properties.reply_to, "answers");
  EXPECT_EQ(properties.headers->find("count")->integer(), 3);
}

}  // namespace
}  // namespace mq::bench
