// What there is of a queue against what is wanted of it: declaring it again, using it, and changing its arguments.
#include "broker/names.hpp"
#include "broker/queue_arguments.hpp"
#include "broker/values.hpp"

namespace mq::broker {

using amqp::Table;
using amqp::Value;

namespace {

Error locked(std::string_view vhost, const QueueInfo& queue) {
  return fail(ReplyCode::kResourceLocked, "cannot obtain exclusive access to locked " + resource_text("queue", queue.name, vhost) +
                                              ". It could be originally declared on another connection or the exclusive property value "
                                              "does not match that of the original declaration.");
}

/// A type that is not said is the classic one.
bool says_classic(const Table& arguments) {
  const Value* type = arguments.find("x-queue-type");
  return type == nullptr || same_value(*type, "classic");
}

}  // namespace

Result<> check_exclusive_access(std::string_view vhost, const QueueInfo& queue, OwnerId asking) {
  if (!queue.exclusive || queue.owner == asking) return {};
  return locked(vhost, queue);
}

Result<> check_same_properties(std::string_view vhost, const QueueInfo& existing, const QueueInfo& wanted, OwnerId asking) {
  if (existing.exclusive != wanted.exclusive) return locked(vhost, existing);
  if (auto mine = check_exclusive_access(vhost, existing, asking); !mine) return mine.error();
  std::string resource = resource_text("queue", existing.name, vhost);
  auto durable = [](const QueueInfo& queue) { return queue.durable && !queue.exclusive; };
  if (auto same = check_same_property("durable", resource, durable(existing), durable(wanted)); !same) return same.error();
  return check_same_property("auto_delete", resource, existing.auto_delete, wanted.auto_delete);
}

Result<> check_equivalent(std::string_view vhost, const QueueInfo& existing, const QueueInfo& wanted, OwnerId asking) {
  if (auto same = check_same_properties(vhost, existing, wanted, asking); !same) return same.error();
  const std::string resource = resource_text("queue", existing.name, vhost);
  const QueueTypes type = only(queue_type_of(existing.arguments));
  for (const QueueArgument& row : queue_arguments()) {
    if ((row.types & type) == 0 || row.kind == ArgumentKind::kIgnored) continue;
    if (row.name == "x-queue-type" && says_classic(existing.arguments) && says_classic(wanted.arguments)) continue;
    if (auto same = check_same_argument(row.name, resource, existing.arguments.find(row.name), wanted.arguments.find(row.name)); !same)
      return same.error();
  }
  return {};
}

Result<Table> change_arguments(std::string_view vhost, const QueueInfo& queue, const Table& changes) {
  Table changed = queue.arguments;
  for (const auto& [name, value] : changes.entries()) {
    const Value* current = queue.arguments.find(name);
    const bool removes = std::holds_alternative<amqp::Void>(value.of);
    if (removes ? current == nullptr : current != nullptr && same_value(*current, value)) continue;
    if (removes) changed.erase(name);
    else changed.set(name, value);
  }
  if (auto valid = validate_queue_arguments(vhost, queue.name, queue.durable, queue.exclusive, queue.auto_delete, changed); !valid)
    return valid.error();
  return changed;
}

}  // namespace mq::broker
