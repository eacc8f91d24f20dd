// One HTTP/1.1 connection: reads a request, lets its route answer, writes the response, and begins anew. The only file of the API that
// reads and writes sockets. A request's body is read only once its sender has shown who they are.
#pragma once

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <memory>
#include <optional>
#include <string>

#include "http/server.hpp"

namespace mq::http {

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(std::shared_ptr<Server> server, net::Acceptor::Socket socket, std::string peer, bool loopback);
  ~Connection();

  void start() { read_header(); }

 private:
  using Parser = boost::beast::http::request_parser<boost::beast::http::string_body>;
  using Outgoing = boost::beast::http::response<boost::beast::http::string_body>;

  void read_header();
  void header_read();
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
  boost::beast::tcp_stream stream_;
  const std::string peer_;
  const bool loopback_;
  boost::beast::flat_buffer buffer_;
  std::optional<Parser> parser_;
  std::optional<Outgoing> outgoing_;
  Request request_;
  bool head_only_ = false;  // the verb is HEAD
  bool keep_alive_ = false;
};

}  // namespace mq::http
