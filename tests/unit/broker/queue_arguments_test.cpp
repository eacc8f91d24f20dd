// Queue arguments: what is refused and how RabbitMQ says so, what they resolve to with policies, what a redeclaration may change.
#include "broker/queue_arguments.hpp"

#include <gtest/gtest.h>

#include <set>

namespace mq::broker {
namespace {

using amqp::Table;
using amqp::Value;

std::string text_of(const Result<>& result) { return result ? "no error" : result.error().reply_text(); }

std::string declared(const Table& arguments) { return text_of(validate_queue_arguments("/", "q", true, false, false, arguments)); }

Table quorum(Table more = {}) {
  more.set("x-queue-type", "quorum");
  return more;
}

struct RefusedRow {
  const char* argument;
  Value value;
  const char* term;
};

TEST(QueueArguments, AreRefusedWithRabbitsTerms) {
  const std::vector<RefusedRow> kRows = {
      {"x-expires", std::int32_t{0}, "{value_zero,0}"},
      {"x-expires", std::int32_t{-1}, "{value_negative,-1}"},
      {"x-expires", "x", "\"expected integer, got longstr\""},
      {"x-expires", 1.5, "\"expected integer, got double\""},
      {"x-expires", true, "\"expected integer, got bool\""},
      {"x-expires", amqp::Timestamp{5}, "\"expected integer, got timestamp\""},
      {"x-expires", amqp::Void{}, "\"expected integer, got void\""},
      {"x-expires", std::int64_t{315'360'000'001}, "{value_too_large,315360000001}"},
      {"x-message-ttl", std::int32_t{-1}, "{value_negative,-1}"},
      {"x-message-ttl", std::int64_t{315'360'000'001}, "{value_too_large,315360000001}"},
      {"x-max-length", std::int8_t{-5}, "{value_negative,-5}"},
      {"x-max-length-bytes", Table{}, "\"expected integer, got table\""},
      {"x-max-priority", std::int32_t{256}, "{max_value_exceeded,256}"},
      {"x-max-priority", std::int32_t{-1}, "{value_negative,-1}"},
      {"x-overflow", "zzz", "invalid_overflow"},
      {"x-overflow", std::int32_t{0}, "{unacceptable_type,signedint}"},
      {"x-dead-letter-routing-key", "k", "routing_key_but_no_dlx_defined"},
      {"x-dead-letter-routing-key", std::int32_t{0}, "{unacceptable_type,signedint}"},
      {"x-queue-type", "zzz", "\"unsupported queue type 'zzz'\""},
      {"x-queue-type", std::int32_t{0}, "{unacceptable_type,signedint}"},
      {"x-single-active-consumer", "x", "{unacceptable_type,longstr}"},
      {"x-single-active-consumer", std::int32_t{1}, "{unacceptable_type,signedint}"},
  };
  for (const RefusedRow& row : kRows) {
    EXPECT_EQ(declared({{row.argument, row.value}}),
              std::string("PRECONDITION_FAILED - invalid arg '") + row.argument + "' for queue 'q' in vhost '/': " + row.term);
  }
}

TEST(QueueArguments, AreTakenInEveryIntegerWidth) {
  for (const Value& value : {Value(std::int8_t{5}), Value(std::uint8_t{5}), Value(std::int16_t{5}), Value(std::uint16_t{5}),
                             Value(std::int32_t{5}), Value(std::uint32_t{5}), Value(std::int64_t{5})})
    EXPECT_EQ(declared({{"x-max-length", value}}), "no error") << value.type_name();
}

TEST(QueueArguments, MayBeAtTheirBounds) {
  EXPECT_EQ(declared({{"x-message-ttl", std::int32_t{0}}}), "no error");
  EXPECT_EQ(declared({{"x-message-ttl", std::int64_t{315'360'000'000}}}), "no error");
  EXPECT_EQ(declared({{"x-max-priority", std::int32_t{255}}}), "no error");
  EXPECT_EQ(declared({{"x-max-priority", std::int32_t{0}}}), "no error");
  EXPECT_EQ(declared({{"x-expires", std::int32_t{1}}}), "no error");
  EXPECT_EQ(declared(quorum({{"x-delivery-limit", std::int32_t{-1}}})), "no error");
}

TEST(QueueArguments, RefuseADeadLetterExchangeThatIsNoStringBeforeAnythingElse) {
  EXPECT_EQ(declared({{"x-expires", std::int32_t{0}}, {"x-dead-letter-exchange", std::int32_t{1}}}),
            "PRECONDITION_FAILED - invalid type 'signedint' for arg 'x-dead-letter-exchange' in queue 'q' in vhost '/'");
}

TEST(QueueArguments, CheckTheTypeBeforeOtherValues) {
  EXPECT_EQ(declared({{"x-expires", std::int32_t{0}}, {"x-queue-type", "zz"}}),
            "PRECONDITION_FAILED - invalid arg 'x-queue-type' for queue 'q' in vhost '/': \"unsupported queue type 'zz'\"");
}

TEST(QueueArguments, AreRefusedByTypesThatDoNotKnowThem) {
  const std::string kRefused = "PRECONDITION_FAILED - invalid arg '";
  EXPECT_EQ(declared({{"x-max-age", "1h"}}), kRefused + "x-max-age' for queue 'q' in vhost '/' of queue type rabbit_classic_queue");
  EXPECT_EQ(declared({{"x-dead-letter-strategy", "zzz"}}),
            kRefused + "x-dead-letter-strategy' for queue 'q' in vhost '/' of queue type rabbit_classic_queue");
  EXPECT_EQ(declared(quorum({{"x-max-priority", std::int32_t{3}}})),
            kRefused + "x-max-priority' for queue 'q' in vhost '/' of queue type rabbit_quorum_queue");
}

TEST(QueueArguments, OfQuorumQueuesMayNameAStrategy) {
  EXPECT_EQ(declared(quorum({{"x-dead-letter-strategy", "at-least-once"}})), "no error");
  EXPECT_EQ(declared(quorum({{"x-dead-letter-strategy", "q"}})),
            "PRECONDITION_FAILED - invalid arg 'x-dead-letter-strategy' for queue 'q' in vhost '/': invalid_dlx_strategy");
}

TEST(QueueArguments, OfQuorumQueuesWantADurableSharedLastingOne) {
  const std::string kInvalid = "PRECONDITION_FAILED - invalid property '";
  EXPECT_EQ(text_of(validate_queue_arguments("/", "q", false, false, false, quorum())),
            kInvalid + "non-durable' for queue 'q' in vhost '/'");
  EXPECT_EQ(text_of(validate_queue_arguments("/", "q", true, true, false, quorum())),
            kInvalid + "exclusive-owner' for queue 'q' in vhost '/'");
  EXPECT_EQ(text_of(validate_queue_arguments("/", "q", false, true, true, quorum())), kInvalid + "auto-delete' for queue 'q' in vhost '/'");
  EXPECT_EQ(declared(quorum()), "no error");
}

TEST(QueueArguments, RefuseStreamsForNow) {
  auto refused = validate_queue_arguments("/", "q", true, false, false, {{"x-queue-type", "stream"}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ReplyCode::kNotImplemented);
  EXPECT_NE(refused.error().text.find("streams are not supported yet"), std::string::npos);
}

TEST(QueueArguments, TakeWhatOldClientsSendAndWhatNobodyKnows) {
  EXPECT_EQ(declared({{"x-queue-mode", "lazy"},
                      {"x-queue-version", std::int32_t{2}},
                      {"x-ha-policy", "all"},
                      {"x-queue-master-locator", "min-masters"},
                      {"x-max-in-memory-length", std::int32_t{5}},
                      {"x-quorum-initial-group-size", std::int32_t{3}},
                      {"x-unheard-of", Table{}}}),
            "no error");
}

TEST(QueueArguments, HaveEachNameAndPolicyKeyOnce) {
  std::set<std::string_view> names, keys;
  for (const QueueArgument& row : queue_arguments()) {
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    if (!row.policy_key.empty()) {
      EXPECT_TRUE(keys.insert(row.policy_key).second) << row.policy_key;
    }
    EXPECT_NE(row.types, 0) << row.name;
    EXPECT_FALSE(row.in_operator_policy && row.policy_key.empty()) << row.name;
  }
}

TEST(QueueSettings, AreUnlimitedWithoutArguments) { EXPECT_EQ(resolve({}, nullptr, nullptr), QueueSettings{}); }

TEST(QueueSettings, TakeEveryArgument) {
  QueueSettings settings = resolve({{"x-message-ttl", std::int32_t{1}},
                                    {"x-expires", std::int64_t{2}},
                                    {"x-max-length", std::uint8_t{3}},
                                    {"x-max-length-bytes", std::int16_t{4}},
                                    {"x-overflow", "reject-publish-dlx"},
                                    {"x-dead-letter-exchange", ""},
                                    {"x-dead-letter-routing-key", "k"},
                                    {"x-max-priority", std::int32_t{5}},
                                    {"x-single-active-consumer", true},
                                    {"x-consumer-timeout", std::int32_t{6}}},
                                   nullptr, nullptr);
  QueueSettings expected;
  expected.message_ttl_ms = 1;
  expected.expires_ms = 2;
  expected.max_length = 3;
  expected.max_length_bytes = 4;
  expected.overflow = Overflow::kRejectPublishDlx;
  expected.dead_letter_exchange = "";
  expected.dead_letter_routing_key = "k";
  expected.max_priority = 5;
  expected.single_active_consumer = true;
  expected.consumer_timeout_ms = 6;
  EXPECT_EQ(settings, expected);
}

TEST(QueueSettings, LimitDeliveriesOfQuorumQueuesToTwenty) {
  EXPECT_EQ(resolve(quorum(), nullptr, nullptr).delivery_limit, 20);
  EXPECT_EQ(resolve(quorum({{"x-delivery-limit", std::int32_t{3}}}), nullptr, nullptr).delivery_limit, 3);
  EXPECT_EQ(resolve(quorum({{"x-delivery-limit", std::int32_t{-1}}}), nullptr, nullptr).delivery_limit, std::nullopt);
}

TEST(QueueSettings, TakeTheSmallerNumberOfArgumentAndPolicies) {
  const Table kArguments = {{"x-max-length", std::int32_t{10}}};
  const Table kSmall = {{"max-length", std::int64_t{5}}}, kLarge = {{"max-length", std::int64_t{50}}};
  EXPECT_EQ(resolve(kArguments, &kSmall, nullptr).max_length, 5u);
  EXPECT_EQ(resolve(kArguments, &kLarge, nullptr).max_length, 10u);
  EXPECT_EQ(resolve(kArguments, &kLarge, &kSmall).max_length, 5u);
  EXPECT_EQ(resolve({}, &kLarge, nullptr).max_length, 50u);
  EXPECT_EQ(resolve({}, nullptr, &kLarge).max_length, 50u);
}

TEST(QueueSettings, TakeWordsAndNamesFromTheArgumentBeforeThePolicy) {
  const Table kPolicy = {{"dead-letter-exchange", "of-policy"}, {"dead-letter-routing-key", "k"}, {"overflow", "reject-publish"}};
  QueueSettings settings = resolve({{"x-dead-letter-exchange", "of-argument"}}, &kPolicy, nullptr);
  EXPECT_EQ(settings.dead_letter_exchange, "of-argument");
  EXPECT_EQ(settings.dead_letter_routing_key, "k");
  EXPECT_EQ(settings.overflow, Overflow::kRejectPublish);
  EXPECT_EQ(resolve({{"x-overflow", "drop-head"}}, &kPolicy, nullptr).overflow, Overflow::kDropHead);
}

TEST(QueueSettings, TakeTheOverflowOfTheOperatorBeforeThatOfThePolicy) {
  const Table kPolicy = {{"overflow", "drop-head"}}, kOperator = {{"overflow", "reject-publish"}};
  EXPECT_EQ(resolve({}, &kPolicy, &kOperator).overflow, Overflow::kRejectPublish);
}

TEST(QueueSettings, TakeFromOperatorPoliciesOnlyWhatTheyMayHold) {
  const Table kOperator = {{"dead-letter-exchange", "x"}, {"expires", std::int32_t{5}}};
  QueueSettings settings = resolve({}, nullptr, &kOperator);
  EXPECT_EQ(settings.dead_letter_exchange, std::nullopt);
  EXPECT_EQ(settings.expires_ms, 5);
}

TEST(QueueSettings, TakeANegativeDeliveryLimitForNone) {
  const Table kNone = {{"delivery-limit", std::int32_t{-1}}}, kFive = {{"delivery-limit", std::int32_t{5}}};
  EXPECT_EQ(resolve(quorum({{"x-delivery-limit", std::int32_t{7}}}), &kNone, nullptr).delivery_limit, 7);
  EXPECT_EQ(resolve(quorum({{"x-delivery-limit", std::int32_t{7}}}), &kFive, nullptr).delivery_limit, 5);
  EXPECT_EQ(resolve(quorum(), &kFive, &kNone).delivery_limit, 5);
  EXPECT_EQ(resolve(quorum(), &kNone, &kNone).delivery_limit, std::nullopt);
}

TEST(QueueArguments, TakeADeliveryLimitOnAnyQueue) {
  EXPECT_EQ(declared({{"x-delivery-limit", std::int32_t{5}}}), "no error");
  EXPECT_EQ(resolve({{"x-delivery-limit", std::int32_t{5}}}, nullptr, nullptr).delivery_limit, 5);
}

TEST(QueueArguments, CheckHowMessagesAreRetried) {
  const std::string kRefused = "PRECONDITION_FAILED - invalid arg 'x-delayed-retry-";
  const std::string kOf = "' for queue 'q' in vhost '/': ";
  EXPECT_EQ(declared({{"x-delayed-retry-type", "often"}}), kRefused + "type" + kOf + "invalid_delayed_retry_type");
  EXPECT_EQ(declared({{"x-delayed-retry-backoff", "cubic"}}), kRefused + "backoff" + kOf + "invalid_backoff");
  EXPECT_EQ(declared({{"x-delayed-retry-min", std::int32_t{0}}}), kRefused + "min" + kOf + "{value_zero,0}");
  EXPECT_EQ(declared({{"x-delayed-retry-min", std::int32_t{9}}, {"x-delayed-retry-max", std::int32_t{8}}}),
            kRefused + "max" + kOf + "delayed_retry_max_below_min");
  EXPECT_EQ(declared({{"x-delayed-retry-multiplier", 0.5}}), kRefused + "multiplier" + kOf + "{value_too_small,0.5}");
  EXPECT_EQ(declared({{"x-delayed-retry-multiplier", "2"}}), kRefused + "multiplier" + kOf + "{unacceptable_type,longstr}");
  EXPECT_EQ(declared({{"x-delayed-retry-jitter", std::int32_t{101}}}), kRefused + "jitter" + kOf + "{max_value_exceeded,101}");
}

TEST(QueueArguments, CheckHowDuplicatesAreFound) {
  const std::string kRefused = "PRECONDITION_FAILED - invalid arg '";
  const std::string kOf = "' for queue 'q' in vhost '/': ";
  EXPECT_EQ(declared({{"x-message-deduplication", "true"}}), kRefused + "x-message-deduplication" + kOf + "{unacceptable_type,longstr}");
  EXPECT_EQ(declared({{"x-cache-size", std::int32_t{0}}}), kRefused + "x-cache-size" + kOf + "{value_zero,0}");
  EXPECT_EQ(declared({{"x-cache-size", std::int32_t{10'000'001}}}), kRefused + "x-cache-size" + kOf + "{max_value_exceeded,10000001}");
  EXPECT_EQ(declared({{"x-cache-ttl", std::int32_t{-1}}}), kRefused + "x-cache-ttl" + kOf + "{value_negative,-1}");
  EXPECT_EQ(declared({{"x-cache-persistence", "tape"}}), kRefused + "x-cache-persistence" + kOf + "invalid_cache_persistence");
  EXPECT_EQ(declared({{"x-deduplication-header", ""}}), kRefused + "x-deduplication-header" + kOf + "empty_header_name");
  EXPECT_EQ(declared({{"x-deduplication-by", "body"}}), kRefused + "x-deduplication-by" + kOf + "invalid_deduplication_by");
  EXPECT_EQ(declared({{"x-duplicate-routing-key", "k"}}),
            kRefused + "x-duplicate-routing-key" + kOf + "routing_key_but_no_duplicate_exchange_defined");
}

TEST(QueueSettings, HoldHowDuplicatesAreFound) {
  const DeduplicationSettings found = resolve({{"x-message-deduplication", true},
                                               {"x-cache-size", std::int32_t{5}},
                                               {"x-cache-ttl", std::int32_t{7}},
                                               {"x-cache-persistence", "memory"},
                                               {"x-deduplication-header", "h"},
                                               {"x-deduplication-by", "message-id"},
                                               {"x-duplicate-exchange", "e"},
                                               {"x-duplicate-routing-key", "k"}},
                                              nullptr, nullptr)
                                          .deduplication;
  EXPECT_EQ(found, (DeduplicationSettings{true, true, true, 5, 7, "h", "e", "k"}));
}

TEST(QueueSettings, RememberAsManyIdsAsIsSaidOrAsFit) {
  EXPECT_EQ(DeduplicationSettings().max_ids(), 20'000u);
  EXPECT_EQ((DeduplicationSettings{.cache_ttl_ms = 7}).max_ids(), 10'000'000u);
  EXPECT_EQ((DeduplicationSettings{.cache_size = 5, .cache_ttl_ms = 7}).max_ids(), 5u);
}

TEST(QueueSettings, HoldHowMessagesAreRetried) {
  const RetrySettings retry = resolve({{"x-delayed-retry-type", "failed"},
                                       {"x-delayed-retry-backoff", "exponential"},
                                       {"x-delayed-retry-min", std::int32_t{500}},
                                       {"x-delayed-retry-max", std::int32_t{60'000}},
                                       {"x-delayed-retry-multiplier", 1.5},
                                       {"x-delayed-retry-jitter", std::int32_t{20}}},
                                      nullptr, nullptr)
                                  .retry;
  EXPECT_EQ(retry, (RetrySettings{RetryOn::kFailed, Backoff::kExponential, 500, 60'000, 1.5, 20}));
}

TEST(QueueSettings, TakeARetryTypeOfAPolicyWhereTheQueueHasNone) {
  const Table kPolicy = {{"delayed-retry-type", "all"}, {"delayed-retry-min", std::int32_t{10}}};
  EXPECT_EQ(resolve({}, &kPolicy, nullptr).retry.on, RetryOn::kAll);
  EXPECT_EQ(resolve({{"x-delayed-retry-min", std::int32_t{20}}}, &kPolicy, nullptr).retry.min_ms, 20);
}

TEST(QueueSettings, PassOverPolicyValuesThatDoNotFit) {
  const Table kPolicy = {{"max-length", "many"}, {"expires", std::int32_t{0}}, {"overflow", "spill"}, {"delayed-retry-type", "often"}};
  EXPECT_EQ(resolve({}, &kPolicy, nullptr), QueueSettings{});
}

TEST(QueueSettings, HoldNoRejectPublishDlxForQuorumQueues) {
  EXPECT_EQ(resolve(quorum({{"x-overflow", "reject-publish-dlx"}}), nullptr, nullptr).overflow, Overflow::kDropHead);
}

TEST(QueueSettings, DeadLetterAtLeastOnceOnlyWhereNothingIsDropped) {
  const Table kAtLeastOnce = quorum({{"x-dead-letter-strategy", "at-least-once"}});
  EXPECT_EQ(resolve(kAtLeastOnce, nullptr, nullptr).dead_letter_strategy, DeadLetterStrategy::kAtMostOnce);
  Table rejecting = kAtLeastOnce;
  rejecting.set("x-overflow", "reject-publish");
  EXPECT_EQ(resolve(rejecting, nullptr, nullptr).dead_letter_strategy, DeadLetterStrategy::kAtLeastOnce);
}

QueueInfo queue_with(Table arguments) {
  QueueInfo queue;
  queue.name = "q";
  queue.durable = true;
  queue.arguments = std::move(arguments);
  return queue;
}

std::string redeclared(const Table& first, const Table& again) {
  return text_of(check_equivalent("/", queue_with(first), queue_with(again), 1));
}

struct RedeclareRow {
  Table first, again;
  const char* difference;
};

TEST(QueueRedeclaration, SaysHowArgumentsDiffer) {
  const std::vector<RedeclareRow> kRows = {
      {{{"x-message-ttl", std::int32_t{60000}}},
       {},
       "'x-message-ttl' for queue 'q' in vhost '/': received none but current is the value '60000' of type 'signedint'"},
      {{},
       {{"x-message-ttl", std::int32_t{60000}}},
       "'x-message-ttl' for queue 'q' in vhost '/': received the value '60000' of type 'signedint' but current is none"},
      {{{"x-message-ttl", std::int32_t{60000}}},
       {{"x-message-ttl", std::int32_t{1000}}},
       "'x-message-ttl' for queue 'q' in vhost '/': received '1000' but current is '60000'"},
      {{{"x-dead-letter-exchange", "a"}},
       {{"x-dead-letter-exchange", "b"}},
       "'x-dead-letter-exchange' for queue 'q' in vhost '/': received 'b' but current is 'a'"},
      {{{"x-dead-letter-exchange", "a"}},
       {},
       "'x-dead-letter-exchange' for queue 'q' in vhost '/': received none but current is the value 'a' of type 'longstr'"},
      {{{"x-single-active-consumer", true}},
       {},
       "'x-single-active-consumer' for queue 'q' in vhost '/': received none but current is the value 'true' of type 'bool'"},
      {{{"x-single-active-consumer", true}},
       {{"x-single-active-consumer", false}},
       "'x-single-active-consumer' for queue 'q' in vhost '/': received 'false' but current is 'true'"},
      {{},
       {{"x-max-length", std::int64_t{5}}},
       "'x-max-length' for queue 'q' in vhost '/': received the value '5' of type 'long' but current is none"},
      {{},
       {{"x-expires", std::int32_t{0}}},
       "'x-expires' for queue 'q' in vhost '/': received the value '0' of type 'signedint' but current is none"},
      {quorum(), {}, "'x-queue-type' for queue 'q' in vhost '/': received none but current is the value 'quorum' of type 'longstr'"},
      {{}, quorum(), "'x-queue-type' for queue 'q' in vhost '/': received the value 'quorum' of type 'longstr' but current is none"},
      {{{"x-queue-type", "classic"}}, quorum(), "'x-queue-type' for queue 'q' in vhost '/': received 'quorum' but current is 'classic'"},
      {{{"x-max-length", std::int32_t{1}}},
       {{"x-max-length", 1.0}},
       "'x-max-length' for queue 'q' in vhost '/': received '1.0' but current is '1'"},
  };
  for (const RedeclareRow& row : kRows)
    EXPECT_EQ(redeclared(row.first, row.again), std::string("PRECONDITION_FAILED - inequivalent arg ") + row.difference);
}

TEST(QueueRedeclaration, TakesIntegersOfAnyWidthForEqual) {
  EXPECT_EQ(redeclared({{"x-message-ttl", std::int32_t{60000}}}, {{"x-message-ttl", std::int64_t{60000}}}), "no error");
}

TEST(QueueRedeclaration, TakesAnUnsaidTypeForClassic) {
  EXPECT_EQ(redeclared({}, {{"x-queue-type", "classic"}}), "no error");
  EXPECT_EQ(redeclared({{"x-queue-type", "classic"}}, {}), "no error");
}

TEST(QueueRedeclaration, ToleratesLegacyAndUnknownArguments) {
  EXPECT_EQ(redeclared({{"x-queue-mode", "lazy"}}, {{"x-queue-version", std::int32_t{2}}, {"x-foo", "bar"}}), "no error");
}

TEST(QueueRedeclaration, SaysHowPropertiesDiffer) {
  QueueInfo existing = queue_with({}), wanted = queue_with({});
  wanted.durable = false;
  EXPECT_EQ(text_of(check_equivalent("/", existing, wanted, 1)),
            "PRECONDITION_FAILED - inequivalent arg 'durable' for queue 'q' in vhost '/': received 'false' but current is 'true'");
  wanted.durable = true;
  wanted.auto_delete = true;
  EXPECT_EQ(text_of(check_equivalent("/", existing, wanted, 1)),
            "PRECONDITION_FAILED - inequivalent arg 'auto_delete' for queue 'q' in vhost '/': received 'true' but current is 'false'");
}

QueueInfo exclusive_queue(OwnerId owner) {
  QueueInfo queue = queue_with({});
  queue.exclusive = true;
  queue.owner = owner;
  return queue;
}

constexpr const char* kLockedText =
    "cannot obtain exclusive access to locked queue 'q' in vhost '/'. It could be originally declared on another connection or the "
    "exclusive property value does "
    "not match that of the original declaration.";

TEST(QueueRedeclaration, IsForTheOwnerOfAnExclusiveQueueOnly) {
  EXPECT_EQ(text_of(check_equivalent("/", exclusive_queue(1), exclusive_queue(1), 1)), "no error");
  auto refused = check_equivalent("/", exclusive_queue(1), exclusive_queue(2), 2);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ReplyCode::kResourceLocked);
  EXPECT_EQ(refused.error().text, kLockedText);
}

TEST(QueueRedeclaration, CannotChangeExclusiveness) {
  EXPECT_EQ(check_equivalent("/", exclusive_queue(1), queue_with({}), 1).error().text, kLockedText);
  EXPECT_EQ(check_equivalent("/", queue_with({}), exclusive_queue(1), 1).error().text, kLockedText);
}

TEST(QueueRedeclaration, DoesNotCareForTheDurabilityOfExclusiveQueues) {
  QueueInfo transient = exclusive_queue(1);
  transient.durable = false;
  EXPECT_EQ(text_of(check_equivalent("/", exclusive_queue(1), transient, 1)), "no error");
}

TEST(QueueAccess, IsForEveryoneUnlessExclusive) {
  EXPECT_EQ(text_of(check_exclusive_access("/", queue_with({}), 7)), "no error");
  EXPECT_EQ(text_of(check_exclusive_access("/", exclusive_queue(7), 7)), "no error");
  EXPECT_EQ(check_exclusive_access("/", exclusive_queue(7), 8).error().code, ReplyCode::kResourceLocked);
}

}  // namespace
}  // namespace mq::broker
