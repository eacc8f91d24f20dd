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

std::string Listener::start() {
  acceptor_ = std::make_shared<Acceptor>(std::static_pointer_cast<engine::AsioStrand>(scheduler_.make_strand())->executor(),
                                         [weak = weak_from_this()](tcp::socket socket) {
                                           if (auto self = weak.lock()) self->welcome(std::move(socket));
                                         });
  return acceptor_->start(options_.address, options_.port);
}

void Listener::apply(std::shared_ptr<const session::SessionOptions> session_options, std::uint32_t max_connections) {
  boost::asio::post(acceptor_->executor(),
                    [self = shared_from_this(), session_options = std::move(session_options), max_connections]() mutable {
                      self->session_options_ = std::move(session_options);
                      self->options_.max_connections = max_connections;
                    });
}

void Listener::stop() { acceptor_->stop(); }

void Listener::welcome(tcp::socket socket) {
  boost::system::error_code error;
  const tcp::endpoint remote = socket.remote_endpoint(error);
  if (error) return;  // gone already
  const tcp::endpoint local = socket.local_endpoint(error);
  if (error) return;
  if (options_.max_connections != 0 && broker_.session_count() >= options_.max_connections) {
    static log::Every every(10'000);
    if (auto skipped = every.pass())
      log::warn("connection from {} refused: {} are open ({} alike not reported)", endpoint_text(remote), options_.max_connections,
                *skipped);
    return;
  }
  socket.set_option(tcp::no_delay(true), error);
  auto strand = scheduler_.make_socket_strand();
  boost::asio::basic_stream_socket<tcp, engine::AsioExecutor> own(strand->executor());
  const auto handle = socket.release(error);
  if (error) return;
  own.assign(remote.protocol(), handle, error);
  if (error) return;
  own.non_blocking(true, error);
  session::PeerAddress peer{endpoint_text(remote) + " -> " + endpoint_text(local), is_loopback(remote.address())};
  auto connection = std::make_shared<Connection>(std::move(own), strand, broker_, session_options_, std::move(peer));
  boost::asio::post(strand->executor(), [connection] { connection->start(); });
}

}  // namespace mq::net
