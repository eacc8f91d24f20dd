// One TCP connection, plain or with TLS: the only place of the AMQP path that waits for a socket (net/transport reads and writes it). It
// feeds bytes to a sans-io Session, writes what the session has to say, and keeps the session's timer.
//
// Reads wait for readiness without a buffer of their own (idle connections hold none) and then read into one the thread shares. Writes
// go out at once from the strand; only what the socket does not take waits.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <string>

#include "engine/asio_scheduler.hpp"
#include "net/transport.hpp"
#include "session/session.hpp"

namespace mq::net {

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  /// `socket` runs on the strand's executor. With `tls` it talks TLS; the time a session has for its handshake covers that too.
  Connection(boost::asio::basic_stream_socket<boost::asio::ip::tcp, engine::AsioExecutor> socket,
             std::shared_ptr<engine::AsioStrand> strand, engine::Broker& broker, std::shared_ptr<const session::SessionOptions> options,
             session::PeerAddress peer, TlsContextPtr tls = nullptr);
  ~Connection();

  /// Starts reading; the connection keeps itself alive from then on until socket and session have both ended.
  void start();

 private:
  using Socket = boost::asio::basic_stream_socket<boost::asio::ip::tcp, engine::AsioExecutor>;

  void after_turn();
  void wait_readable();
  void read_some();
  void took(std::string_view bytes);
  void ends(const IoResult& result);
  void write_some();
  void wait_to_write(Socket::wait_type what_for);
  void close_socket();
  void arm_timer();
  void keep_alive();

  Socket socket_;
  Transport transport_;
  std::shared_ptr<engine::AsioStrand> strand_;
  engine::InboxPtr inbox_;
  session::Session session_;
  session::Outgoing sending_;
  std::size_t sent_bytes_ = 0;  // of sending_
  boost::asio::basic_waitable_timer<std::chrono::steady_clock, boost::asio::wait_traits<std::chrono::steady_clock>, engine::AsioExecutor>
      timer_;
  Millis timer_at_ = kNever;
  std::shared_ptr<Connection> self_;  // while the session is not finished
  engine::Broker& broker_;
  Socket::wait_type reads_when_ = Socket::wait_read;  // what the socket must be ready for before reading makes sense
  bool more_to_read_ = false;                         // without the socket's saying so
  bool heard_ = false;                                // anything yet
  bool reading_ = false;
  bool writing_ = false;
  bool open_ = true;
};

}  // namespace mq::net
