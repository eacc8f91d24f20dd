#include "server/secrets.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace mq::server {
namespace {

constexpr std::size_t kMaxSecretBytes = 4096;
constexpr const char* kCredential = "default_password";

// An error could be made of a text as well: say which it is.
SecretResult had(std::string secret) { return SecretResult(boost::system::in_place_value, std::move(secret)); }

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

}  // namespace

void throw_exception_from_error(const SecretError& error, const boost::source_location&) { throw std::runtime_error(error.text); }

SecretResult read_secret(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  std::string secret(std::istreambuf_iterator<char>(in), {});
  if (!in.good() && !in.eof()) return SecretError{"the secret in '" + file + "' cannot be read"};
  if (secret.ends_with('\n')) secret.pop_back();
  if (secret.ends_with('\r')) secret.pop_back();
  if (secret.empty() || secret.size() > kMaxSecretBytes) return SecretError{"the secret in '" + file + "' has not 1 to 4096 bytes"};
  return had(std::move(secret));
}

SecretResult default_password(const Config& config) {
  if (!config.default_password_file.empty()) return read_secret(config.default_password_file);
  if (const std::string directory = environment("CREDENTIALS_DIRECTORY"); !directory.empty()) {
    const std::string file = directory + "/" + kCredential;
    std::error_code ignored;
    if (std::filesystem::exists(file, ignored)) return read_secret(file);
  }
  if (std::string password = environment("BROKERD_DEFAULT_PASSWORD"); !password.empty()) return had(std::move(password));
  return had(config.default_password);
}

}  // namespace mq::server
