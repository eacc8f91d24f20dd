// SASL mechanisms of connection.start-ok: PLAIN and AMQPLAIN. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace mq::session {

struct Credentials {
  std::string user;
  std::string password;
};

/// The mechanisms on offer, in order of preference, as connection.start lists them.
inline constexpr std::string_view kMechanisms = "PLAIN AMQPLAIN";

[[nodiscard]] bool is_known_mechanism(std::string_view mechanism) noexcept;
/// Reads the client's response; nullopt when it is malformed.
[[nodiscard]] std::optional<Credentials> read_credentials(std::string_view mechanism, std::string_view response);

}  // namespace mq::session
