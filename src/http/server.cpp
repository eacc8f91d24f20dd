#include "http/server.hpp"

#include <boost/asio/post.hpp>

#include "base/log.hpp"
#include "http/connection.hpp"
#include "net/endpoint.hpp"
#include "net/ends_on.hpp"

namespace mq::http {

Server::Server(engine::AsioScheduler& scheduler, engine::Broker& broker, Site site, ServerOptions options)
    : broker_(broker), site_(std::move(site)), options_(std::move(options)), strand_(scheduler.make_blocking_strand("management")) {}

std::string Server::bind() {
  acceptor_ = std::make_shared<net::Acceptor>(std::static_pointer_cast<engine::AsioStrand>(strand_)->executor(),
                                              [weak = weak_from_this()](net::Acceptor::Socket socket) {
                                                if (auto self = weak.lock()) self->welcome(std::move(socket));
                                              });
  return acceptor_->bind(options_.address, options_.port);
}

void Server::apply(const ServerOptions& options) {
  boost::asio::post(executor(), [self = shared_from_this(), options] { self->options_ = options; });
}

void Server::stop() { acceptor_->stop(); }

void Server::welcome(net::Acceptor::Socket socket) {
  boost::system::error_code error;
  const auto remote = socket.remote_endpoint(error);
  if (error) return;  // gone already
  if (connections_ >= options_.max_connections) {
    static log::Every every(10'000);
    if (auto skipped = every.pass())
      log::warn("management: connection from {} refused: {} are open ({} alike not reported)", net::endpoint_text(remote), connections_,
                *skipped);
    return;
  }
  socket.set_option(boost::asio::ip::tcp::no_delay(true), error);
  ++connections_;
  Connection::Peer peer{net::endpoint_text(remote), net::network_text(remote.address()), net::is_loopback(remote.address())};
  // An answer from another thread may be the last to hold it.
  net::make_shared_ending_on<Connection>(executor(), shared_from_this(), std::move(socket), std::move(peer))->start();
}

}  // namespace mq::http
