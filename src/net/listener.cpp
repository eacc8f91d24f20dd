#include "net/listener.hpp"

#include <boost/asio/post.hpp>

#include "base/log.hpp"
#include "net/connection.hpp"
#include "net/endpoint.hpp"

namespace mq::net {

using boost::asio::ip::tcp;

Listener::Listener(engine::AsioScheduler& scheduler, engine::Broker& broker, std::shared_ptr<const session::SessionOptions> session_options,
                   ListenerOptions options)
    : scheduler_(scheduler), broker_(broker), session_options_(std::move(session_options)), options_(std::move(options)) {}

std::string Listener::bind() {
  acceptor_ = std::make_shared<Acceptor>(std::static_pointer_cast<engine::AsioStrand>(scheduler_.make_strand())->executor(),
                                         [weak = weak_from_this()](tcp::socket socket) {
                                           if (auto self = weak.lock()) self->welcome(std::move(socket));
                                         });
  return acceptor_->bind(options_.address, options_.port);
}

std::string Listener::listen() { return acceptor_->listen(); }

void Listener::apply(std::shared_ptr<const session::SessionOptions> session_options, const ListenerOptions& options) {
  boost::asio::post(acceptor_->executor(), [self = shared_from_this(), session_options = std::move(session_options), options]() mutable {
    self->session_options_ = std::move(session_options);
    self->options_ = options;
  });
}

void Listener::stop() { acceptor_->stop(); }

bool Listener::has_room(const tcp::endpoint& remote) const {
  std::size_t most = options_.max_connections;
  const char* where = "";
  if (most == 0 || broker_.session_count() < most) {
    most = options_.max_per_address;
    where = " from there";
    if (most == 0 || addresses_->count(remote.address()) < most) return true;
  }
  static log::Every every(10'000);
  if (auto skipped = every.pass())
    log::warn("connection from {} refused: {} are open{} ({} alike not reported)", endpoint_text(remote), most, where, *skipped);
  return false;
}

void Listener::welcome(tcp::socket socket) {
  boost::system::error_code error;
  const tcp::endpoint remote = socket.remote_endpoint(error);
  if (error) return;  // gone already
  const tcp::endpoint local = socket.local_endpoint(error);
  if (error) return;
  if (!has_room(remote)) return;
  socket.set_option(tcp::no_delay(true), error);
  auto strand = scheduler_.make_socket_strand();
  boost::asio::basic_stream_socket<tcp, engine::AsioExecutor> own(strand->executor());
  const auto handle = socket.release(error);
  if (error) return;
  own.assign(remote.protocol(), handle, error);
  if (error) return;
  own.non_blocking(true, error);
  session::PeerAddress peer{endpoint_text(remote) + " -> " + endpoint_text(local), is_loopback(remote.address()),
                            network_text(remote.address()), addresses_->enter(remote.address())};
  auto connection = std::make_shared<Connection>(std::move(own), strand, broker_, session_options_, std::move(peer), options_.tls);
  boost::asio::post(strand->executor(), [connection] { connection->start(); });
}

}  // namespace mq::net
