// Policies: what a definition may say, which policy holds for an object, and what several come to together.
#include "broker/policy.hpp"

#include <gtest/gtest.h>

#include "broker/json_term.hpp"
#include "broker/queue_arguments.hpp"

namespace mq::broker {
namespace {

using amqp::Table;
using amqp::Value;

Policy policy(std::string name, std::string pattern, Table definition, std::int64_t priority = 0, ApplyTo apply_to = ApplyTo::kAll) {
  return {std::move(name), std::move(pattern), apply_to, priority, std::move(definition)};
}

Table max_length(std::int64_t messages) { return {{"max-length", messages}}; }

std::string text_of(const Result<>& result) { return result ? "no error" : result.error().text; }

std::string checked(const Table& definition, PolicyKind kind = PolicyKind::kPolicy) {
  return text_of(validate_policy(kind, policy("p", "", definition)));
}

std::string failed(const std::string& what) { return "Validation failed\n\n" + what + "\n"; }

PolicySet set_of(std::vector<Policy> policies, PolicyKind kind = PolicyKind::kPolicy) {
  PolicySet set(kind);
  for (Policy& each : policies) EXPECT_EQ(text_of(set.put(std::move(each))), "no error");
  return set;
}

std::string name_of(const Policy* found) { return found == nullptr ? "none" : found->name; }

// --- definitions ---

struct ValueRow {
  const char* key;
  Value value;
  const char* problem;
};

TEST(PolicyDefinition, IsRefusedWithRabbitsTexts) {
  const std::vector<ValueRow> kRows = {
      {"max-length", "a", "<<\"a\">> is not a valid maximum length"},
      {"max-length", std::int64_t{-1}, "-1 is not a valid maximum length"},
      {"max-length", 1.5, "1.5 is not a valid maximum length"},
      {"max-length", amqp::Void{}, "null is not a valid maximum length"},
      {"max-length-bytes", std::int64_t{-3}, "-3 is not a valid maximum length in bytes"},
      {"message-ttl", std::int64_t{-1}, "-1 is not a valid message TTL"},
      {"message-ttl", true, "true is not a valid message TTL"},
      {"expires", std::int64_t{0}, "0 is not a valid queue expiry"},
      {"overflow", "x", "<<\"x\">> is not a valid overflow value"},
      {"overflow", std::int64_t{1}, "1 is not a valid overflow value"},
      {"dead-letter-exchange", std::int64_t{1}, "1 is not a valid dead letter exchange name"},
      {"dead-letter-routing-key", std::int64_t{1}, "1 is not a valid dead letter routing key"},
      {"dead-letter-strategy", "x", "<<\"x\">> is not a valid dead letter strategy"},
      {"delivery-limit", "x", "<<\"x\">> is not a valid delivery limit"},
      {"cache-size", std::int64_t{0}, "0 is not a valid cache size"},
      {"cache-persistence", "tape", "<<\"tape\">> is not a valid cache persistence"},
      {"alternate-exchange", std::int64_t{1}, "1 is not a valid alternate exchange name"},
      {"stream-max-segment-size-bytes", std::int64_t{-5}, "-5 is not a valid segment size"},
  };
  for (const ValueRow& row : kRows) EXPECT_EQ(checked({{row.key, row.value}}), failed(row.problem));
}

TEST(PolicyDefinition, MayHaveEveryKeyOfAQueueArgument) {
  for (const QueueArgument& row : queue_arguments()) {
    if (row.policy_key.empty()) continue;
    const Value value = row.kind == ArgumentKind::kInteger          ? Value(std::int64_t{1})
                        : row.kind == ArgumentKind::kNumber         ? Value(1.5)
                        : row.policy_key == "overflow"              ? Value("drop-head")
                        : row.policy_key == "dead-letter-strategy"  ? Value("at-least-once")
                        : row.policy_key == "delayed-retry-type"    ? Value("all")
                        : row.policy_key == "delayed-retry-backoff" ? Value("fixed")
                        : row.policy_key == "max-age"               ? Value("1D")
                        : row.policy_key == "cache-persistence"     ? Value("memory")
                        : row.policy_key == "deduplication-by"      ? Value("message-id")
                        : row.kind == ArgumentKind::kBoolean        ? Value(true)
                                                                    : Value("x");
    EXPECT_EQ(checked({{row.policy_key.data(), value}}), "no error") << row.policy_key;
  }
}

TEST(PolicyDefinition, MayNameADeadLetterRoutingKeyAlone) { EXPECT_EQ(checked({{"dead-letter-routing-key", "k"}}), "no error"); }

TEST(PolicyDefinition, MayLiftTheDeliveryLimit) { EXPECT_EQ(checked({{"delivery-limit", std::int64_t{-1}}}), "no error"); }

TEST(PolicyDefinition, MaySpeakOfMirrorsAndLazyQueues) {
  EXPECT_EQ(checked({{"ha-mode", "all"},
                     {"ha-params", std::int64_t{2}},
                     {"ha-sync-mode", "automatic"},
                     {"ha-sync-batch-size", std::int64_t{1}},
                     {"ha-promote-on-shutdown", "always"},
                     {"queue-mode", "lazy"},
                     {"queue-version", std::int64_t{2}}}),
            "no error");
}

TEST(PolicyDefinition, IsNotEmpty) { EXPECT_EQ(checked({}), failed("no policy provided")); }

TEST(PolicyDefinition, NamesAllUnknownKeysInOrder) {
  EXPECT_EQ(checked({{"foo", std::int64_t{1}}, {"max-length", std::int64_t{1}}, {"bar", "x"}}),
            failed("[{<<\"bar\">>,<<\"x\">>},{<<\"foo\">>,1}] are not recognised policy settings"));
}

TEST(PolicyDefinition, ReportsABadValueBeforeUnknownKeys) {
  EXPECT_EQ(checked({{"max-length", std::int64_t{-1}}, {"foo", std::int64_t{1}}}), failed("-1 is not a valid maximum length"));
}

TEST(PolicyDefinition, OfAnOperatorHasAShorterListOfKeys) {
  for (const char* key : {"expires", "message-ttl", "max-length", "max-length-bytes", "delivery-limit"})
    EXPECT_EQ(checked({{key, std::int64_t{1}}}, PolicyKind::kOperatorPolicy), "no error") << key;
  EXPECT_EQ(checked({{"overflow", "reject-publish"}}, PolicyKind::kOperatorPolicy), "no error");
  EXPECT_EQ(checked({{"dead-letter-exchange", "x"}}, PolicyKind::kOperatorPolicy),
            failed("[{<<\"dead-letter-exchange\">>,<<\"x\">>}] are not recognised policy settings"));
  EXPECT_EQ(checked({{"alternate-exchange", "x"}}, PolicyKind::kOperatorPolicy),
            failed("[{<<\"alternate-exchange\">>,<<\"x\">>}] are not recognised policy settings"));
}

TEST(JsonTerm, PrintsWhatRabbitPrints) {
  const amqp::Array array = {std::int64_t{1}, "x", true, amqp::Void{}, 1.5};
  EXPECT_EQ(json_term(array), "[1,<<\"x\">>,true,null,1.5]");
  EXPECT_EQ(json_term(Table{{"a", std::int64_t{1}}}), "#{<<\"a\">> => 1}");
}

// --- which one holds ---

TEST(PolicySet, MatchesAnywhereInANameUnlessAnchored) {
  const PolicySet set = set_of({policy("p", "ord", max_length(1))});
  EXPECT_EQ(name_of(set.of_queue(QueueType::kClassic, "my-orders")), "p");
  EXPECT_EQ(name_of(set_of({policy("p", "^ord", max_length(1))}).of_queue(QueueType::kClassic, "my-orders")), "none");
}

TEST(PolicySet, MatchesEveryNameWithAnEmptyPattern) {
  EXPECT_EQ(name_of(set_of({policy("p", "", max_length(1))}).of_queue(QueueType::kClassic, "q")), "p");
}

TEST(PolicySet, PrefersTheHighestPriority) {
  const PolicySet set =
      set_of({policy("a", "q", max_length(1), 1), policy("b", "q", max_length(2), 7), policy("c", "q", max_length(3), -1)});
  EXPECT_EQ(name_of(set.of_queue(QueueType::kClassic, "q")), "b");
}

TEST(PolicySet, PrefersTheFirstNameAmongEquals) {
  const PolicySet set = set_of({policy("b", "q", max_length(1)), policy("a", "q", max_length(2)), policy("c", "q", max_length(3))});
  EXPECT_EQ(name_of(set.of_queue(QueueType::kClassic, "q")), "a");
}

struct ApplyRow {
  ApplyTo apply_to;
  bool classic, quorum, stream, exchange;
};

TEST(PolicySet, HoldsForWhatItAppliesTo) {
  constexpr ApplyRow kRows[] = {
      {ApplyTo::kAll, true, true, true, true},
      {ApplyTo::kQueues, true, true, true, false},
      {ApplyTo::kClassicQueues, true, false, false, false},
      {ApplyTo::kQuorumQueues, false, true, false, false},
      {ApplyTo::kStreams, false, false, true, false},
      {ApplyTo::kExchanges, false, false, false, true},
  };
  for (const ApplyRow& row : kRows) {
    const PolicySet set = set_of({policy("p", "", max_length(1), 0, row.apply_to)});
    EXPECT_EQ(set.of_queue(QueueType::kClassic, "x") != nullptr, row.classic) << apply_to_name(row.apply_to);
    EXPECT_EQ(set.of_queue(QueueType::kQuorum, "x") != nullptr, row.quorum) << apply_to_name(row.apply_to);
    EXPECT_EQ(set.of_queue(QueueType::kStream, "x") != nullptr, row.stream) << apply_to_name(row.apply_to);
    EXPECT_EQ(set.of_exchange("x") != nullptr, row.exchange) << apply_to_name(row.apply_to);
  }
}

TEST(PolicySet, ReplacesThePolicyOfThatName) {
  PolicySet set = set_of({policy("p", "a", max_length(1), 5), policy("p", "b", max_length(2))});
  EXPECT_EQ(set.list(), std::vector{policy("p", "b", max_length(2))});
}

TEST(PolicySet, KeepsWhatItHasWhenAChangeIsRefused) {
  PolicySet set = set_of({policy("p", "a", max_length(1))});
  EXPECT_FALSE(set.put(policy("p", "a", max_length(-1))));
  EXPECT_FALSE(set.put(policy("p", "(", max_length(2))));
  EXPECT_EQ(set.list(), std::vector{policy("p", "a", max_length(1))});
}

TEST(PolicySet, SaysWhatIsWrongWithAPattern) {
  PolicySet set(PolicyKind::kPolicy);
  const auto refused = set.put(policy("p", "(", max_length(1)));
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().text.starts_with("Validation failed\n\npattern should be regular expression but is invalid: "));
}

TEST(PolicySet, LetsGoOfARemovedPolicy) {
  PolicySet set = set_of({policy("p", "", max_length(1))});
  EXPECT_TRUE(set.remove("p"));
  EXPECT_FALSE(set.remove("p"));
  EXPECT_EQ(name_of(set.of_queue(QueueType::kClassic, "q")), "none");
}

TEST(PolicySet, KeepsDefinitionsInOrderOfTheirKeys) {
  const PolicySet set = set_of({policy("p", "", {{"message-ttl", std::int64_t{5}}, {"expires", std::int64_t{9}}})});
  EXPECT_EQ(set.find("p")->definition, (Table{{"expires", std::int64_t{9}}, {"message-ttl", std::int64_t{5}}}));
}

TEST(PolicySet, KnowsApplyToByName) {
  EXPECT_EQ(find_apply_to("quorum_queues").value(), ApplyTo::kQuorumQueues);
  EXPECT_EQ(find_apply_to("foo").error().text,
            failed("apply-to 'foo' unrecognised; should be one of: 'queues', 'classic_queues', 'quorum_queues', 'streams', 'exchanges', or "
                   "'all'"));
}

// --- several together ---

Policies both(Table by_policy, Table by_operator) {
  Policies policies;
  policies.policies = set_of({policy("p", "", std::move(by_policy))});
  policies.operator_policies = set_of({policy("o", "", std::move(by_operator))}, PolicyKind::kOperatorPolicy);
  return policies;
}

TEST(Policies, ResolveToTheSettingsOfAQueue) {
  const Policies policies = both({{"max-length", std::int64_t{20}}, {"dead-letter-exchange", "d"}}, max_length(10));
  const QueueSettings settings = resolve(policies, "q", {{"x-message-ttl", std::int64_t{7}}}, 20);
  EXPECT_EQ(settings.max_length, 10u);
  EXPECT_EQ(settings.dead_letter_exchange, "d");
  EXPECT_EQ(settings.message_ttl_ms, 7);
}

TEST(Policies, LeaveTheDefaultDeliveryLimitWhereTheySayNothing) {
  const Table quorum = {{"x-queue-type", "quorum"}};
  EXPECT_EQ(resolve(Policies{}, "q", quorum, 5).delivery_limit, 5);
  EXPECT_EQ(resolve(Policies{}, "q", quorum, -1).delivery_limit, std::nullopt);
  EXPECT_EQ(resolve(both({{"delivery-limit", std::int64_t{50}}}, max_length(1)), "q", quorum, 5).delivery_limit, 50);
}

TEST(Policies, MergeKeyByKey) {
  const Table by_policy = {{"dead-letter-exchange", "d"}, {"max-length", std::int64_t{20}}, {"overflow", "drop-head"}};
  const Table by_operator = {{"expires", std::int64_t{9}}, {"max-length", std::int64_t{30}}, {"overflow", "reject-publish"}};
  EXPECT_EQ(
      merge_policies(&by_policy, &by_operator),
      (Table{
          {"dead-letter-exchange", "d"}, {"expires", std::int64_t{9}}, {"max-length", std::int64_t{20}}, {"overflow", "reject-publish"}}));
  EXPECT_EQ(merge_policies(nullptr, nullptr), Table{});
}

TEST(Policies, GiveAnExchangeItsAlternate) {
  Policies policies;
  policies.policies = set_of({policy("p", "^x", {{"alternate-exchange", "ae"}}, 0, ApplyTo::kExchanges)});
  EXPECT_EQ(alternate_exchange_of(policies, "x1"), "ae");
  EXPECT_EQ(alternate_exchange_of(policies, "y"), "");
}

TEST(PolicyRecord, ComesBackAsItWas) {
  const Policy before = policy("p", "^q", {{"max-length", std::int64_t{1}}, {"overflow", "drop-head"}}, -3, ApplyTo::kClassicQueues);
  EXPECT_EQ(decode_policy(encode(before)), before);
  EXPECT_EQ(decode_policy({{"name", "p"}}), std::nullopt);
}

}  // namespace
}  // namespace mq::broker
