#include "broker/policy.hpp"

#include <algorithm>
#include <array>

#include "broker/access_pattern.hpp"
#include "broker/json_term.hpp"
#include "broker/queue_arguments.hpp"

namespace mq::broker {

using amqp::Table;
using amqp::Value;

namespace {

constexpr std::array<std::string_view, 6> kApplyToNames = {"all", "queues", "classic_queues", "quorum_queues", "streams", "exchanges"};
constexpr std::string_view kAlternateExchange = "alternate-exchange";
constexpr std::size_t kMaxNameBytes = 255;  // names are parts of keys in the store

bool is_string(const Value& value) { return value.string() != nullptr; }

/// A key that is no queue argument's.
struct OwnKey {
  std::string_view key;
  std::string_view noun;
  bool (*valid)(const Value& value);  // null = any value, which means nothing
};
constexpr OwnKey kOwnKeys[] = {
    {kAlternateExchange, "alternate exchange name", is_string},
    // mirrored queues are gone, policies that speak of them are not
    {"ha-sync-batch-size", "", nullptr},
    {"ha-promote-on-shutdown", "", nullptr},
    {"ha-promote-on-failure", "", nullptr},
};

const OwnKey* find_own_key(std::string_view key) noexcept {
  auto found = std::find_if(std::begin(kOwnKeys), std::end(kOwnKeys), [key](const OwnKey& row) { return row.key == key; });
  return found == std::end(kOwnKeys) ? nullptr : found;
}

Error invalid(std::string_view what) {
  return fail(ReplyCode::kPreconditionFailed, std::string("Validation failed\n\n").append(what).append("\n"));
}

std::string not_valid(const Value& value, std::string_view noun, std::string_view key) {
  std::string text = json_term(value) + " is not a valid ";
  return noun.empty() ? text.append(key).append(" value") : text.append(noun);
}

/// What is wrong with one member of a definition: empty = nothing, nullopt = such a policy does not know the key.
std::optional<std::string> problem_with(PolicyKind kind, std::string_view key, const Value& value) {
  if (const QueueArgument* row = find_queue_policy_key(key)) {
    if (kind == PolicyKind::kOperatorPolicy && !row->in_operator_policy) return std::nullopt;
    return is_policy_value(*row, value) ? "" : not_valid(value, row->policy_noun, key);
  }
  const OwnKey* own = kind == PolicyKind::kPolicy ? find_own_key(key) : nullptr;
  if (own == nullptr) return std::nullopt;
  return own->valid == nullptr || own->valid(value) ? "" : not_valid(value, own->noun, key);
}

Table sorted(const Table& table) {
  std::vector<Table::Entry> entries = table.entries();
  std::stable_sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  Table result;
  for (auto& [key, value] : entries) result.set(key, std::move(value));
  return result;
}

bool fits_queue(ApplyTo apply_to, QueueType type) noexcept {
  switch (apply_to) {
    case ApplyTo::kAll:
    case ApplyTo::kQueues: return true;
    case ApplyTo::kClassicQueues: return type == QueueType::kClassic;
    case ApplyTo::kQuorumQueues: return type == QueueType::kQuorum;
    case ApplyTo::kStreams: return type == QueueType::kStream;
    case ApplyTo::kExchanges: break;
  }
  return false;
}

bool fits_exchange(ApplyTo apply_to) noexcept { return apply_to == ApplyTo::kAll || apply_to == ApplyTo::kExchanges; }

const Table* definition_of(const Policy* policy) noexcept { return policy == nullptr ? nullptr : &policy->definition; }

}  // namespace

std::string_view apply_to_name(ApplyTo apply_to) noexcept { return kApplyToNames[static_cast<std::size_t>(apply_to)]; }

Result<ApplyTo> find_apply_to(std::string_view name) {
  auto found = std::find(kApplyToNames.begin(), kApplyToNames.end(), name);
  if (found != kApplyToNames.end()) return static_cast<ApplyTo>(found - kApplyToNames.begin());
  return invalid("apply-to '" + std::string(name) +
                 "' unrecognised; should be one of: 'queues', 'classic_queues', 'quorum_queues', 'streams', 'exchanges', or 'all'");
}

Result<> validate_policy(PolicyKind kind, const Policy& policy) {
  if (policy.name.empty() || policy.name.size() > kMaxNameBytes) return invalid("a policy's name has 1 to 255 bytes");
  if (policy.definition.empty()) return invalid("no policy provided");
  Table unknown;
  const Table definition = sorted(policy.definition);
  for (const auto& [key, value] : definition.entries()) {
    auto problem = problem_with(kind, key, value);
    if (!problem) unknown.append(key, value);
    else if (!problem->empty()) return invalid(*problem);
  }
  if (unknown.empty()) return {};
  return invalid(json_term_list(unknown) + " are not recognised policy settings");
}

// --- the set ---

struct PolicySet::Entry {
  Policy policy;
  AccessPattern pattern;
  [[nodiscard]] bool matches(std::string_view name) const noexcept { return policy.pattern.empty() || pattern.matches(name); }
};

Result<> PolicySet::put(Policy policy) {
  if (auto valid = validate_policy(kind_, policy); !valid) return valid;
  auto pattern = AccessPattern::compile(policy.pattern);
  if (!pattern) return invalid("pattern should be regular expression but is invalid: " + pattern.error().text);
  policy.definition = sorted(policy.definition);
  remove(policy.name);
  auto entry = std::make_shared<const Entry>(Entry{std::move(policy), std::move(*pattern)});
  auto behind = [](const auto& a, const auto& b) {
    return a->policy.priority != b->policy.priority ? a->policy.priority > b->policy.priority : a->policy.name < b->policy.name;
  };
  entries_.insert(std::upper_bound(entries_.begin(), entries_.end(), entry, behind), entry);
  return {};
}

bool PolicySet::remove(std::string_view name) {
  return std::erase_if(entries_, [name](const auto& entry) { return entry->policy.name == name; }) > 0;
}

const Policy* PolicySet::find(std::string_view name) const noexcept {
  for (const auto& entry : entries_)
    if (entry->policy.name == name) return &entry->policy;
  return nullptr;
}

template <class Fits>
const Policy* PolicySet::first(std::string_view name, Fits&& fits) const noexcept {
  for (const auto& entry : entries_)
    if (fits(entry->policy.apply_to) && entry->matches(name)) return &entry->policy;
  return nullptr;
}

const Policy* PolicySet::of_queue(QueueType type, std::string_view queue) const noexcept {
  return first(queue, [type](ApplyTo apply_to) { return fits_queue(apply_to, type); });
}

const Policy* PolicySet::of_exchange(std::string_view exchange) const noexcept { return first(exchange, fits_exchange); }

std::vector<Policy> PolicySet::list() const {
  std::vector<Policy> list;
  for (const auto& entry : entries_) list.push_back(entry->policy);
  std::sort(list.begin(), list.end(), [](const Policy& a, const Policy& b) { return a.name < b.name; });
  return list;
}

// --- what holds for an object ---

QueueSettings resolve(const Policies& policies, std::string_view queue, const Table& arguments, std::int64_t default_delivery_limit) {
  const QueueType type = queue_type_of(arguments);
  const Policy* policy = policies.policies.of_queue(type, queue);
  const Policy* by_operator = policies.operator_policies.of_queue(type, queue);
  return resolve(arguments, definition_of(policy), definition_of(by_operator), default_delivery_limit);
}

std::string alternate_exchange_of(const Policies& policies, std::string_view exchange) {
  const Policy* policy = policies.policies.of_exchange(exchange);
  const Value* value = policy == nullptr ? nullptr : policy->definition.find(kAlternateExchange);
  return value == nullptr || value->string() == nullptr ? std::string() : *value->string();
}

// --- records ---

Table encode(const Policy& policy) {
  return {{"name", policy.name},
          {"pattern", policy.pattern},
          {"apply_to", apply_to_name(policy.apply_to)},
          {"priority", policy.priority},
          {"definition", policy.definition}};
}

std::optional<Policy> decode_policy(const Table& record) {
  const Value* name = record.find("name");
  const Value* pattern = record.find("pattern");
  const Value* apply_to = record.find("apply_to");
  const Value* priority = record.find("priority");
  const Value* definition = record.find("definition");
  for (const Value* text : {name, pattern, apply_to})
    if (text == nullptr || text->string() == nullptr) return std::nullopt;
  auto fits = find_apply_to(*apply_to->string());
  if (!fits || priority == nullptr || !priority->integer() || definition == nullptr || definition->table() == nullptr) return std::nullopt;
  return Policy{*name->string(), *pattern->string(), *fits, *priority->integer(), *definition->table()};
}

}  // namespace mq::broker
