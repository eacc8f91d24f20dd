#include "broker/json_term.hpp"

#include "broker/values.hpp"

namespace mq::broker {

namespace {

std::string quoted(std::string_view text) {
  std::string term = "<<\"";
  for (char c : text) {
    if (c == '"' || c == '\\') term += '\\';
    term += c;
  }
  return term + "\">>";
}

std::string array_term(const amqp::Array& array) {
  std::string term = "[";
  for (const amqp::Value& value : array) {
    if (term.size() > 1) term += ",";
    term += json_term(value);
  }
  return term + "]";
}

std::string object_term(const amqp::Table& object) {
  std::string term = "#{";
  for (const auto& [name, value] : object.entries()) {
    if (term.size() > 2) term += ",";
    term.append(quoted(name)).append(" => ").append(json_term(value));
  }
  return term + "}";
}

}  // namespace

std::string json_term(const amqp::Value& value) {
  if (const std::string* text = value.string()) return quoted(*text);
  if (const amqp::Array* array = value.array()) return array_term(*array);
  if (const amqp::Table* object = value.table()) return object_term(*object);
  if (std::holds_alternative<amqp::Void>(value.of)) return "null";
  return value_text(value);
}

std::string json_term_list(const amqp::Table& members) {
  std::string term = "[";
  for (const auto& [name, value] : members.entries()) {
    if (term.size() > 1) term += ",";
    term.append("{").append(quoted(name)).append(",").append(json_term(value)).append("}");
  }
  return term + "]";
}

}  // namespace mq::broker
