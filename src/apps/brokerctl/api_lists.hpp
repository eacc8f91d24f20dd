// How lists that the management API answers with are shown: as a table, or as JSON.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "apps/brokerctl/api_commands.hpp"

namespace mq::brokerctl {

/// A string without its quotes, anything else as JSON.
[[nodiscard]] std::string text_of(const boost::json::value& value);

/// The member of that name; an empty string when there is none.
[[nodiscard]] boost::json::value member(const boost::json::object& object, std::string_view name);

/// Shows those members of the list's objects.
void print_list(const std::vector<std::string_view>& columns, const boost::json::array& list, const Manner& manner);

}  // namespace mq::brokerctl
