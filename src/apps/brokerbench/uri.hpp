// amqp:// addresses, as RabbitMQ's URI specification has them: amqp://user:password@host:port/vhost, each part optional.
#pragma once

#include <string>
#include <string_view>

#include "mq/client/client.hpp"

namespace mq::bench {

/// Puts what `uri` says into `options`; what it leaves out stays. Returns an empty text, or a sentence that says what is wrong.
[[nodiscard]] std::string apply_uri(std::string_view uri, client::ConnectOptions& options);

/// `127.0.0.1:5672`, with the vhost unless it is `/`. Never the password.
[[nodiscard]] std::string address_text(const client::ConnectOptions& options);

}  // namespace mq::bench
