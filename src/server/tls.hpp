// The TLS of a configuration.
#pragma once

#include "mq/config.hpp"
#include "net/tls_context.hpp"

namespace mq::server {

/// Reads the files that the configuration names. Null, and no problem, without a certificate; null with one when they are no good.
[[nodiscard]] net::TlsContextPtr make_tls(const Config& config, std::string& problem);

}  // namespace mq::server
