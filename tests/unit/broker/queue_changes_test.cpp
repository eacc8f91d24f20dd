// Changing the arguments of a queue that is there.
#include <gtest/gtest.h>

#include "broker/queue_arguments.hpp"

namespace mq::broker {
namespace {

using amqp::Table;
using amqp::Value;
using amqp::Void;

/// The arguments afterwards, or why not.
struct Outcome {
  std::string error;
  Table arguments;
};

Outcome change(Table arguments, const Table& changes) {
  QueueInfo queue;
  queue.name = "q";
  queue.durable = true;
  queue.arguments = std::move(arguments);
  auto changed = change_arguments("/", queue, changes);
  if (!changed) return {changed.error().text, {}};
  return {"", std::move(*changed)};
}

}  // namespace

TEST(ChangeOfArguments, SetsAddsAndRemoves) {
  const Outcome outcome = change({{"x-max-length", std::int32_t{5}}, {"x-expires", std::int32_t{1000}}, {"x-message-ttl", std::int32_t{7}}},
                                 {{"x-max-length", std::int64_t{9}}, {"x-expires", Void{}}, {"x-overflow", "reject-publish"}});
  EXPECT_EQ(outcome.error, "");
  EXPECT_TRUE((outcome.arguments ==
               Table{{"x-max-length", std::int64_t{9}}, {"x-message-ttl", std::int32_t{7}}, {"x-overflow", "reject-publish"}}));
}

TEST(ChangeOfArguments, LeavesAloneWhatIsSaidAgain) {
  const Table arguments{{"x-queue-type", "quorum"}, {"x-max-length", std::int32_t{5}}};
  const Outcome outcome = change(arguments, {{"x-queue-type", "quorum"}, {"x-max-length", std::int64_t{5}}, {"x-group-by", Void{}}});
  EXPECT_EQ(outcome.error, "");
  EXPECT_TRUE(outcome.arguments == arguments);
}

TEST(ChangeOfArguments, TakesAnotherTypeWhoseRulesTheQueueKeeps) {
  EXPECT_TRUE((change({}, {{"x-queue-type", "quorum"}}).arguments == Table{{"x-queue-type", "quorum"}}));
  EXPECT_TRUE((change({{"x-queue-type", "quorum"}}, {{"x-queue-type", Void{}}}).arguments == Table{}));
  EXPECT_EQ(change({{"x-max-priority", std::int64_t{3}}}, {{"x-queue-type", "quorum"}}).error,
            "invalid arg 'x-max-priority' for queue 'q' in vhost '/' of queue type rabbit_quorum_queue");
}

TEST(ChangeOfArguments, TakesGroups) {
  EXPECT_TRUE((change({}, {{"x-group-header", "h"}}).arguments == Table{{"x-group-header", "h"}}));
  EXPECT_TRUE(
      (change({{"x-group-header", "h"}}, {{"x-group-header", Void{}}, {"x-group-by", "type"}}).arguments == Table{{"x-group-by", "type"}}));
}

TEST(ChangeOfArguments, IsCheckedAsADeclarationIs) {
  EXPECT_EQ(change({}, {{"x-max-length", std::int64_t{-1}}}).error,
            "invalid arg 'x-max-length' for queue 'q' in vhost '/': {value_negative,-1}");
  EXPECT_EQ(change({{"x-dead-letter-exchange", ""}, {"x-dead-letter-routing-key", "k"}}, {{"x-dead-letter-exchange", Void{}}}).error,
            "invalid arg 'x-dead-letter-routing-key' for queue 'q' in vhost '/': routing_key_but_no_dlx_defined");
  EXPECT_EQ(change({{"x-group-by", "type"}}, {{"x-max-priority", std::int64_t{3}}}).error,
            "invalid arg 'x-group-by' for queue 'q' in vhost '/': groups_and_priorities_exclude_each_other");
}

TEST(ChangeOfArguments, TakesWhatMeansNothing) { EXPECT_EQ(change({}, {{"x-queue-mode", "lazy"}, {"x-unheard-of", true}}).error, ""); }

}  // namespace mq::broker
