#include "engine/metadata.hpp"

#include <gtest/gtest.h>

namespace mq::engine {
namespace {

using broker::BindingInfo;
using broker::BindTo;
using broker::ExchangeInfo;
using broker::QueueInfo;

const amqp::Table kArguments{{"x-max-length", 5}, {"nested", amqp::Table{{"deep", amqp::Array{"a", true}}}}};
const std::string kOddName("a\0b/\xFF", 5);

}  // namespace

TEST(Metadata, BringsBackAnExchange) {
  const auto back = metadata::decode_exchange(metadata::encode(ExchangeInfo{"logs", "topic", true, false, true, kArguments}));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->name, "logs");
  EXPECT_EQ(back->type, "topic");
  EXPECT_TRUE(back->durable && !back->auto_delete && back->internal);
  EXPECT_TRUE(back->arguments == kArguments);
}

TEST(Metadata, BringsBackAQueue) {
  const auto back = metadata::decode_queue(metadata::encode(QueueInfo{"jobs", 0x1234500, true, true, false, 0, kArguments}));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->name, "jobs");
  EXPECT_EQ(back->id, 0x1234500u);
  EXPECT_TRUE(back->durable && back->auto_delete && !back->exclusive);
  EXPECT_EQ(back->owner, 0u);
  EXPECT_TRUE(back->arguments == kArguments);
}

TEST(Metadata, BringsBackWhatAQueueWasStoppedFrom) {
  for (bool delivery : {false, true})
    for (bool publish : {false, true}) {
      const auto back = metadata::decode_queue(metadata::encode(QueueInfo{"jobs", 256, true, false, false, 0, {}, {delivery, publish}}));
      ASSERT_TRUE(back);
      EXPECT_TRUE((back->paused == broker::QueuePause{delivery, publish}));
    }
}

TEST(Metadata, BringsBackABinding) {
  for (BindTo to : {BindTo::kQueue, BindTo::kExchange}) {
    const auto back = metadata::decode_binding(metadata::encode(BindingInfo{"from", to, "into", "a.#", kArguments}));
    ASSERT_TRUE(back);
    EXPECT_EQ(back->source, "from");
    EXPECT_TRUE(back->to == to);
    EXPECT_EQ(back->destination, "into");
    EXPECT_EQ(back->routing_key, "a.#");
    EXPECT_TRUE(back->arguments == kArguments);
  }
}

TEST(Metadata, RefusesDamagedRecords) {
  const std::string exchange = metadata::encode(ExchangeInfo{"logs", "topic", true, false, false, kArguments});
  const std::string queue = metadata::encode(QueueInfo{"jobs", 256, true, false, false, 0, {}});
  for (std::size_t kept = 0; kept < exchange.size(); ++kept) EXPECT_FALSE(metadata::decode_exchange(exchange.substr(0, kept))) << kept;
  for (std::size_t kept = 0; kept < queue.size(); ++kept) EXPECT_FALSE(metadata::decode_queue(queue.substr(0, kept))) << kept;
  EXPECT_FALSE(metadata::decode_binding("no table"));
}

TEST(Metadata, CutsKeysIntoTheirParts) {
  EXPECT_EQ(metadata::key_parts(metadata::queue_key("/", "jobs")), (std::vector<std::string>{"/", "jobs"}));
  EXPECT_EQ(metadata::key_parts(metadata::exchange_key(kOddName, "")), (std::vector<std::string>{kOddName, ""}));
  EXPECT_EQ(metadata::key_parts(metadata::permission_key("v", "u")), (std::vector<std::string>{"v", "u"}));
  EXPECT_EQ(metadata::key_parts(metadata::topic_permission_key("v", "u", "x")), (std::vector<std::string>{"v", "u", "x"}));
}

TEST(Metadata, StartsEveryKeyWithItsKind) {
  EXPECT_TRUE(metadata::exchange_key("/", "x").starts_with(metadata::kExchanges));
  EXPECT_TRUE(metadata::queue_key("/", "x").starts_with(metadata::kQueues));
  EXPECT_TRUE(metadata::binding_key("/", {}).starts_with(metadata::kBindings));
  EXPECT_TRUE(metadata::vhost_key("/").starts_with(metadata::kVHosts));
  EXPECT_TRUE(metadata::user_key("u").starts_with(metadata::kUsers));
}

TEST(Metadata, TellsNamesApartWhereverTheyEnd) {
  EXPECT_NE(metadata::queue_key("a", "bc"), metadata::queue_key("ab", "c"));
  EXPECT_NE(metadata::binding_key("/", {"a", BindTo::kQueue, "b", "c", {}}),
            metadata::binding_key("/", {"a", BindTo::kExchange, "b", "c", {}}));
  EXPECT_NE(metadata::binding_key("/", {"a", BindTo::kQueue, "b", "c", {}}),
            metadata::binding_key("/", {"a", BindTo::kQueue, "b", "c", {{"x", 1}}}));
}

}  // namespace mq::engine
