// Accepts TCP connections for AMQP and starts a Connection for each.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "engine/asio_scheduler.hpp"
#include "engine/broker.hpp"
#include "net/acceptor.hpp"
#include "net/address_counts.hpp"
#include "net/tls_context.hpp"
#include "session/session.hpp"

namespace mq::net {

struct ListenerOptions {
  std::string address = "::";         ///< `::` takes IPv4 too; where there is no IPv6 it means 0.0.0.0
  std::uint16_t port = 5672;          ///< 0 = one the system picks
  std::uint32_t max_connections = 0;  ///< 0 = no limit
  std::uint32_t max_per_address = 0;  ///< 0 = no limit
  TlsContextPtr tls = nullptr;        ///< null = plain
};

class Listener : public std::enable_shared_from_this<Listener> {
 public:
  Listener(engine::AsioScheduler& scheduler, engine::Broker& broker, std::shared_ptr<const session::SessionOptions> session_options,
           ListenerOptions options);

  /// Takes the port, where nobody is answered yet; what went wrong otherwise, in one line.
  [[nodiscard]] std::string bind();
  /// Listens there, and accepts; what went wrong otherwise, in one line.
  [[nodiscard]] std::string listen();
  /// For connections accepted from now on; where it listens stays. Any thread.
  void apply(std::shared_ptr<const session::SessionOptions> session_options, const ListenerOptions& options);
  /// Accepts no more. Any thread.
  void stop();
  /// Where it listens, once bound.
  [[nodiscard]] std::uint16_t port() const noexcept { return acceptor_->port(); }

 private:
  void welcome(Acceptor::Socket socket);
  [[nodiscard]] bool has_room(const boost::asio::ip::tcp::endpoint& remote) const;

  engine::AsioScheduler& scheduler_;
  engine::Broker& broker_;
  std::shared_ptr<const session::SessionOptions> session_options_;
  ListenerOptions options_;
  std::shared_ptr<Acceptor> acceptor_;
  std::shared_ptr<AddressCounts> addresses_ = std::make_shared<AddressCounts>();
};

}  // namespace mq::net
