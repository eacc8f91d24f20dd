#include "broker/queue_arguments.hpp"

#include <array>
#include <limits>
#include <map>
#include <optional>

#include <fmt/core.h>

#include "broker/names.hpp"
#include "broker/values.hpp"

namespace mq::broker {

using amqp::Table;
using amqp::Value;

namespace {

constexpr QueueTypes kClassic = only(QueueType::kClassic);
constexpr QueueTypes kQuorum = only(QueueType::kQuorum);
constexpr QueueTypes kStream = only(QueueType::kStream);
constexpr QueueTypes kQueues = kClassic | kQuorum;
constexpr QueueTypes kAll = kQueues | kStream;

constexpr std::int64_t kUnbounded = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kAnySign = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kTenYearsMs = 315'360'000'000;  // RabbitMQ's bound for times

template <class Enum>
struct Word {
  std::string_view text;
  Enum value;
};
constexpr std::array kQueueTypeWords = {Word<QueueType>{"classic", QueueType::kClassic}, Word<QueueType>{"quorum", QueueType::kQuorum},
                                        Word<QueueType>{"stream", QueueType::kStream}};
constexpr std::array kOverflowWords = {
    Word<Overflow>{"drop-head", Overflow::kDropHead}, Word<Overflow>{"drop-lowest", Overflow::kDropLowest},
    Word<Overflow>{"reject-publish", Overflow::kRejectPublish}, Word<Overflow>{"reject-publish-dlx", Overflow::kRejectPublishDlx}};
constexpr std::array kStrategyWords = {Word<DeadLetterStrategy>{"at-most-once", DeadLetterStrategy::kAtMostOnce},
                                       Word<DeadLetterStrategy>{"at-least-once", DeadLetterStrategy::kAtLeastOnce}};

constexpr std::array kRetryWords = {Word<RetryOn>{"disabled", RetryOn::kNothing}, Word<RetryOn>{"all", RetryOn::kAll},
                                    Word<RetryOn>{"failed", RetryOn::kFailed}, Word<RetryOn>{"returned", RetryOn::kReturned}};
constexpr std::array kBackoffWords = {Word<Backoff>{"fixed", Backoff::kFixed}, Word<Backoff>{"linear", Backoff::kLinear},
                                      Word<Backoff>{"exponential", Backoff::kExponential}};

using GroupWhat = GroupBy::What;
constexpr std::array kGroupWords = {
    Word<GroupWhat>{"routing-key", GroupWhat::kRoutingKey}, Word<GroupWhat>{"correlation-id", GroupWhat::kCorrelationId},
    Word<GroupWhat>{"message-id", GroupWhat::kMessageId},   Word<GroupWhat>{"type", GroupWhat::kType},
    Word<GroupWhat>{"app-id", GroupWhat::kAppId},           Word<GroupWhat>{"user-id", GroupWhat::kUserId}};

enum class IdFrom : std::uint8_t { kHeader, kMessageId };
enum class KeptOn : std::uint8_t { kDisk, kMemory };
constexpr std::array kIdWords = {Word<IdFrom>{"header", IdFrom::kHeader}, Word<IdFrom>{"message-id", IdFrom::kMessageId}};
constexpr std::array kKeptWords = {Word<KeptOn>{"disk", KeptOn::kDisk}, Word<KeptOn>{"memory", KeptOn::kMemory}};

template <class Words>
auto find_word(const Words& words, const Value& value) -> std::optional<decltype(words[0].value)> {
  const std::string* text = value.string();
  if (text == nullptr) return std::nullopt;
  for (const auto& word : words)
    if (word.text == *text) return word.value;
  return std::nullopt;
}

std::optional<double> number_of(const Value& value) {
  if (auto integer = value.integer()) return static_cast<double>(*integer);
  if (const auto* number = std::get_if<double>(&value.of)) return *number;
  if (const auto* number = std::get_if<float>(&value.of)) return *number;
  return std::nullopt;
}

// --- what else may be wrong with a value ---

std::string check_queue_type(const Value& value, const Table&) {
  return find_word(kQueueTypeWords, value) ? "" : "\"unsupported queue type '" + *value.string() + "'\"";
}
std::string check_overflow(const Value& value, const Table&) { return find_word(kOverflowWords, value) ? "" : "invalid_overflow"; }
std::string check_strategy(const Value& value, const Table&) { return find_word(kStrategyWords, value) ? "" : "invalid_dlx_strategy"; }
std::string check_retry_type(const Value& value, const Table&) { return find_word(kRetryWords, value) ? "" : "invalid_delayed_retry_type"; }
std::string check_backoff(const Value& value, const Table&) { return find_word(kBackoffWords, value) ? "" : "invalid_backoff"; }
std::string check_groups_fit(const Table& arguments) {
  const Value* levels = arguments.find("x-max-priority");
  return levels != nullptr && levels->integer().value_or(0) > 0 ? "groups_and_priorities_exclude_each_other" : "";
}
std::string check_group_header(const Value& value, const Table& arguments) {
  if (value.string()->empty()) return "empty_header_name";
  return arguments.find("x-group-by") != nullptr ? "x-group-by_is_given_too" : check_groups_fit(arguments);
}
std::string check_group_by(const Value& value, const Table& arguments) {
  return find_word(kGroupWords, value) ? check_groups_fit(arguments) : "invalid_group_by";
}
std::string check_retry_max(const Value& value, const Table& arguments) {
  const Value* least = arguments.find("x-delayed-retry-min");
  return least != nullptr && least->integer() && *least->integer() > *value.integer() ? "delayed_retry_max_below_min" : "";
}
std::string check_header_name(const Value& value, const Table&) { return value.string()->empty() ? "empty_header_name" : ""; }
std::string check_id_from(const Value& value, const Table&) { return find_word(kIdWords, value) ? "" : "invalid_deduplication_by"; }
std::string check_kept_on(const Value& value, const Table&) { return find_word(kKeptWords, value) ? "" : "invalid_cache_persistence"; }
std::string check_has_duplicate_exchange(const Value&, const Table& arguments) {
  return arguments.find("x-duplicate-exchange") != nullptr ? "" : "routing_key_but_no_duplicate_exchange_defined";
}
std::string check_has_exchange(const Value&, const Table& arguments) {
  return arguments.find("x-dead-letter-exchange") != nullptr ? "" : "routing_key_but_no_dlx_defined";
}

// --- which field a value sets ---

template <auto Field>
void set_integer(QueueSettings& settings, const Value& value) {
  using Number = typename std::remove_reference_t<decltype(settings.*Field)>::value_type;
  settings.*Field = static_cast<Number>(value.integer().value_or(0));
}
template <auto Field>
void set_string(QueueSettings& settings, const Value& value) {
  settings.*Field = *value.string();
}
template <auto Field, const auto& Words>
void set_word(QueueSettings& settings, const Value& value) {
  if (auto word = find_word(Words, value)) settings.*Field = *word;
}
template <auto Field>
void set_retry_integer(QueueSettings& settings, const Value& value) {
  using Number = std::remove_reference_t<decltype(settings.retry.*Field)>;
  settings.retry.*Field = static_cast<Number>(*value.integer());
}
template <auto Field, const auto& Words>
void set_retry_word(QueueSettings& settings, const Value& value) {
  if (auto word = find_word(Words, value)) settings.retry.*Field = *word;
}
void set_retry_multiplier(QueueSettings& settings, const Value& value) { settings.retry.multiplier = *number_of(value); }
void set_group_header(QueueSettings& settings, const Value& value) { settings.group_by = {GroupWhat::kHeader, *value.string()}; }
void set_group_by(QueueSettings& settings, const Value& value) {
  if (auto what = find_word(kGroupWords, value)) settings.group_by = {*what, ""};
}
template <auto Field>
void set_deduplication_integer(QueueSettings& settings, const Value& value) {
  using Number = typename std::remove_reference_t<decltype(settings.deduplication.*Field)>::value_type;
  settings.deduplication.*Field = static_cast<Number>(*value.integer());
}
template <auto Field>
void set_deduplication_string(QueueSettings& settings, const Value& value) {
  settings.deduplication.*Field = *value.string();
}
void set_deduplication(QueueSettings& settings, const Value& value) { settings.deduplication.on = *value.boolean(); }
void set_id_from(QueueSettings& settings, const Value& value) {
  settings.deduplication.by_message_id = find_word(kIdWords, value) == IdFrom::kMessageId;
}
void set_kept_on(QueueSettings& settings, const Value& value) {
  settings.deduplication.in_memory = find_word(kKeptWords, value) == KeptOn::kMemory;
}
void set_single_active_consumer(QueueSettings& settings, const Value& value) { settings.single_active_consumer = *value.boolean(); }
void set_delivery_limit(QueueSettings& settings, const Value& value) {
  std::int64_t limit = value.integer().value_or(-1);
  settings.delivery_limit = limit < 0 ? std::nullopt : std::optional(limit);
}

// --- the table ---

using S = QueueSettings;
using R = RetrySettings;
using D = DeduplicationSettings;
constexpr auto kInteger = ArgumentKind::kInteger;
constexpr auto kNumber = ArgumentKind::kNumber;
constexpr auto kString = ArgumentKind::kString;
constexpr auto kBoolean = ArgumentKind::kBoolean;
constexpr auto kIgnored = ArgumentKind::kIgnored;

// clang-format off
constexpr QueueArgument kArguments[] = {
    // name, policy key, operator policy, types, kind, least, most, too large, check, merge, field, noun
    {"x-queue-type", "", false, kAll, kString, 0, 0, "", check_queue_type, Merge::kArgumentOnly, set_word<&S::type, kQueueTypeWords>},
    {"x-expires", "expires", true, kQueues, kInteger, 1, kTenYearsMs, "value_too_large", nullptr, Merge::kLess, set_integer<&S::expires_ms>, "queue expiry"},
    {"x-message-ttl", "message-ttl", true, kQueues, kInteger, 0, kTenYearsMs, "value_too_large", nullptr, Merge::kLess, set_integer<&S::message_ttl_ms>, "message TTL"},
    {"x-dead-letter-exchange", "dead-letter-exchange", false, kQueues, kString, 0, 0, "", nullptr, Merge::kArgumentWins, set_string<&S::dead_letter_exchange>, "dead letter exchange name"},
    {"x-dead-letter-routing-key", "dead-letter-routing-key", false, kQueues, kString, 0, 0, "", check_has_exchange, Merge::kArgumentWins, set_string<&S::dead_letter_routing_key>, "dead letter routing key"},
    {"x-dead-letter-strategy", "dead-letter-strategy", false, kQuorum, kString, 0, 0, "", check_strategy, Merge::kArgumentWins, set_word<&S::dead_letter_strategy, kStrategyWords>, "dead letter strategy"},
    {"x-max-length", "max-length", true, kQueues, kInteger, 0, kUnbounded, "", nullptr, Merge::kLess, set_integer<&S::max_length>, "maximum length"},
    {"x-max-length-bytes", "max-length-bytes", true, kAll, kInteger, 0, kUnbounded, "", nullptr, Merge::kLess, set_integer<&S::max_length_bytes>, "maximum length in bytes"},
    {"x-max-priority", "", false, kClassic, kInteger, 0, 255, "max_value_exceeded", nullptr, Merge::kArgumentOnly, set_integer<&S::max_priority>},
    {"x-overflow", "overflow", true, kQueues, kString, 0, 0, "", check_overflow, Merge::kArgumentWins, set_word<&S::overflow, kOverflowWords>, "overflow value"},
    {"x-single-active-consumer", "", false, kQueues, kBoolean, 0, 0, "", nullptr, Merge::kArgumentOnly, set_single_active_consumer},
    {"x-delivery-limit", "delivery-limit", true, kQueues, kInteger, kAnySign, kUnbounded, "", nullptr, Merge::kLimit, set_delivery_limit, "delivery limit"},
    {"x-delayed-retry-type", "delayed-retry-type", true, kQueues, kString, 0, 0, "", check_retry_type, Merge::kArgumentWins, set_retry_word<&R::on, kRetryWords>, "delayed retry type"},
    {"x-delayed-retry-min", "delayed-retry-min", true, kQueues, kInteger, 1, kTenYearsMs, "value_too_large", nullptr, Merge::kArgumentWins, set_retry_integer<&R::min_ms>, "delayed retry minimum"},
    {"x-delayed-retry-max", "delayed-retry-max", true, kQueues, kInteger, 1, kTenYearsMs, "value_too_large", check_retry_max, Merge::kArgumentWins, set_retry_integer<&R::max_ms>, "delayed retry maximum"},
    {"x-delayed-retry-backoff", "delayed-retry-backoff", true, kQueues, kString, 0, 0, "", check_backoff, Merge::kArgumentWins, set_retry_word<&R::backoff, kBackoffWords>, "delayed retry backoff"},
    {"x-delayed-retry-multiplier", "delayed-retry-multiplier", true, kQueues, kNumber, 1, 1000, "value_too_large", nullptr, Merge::kArgumentWins, set_retry_multiplier, "delayed retry multiplier"},
    {"x-delayed-retry-jitter", "delayed-retry-jitter", true, kQueues, kInteger, 0, 100, "max_value_exceeded", nullptr, Merge::kArgumentWins, set_retry_integer<&R::jitter_percent>, "delayed retry jitter"},
    {"x-group-header", "", false, kQueues, kString, 0, 0, "", check_group_header, Merge::kArgumentOnly, set_group_header},
    {"x-group-by", "", false, kQueues, kString, 0, 0, "", check_group_by, Merge::kArgumentOnly, set_group_by},
    {"x-consumer-timeout", "consumer-timeout", false, kQueues, kInteger, 0, kUnbounded, "", nullptr, Merge::kLess, set_integer<&S::consumer_timeout_ms>, "consumer timeout"},
    {"x-message-deduplication", "message-deduplication", false, kQueues, kBoolean, 0, 0, "", nullptr, Merge::kArgumentWins, set_deduplication, "message deduplication"},
    {"x-cache-size", "cache-size", false, kQueues, kInteger, 1, D::kMostIds, "max_value_exceeded", nullptr, Merge::kArgumentWins, set_deduplication_integer<&D::cache_size>, "cache size"},
    {"x-cache-ttl", "cache-ttl", false, kQueues, kInteger, 1, kTenYearsMs, "value_too_large", nullptr, Merge::kArgumentWins, set_deduplication_integer<&D::cache_ttl_ms>, "cache TTL"},
    {"x-cache-persistence", "cache-persistence", false, kQueues, kString, 0, 0, "", check_kept_on, Merge::kArgumentWins, set_kept_on, "cache persistence"},
    {"x-deduplication-header", "deduplication-header", false, kQueues, kString, 0, 0, "", check_header_name, Merge::kArgumentWins, set_deduplication_string<&D::header>, "deduplication header"},
    {"x-deduplication-by", "deduplication-by", false, kQueues, kString, 0, 0, "", check_id_from, Merge::kArgumentWins, set_id_from, "source of deduplication ids"},
    {"x-duplicate-exchange", "duplicate-exchange", false, kQueues, kString, 0, 0, "", nullptr, Merge::kArgumentWins, set_deduplication_string<&D::duplicate_exchange>, "duplicate exchange name"},
    {"x-duplicate-routing-key", "duplicate-routing-key", false, kQueues, kString, 0, 0, "", check_has_duplicate_exchange, Merge::kArgumentWins, set_deduplication_string<&D::duplicate_routing_key>, "duplicate routing key"},
    // streams
    {"x-max-age", "max-age", false, kStream, kString, 0, 0, "", nullptr, Merge::kPolicyWins, nullptr, "max age"},
    {"x-stream-max-segment-size-bytes", "stream-max-segment-size-bytes", false, kStream, kInteger, 0, kUnbounded, "", nullptr, Merge::kPolicyWins, nullptr, "segment size"},
    {"x-stream-filter-size-bytes", "stream-filter-size-bytes", false, kStream, kInteger, 0, kUnbounded, "", nullptr, Merge::kPolicyWins, nullptr, "filter size"},
    // replication, old queue versions and lazy queues: taken from clients that still send them
    {"x-queue-mode", "queue-mode", false, kAll, kIgnored},
    {"x-queue-version", "queue-version", true, kAll, kIgnored},
    {"x-queue-master-locator", "queue-master-locator", false, kAll, kIgnored},
    {"x-queue-leader-locator", "queue-leader-locator", false, kAll, kIgnored},
    {"x-quorum-initial-group-size", "", false, kAll, kIgnored},
    {"x-quorum-target-group-size", "target-group-size", true, kAll, kIgnored},
    {"x-initial-cluster-size", "initial-cluster-size", false, kAll, kIgnored},
    {"x-member-placement-tag", "member-placement-tag", true, kAll, kIgnored},
    {"x-max-in-memory-length", "max-in-memory-length", true, kAll, kIgnored},
    {"x-max-in-memory-bytes", "max-in-memory-bytes", true, kAll, kIgnored},
    {"x-ha-policy", "ha-mode", false, kAll, kIgnored},
    {"x-ha-policy-params", "ha-params", false, kAll, kIgnored},
    {"x-ha-sync-mode", "ha-sync-mode", false, kAll, kIgnored},
    {"x-cancel-on-ha-failover", "", false, kAll, kIgnored},
    {"x-name-prefix", "", false, kAll, kIgnored},
};
// clang-format on

// --- checking ---

std::string pair_term(std::string_view tag, std::string_view what) { return "{" + std::string(tag) + "," + std::string(what) + "}"; }

std::string check_integer(const QueueArgument& row, const Value& value) {
  auto number = value.integer();
  if (!number) return "\"expected integer, got " + std::string(value.type_name()) + "\"";
  std::string text = std::to_string(*number);
  if (*number < row.least) return *number == 0 ? pair_term("value_zero", text) : pair_term("value_negative", text);
  if (*number > row.most) return pair_term(row.too_large, text);
  return "";
}

std::string check_number(const QueueArgument& row, const Value& value) {
  const auto number = number_of(value);
  if (!number) return pair_term("unacceptable_type", value.type_name());
  if (*number >= static_cast<double>(row.least) && *number <= static_cast<double>(row.most)) return "";  // not so for what is not a number
  return pair_term(*number > static_cast<double>(row.most) ? row.too_large : "value_too_small", fmt::format("{}", *number));
}

/// What is wrong with the value's kind and bounds: an error term, empty = nothing.
std::string check_kind(const QueueArgument& row, const Value& value) {
  switch (row.kind) {
    case ArgumentKind::kInteger: return check_integer(row, value);
    case ArgumentKind::kNumber: return check_number(row, value);
    case ArgumentKind::kString: return value.string() != nullptr ? "" : pair_term("unacceptable_type", value.type_name());
    case ArgumentKind::kBoolean: return value.boolean() != nullptr ? "" : pair_term("unacceptable_type", value.type_name());
    case ArgumentKind::kIgnored: break;
  }
  return "";
}

Result<> check_argument(const QueueArgument& row, std::string_view resource, const Table& arguments) {
  const Value* value = arguments.find(row.name);
  if (value == nullptr) return {};
  std::string wrong = check_kind(row, *value);
  if (wrong.empty() && row.check != nullptr) wrong = row.check(*value, arguments);
  if (wrong.empty()) return {};
  std::string text = "invalid arg '" + std::string(row.name) + "' for ";
  return fail(ReplyCode::kPreconditionFailed, text.append(resource).append(": ").append(wrong));
}

Result<> check_arguments_fit_type(QueueType type, std::string_view resource, const Table& arguments) {
  for (const auto& [name, value] : arguments.entries()) {
    const QueueArgument* row = find_queue_argument(name);
    if (row == nullptr || (row->types & only(type)) != 0) continue;
    std::string text = "invalid arg '" + name + "' for ";
    text.append(resource).append(" of queue type rabbit_").append(queue_type_name(type)).append("_queue");
    return fail(ReplyCode::kPreconditionFailed, std::move(text));
  }
  return {};
}

Result<> check_quorum_properties(std::string_view resource, bool durable, bool exclusive, bool auto_delete) {
  const char* wrong = auto_delete ? "auto-delete" : exclusive ? "exclusive-owner" : durable ? nullptr : "non-durable";
  if (wrong == nullptr) return {};
  std::string text = "invalid property '" + std::string(wrong) + "' for ";
  return fail(ReplyCode::kPreconditionFailed, text.append(resource));
}

// --- merging ---

/// Of two values of one row the one that counts; either may be null. `first` is the argument, or the operator's value.
const Value* merge(Merge rule, const Value* first, const Value* second) {
  if (first == nullptr || second == nullptr) return first != nullptr ? first : second;
  std::int64_t a = first->integer().value_or(0), b = second->integer().value_or(0);
  switch (rule) {
    case Merge::kLess: return b < a ? second : first;
    case Merge::kLimit: return a < 0 || b < 0 ? (b > a ? second : first) : (b < a ? second : first);
    case Merge::kPolicyWins: return second;
    case Merge::kArgumentOnly:
    case Merge::kArgumentWins: break;
  }
  return first;
}

/// The value of a policy for that row, if there is one and it fits.
const Value* policy_value(const QueueArgument& row, const Table* policy) {
  if (policy == nullptr || row.policy_key.empty()) return nullptr;
  const Value* value = policy->find(row.policy_key);
  return value != nullptr && check_kind(row, *value).empty() ? value : nullptr;
}

/// Of a policy's and an operator policy's value the one that counts; either may be null.
const Value* merge_policy_values(const QueueArgument& row, const Value* by_policy, const Value* by_operator) {
  // Where the policy outranks the argument, the operator still outranks the policy.
  return merge(row.merge == Merge::kPolicyWins ? Merge::kArgumentWins : row.merge, by_operator, by_policy);
}

}  // namespace

std::span<const QueueArgument> queue_arguments() noexcept { return kArguments; }

const QueueArgument* find_queue_argument(std::string_view name) noexcept {
  for (const QueueArgument& row : kArguments)
    if (row.name == name) return &row;
  return nullptr;
}

const QueueArgument* find_queue_policy_key(std::string_view key) noexcept {
  if (key.empty()) return nullptr;
  for (const QueueArgument& row : kArguments)
    if (row.policy_key == key) return &row;
  return nullptr;
}

bool is_policy_value(const QueueArgument& row, const Value& value) {
  if (!check_kind(row, value).empty()) return false;
  // A routing key without an exchange is a mistake in arguments only: the exchange may be another policy's.
  return row.check == nullptr || row.check == check_has_exchange || row.check == check_has_duplicate_exchange ||
         row.check(value, {}).empty();
}

QueueType queue_type_of(const Table& arguments) noexcept {
  const Value* type = arguments.find("x-queue-type");
  return type == nullptr ? QueueType::kClassic : find_word(kQueueTypeWords, *type).value_or(QueueType::kClassic);
}

std::string_view queue_type_name(QueueType type) noexcept { return kQueueTypeWords[static_cast<std::size_t>(type)].text; }

Result<> validate_queue_arguments(std::string_view vhost, std::string_view queue, bool durable, bool exclusive, bool auto_delete,
                                  const Table& arguments) {
  std::string resource = resource_text("queue", queue, vhost);
  const Value* exchange = arguments.find("x-dead-letter-exchange");
  if (exchange != nullptr && exchange->string() == nullptr)  // RabbitMQ looks at this one first, with a text of its own
    return fail(ReplyCode::kPreconditionFailed,
                "invalid type '" + std::string(exchange->type_name()) + "' for arg 'x-dead-letter-exchange' in " + resource);
  if (auto fit = check_argument(*find_queue_argument("x-queue-type"), resource, arguments); !fit) return fit.error();
  QueueType type = queue_type_of(arguments);
  if (type == QueueType::kStream) return fail(ReplyCode::kNotImplemented, "streams are not supported yet: cannot declare " + resource);
  for (const QueueArgument& row : kArguments) {
    if ((row.types & only(type)) == 0) continue;
    if (auto fit = check_argument(row, resource, arguments); !fit) return fit.error();
  }
  if (auto fit = check_arguments_fit_type(type, resource, arguments); !fit) return fit.error();
  return type == QueueType::kQuorum ? check_quorum_properties(resource, durable, exclusive, auto_delete) : Result<>{};
}

QueueSettings resolve(const Table& arguments, const Table* policy, const Table* operator_policy, std::int64_t default_delivery_limit) {
  QueueSettings settings;
  const QueueType type = queue_type_of(arguments);
  if (type == QueueType::kQuorum && default_delivery_limit >= 0) settings.delivery_limit = default_delivery_limit;
  for (const QueueArgument& row : kArguments) {
    if (row.apply == nullptr || (row.types & only(type)) == 0) continue;
    const Value* argument = arguments.find(row.name);
    if (argument != nullptr && !check_kind(row, *argument).empty()) argument = nullptr;
    const Value* by_operator = row.in_operator_policy ? policy_value(row, operator_policy) : nullptr;
    const Value* by_policy = merge_policy_values(row, policy_value(row, policy), by_operator);
    if (const Value* value = merge(row.merge, argument, by_policy)) row.apply(settings, *value);
  }
  // A quorum queue does not know reject-publish-dlx and keeps to its default; at-least-once holds only where nothing is dropped.
  if (type == QueueType::kQuorum && settings.overflow == Overflow::kRejectPublishDlx) settings.overflow = Overflow::kDropHead;
  if (settings.overflow != Overflow::kRejectPublish) settings.dead_letter_strategy = DeadLetterStrategy::kAtMostOnce;
  return settings;
}

Table merge_policies(const Table* policy, const Table* operator_policy) {
  std::map<std::string_view, const Value*> merged;
  if (policy != nullptr)
    for (const auto& [key, value] : policy->entries()) merged.emplace(key, &value);
  if (operator_policy != nullptr) {
    for (const auto& [key, value] : operator_policy->entries()) {
      const Value*& kept = merged[key];
      const QueueArgument* row = find_queue_policy_key(key);
      kept = row == nullptr ? &value : merge_policy_values(*row, kept, &value);
    }
  }
  Table table;
  for (const auto& [key, value] : merged) table.append(key, *value);
  return table;
}

}  // namespace mq::broker
