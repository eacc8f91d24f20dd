// SASL mechanisms of connection.start-ok: PLAIN and AMQPLAIN, which bring a password, and EXTERNAL, where the certificate of the TLS
// connection says who it is. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace mq::session {

struct Credentials {
  std::string user;
  std::string password;
};

inline constexpr std::string_view kExternal = "EXTERNAL";

/// The mechanisms on offer, in order of preference, as connection.start lists them. EXTERNAL is one where the peer has a certificate.
[[nodiscard]] std::string_view offered_mechanisms(bool certified) noexcept;
[[nodiscard]] bool is_offered(std::string_view mechanism, bool certified) noexcept;
/// Reads the client's response to one with a password; nullopt when it is malformed.
[[nodiscard]] std::optional<Credentials> read_credentials(std::string_view mechanism, std::string_view response);

}  // namespace mq::session
