// JSON as the management API speaks it, and how it corresponds to the values the broker keeps. Pure.
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "mq/amqp/table.hpp"

namespace mq::http {

namespace json = boost::json;

/// nullopt when it is not JSON, nested deeper than 32 levels, or holds a number beyond what a double can be.
[[nodiscard]] std::optional<json::value> parse_json(std::string_view text);
/// On one line.
[[nodiscard]] std::string to_text(const json::value& value);

/// A value the broker can keep; nullopt when a member's name is longer than 255 bytes. Whole numbers become 64-bit integers, those beyond
/// their range and all others doubles, null a void.
[[nodiscard]] std::optional<amqp::Value> to_amqp(const json::value& value);
/// Bytes that are no UTF-8 are shown as U+FFFD, what JSON has no number for as null.
[[nodiscard]] json::value to_json(const amqp::Value& value);
[[nodiscard]] json::object to_json(const amqp::Table& table);
/// A name or text of a client's as JSON can hold it.
[[nodiscard]] json::string to_json_string(std::string_view text);

}  // namespace mq::http
