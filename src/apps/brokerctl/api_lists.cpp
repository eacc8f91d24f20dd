#include "apps/brokerctl/api_lists.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <boost/json/serialize.hpp>
#include <utility>

namespace mq::brokerctl {

namespace json = boost::json;

std::string text_of(const json::value& value) {
  return value.is_string() ? std::string(value.get_string().data(), value.get_string().size()) : json::serialize(value);
}

json::value member(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains({name.data(), name.size()});
  return value == nullptr ? json::value("") : *value;
}

namespace {

void print_table(const std::vector<std::string_view>& columns, const json::array& list, const Manner& manner) {
  if (!list.empty() && manner.headers) fmt::print("{}\n", fmt::join(columns, "\t"));
  for (const json::value& each : list) {
    std::vector<std::string> cells;
    cells.reserve(columns.size());
    for (std::string_view column : columns) cells.push_back(text_of(member(each.get_object(), column)));
    fmt::print("{}\n", fmt::join(cells, "\t"));
  }
}

/// As rabbitmqctl does: members that are objects stand as texts.
void print_json(const std::vector<std::string_view>& columns, const json::array& list) {
  json::array shown;
  for (const json::value& each : list) {
    json::object object;
    for (std::string_view column : columns) {
      json::value value = member(each.get_object(), column);
      const bool is_text = value.is_object() || column == "value";
      object[{column.data(), column.size()}] = is_text ? json::value(json::serialize(value)) : std::move(value);
    }
    shown.push_back(std::move(object));
  }
  fmt::print("{}\n", json::serialize(shown));
}

}  // namespace

void print_list(const std::vector<std::string_view>& columns, const json::array& list, const Manner& manner) {
  if (manner.json) print_json(columns, list);
  else print_table(columns, list, manner);
}

}  // namespace mq::brokerctl
