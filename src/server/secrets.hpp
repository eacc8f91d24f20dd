// Passwords that operators give the broker, without anybody else reading them: in files, from the service manager, in the environment.
#pragma once

#include <boost/system/result.hpp>
#include <string>

#include "mq/config.hpp"

namespace mq::server {

/// Why a secret could not be had, in one line that does not hold it.
struct SecretError {
  std::string text;
};
[[noreturn]] void throw_exception_from_error(const SecretError& error, const boost::source_location& where);
using SecretResult = boost::system::result<std::string, SecretError>;

/// What a file holds, without the line break at its end.
[[nodiscard]] SecretResult read_secret(const std::string& file);

/// The first user's password: of auth.default_password_file, of the credential `default_password` that systemd hands over (LoadCredential),
/// of $BROKERD_DEFAULT_PASSWORD, of auth.default_password; the first of these that is there.
[[nodiscard]] SecretResult default_password(const Config& config);

}  // namespace mq::server
