// Values that came as JSON, as RabbitMQ's error texts print them: as Erlang terms. Pure.
#pragma once

#include <string>

#include "mq/amqp/table.hpp"

namespace mq::broker {

/// `1`, `1.5`, `true`, `null`, `<<"text">>`, `[1,2]`, `#{<<"key">> => 1}`.
[[nodiscard]] std::string json_term(const amqp::Value& value);
/// `[{<<"key">>,1},{<<"other">>,2}]`: an object as a list of its members.
[[nodiscard]] std::string json_term_list(const amqp::Table& members);

}  // namespace mq::broker
