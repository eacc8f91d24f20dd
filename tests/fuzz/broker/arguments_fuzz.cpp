// Arguments of queues, policies and what operators change: made of the input, and as octets. What is valid stays valid under its own name,
// is equivalent to itself, and comes to settings under any policy.
#include "broker/queue_arguments.hpp"

#include <algorithm>

#include "broker/policy.hpp"
#include "broker/values.hpp"
#include "fuzz.hpp"
#include "support/values.hpp"

using namespace mq;
using namespace mq::amqp;
using namespace mq::broker;

namespace {

Policy make_policy(fuzz::Input& input) {
  Policy policy;
  policy.name = "p";
  policy.pattern = std::string(input.text());
  policy.priority = static_cast<std::int8_t>(input.u8());
  const Table made = fuzz::make_table(input, fuzz::argument_names(), 2);
  for (const auto& [name, value] : made.entries()) policy.definition.append(name.starts_with("x-") ? name.substr(2) : name, value);
  if (auto apply_to = find_apply_to(input.flip() ? "queues" : "all")) policy.apply_to = *apply_to;
  return policy;
}

void sets(PolicySet& set, fuzz::Input& input) {
  const Policy policy = make_policy(input);
  const bool valid = validate_policy(set.kind(), policy).has_value();
  if (const auto put = set.put(policy); put) {
    FUZZ_CLAIM(valid);
    FUZZ_CLAIM(set.find("p") != nullptr);
    static_cast<void>(set.of_exchange("x"));
  }
  const auto decoded = decode_policy(encode(policy));
  FUZZ_CLAIM(decoded && decoded->pattern == policy.pattern && decoded->priority == policy.priority);
}

}  // namespace

FUZZ_TARGET(bytes) {
  fuzz::Input input(bytes);
  const std::uint8_t how = input.u8();
  const bool durable = (how & 1) != 0, exclusive = (how & 2) != 0, auto_delete = (how & 4) != 0;
  const Table arguments =
      (how & 8) != 0 ? decode_table(input.text()).value_or(Table{}) : fuzz::make_table(input, fuzz::argument_names(), 2);
  const bool valid = validate_queue_arguments("/", "q", durable, exclusive, auto_delete, arguments).has_value();
  QueueInfo queue;
  queue.name = "q";
  queue.durable = durable;
  queue.auto_delete = auto_delete;
  queue.exclusive = exclusive;
  queue.owner = exclusive ? 1 : 0;
  queue.arguments = arguments;
  const auto same_as_itself = [](const Table::Entry& entry) { return same_value(entry.second, entry.second); };  // which a NaN is not
  if (std::all_of(arguments.entries().begin(), arguments.entries().end(), same_as_itself))
    FUZZ_CLAIM(check_equivalent("/", queue, queue, 1).has_value());

  Policies policies;
  sets(policies.policies, input);
  sets(policies.operator_policies, input);
  if (!valid) return;
  static_cast<void>(resolve(policies, "q", arguments, -1));
  const auto changed = change_arguments("/", queue, fuzz::make_table(input, fuzz::argument_names(), 1));
  if (!changed) return;
  FUZZ_CLAIM(validate_queue_arguments("/", "q", durable, exclusive, auto_delete, *changed).has_value());
  static_cast<void>(resolve(policies, "q", *changed, kDefaultDeliveryLimit));
}
