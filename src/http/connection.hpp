// One HTTP/1.1 connection: reads a request, lets its route answer, writes the response, and begins anew. The only file of the API that
// reads and writes sockets, plain or with TLS. A request's body is read only once its sender has shown who they are.
#pragma once

#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "http/server.hpp"

namespace mq::http {

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  struct Peer {
    std::string name;     ///< as logs show it
    std::string network;  ///< whose failed logins count together
    bool loopback = false;
  };
  Connection(std::shared_ptr<Server> server, net::Acceptor::Socket socket, Peer peer);
  ~Connection();

  void start();

 private:
  using Plain = boost::beast::tcp_stream;
  /// The context is kept as Asio wants it: it refers to the server's, which may be replaced meanwhile.
  struct Tls {
    Tls(net::TlsContextPtr shared, net::Acceptor::Socket socket);
    net::TlsContextPtr owner;
    boost::asio::ssl::context context;
    boost::asio::ssl::stream<Plain> stream;
  };
  using Parser = boost::beast::http::request_parser<boost::beast::http::string_body>;
  using Outgoing = boost::beast::http::response<boost::beast::http::string_body>;

  /// Calls `use` with the stream, whichever it is.
  template <class Use>
  void with_stream(Use&& use);
  [[nodiscard]] Plain& socket();
  void read_header();
  void header_read();
  void log_in(engine::Login login);
  void logged_in(bool passed);
  void send_continue();
  void read_body();
  void handle();
  void answer(Response response);
  void read_failed(const boost::system::error_code& error);
  void written(const boost::system::error_code& error);
  void close();
  void discard();
  void set_timeout();

  std::shared_ptr<Server> server_;
  std::variant<Plain, Tls> stream_;
  const Peer peer_;
  boost::beast::flat_buffer buffer_;
  std::optional<Parser> parser_;
  std::optional<Outgoing> outgoing_;
  Request request_;
  bool head_only_ = false;  // the verb is HEAD
  bool keep_alive_ = false;
};

}  // namespace mq::http
