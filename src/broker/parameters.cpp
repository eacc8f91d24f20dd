#include "broker/parameters.hpp"

#include <algorithm>

#include "broker/json_term.hpp"

namespace mq::broker {

using amqp::Table;
using amqp::Value;

namespace {

constexpr std::size_t kMaxNameBytes = 255;  // names are parts of keys in the store

/// A limit of vhosts or users: its name and where its value stands.
template <class Limits>
struct LimitRow {
  std::string_view name;
  std::int64_t Limits::*field;
};
constexpr LimitRow<VHostLimits> kVHostLimits[] = {{"max-connections", &VHostLimits::max_connections},
                                                  {"max-queues", &VHostLimits::max_queues},
                                                  {"max-publish-rate", &VHostLimits::max_publish_rate},
                                                  {"max-publish-byte-rate", &VHostLimits::max_publish_byte_rate}};
constexpr LimitRow<UserLimits> kUserLimits[] = {{"max-channels", &UserLimits::max_channels},
                                                {"max-connections", &UserLimits::max_connections},
                                                {"max-publish-rate", &UserLimits::max_publish_rate},
                                                {"max-publish-byte-rate", &UserLimits::max_publish_byte_rate}};
constexpr std::string_view kRelaxed = "relaxed";

template <class Rows>
bool knows_limit(const Rows& rows, std::string_view name) noexcept {
  return std::any_of(std::begin(rows), std::end(rows), [&](const auto& row) { return row.name == name; });
}

/// What is wrong with an object of limits; empty = nothing.
template <class Rows>
std::string check_limits(const Value& value, const Rows& rows, std::string_view what) {
  const Table* limits = value.table();
  if (limits == nullptr) return std::string(what) + " not a list " + json_term(value);
  Table unknown;
  for (const auto& [name, limit] : limits->entries()) {
    if (!knows_limit(rows, name)) unknown.append(name, limit);
    else if (!limit.integer()) return name + " should be a number, actually was " + json_term(limit);
  }
  return unknown.empty() ? "" : "Unrecognised terms " + json_term_list(unknown) + " in " + std::string(what);
}

std::int64_t limit_in(const Value& value, std::string_view name, std::int64_t otherwise) {
  const Value* limit = value.table() == nullptr ? nullptr : value.table()->find(name);
  return limit == nullptr ? otherwise : std::max<std::int64_t>(limit->integer().value_or(otherwise), -1);
}

std::string check_vhost_limits(std::string_view name, const Value& value) {
  if (name != kVHostLimitsName) return "the limits of a vhost are called 'limits', not '" + std::string(name) + "'";
  return check_limits(value, kVHostLimits, "limits");
}

std::string check_vhost_settings(std::string_view name, const Value& value) {
  if (name != kVHostSettingsName) return "the settings of a vhost are called 'settings', not '" + std::string(name) + "'";
  if (value.table() == nullptr) return "settings not a list " + json_term(value);
  Table unknown;
  for (const auto& [setting, chosen] : value.table()->entries()) {
    if (setting != "redeclare") unknown.append(setting, chosen);
    else if (chosen.string() == nullptr || (*chosen.string() != "strict" && *chosen.string() != kRelaxed))
      return "redeclare should be strict or relaxed, actually was " + json_term(chosen);
  }
  return unknown.empty() ? "" : "Unrecognised terms " + json_term_list(unknown) + " in settings";
}

/// Whose parameters there are, and what is wrong with a name and value: empty = nothing.
struct Component {
  std::string_view name;
  std::string (*check)(std::string_view name, const Value& value);
};
constexpr Component kComponents[] = {
    {kVHostLimitsComponent, check_vhost_limits},
    {kVHostSettingsComponent, check_vhost_settings},
};

Error invalid(const std::string& what) { return fail(ReplyCode::kPreconditionFailed, "Validation failed\n\n" + what + "\n"); }

}  // namespace

Result<> validate_parameter(const Parameter& parameter) {
  auto row = std::find_if(std::begin(kComponents), std::end(kComponents),
                          [&](const Component& component) { return component.name == parameter.component; });
  if (row == std::end(kComponents)) return invalid("component " + parameter.component + " not found");
  if (parameter.name.empty() || parameter.name.size() > kMaxNameBytes) return invalid("a parameter's name has 1 to 255 bytes");
  const std::string wrong = row->check(parameter.name, parameter.value);
  return wrong.empty() ? Result<>{} : invalid(wrong);
}

VHostLimits vhost_limits_of(const Value& value) {
  VHostLimits limits;
  for (const auto& row : kVHostLimits) limits.*row.field = limit_in(value, row.name, -1);
  return limits;
}

VHostSettings vhost_settings_of(const Value& value) {
  const Value* redeclare = value.table() == nullptr ? nullptr : value.table()->find("redeclare");
  return {redeclare != nullptr && redeclare->string() != nullptr && *redeclare->string() == kRelaxed};
}

Result<> set_user_limits(UserLimits& limits, const Value& value) {
  if (std::string wrong = check_limits(value, kUserLimits, "user-limits"); !wrong.empty())
    return fail(ReplyCode::kPreconditionFailed, std::move(wrong));
  for (const auto& row : kUserLimits) limits.*row.field = limit_in(value, row.name, limits.*row.field);
  return {};
}

Table encode(const UserLimits& limits) {
  Table table;
  for (const auto& row : kUserLimits)
    if (limits.*row.field >= 0) table.append(std::string(row.name), limits.*row.field);
  return table;
}

bool is_user_limit(std::string_view name) noexcept { return knows_limit(kUserLimits, name); }

Error too_many_connections(std::string_view vhost, std::string_view user, std::int64_t limit) {
  std::string text = "access to vhost '";
  text.append(vhost).append("' refused for user '").append(user).append("': connection limit (").append(std::to_string(limit));
  return fail(ReplyCode::kNotAllowed, text.append(") is reached"));
}

Error too_many_queues(std::string_view vhost, std::string_view queue, std::int64_t limit) {
  std::string text = "cannot declare queue '";
  text.append(queue).append("': queue limit in vhost '").append(vhost).append("' (").append(std::to_string(limit));
  return fail(ReplyCode::kPreconditionFailed, text.append(") is reached"));
}

Table encode(const Parameter& parameter) {
  return {{"component", parameter.component}, {"name", parameter.name}, {"value", parameter.value}};
}

std::optional<Parameter> decode_parameter(const Table& record) {
  const Value* component = record.find("component");
  const Value* name = record.find("name");
  const Value* value = record.find("value");
  for (const Value* text : {component, name})
    if (text == nullptr || text->string() == nullptr) return std::nullopt;
  if (value == nullptr) return std::nullopt;
  return Parameter{*component->string(), *name->string(), *value};
}

}  // namespace mq::broker
