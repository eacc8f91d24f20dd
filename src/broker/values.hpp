// Field values as rules compare and print them: by what they mean, not by how wide they were sent. Pure.
//
// Two values are the same when RabbitMQ would hold the same term for both: integers of any width (a timestamp is one), floats of either
// width, and strings and byte arrays, compare by value; 1 and 1.0 differ, as do 1 and true; tables and arrays compare byte by byte.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "mq/amqp/table.hpp"
#include "mq/base/result.hpp"

namespace mq::broker {

[[nodiscard]] bool same_value(const amqp::ValueView& a, const amqp::ValueView& b) noexcept;
[[nodiscard]] bool same_value(const amqp::Value& a, const amqp::Value& b);
/// Equal for values that are the same.
[[nodiscard]] std::size_t hash_value(const amqp::ValueView& value) noexcept;

/// The value as RabbitMQ's error texts print it: `60000`, `true`, a string bare.
[[nodiscard]] std::string value_text(const amqp::Value& value);
/// The same where RabbitMQ shows the bare term: a string as binary_text().
[[nodiscard]] std::string term_text(const amqp::Value& value);
/// `<<"text">>`, with escapes; the numbers of its bytes when they are no plain text, `<<195,169>>`.
[[nodiscard]] std::string binary_text(std::string_view bytes);
/// `"text"`, with escapes, as a list of characters is printed; `[5,6]` when one of them is no Latin-1 character that can be.
[[nodiscard]] std::string string_text(std::string_view bytes);

/// The table's body with its entries in order of their names (entries of one name keep their order): equal bytes = equal arguments.
[[nodiscard]] std::string canonical_body(const amqp::Table& arguments);

/// Redeclaration checks. The error is 406 `inequivalent arg 'durable' for queue 'q' in vhost '/': received 'true' but current is 'false'`,
/// with `resource` as resource_text() makes it; an absent argument (null) reads `none`, one against none `the value '1' of type 'long'`.
[[nodiscard]] Result<> check_same_property(std::string_view name, std::string_view resource, bool current, bool received);
[[nodiscard]] Result<> check_same_property(std::string_view name, std::string_view resource, std::string_view current,
                                           std::string_view received);
[[nodiscard]] Result<> check_same_argument(std::string_view name, std::string_view resource, const amqp::Value* current,
                                           const amqp::Value* received);

}  // namespace mq::broker
