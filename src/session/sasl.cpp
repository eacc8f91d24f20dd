#include "session/sasl.hpp"

#include "mq/amqp/table.hpp"

namespace mq::session {
namespace {

// authzid NUL user NUL password (RFC 4616); the authzid is ignored.
std::optional<Credentials> read_plain(std::string_view response) {
  const std::size_t first = response.find('\0');
  if (first == std::string_view::npos) return std::nullopt;
  const std::size_t second = response.find('\0', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  return Credentials{std::string(response.substr(first + 1, second - first - 1)), std::string(response.substr(second + 1))};
}

// A field table without its length, holding LOGIN and PASSWORD.
std::optional<Credentials> read_amqplain(std::string_view response) {
  const amqp::TableView table(response);
  auto login = table.find("LOGIN");
  auto password = table.find("PASSWORD");
  if (!login || !password || !login->string() || !password->string()) return std::nullopt;
  return Credentials{std::string(*login->string()), std::string(*password->string())};
}

}  // namespace

std::string_view offered_mechanisms(bool certified) noexcept { return certified ? "PLAIN AMQPLAIN EXTERNAL" : "PLAIN AMQPLAIN"; }

bool is_offered(std::string_view mechanism, bool certified) noexcept {
  return mechanism == "PLAIN" || mechanism == "AMQPLAIN" || (certified && mechanism == kExternal);
}

std::optional<Credentials> read_credentials(std::string_view mechanism, std::string_view response) {
  return mechanism == "PLAIN" ? read_plain(response) : read_amqplain(response);
}

}  // namespace mq::session
