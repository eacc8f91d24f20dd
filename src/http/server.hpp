// The management API's HTTP server. Sockets and handlers run on one thread of their own: a list of many queues holds up nobody's messages.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "engine/asio_scheduler.hpp"
#include "engine/broker.hpp"
#include "http/call.hpp"
#include "net/acceptor.hpp"
#include "net/tls_context.hpp"

namespace mq::http {

struct ServerOptions {
  std::string address = "::";  ///< `::` takes IPv4 too; where there is no IPv6 it means 0.0.0.0
  std::uint16_t port = 15672;  ///< 0 = one the system picks
  std::uint32_t max_connections = 256;
  std::uint64_t max_body_bytes = 16ULL << 20;
  std::uint32_t idle_timeout_ms = 60'000;  ///< for the next request, and for the rest of one that has begun
  net::TlsContextPtr tls = nullptr;        ///< null = plain
};

class Server : public std::enable_shared_from_this<Server> {
 public:
  /// `scheduler` and `broker` outlive everything that runs on the scheduler.
  Server(engine::AsioScheduler& scheduler, engine::Broker& broker, Site site, ServerOptions options);

  /// Takes the port, where nobody is answered yet; what went wrong otherwise, in one line.
  [[nodiscard]] std::string bind();
  /// Listens there, and accepts; what went wrong otherwise, in one line.
  [[nodiscard]] std::string listen() { return acceptor_->listen(); }
  /// For connections accepted, and requests begun, from now on. Any thread.
  void apply(const ServerOptions& options);
  /// Accepts no more; connections end with the threads. Any thread.
  void stop();
  [[nodiscard]] std::uint16_t port() const noexcept { return acceptor_->port(); }

  // --- for connections; on the server's thread ---
  [[nodiscard]] engine::Broker& broker() noexcept { return broker_; }
  [[nodiscard]] const Site& site() const noexcept { return site_; }
  [[nodiscard]] const ServerOptions& options() const noexcept { return options_; }
  [[nodiscard]] engine::AsioExecutor executor() const noexcept { return acceptor_->executor(); }
  void connection_ended() noexcept { --connections_; }

 private:
  void welcome(net::Acceptor::Socket socket);

  engine::Broker& broker_;
  Site site_;
  ServerOptions options_;
  std::uint32_t connections_ = 0;
  std::shared_ptr<Strand> strand_;
  std::shared_ptr<net::Acceptor> acceptor_;
};

}  // namespace mq::http
