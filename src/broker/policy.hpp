// Policies: settings for every queue and exchange whose name matches a pattern, and for those made later. Operator policies are a second
// set with a shorter list of keys, merged into the first. Pure; the engine keeps both sets per vhost.
//
// Queue keys are the policy keys of the table of queue arguments; what else there is stands in policy.cpp. Error texts are RabbitMQ's.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "broker/queue_settings.hpp"
#include "mq/amqp/table.hpp"
#include "mq/base/result.hpp"

namespace mq::broker {

enum class PolicyKind : std::uint8_t { kPolicy, kOperatorPolicy };

/// Which objects a policy is for.
enum class ApplyTo : std::uint8_t { kAll, kQueues, kClassicQueues, kQuorumQueues, kStreams, kExchanges };
/// `all`, `queues`, `classic_queues`, `quorum_queues`, `streams`, `exchanges`.
[[nodiscard]] std::string_view apply_to_name(ApplyTo apply_to) noexcept;
/// Error: 406 `Validation failed ... apply-to 'x' unrecognised; ...`.
[[nodiscard]] Result<ApplyTo> find_apply_to(std::string_view name);

struct Policy {
  std::string name;
  std::string pattern;  ///< RE2; matches anywhere in a name unless anchored; empty = every name
  ApplyTo apply_to = ApplyTo::kAll;
  std::int64_t priority = 0;
  amqp::Table definition;
  bool operator==(const Policy&) const = default;
};

/// Is the definition one such a policy may have? Error: 406 with RabbitMQ's text, e.g.
/// `Validation failed\n\n[{<<"k">>,1}] are not recognised policy settings\n`.
[[nodiscard]] Result<> validate_policy(PolicyKind kind, const Policy& policy);

/// A set of policies, compiled. Copies are cheap: they share what they hold.
class PolicySet {
 public:
  explicit PolicySet(PolicyKind kind) : kind_(kind) {}

  [[nodiscard]] PolicyKind kind() const noexcept { return kind_; }
  /// Adds, or replaces the one of that name. Errors: validate_policy()'s, and 406 for a pattern that does not compile.
  [[nodiscard]] Result<> put(Policy policy);
  /// False when there was none.
  bool remove(std::string_view name);

  /// Pointers are good as long as this set, or a copy of it, has the policy.
  [[nodiscard]] const Policy* find(std::string_view name) const noexcept;
  /// The one policy that holds for the object: the highest priority among those that match; among equals the first by name.
  [[nodiscard]] const Policy* of_queue(QueueType type, std::string_view queue) const noexcept;
  [[nodiscard]] const Policy* of_exchange(std::string_view exchange) const noexcept;
  /// In order of names.
  [[nodiscard]] std::vector<Policy> list() const;
  [[nodiscard]] bool empty() const noexcept { return entries_.empty(); }

 private:
  struct Entry;
  template <class Fits>
  const Policy* first(std::string_view name, Fits&& fits) const noexcept;

  PolicyKind kind_;
  std::vector<std::shared_ptr<const Entry>> entries_;  // highest priority first, equals by name
};

/// Both sets of a vhost.
struct Policies {
  PolicySet policies{PolicyKind::kPolicy};
  PolicySet operator_policies{PolicyKind::kOperatorPolicy};

  [[nodiscard]] PolicySet& of(PolicyKind kind) noexcept { return kind == PolicyKind::kPolicy ? policies : operator_policies; }
  [[nodiscard]] const PolicySet& of(PolicyKind kind) const noexcept { return kind == PolicyKind::kPolicy ? policies : operator_policies; }
};

/// The settings of a queue with these arguments under the policies that hold for it.
[[nodiscard]] QueueSettings resolve(const Policies& policies, std::string_view queue, const amqp::Table& arguments,
                                    std::int64_t default_delivery_limit);
/// The alternate exchange the policies give to an exchange that has no argument for it; empty = none.
[[nodiscard]] std::string alternate_exchange_of(const Policies& policies, std::string_view exchange);

// --- records, as they are stored ---
[[nodiscard]] amqp::Table encode(const Policy& policy);
/// nullopt when a field is missing or of another type.
[[nodiscard]] std::optional<Policy> decode_policy(const amqp::Table& record);

}  // namespace mq::broker
