// Listens on an address and hands over every TCP connection that comes in; what a connection talks is others' business.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "engine/asio_scheduler.hpp"

namespace mq::net {

class Acceptor : public std::enable_shared_from_this<Acceptor> {
 public:
  using Socket = boost::asio::ip::tcp::socket;

  /// Everything runs on `executor`. `welcome` is called there with each connection.
  Acceptor(const engine::AsioExecutor& executor, std::function<void(Socket)> welcome);

  /// Takes the port, where nobody is answered yet; what went wrong otherwise, in one line. `::` takes IPv4 too; where there is no IPv6 it
  /// means 0.0.0.0. Port 0 = one the system picks.
  [[nodiscard]] std::string bind(const std::string& address, std::uint16_t port);
  /// Listens there, and accepts; what went wrong otherwise, in one line.
  [[nodiscard]] std::string listen();
  /// Accepts no more. Any thread.
  void stop();
  /// Where it listens, once bound.
  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  [[nodiscard]] engine::AsioExecutor executor() const noexcept { return executor_; }

 private:
  void accept();
  void pause();

  engine::AsioExecutor executor_;
  std::function<void(Socket)> welcome_;
  boost::asio::ip::tcp::acceptor acceptor_;
  boost::asio::steady_timer pause_;
  std::string where_;
  std::uint16_t port_ = 0;
};

}  // namespace mq::net
