// A whole broker inside any process: start it from a Config, ask where it listens, stop it. brokerd is a thin program around this.
//
//   auto server = mq::Server::start(config);
//   if (!server) { complain(server.error()); return 1; }
//   (*server)->stop();
#pragma once

#include <boost/system/result.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "mq/config.hpp"

namespace mq {

/// Why a broker could not start, in one line.
struct StartError {
  std::string text;
};
[[noreturn]] void throw_exception_from_error(const StartError& error, const boost::source_location& where);

class Server {
 public:
  /// Opens the store (":memory:" as data_dir keeps nothing), recovers what it holds, then listens. `on_fatal` is called, from any
  /// thread, when the store failed while running: the process must end, for nothing can be confirmed any more. With TLS the process
  /// ignores SIGPIPE from then on, unless it deals with it.
  [[nodiscard]] static boost::system::result<std::unique_ptr<Server>, StartError> start(
      const Config& config, std::function<void(const std::string&)> on_fatal = {});
  /// Stops if that has not been done.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// The ports on which AMQP and the management API are served, plain and with TLS; 0 where they are not.
  [[nodiscard]] std::uint16_t amqp_port() const noexcept;
  [[nodiscard]] std::uint16_t amqps_port() const noexcept;
  [[nodiscard]] std::uint16_t management_port() const noexcept;
  [[nodiscard]] std::uint16_t management_tls_port() const noexcept;
  /// Takes over what can change while running, and reads the files of TLS anew; returns every key that differs, with those that need a
  /// restart marked.
  std::vector<ConfigChange> reload(const Config& fresh);
  /// Accepts no more, closes connections with 320 CONNECTION_FORCED, writes and syncs everything, ends all threads.
  void stop();

 private:
  struct Parts;
  explicit Server(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace mq
